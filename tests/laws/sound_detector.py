"""A small detector that keeps every law, in plain Python: what a stranger would write."""

from __future__ import annotations

import math

import numpy as np

from streamadapt.contracts import BoolArray, FloatArray
from streamadapt.errors import IncompatibleStateError
from streamadapt.state import State, Value


class RecentAgainstAll:
    """Alarms when the mean of recent values leaves the mean since the last alarm."""

    warning_detected = False
    kind = "recent_against_all"

    def __init__(self) -> None:
        self.n_skipped = 0
        self.drift_detected = False
        self.n, self.sums = 0, np.zeros(2)

    def update(self, x: float) -> None:
        self.drift_detected = False
        if self.is_usable(x):
            self.take(x)
        elif not math.isfinite(x):
            self.n_skipped += 1

    def is_usable(self, x: float) -> bool:
        return abs(x) < 1e100

    def take(self, x: float) -> None:
        self.n += 1
        self.sums[0] += x
        self.sums[1] += (x - self.sums[1]) / 30
        if self.n > 100 and abs(self.sums[1] - self.sums[0] / self.n) > 0.4:
            self.alarm()

    def alarm(self) -> None:
        self.drift_detected = True
        self.n, self.sums[0] = 0, 0.0

    def update_many(self, xs: FloatArray) -> BoolArray:
        flags = np.zeros(len(xs), np.bool_)
        for i in range(len(xs)):
            self.update(float(xs[i]))
            flags[i] = self.drift_detected
        return flags

    def state(self) -> State:
        values: dict[str, Value] = {"n": self.n, "sums": self.sums.copy()}
        values |= {"skipped": self.n_skipped, "drift": self.drift_detected}
        return State(self.kind, 1, values)

    def restore(self, state: State) -> None:
        state.expect(self.kind, 1)
        n, sums = state.integer("n"), state.floats("sums")
        skipped, drift = state.integer("skipped"), state.integer("drift")
        if sums.shape != (2,):
            raise IncompatibleStateError("sums of another length")
        self.n, self.sums, self.n_skipped, self.drift_detected = n, sums, skipped, bool(drift)
