"""A first pipeline file for a recorded stream: commented, valid, and working as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from streamadapt.build import build_task
from streamadapt.config_file import parse_config
from streamadapt.config_yaml import read_yaml
from streamadapt.connectors import CSVDialect
from streamadapt.errors import ConfigError
from streamadapt.inspection import Column, Content, columns_of
from streamadapt.samples import read_sample

__all__ = ["MAX_CLASSES", "MAX_ONE_HOT", "pipeline_text", "scaffold"]

MAX_ONE_HOT = 20
"""Texts with more different values are hashed."""

MAX_CLASSES = 20
"""Whole numbers with more different values are a number to predict, not classes."""

_MAX_TEXT_CLASSES = 1000
_MAX_BUCKETS = 128
_SHOWN_VALUES = 3

_PLAIN = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_USED = (Content.NUMBERS, Content.TRUTH_VALUES, Content.TEXTS)
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
) -> str:
    """Return the text of a pipeline file for columns that have been looked at."""
    if target not in columns:
        raise ConfigError(f"--target {target}: {stream} has columns {', '.join(columns)}")
    goal = columns[target]
    others = [column for name, column in columns.items() if name != target]
    if not any(column.content in _USED for column in others):
        raise ConfigError(f"{stream}: no column but the target can be a feature")
    classes = _classes(goal)
    times = [column for column in others if column.content is Content.TIMES]
    # A record without its time is a dead letter, so only a column that is always filled will do.
    time = next((c for c in times if not c.n_missing and not c.n_broken), None)
    lines = [
        *_head(stream, goal.n),
        *_dialect(dialect),
        *_task(goal, classes),
        *_record(others, time),
        *_labels(time),
        *(_CLASSIFIERS if classes else _REGRESSORS),
        *_derived(others, time),
        *_REST,
    ]
    return "\n".join(lines) + "\n"


def _head(stream: str | Path, n: int) -> Iterator[str]:
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(stream).name.split(".")[0]).strip("_") or "pipeline"
    yield f"# Proposed by `streamadapt init` from the first {n} records; change what you like."
    yield "# Check it with `streamadapt validate`, run it with `streamadapt replay ... --out DIR`."
    yield "# `streamadapt schema` prints all that may stand here, for editors."
    yield f"name: {_scalar(name[:100])}"
    yield ""
    yield "source:"
    yield f"  path: {_scalar(str(stream))}  # `replay --source FILE` takes another"


def _dialect(dialect: CSVDialect | None) -> Iterator[str]:
    unusual = {} if dialect is None else dialect.model_dump(exclude_defaults=True)
    if unusual:
        yield "  csv:"
    for name, value in unusual.items():
        written = _scalar(value) if isinstance(value, str) else str(value).lower()
        yield f"    {name}: {written}"
    yield ""


def _classes(goal: Column) -> tuple[str, ...]:
    """Return the class names of a classification, or nothing for a number to predict."""
    texts = goal.texts
    if goal.content in (Content.TRUTH_VALUES, Content.TEXTS):
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
    yield "task:"
    if classes:
        yield f"  kind: classification  # {_scalar(goal.name)} has {len(classes)} different values"
    else:
        yield f"  kind: regression  # {_scalar(goal.name)} has {len(goal.texts)} different numbers"
        yield "  # kind: forecast  # if the records are a series: predict its coming values"
        yield "  # horizons: [1, 12]  # so many records ahead"
    yield f"  target: {_scalar(goal.name)}"
    if classes:
        yield "  # A label that is not listed becomes a dead letter: add those that may still come."
        yield f"  classes: [{', '.join(map(_scalar, classes))}]"
    yield ""


def _record(others: list[Column], time: Column | None) -> Iterator[str]:
    yield "record:"
    yield from _roles(others, time)
    yield "  features:  # in the order that learners see; other columns are ignored"
    for column in others:
        yield from _feature(column) if column.content in _USED else _left_out(column, time)
    yield ""


def _roles(others: list[Column], time: Column | None) -> Iterator[str]:
    unique = [column for column in others if column.content is Content.UNIQUE_TEXTS]
    keys = [column for column in others if column.content is Content.TEXTS]
    if time is not None and time.time_format is not None:
        yield f"  time: {{column: {_scalar(time.name)}, format: {time.time_format.value}}}"
    for column in unique:
        yield f"  # id: {_scalar(column.name)}  # names an event; by default its position does"
    for column in keys:
        n = len(column.texts)
        yield f"  # key: {_scalar(column.name)}  # if its {n} values are series of their own"


def _feature(column: Column) -> Iterator[str]:
    name, notes = _scalar(column.name), _notes(column)
    if column.content is Content.NUMBERS:
        yield f"    {name}: numeric{notes}"
    elif column.content is Content.TRUTH_VALUES:
        yield f"    {name}: boolean{notes}"
    elif len(column.texts) <= MAX_ONE_HOT:
        yield f"    {name}:  # {len(column.texts)} values; `encoding: index` makes nominal splits"
        yield "      kind: categorical"
        yield "      encoding: one_hot"
        yield f"      values: [{', '.join(map(_scalar, column.texts))}]"
    else:
        yield f"    {name}:  # {len(column.texts)} values, too many for one_hot"
        yield "      kind: categorical"
        yield "      encoding: hash"
        yield f"      buckets: {_buckets(len(column.texts))}"


def _notes(column: Column) -> str:
    notes = []
    if column.n_missing:
        notes.append(f"{column.n_missing} missing")
    if column.n_broken:
        notes.append(f"{column.n_broken} are none: dead letters")
    return f"  # {', '.join(notes)}" if notes else ""


def _buckets(n_values: int) -> int:
    return min(_MAX_BUCKETS, 1 << (n_values - 1).bit_length())


def _left_out(column: Column, time: Column | None) -> Iterator[str]:
    if column is not time and column.n_missing < column.n and column.content is Content.TIMES:
        yield f"    # {_scalar(column.name)} holds times: no feature as such, see `derived`"
    elif column is not time:
        yield f"    # {_scalar(column.name)} holds {column.content}: no feature"


def _labels(time: Column | None) -> Iterator[str]:
    yield "labels:"
    yield "  delay: {events: 0}  # 0: each label is known right after its prediction"
    if time is not None:
        yield "  # delay: {seconds: 3600}  # as late as in production: an hour of event time"
    else:
        yield "  # delay: {events: 100}  # as late as in production: 100 events later"
    yield ""


def _derived(others: list[Column], time: Column | None) -> Iterator[str]:
    yield from _DERIVED
    for column in [column for column in others if column.content is Content.NUMBERS][:1]:
        yield from (line.replace("NAME", _scalar(column.name)) for line in _OF_NUMBERS)
    yield from _OF_TIMES if time is not None else ()
    for column in [column for column in others if column.content is Content.TEXTS][:1]:
        yield f"#   - {{kind: hash, of: [{_scalar(column.name)}], tokens: words}}  # of free text"


def _scalar(text: str) -> str:
    """Return a text as YAML of any version: bare if it can be, else quoted, always on one line."""
    if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text == read_yaml(text, "")[0]:
        return text
    quoted: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**9)
    return quoted.strip()


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

_DERIVED = (
    "# derived:  # features of earlier records (of the same key)",
    "#   - {kind: lag, of: COLUMN, steps: [1, 2]}",
    "#   - {kind: rolling, of: COLUMN, window: 24, statistics: [mean, std]}",
    "#   - {kind: calendar, parts: [hour_of_day, day_of_week], encoding: cyclic}  # needs `time`",
)

_OF_NUMBERS = (
    "#   - {kind: difference, of: NAME}  # to the record before",
    "#   - {kind: ewm, of: NAME, half_life: 24}  # mean and spread, the latest counting most",
    "#   - {kind: scale, of: NAME, method: robust}  # or standard, min_max",
)

_OF_TIMES = (
    "#   - {kind: rate, half_life_s: 3600}  # events per second",
    "#   - {kind: time_since_last}  # seconds since the event before",
    "#   - {kind: count, window: 3600}  # events of the last hour",
    "#   - {kind: fourier, period: day, harmonics: 2}  # smooth curves over the day",
)

_REST = ("", "seed: 0  # of all that is random")
