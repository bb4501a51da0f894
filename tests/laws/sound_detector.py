"""A small detector that keeps every law, in plain Python: what a stranger would write."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from streamadapt.contracts import Alarm, BoolArray, FloatArray
from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.state import State, Value


class RecentAgainstAll:
    """Alarms when the mean of recent values leaves the mean since the last alarm."""

    warning_detected = False
    kind = "recent_against_all"

    def __init__(self) -> None:
        self.n_skipped = 0
        self.drift_detected = False
        self.n, self.sums = 0, np.zeros(2)
        self.alarms: list[Alarm] = []

    def update(self, x: float) -> None:
        self.drift_detected, self.alarms = False, []
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
        gap = float(self.sums[1] - self.sums[0] / self.n)
        if self.n > 100 and abs(gap) > 0.4:
            self.alarm(gap)

    def alarm(self, gap: float = 0.0) -> None:
        self.drift_detected = True
        self.alarms += [Alarm(0, abs(gap), 0.4, gap, int(np.sign(gap)), min(30, self.n))]
        self.n, self.sums[0] = 0, 0.0

    def update_many(self, xs: FloatArray) -> BoolArray:
        flags, alarms = np.zeros(len(xs), np.bool_), []
        for i in range(len(xs)):
            self.update(float(xs[i]))
            flags[i] = self.drift_detected
            alarms += [replace(alarm, index=i) for alarm in self.alarms]
        self.alarms = alarms
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
        self.alarms = []


class RecentAgainstAllBits(RecentAgainstAll):
    """The same for 0 and 1 alone."""

    takes_bits = True

    def update(self, x: float) -> None:
        self.refuse(np.array([x]))
        super().update(x)

    def update_many(self, xs: FloatArray) -> BoolArray:
        self.refuse(xs)
        return super().update_many(xs)

    def refuse(self, xs: FloatArray) -> None:
        wrong = np.isfinite(xs) & (xs != 0) & (xs != 1)
        if wrong.any():
            raise ParameterError(f"{xs[wrong][0]} is no bit")
