"""Features: from decoded records to rows of float64, the same live and in replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.derived import Calendar, Derived, FeatureFunction, Lag, Rolling, check_derived
from streamadapt.encoding import FeatureColumn, TextCodes, column_encoder, text_hash
from streamadapt.errors import ConfigError, IncompatibleStateError, LawError, StateError, checked
from streamadapt.events import MISSING_TIME, Records, RecordSchema
from streamadapt.history import KeyHistory, plan_lines
from streamadapt.state import State, Value

__all__ = ["FeatureColumn", "FeatureMap"]


class FeatureMap:
    """Turns the rows of a stream, each once and in order, into the rows that learners see.

    First come the raw columns in the schema's order, encoded as `CategoricalField` says, then the
    derived ones in the order given.  Lags and rolling windows count rows of the same key; without
    a key column, or where the key is missing, rows share one history.

    The target of a row never enters the row itself, unless it is known by then.

    Parameters
    ----------
    schema
        Columns of the records.
    derived
        Lags, rolling windows, calendars, and functions of your own (already built).
    target_is_known
        The target of a row is known when the row is predicted, as in a forecast of the same
        series: windows of the target hold the current row, and it may be a raw feature too.
    past_targets_are_known
        The targets of all earlier rows are known when a row is predicted, as where each record
        brings its own label: windows of the target end before the current row.
    max_keys
        Most keys with a history; beyond it the least recently used one is forgotten.

    Raises
    ------
    ConfigError
        If a derived feature is of no numeric or boolean column, or peeks at a target that is not
        known yet; if two columns have the same name, or there is none.

    Examples
    --------
    >>> from streamadapt.events import NumericField
    >>> schema = RecordSchema(features={"x": NumericField()}, target="y")
    >>> features = FeatureMap(schema, [Lag(of="x", steps=(1,)), Rolling(of="x", window=2)])
    >>> block = Records(np.arange(3), {"x": np.array([1.0, 3.0, 5.0])}, {}, None, lambda i: b"")
    >>> [column.name for column in features.columns]
    ['x', 'x_lag_1', 'x_rolling_2_mean', 'x_rolling_2_std']
    >>> features.transform(block)
    array([[ 1., nan,  1.,  0.],
           [ 3.,  1.,  2.,  1.],
           [ 5.,  3.,  4.,  1.]])
    """

    def __init__(
        self,
        schema: RecordSchema,
        derived: Sequence[Derived] = (),
        *,
        target_is_known: bool = False,
        past_targets_are_known: bool = False,
        max_keys: int = 10_000,
    ) -> None:
        self.schema = schema
        self.derived = tuple(derived)
        self.target_is_known = target_is_known
        self.past_targets_are_known = past_targets_are_known
        self.max_keys = int(checked("max_keys", max_keys, 1, 100_000_000))
        if schema.target in schema.features and not target_is_known:
            raise ConfigError(f"features: the target {schema.target!r} would be peeked at")
        check_derived(schema, self.derived, target_is_known or past_targets_are_known)
        self._encoders = [column_encoder(name, field) for name, field in schema.features.items()]
        raw = [column for encoder in self._encoders for column in encoder.columns]
        added = [FeatureColumn(name) for spec in self.derived for name in _names(spec)]
        self.columns = _distinct([*raw, *added])
        self._places = _places([encoder.columns for encoder in self._encoders])
        self._lay_out(_places([_names(spec) for spec in self.derived], start=len(raw)))
        self._keys = TextCodes(_key_hash, missing=0)
        self._counts = Counter(unknown_category=0, missing_category=0, missing_time=0)

    def _lay_out(self, places: list[slice]) -> None:
        placed = list(zip(places, self.derived, strict=True))
        past = [(place, spec) for place, spec in placed if isinstance(spec, Lag | Rolling)]
        self._calendars = [(place, spec) for place, spec in placed if isinstance(spec, Calendar)]
        self._functions = [(p, spec) for p, spec in placed if isinstance(spec, FeatureFunction)]
        self._sources = tuple(dict.fromkeys(spec.of for _, spec in past))
        lines: list[list[int]] = []
        for place, spec in past:
            known = spec.of != self.schema.target or self.target_is_known
            lines += plan_lines(spec, self._sources.index(spec.of), known, place.start)
        self._plan = np.array(lines, np.int64)
        self._history: KeyHistory | None = None
        if lines:
            self._history = KeyHistory(self._plan, len(self._sources), self.max_keys)

    @property
    def n_features(self) -> int:
        """Width d of a row."""
        return len(self.columns)

    @property
    def counts(self) -> dict[str, int]:
        """What was unknown, missing or forgotten so far, by name."""
        evicted = self._history.n_evicted if self._history else 0
        return {**self._counts, "keys_evicted": evicted}

    def transform(self, records: Records, keep: BoolArray | IntArray | None = None) -> FloatArray:
        """Return X float64 [n, d] for the records, C-contiguous and writable.

        Parameters
        ----------
        records
            A block of decoded rows.
        keep
            bool [len(records)] or int64 indices in order: the rows to use; the others leave no
            trace in any history.  All rows if left out.
        """
        rows = _rows(keep, len(records))
        X = np.zeros((len(records) if rows is None else len(rows), self.n_features))
        if len(X):
            for place, encoder in zip(self._places, self._encoders, strict=True):
                self._counts.update(encoder.write(records, rows, X[:, place]))
            self._write_history(records, rows, X)
            self._write_times(records, rows, X)
            self._write_functions(records, rows, X)
        return X

    def state(self) -> State:
        """Return all that is needed to go on, as data."""
        functions: dict[str, Value] = {
            str(i): function.state() for i, (_, function) in enumerate(self._functions)
        }
        values: dict[str, Value] = {
            "columns": "\n".join(column.name for column in self.columns),
            "plan": self._plan.copy(),
            "counts": State("counts", 1, dict[str, Value](self._counts)),
            "history": self._history.state() if self._history else None,
            "functions": State("functions", 1, functions),
        }
        return State("features", 1, values)

    def restore(self, state: State) -> None:
        """Become what `state` describes; raises `StateError` and stays unchanged if it cannot."""
        state.expect("features", 1)
        names = "\n".join(column.name for column in self.columns)
        if state.text("columns") != names or not np.array_equal(state.array("plan"), self._plan):
            raise IncompatibleStateError("features: the state is of other columns")
        before = self.state()
        try:
            self._restore_parts(state)
        except StateError:
            self._restore_parts(before)
            raise

    def _restore_parts(self, state: State) -> None:
        counts = state.child("counts")
        self._counts = Counter({name: counts.integer(name) for name in self._counts})
        if self._history:
            self._history.restore(state.child("history"))
        for i, (_, function) in enumerate(self._functions):
            function.restore(state.child("functions").child(str(i)))

    def _write_history(self, records: Records, rows: IntArray | None, X: FloatArray) -> None:
        if self._history is None:
            return
        V = np.empty((len(X), len(self._sources)))
        for j, source in enumerate(self._sources):
            V[:, j] = records.numbers[source] if rows is None else records.numbers[source][rows]
        if self.schema.key is None:
            keys = np.zeros(len(X), np.int64)
        else:
            keys = self._keys.of(records.texts[self.schema.key], rows)
        self._history.extend(keys, V, X)

    def _write_times(self, records: Records, rows: IntArray | None, X: FloatArray) -> None:
        if not self._calendars:
            return
        times = records.times_us
        if times is None:
            times = np.full(len(records), MISSING_TIME, np.int64)
        times = times if rows is None else times[rows]
        self._counts["missing_time"] += int(np.count_nonzero(times == MISSING_TIME))
        for place, spec in self._calendars:
            X[:, place] = spec.transform(times)

    def _write_functions(self, records: Records, rows: IntArray | None, X: FloatArray) -> None:
        if not self._functions:
            return
        seen = records if self.target_is_known else _without(records, self.schema.target)
        indices = np.arange(len(records)) if rows is None else rows
        for place, function in self._functions:
            values = function.transform(seen, indices)
            if values.shape != (len(X), len(function.names)):
                raise LawError(
                    f"{type(function).__name__}.transform returned shape {values.shape} "
                    f"for {len(X)} rows of {len(function.names)} names"
                )
            X[:, place] = values


def _distinct(columns: list[FeatureColumn]) -> tuple[FeatureColumn, ...]:
    if not columns:
        raise ConfigError("features: there is no feature at all")
    twice = [name for name, n in Counter(column.name for column in columns).items() if n > 1]
    if twice:
        raise ConfigError(f"features: two columns would be called {twice[0]!r}")
    return tuple(columns)


def _names(spec: Derived) -> tuple[str, ...]:
    return tuple(spec.names) if isinstance(spec, FeatureFunction) else spec.names()


def _places(parts: Sequence[Sequence[object]], start: int = 0) -> list[slice]:
    """Return where each part's columns stand, one part after the other."""
    ends = start + np.cumsum([0] + [len(part) for part in parts])
    return [slice(a, b) for a, b in pairwise(ends.tolist())]


def _rows(keep: BoolArray | IntArray | None, n: int) -> IntArray | None:
    """Return the indices to use, or None for all n, which is the fast way."""
    if keep is None:
        return None
    rows = np.flatnonzero(keep) if keep.dtype == np.bool_ else keep.astype(np.int64, copy=False)
    return None if len(rows) == n and (rows == np.arange(n)).all() else rows


def _key_hash(key: str) -> int:
    """Return the key's hash as a signed number; 0 is where there is no key."""
    digest = text_hash(key)
    return digest - (1 << 64) if digest >> 63 else digest


def _without(records: Records, column: str) -> Records:
    numbers = {name: values for name, values in records.numbers.items() if name != column}
    texts = {name: values for name, values in records.texts.items() if name != column}
    return replace(records, numbers=numbers, texts=texts)
