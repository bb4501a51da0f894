"""Target means of categories: known from labels that have arrived, and from no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamadapt.contracts import FloatArray, IntArray, OpArray
from streamadapt.derived import TargetMean
from streamadapt.errors import IncompatibleStateError
from streamadapt.features_kernels import EVICTIONS, HASH
from streamadapt.key_table import KeyTable
from streamadapt.state import State
from streamadapt.target_kernels import run_targets

__all__ = ["Steps", "TargetMeans"]


@dataclass(frozen=True, slots=True)
class Steps:
    """What happens in order: rows predict, labels arrive for them; see `streamadapt.labels.Ops`.

    ``op`` int8 [n]: bit 1, the next row predicts; bit 2, the label of the slot's row arrives;
    ``slot`` int64 [n] is where the row waits for it; ``y`` float64 [n] is the label.
    """

    op: OpArray
    slot: IntArray
    y: FloatArray


class TargetMeans:
    """Means of the target for each category, and the categories of rows that wait for labels.

    The categories of all features share one table: beyond `max_keys` the one that was used least
    recently is forgotten.

    Parameters
    ----------
    specs
        The features, and the first column of each.
    classes
        Class names of the target, in the order of their indices; empty for a number.
    max_keys
        Most categories remembered.
    """

    def __init__(
        self, specs: Sequence[tuple[int, TargetMean]], classes: tuple[str, ...], max_keys: int
    ) -> None:
        told = specs[0][1].names(classes)
        first = len(classes) - len(told)  # of two classes, only the second is told
        self._classes = np.arange(first, len(classes)) if classes else np.array([-1])
        self._columns = np.array([column for column, _ in specs], np.int64)
        self._smoothing = np.array([spec.smoothing for _, spec in specs])
        self._max_keys = max_keys
        self._waiting = np.zeros((1, len(specs)), np.int64)
        self._prior = np.zeros(1 + len(self._classes))
        self._adopt(KeyTable.empty(max_keys))

    @property
    def n_evicted(self) -> int:
        """Categories forgotten so far."""
        return self._keys.n_evicted

    def run(self, steps: Steps, codes: IntArray, X: FloatArray) -> None:
        """Go through the steps in order; fill the columns of X [n, d], the predicting rows.

        `codes` int64 [n, e] are hashes of the rows' categories.
        """
        self._make_room(int(steps.slot.max(initial=0)) + 1)
        step, row = 0, 0
        while True:
            k = self._keys
            step, row = run_targets(
                step, row, steps.op, steps.slot, steps.y, codes, X, self._columns, self._classes,
                self._smoothing, self._waiting, self._prior, self._means, k.table, k.slots, k.meta,
            )  # fmt: skip
            if step == len(steps.op):
                return
            means = self._means
            self._adopt(k.grown())
            self._means[: len(means)] = means

    def state(self, live_slots: IntArray) -> State:
        """Return the means, and the waiting categories in the order of `live_slots`."""
        self._make_room(int(live_slots.max(initial=0)) + 1)
        order = self._keys.order()
        return State(
            "target_means",
            1,
            {
                "hashes": self._keys.slots[order, HASH],
                "means": self._means[order],
                "prior": self._prior.copy(),
                "waiting": self._waiting[live_slots],
                "evicted": self.n_evicted,
            },
        )

    def restore(self, state: State, live_slots: IntArray) -> None:
        """Become what `state` describes; raises `StateError` and stays unchanged if it cannot."""
        state.expect("target_means", 1)
        hashes, means = state.integers("hashes"), state.floats("means")
        prior, waiting = state.floats("prior"), state.integers("waiting")
        evicted = state.integer("evicted")
        fits = (
            means.shape == (len(hashes), len(self._prior))
            and prior.shape == self._prior.shape
            and waiting.shape == (len(live_slots), len(self._columns))
        )
        if not fits:
            raise IncompatibleStateError("target_means: the numbers do not fit the features")
        self._adopt(KeyTable.of(hashes, self._max_keys))
        self._means[: len(means)] = means
        self._keys.meta[EVICTIONS] = evicted
        self._prior[:] = prior
        self._make_room(int(live_slots.max(initial=0)) + 1)
        self._waiting[live_slots] = waiting

    def _adopt(self, keys: KeyTable) -> None:
        self._keys = keys
        self._means = np.zeros((len(keys.slots), len(self._prior)))

    def _make_room(self, n_slots: int) -> None:
        """Make room for so many label slots; the label join bounds their number."""
        if n_slots > len(self._waiting):
            waiting = np.zeros((1 << n_slots.bit_length(), self._waiting.shape[1]), np.int64)
            waiting[: len(self._waiting)] = self._waiting
            self._waiting = waiting
