"""Features: from decoded records to rows of float64, the same live and in replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from pydantic import BaseModel

from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.derived import Derived, FeatureFunction, TargetMean
from streamadapt.derived_block import Block, Remembers
from streamadapt.derived_checks import check_derived
from streamadapt.derived_parts import parts_of
from streamadapt.encoding import FeatureColumn, TextCodes, column_encoder
from streamadapt.errors import ConfigError, IncompatibleStateError, StateError, whole
from streamadapt.events import Records, RecordSchema, TextField
from streamadapt.past_features import Targets, signed_hash
from streamadapt.state import State, Value
from streamadapt.target_features import Steps

__all__ = ["FeatureColumn", "FeatureMap"]

_NO_SLOTS = np.zeros(0, np.int64)


class FeatureMap:
    """Turns the rows of a stream, each once and in order, into the rows that learners see.

    First come the raw columns in the schema's order, encoded as `streamadapt.fields` says, then the
    derived ones in the order given.  What looks at the past counts rows of the same key; without a
    key column, or where the key is missing, rows share one history.

    The target of a row never enters the row itself, unless it is known by then.

    Parameters
    ----------
    schema
        Columns of the records.
    derived
        What is derived from the columns: see `streamadapt.derived`; functions of your own are
        built already.
    target_is_known
        The target of a row is known when the row is predicted, as in a forecast of the same
        series: windows of the target hold the current row, and it may be a raw feature too.
    past_targets_are_known
        The targets of all earlier rows are known when a row is predicted, as where each record
        brings its own label: windows of the target end before the current row.
    max_keys
        Most keys with a history, and most categories with a target mean; beyond it the least
        recently used one is forgotten.

    Raises
    ------
    ConfigError
        If a derived feature is of no numeric or boolean column, or peeks at a target that is not
        known yet; if two columns have the same name, or there is none.

    Examples
    --------
    >>> from streamadapt.events import NumericField
    >>> from streamadapt.derived import Lag, Rolling
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
        self.max_keys = whole("max_keys", max_keys, 1, 100_000_000)
        if schema.target in schema.features and not target_is_known:
            raise ConfigError(f"features: the target {schema.target!r} would be peeked at")
        check_derived(schema, self.derived, past_targets_are_known, target_is_known)
        self._encoders = [column_encoder(name, field) for name, field in schema.features.items()]
        raw = [column for encoder in self._encoders for column in encoder.columns]
        names = [_names(spec, schema) for spec in self.derived]
        self.columns = _distinct([*raw, *(FeatureColumn(name) for part in names for name in part)])
        self._places = _places([encoder.columns for encoder in self._encoders])
        placed = list(zip(_places(names, start=len(raw)), self.derived, strict=True))
        late = None if target_is_known else schema.target
        column_names = [column.name for column in self.columns]
        self._parts = parts_of(placed, column_names, schema.classes, late, self.max_keys)
        self._remembering = {part.name: part for part in self._parts if isinstance(part, Remembers)}
        self._follows_keys = "keys_evicted" in self._forgotten()
        self._targets = next((part for part in self._parts if isinstance(part, Targets)), None)
        self._keys = TextCodes(signed_hash, missing=0)  # 0 is where there is no key
        self._counts = Counter(unknown_category=0, missing_category=0, missing_time=0)

    @property
    def n_features(self) -> int:
        """Width d of a row."""
        return len(self.columns)

    @property
    def counts(self) -> dict[str, int]:
        """What was unknown, missing or forgotten so far, by name."""
        return {**self._counts, "keys_evicted": 0, **self._forgotten()}

    def transform(
        self,
        records: Records,
        keep: BoolArray | IntArray | None = None,
        steps: Steps | None = None,
    ) -> FloatArray:
        """Return X float64 [n, d] for the records, C-contiguous and writable.

        Parameters
        ----------
        records
            A block of decoded rows.
        keep
            bool [len(records)] or int64 indices in order: the rows to use; the others leave no
            trace in any history.  All rows if left out.
        steps
            For target means, which need it: in which order these rows predict and labels arrive,
            theirs or those of earlier rows.
        """
        rows = _rows(keep, len(records))
        X = np.zeros((len(records) if rows is None else len(rows), self.n_features))
        if len(X):
            for place, encoder in zip(self._places, self._encoders, strict=True):
                self._counts.update(encoder.write(records, rows, X[:, place]))
            block = Block(records, rows, self._key_hashes(records, rows, len(X)), steps)
            for part in self._parts:
                self._counts.update(part.write(block, X))
        elif steps is not None and self._targets:
            self._targets.learn(steps)
        return X

    def state(self, live_slots: IntArray = _NO_SLOTS) -> State:
        """Return all that is needed to go on, as data.

        `live_slots` int64 are those of the label join, oldest first, where rows wait for labels.
        """
        values: dict[str, Value] = {
            "columns": self._described(),
            "counts": State("counts", 1, dict[str, Value](self._counts)),
        }
        values |= {name: part.state(live_slots) for name, part in self._remembering.items()}
        return State("features", 2, values)

    def restore(self, state: State, live_slots: IntArray = _NO_SLOTS) -> None:
        """Become what `state` describes; raises `StateError` and stays unchanged if it cannot."""
        state.expect("features", 2)
        if state.text("columns") != self._described():
            raise IncompatibleStateError("features: the state is of other columns")
        before = self.state(live_slots)
        try:
            self._restore_parts(state, live_slots)
        except StateError:
            self._restore_parts(before, live_slots)
            raise

    def _restore_parts(self, state: State, live_slots: IntArray) -> None:
        counts = state.child("counts")
        self._counts = Counter({name: counts.integer(name) for name in self._counts})
        for name, part in self._remembering.items():
            part.restore(state.child(name), live_slots)

    def _forgotten(self) -> dict[str, int]:
        """Count what was forgotten; parts that follow keys follow, and forget, the same ones."""
        return {k: v for part in self._remembering.values() for k, v in part.evicted.items()}

    def _described(self) -> str:
        """Return the columns and what they are computed by."""
        texts = [field for field in self.schema.features.values() if isinstance(field, TextField)]
        described = [spec for spec in self.derived if isinstance(spec, BaseModel)]
        specs = [spec.model_dump_json() for spec in (*texts, *described)]
        known = f"target_is_known={self.target_is_known}"
        return "\n".join([known, *(column.name for column in self.columns), *specs])

    def _key_hashes(self, records: Records, rows: IntArray | None, n: int) -> IntArray:
        if self.schema.key is None or not self._follows_keys:
            return np.zeros(n, np.int64)
        return self._keys.of(records.texts[self.schema.key], rows)


def _distinct(columns: list[FeatureColumn]) -> tuple[FeatureColumn, ...]:
    if not columns:
        raise ConfigError("features: there is no feature at all")
    twice = [name for name, n in Counter(column.name for column in columns).items() if n > 1]
    if twice:
        raise ConfigError(f"features: two columns would be called {twice[0]!r}")
    return tuple(columns)


def _names(spec: Derived, schema: RecordSchema) -> tuple[str, ...]:
    if isinstance(spec, TargetMean):
        return spec.names(schema.classes)
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
