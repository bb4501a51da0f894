"""Predictions as a person sees them: lines in a pipe, a table that is redrawn on a terminal."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from streamadapt.events import RecordSchema
from streamadapt.grading import RunningGrade
from streamadapt.tail import FactLine, PredictionLine, Totals

__all__ = ["TailView", "absent_columns", "json_line", "plain_line", "totals_line"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN_PREDICTIONS = 12
_SHOWN_FACTS = 5
_COLUMNS = ("event", "key", "time", "answer", "p", "by", "lag")


def json_line(line: PredictionLine | FactLine, grade: RunningGrade) -> str:
    """Return a line of ``--json``: a fact as it was published, a prediction with its context."""
    if isinstance(line, FactLine):
        return json.dumps(line.fields)
    said = line.said
    fields = {
        "kind": "prediction",
        "partition": line.partition,
        "offset": line.offset,
        "id": said.id,
        "key": said.key,
        "time": _time(said.time_us),
        "answer": said.answer,
        "probability": line.probability,
        "learner": said.learner,
        "version": said.version,
        "drifts": said.drifts,
        "lag": line.lag,
        "graded": grade.n,
        grade.name.replace(" ", "_"): grade.mean,
    }
    return json.dumps(fields)


def plain_line(line: PredictionLine | FactLine, grade: RunningGrade) -> str:
    """Return a line for a pipe."""
    if isinstance(line, FactLine):
        return printable(f"! {_fact(line.fields)}")
    cells = [f"{name}={value}" for name, value in _cells(line).items() if value]
    if grade.mean is not None:
        cells.append(f"{grade.name.replace(' ', '_')}={grade.mean:.4f}/{grade.n}")
    return printable("  ".join(cells))


def totals_line(totals: Totals, grade: RunningGrade) -> str:
    """Return what was seen, in one line."""
    parts = [f"{totals.predictions:,} predictions"]
    if totals.repeated:
        parts.append(f"{totals.repeated:,} of them repeated")
    parts.append(graded(grade))
    parts += [f"{n:,} {kind}{'s' * (n != 1)}" for kind, n in sorted(totals.facts.items())]
    if totals.lag is not None:
        parts.append(f"{totals.lag:,} events wait")
    return printable(", ".join(parts))


def graded(grade: RunningGrade) -> str:
    """Return how good predictions were so far, in words."""
    if grade.mean is None or grade.recent is None:
        return "no labels yet"
    return f"{grade.name} {grade.mean:.4f} of {grade.n:,} (last 1,000: {grade.recent:.4f})"


class TailView:
    """The last predictions and facts under what they add up to; as tall whatever comes.

    Parameters
    ----------
    title
        Over the table.
    without
        Columns that are not shown, as the pipeline's records have no ``key`` or no ``time``.
    """

    def __init__(self, title: str, without: Collection[str] = ()) -> None:
        self._title = title
        self._names = [name for name in _COLUMNS if name not in without]
        self._predictions: deque[PredictionLine] = deque(maxlen=_SHOWN_PREDICTIONS)
        self._facts: deque[FactLine] = deque(maxlen=_SHOWN_FACTS)

    def add(self, line: PredictionLine | FactLine) -> None:
        """Take a line."""
        if isinstance(line, FactLine):
            self._facts.append(line)
        else:
            self._predictions.append(line)

    def view(self, totals: Totals, grade: RunningGrade, more: str = "") -> RenderableType:
        """Return what is to be seen now."""
        table = Table(title=escape(self._title), min_width=76)
        for name in self._names:
            table.add_column(
                name, justify="right" if name in ("p", "lag") else "left", max_width=28
            )
        for line in self._predictions:
            cells = _cells(line)
            table.add_row(*(escape(printable(cells[name])) for name in self._names))
        for _ in range(_SHOWN_PREDICTIONS - len(self._predictions)):
            table.add_row()
        told = (printable(_fact(fact.fields)) for fact in self._facts)
        facts = [Text(f"  {fact}", style="yellow") for fact in told]
        totals_text = Text(f"  {totals_line(totals, grade)}", style="bold")
        return Group(table, totals_text, *([Text(f"  {more}")] if more else []), *facts)


def absent_columns(schema: RecordSchema) -> list[str]:
    """Return the columns of the table that are empty for such records."""
    there = {"key": schema.key, "time": schema.time}
    return [name for name, column in there.items() if column is None]


def _cells(line: PredictionLine) -> dict[str, str]:
    said, p = line.said, line.probability
    return {
        "event": str(said.id) if isinstance(said.id, str) else f"{line.partition}/{said.id}",
        "key": said.key or "",
        "time": _time(said.time_us) or "",
        "answer": _answer(said.answer),
        "p": "" if p is None else f"{p:.3f}",
        "by": f"{said.learner}/{said.version}",
        "lag": "" if line.lag is None else str(line.lag),
    }


def _answer(answer: Any) -> str:  # noqa: ANN401 - a class, a number, or one for each horizon
    if isinstance(answer, float):
        return f"{answer:.6g}"
    if isinstance(answer, dict):
        return " ".join(f"{horizon}:{_answer(value)}" for horizon, value in answer.items())
    return str(answer)


def _fact(fields: dict[str, Any]) -> str:
    where = f"partition {fields.get('partition')}, event {fields.get('event')}"
    by = f" ({fields['detector']}: {_what_moved(fields)})" if fields.get("detector") else ""
    return f"{fields.get('kind')} of {fields.get('learner')} at {where}{by}"


def _what_moved(fields: dict[str, Any]) -> str:
    if fields.get("feature") is not None:
        return f"{fields['feature']} moved"
    way = fields.get("direction")
    return f"errors {way}" if way in ("rise", "fall") else "errors change"


def _time(time_us: int | None) -> str | None:
    try:
        return None if time_us is None else (_EPOCH + timedelta(microseconds=time_us)).isoformat()
    except OverflowError:  # no time of ours
        return str(time_us)


def printable(text: str) -> str:
    r"""Return `text` with all that a terminal would obey, not show, written as escapes.

    Ids and keys are what anybody wrote into a topic.

    >>> printable("Grüße \x1b]0;owned\x07\n")
    'Grüße \\x1b]0;owned\\x07\\n'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
