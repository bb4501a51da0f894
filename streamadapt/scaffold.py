"""A first pipeline file for a recorded stream: commented, valid, and working as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from streamadapt.build import build_task
from streamadapt.config_file import parse_config
from streamadapt.config_yaml import scalar_text
from streamadapt.connectors import CSVDialect
from streamadapt.errors import ConfigError
from streamadapt.inspection import Column, Content, columns_of
from streamadapt.samples import read_sample
from streamadapt.scaffold_features import USED, derived_lines, record_lines

__all__ = ["MAX_CLASSES", "pipeline_text", "scaffold"]

MAX_CLASSES = 20
"""Whole numbers with more different values are a number to predict, not classes."""

_MAX_TEXT_CLASSES = 1000
_MANY = 50_000


def scaffold(stream: str | Path, target: str) -> str:
    """Look at a recorded stream and return a pipeline file for it, which has been tried.

    Raises
    ------
    SourceError
        If the stream cannot be read.
    ConfigError
        If it has no such column, the column cannot be predicted, or no other is of use.
    """
    sample = read_sample(Path(stream), _MANY)
    text = pipeline_text(stream, columns_of(sample), target, sample.dialect)
    build_task(parse_config(text, {}, "the proposed pipeline"), {})
    return text


def pipeline_text(
    stream: str | Path,
    columns: Mapping[str, Column],
    target: str,
    dialect: CSVDialect | None = None,
    live: Sequence[str] | None = None,
) -> str:
    """Return the text of a pipeline file for columns that have been looked at.

    ``live`` are the lines about topics, of a pipeline that has them instead of a recorded stream.
    """
    if target not in columns:
        raise ConfigError(f"--target {target}: {stream} has columns {', '.join(columns)}")
    goal = columns[target]
    others = [column for name, column in columns.items() if name != target]
    if not any(column.content in USED for column in others):
        raise ConfigError(f"{stream}: no column but the target can be a feature")
    classes = _classes(goal)
    times = [column for column in others if column.content is Content.TIMES]
    # A record without its time is a dead letter, so only a column that is always filled will do.
    time = next((c for c in times if not c.n_missing and not c.n_broken), None)
    lines = [
        *(_head(stream, goal.n) if live is None else _live_head(stream, goal.n)),
        *(_dialect(dialect) if live is None else ()),
        *_task(goal, classes),
        *record_lines(others, time),
        *(_labels(time) if live is None else ()),
        *(_CLASSIFIERS if classes else _REGRESSORS),
        *derived_lines(others, time, classes),
        "",
        *(live or ()),
        *_REST,
    ]
    return "\n".join(lines) + "\n"


def _head(stream: str | Path, n: int) -> Iterator[str]:
    yield f"# Proposed by `streamadapt init` from the first {n} records; change what you like."
    yield "# Check it with `streamadapt validate`, run it with `streamadapt replay ... --out DIR`."
    yield "# `streamadapt schema` prints all that may stand here, for editors."
    yield f"name: {scalar_text(_name(Path(stream).name.split('.')[0]))}"
    yield ""
    yield "source:"
    yield f"  path: {scalar_text(str(stream))}  # `replay --source FILE` takes another"


def _live_head(place: str | Path, n: int) -> Iterator[str]:
    yield f"# Proposed by `streamadapt init` from the last {n} records of {place}; change what you"
    yield "# like.  Check it with `streamadapt validate`, run it with `streamadapt run`."
    yield f"name: {scalar_text(_name(str(place).removeprefix('topic ')))}"
    yield ""


def _name(text: str) -> str:
    """Return a name for a pipeline, made of what a stream is called."""
    return (re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_") or "pipeline")[:100]


def _dialect(dialect: CSVDialect | None) -> Iterator[str]:
    unusual = {} if dialect is None else dialect.model_dump(exclude_defaults=True)
    if unusual:
        yield "  csv:"
    for name, value in unusual.items():
        written = scalar_text(value) if isinstance(value, str) else str(value).lower()
        yield f"    {name}: {written}"
    yield ""


def _classes(goal: Column) -> tuple[str, ...]:
    """Return the class names of a classification, or nothing for a number to predict."""
    texts = goal.texts
    if goal.content in (Content.TRUTH_VALUES, Content.TEXTS, Content.FREE_TEXT):
        if len(texts) > _MAX_TEXT_CLASSES:
            raise ConfigError(
                f"--target {goal.name}: {len(texts)} different texts are too many classes"
            )
        return texts
    if goal.content is not Content.NUMBERS:
        raise ConfigError(f"--target {goal.name}: it holds {goal.content}, nothing to predict")
    if goal.is_whole and not goal.n_broken and len(texts) <= min(MAX_CLASSES, max(2, goal.n // 10)):
        return tuple(sorted(texts, key=float))
    return ()


def _task(goal: Column, classes: tuple[str, ...]) -> Iterator[str]:
    name = scalar_text(goal.name)
    yield "task:"
    if classes:
        yield f"  kind: classification  # {name} has {len(classes)} different values"
    else:
        yield f"  kind: regression  # {name} has {len(goal.texts)} different numbers"
        yield "  # kind: forecast  # if the records are a series: predict its coming values"
        yield "  # horizons: [1, 12]  # so many records ahead"
    yield f"  target: {name}"
    if classes:
        yield "  # A label that is not listed becomes a dead letter: add those that may still come."
        yield f"  classes: [{', '.join(map(scalar_text, classes))}]"
    yield ""


def _labels(time: Column | None) -> Iterator[str]:
    yield "labels:"
    yield "  delay: {events: 0}  # 0: each label is known right after its prediction"
    if time is not None:
        yield "  # delay: {seconds: 3600}  # as late as in production: an hour of event time"
    else:
        yield "  # delay: {events: 100}  # as late as in production: 100 events later"
    yield ""


_WATCH = (
    "    watch:  # looks at its errors",
    "      drift: adwin  # or page_hinkley; {kind: adwin, delta: 0.01} is more nervous",
    "      on_drift: [reset]  # or alert, {kind: forget, factor: 0.5}, swap (needs `warning`)",
    "      # warning: {kind: adwin, delta: 0.02}  # swap: to a learner trained from the warning on",
)

_CLASSIFIERS = (
    "learners:  # by names of your choice; all see the same rows",
    "  tree:  # finds thresholds and interactions by itself",
    "    kind: hoeffding_tree",
    *_WATCH,
    "  logistic:  # a weighted sum of the features; hard to beat if that is all there is",
    "    kind: logistic",
    "  # mine:  # your own",
    "  #   python: package.module:factory",
    "",
    "baselines: true  # majority and no_change run beside: a learner must beat them",
    "",
)

_REGRESSORS = (
    "learners:  # by names of your choice; all see the same rows",
    "  tree:  # finds thresholds and interactions by itself",
    "    kind: hoeffding_tree_regressor",
    *_WATCH,
    "  linear:  # a weighted sum of the features; hard to beat if that is all there is",
    "    kind: linear",
    "  # mine:  # your own",
    "  #   python: package.module:factory",
    "",
    "baselines: true  # persistence and running_mean run beside: a learner must beat them",
    "",
)

_REST = ("seed: 0  # of all that is random",)
