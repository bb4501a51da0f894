"""What derives columns from the past: of each key, of the stream, of labels that have arrived."""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.derived import Difference, Lag, Rolling, TargetMean
from streamadapt.derived_block import Block
from streamadapt.derived_memory import Remembered
from streamadapt.encoding import TextCodes, text_hash
from streamadapt.errors import LawError
from streamadapt.history import KeyHistory, plan_lines
from streamadapt.memory_features import KeyMemory
from streamadapt.state import State
from streamadapt.target_features import Steps, TargetMeans

__all__ = ["Numbers", "PastRows", "Targets", "signed_hash"]


class PastRows:
    """Lags, differences and rolling windows: the last rows of each key.

    `late` is the target, if a row's own one is not known when it is predicted.
    """

    name = "history"

    def __init__(
        self,
        placed: list[tuple[slice, Lag | Difference | Rolling]],
        late: str | None,
        max_keys: int,
    ) -> None:
        self._sources = tuple(dict.fromkeys(spec.of for _, spec in placed))
        lines: list[list[int]] = []
        for place, spec in placed:
            past = Lag(of=spec.of, steps=(spec.step,)) if isinstance(spec, Difference) else spec
            lines += plan_lines(past, self._sources.index(spec.of), spec.of != late, place.start)
        self._differences = [(p.start, spec) for p, spec in placed if isinstance(spec, Difference)]
        self._history = KeyHistory(np.array(lines, np.int64), len(self._sources), max_keys)

    @property
    def evicted(self) -> dict[str, int]:
        """Keys forgotten so far."""
        return {"keys_evicted": self._history.n_evicted}

    def write(self, block: Block, X: FloatArray) -> dict[str, int]:
        """Fill the columns of X [n, d]."""
        self._history.extend(block.keys, block.columns(self._sources), X)
        for column, spec in self._differences:
            X[:, column] = _change(block.column(spec.of), X[:, column], spec.relative)
        return {}

    def state(self, live_slots: IntArray) -> State:
        """Return all that is needed to go on, as data."""
        return self._history.state()

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes."""
        self._history.restore(state)


def _change(now: FloatArray, then: FloatArray, relative: bool) -> FloatArray:
    with np.errstate(all="ignore"):
        change = (now - then) / np.abs(then) if relative else now - then
    return np.where(np.isfinite(change), change, np.nan)


class Numbers:
    """Weighted means, rates, counts, scales: a few numbers for each key, or for the stream.

    `late` is the target, if a row's own one is not known when it is predicted; without `max_keys`
    the whole stream is one key.
    """

    def __init__(
        self,
        placed: list[tuple[slice, Remembered]],
        late: str | None = None,
        max_keys: int | None = None,
    ) -> None:
        self.name = "numbers" if max_keys else "numbers_of_stream"
        of = [getattr(spec, "of", None) for _, spec in placed]
        self._sources = tuple(dict.fromkeys(name for name in of if name is not None))
        self._by_key = max_keys is not None
        lines = [
            (spec, -1 if name is None else self._sources.index(name), name != late, place.start)
            for name, (place, spec) in zip(of, placed, strict=True)
        ]
        self._memory = KeyMemory(lines, max_keys or 1)

    @property
    def evicted(self) -> dict[str, int]:
        """Keys forgotten so far."""
        return {"keys_evicted": self._memory.n_evicted} if self._by_key else {}

    def write(self, block: Block, X: FloatArray) -> dict[str, int]:
        """Fill the columns of X [n, d]."""
        keys = block.keys if self._by_key else np.zeros_like(block.keys)
        self._memory.extend(keys, block.times_us(), block.columns(self._sources), X)
        return {}

    def state(self, live_slots: IntArray) -> State:
        """Return all that is needed to go on, as data."""
        return self._memory.state()

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes."""
        self._memory.restore(state)


class Targets:
    """Target means of the categories of text columns."""

    name = "targets"

    def __init__(
        self, placed: list[tuple[slice, TargetMean]], classes: tuple[str, ...], max_keys: int
    ) -> None:
        self._codes = [(spec.of, _category_codes(spec.of)) for _, spec in placed]
        specs = [(place.start, spec) for place, spec in placed]
        self._means = TargetMeans(specs, classes, max_keys)

    @property
    def evicted(self) -> dict[str, int]:
        """Categories forgotten so far."""
        return {"categories_evicted": self._means.n_evicted}

    def write(self, block: Block, X: FloatArray) -> dict[str, int]:
        """Fill the columns of X [n, d], and learn the labels that arrive between its rows."""
        if block.steps is None:
            raise LawError("features: target_mean needs the steps: which labels arrive when")
        codes = np.empty((len(X), len(self._codes)), np.int64)
        for j, (name, codes_of) in enumerate(self._codes):
            codes[:, j] = codes_of.of(block.texts(name), None)
        self._means.run(block.steps, codes, X)
        return {}

    def learn(self, steps: Steps) -> None:
        """Learn labels that arrive while no row predicts."""
        self._means.run(steps, np.zeros((0, len(self._codes)), np.int64), np.zeros((0, 0)))

    def state(self, live_slots: IntArray) -> State:
        """Return all that is needed to go on, as data."""
        return self._means.state(live_slots)

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes."""
        self._means.restore(state, live_slots)


def _category_codes(column: str) -> TextCodes:
    """Return hashes of a column's categories, among those of other columns."""
    return TextCodes(lambda text: signed_hash(f"{column}\0{text}"), missing=signed_hash(column))


def signed_hash(text: str) -> int:
    """Return the text's hash as a signed number of 64 bits."""
    digest = text_hash(text)
    return digest - (1 << 64) if digest >> 63 else digest
