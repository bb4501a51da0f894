"""A key of a bank, and a detector of rows, as a stream of numbers hears them.

So what watches many numbers at a time is put to the laws of what watches one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from streamadapt.contracts import BoolArray
from streamadapt.detectors import DetectorBank, KernelTwoSample
from streamadapt.detectors.detector import ArrayDetector, BitDetector
from streamadapt.detectors.detector_kernels import ALARM
from streamadapt.state import State

KEY, OTHER = 3, 1


class OneKey:
    """One key of a bank; another one takes the same values, right after it."""

    def __init__(self, detector: ArrayDetector) -> None:
        self.bank = DetectorBank(detector, n_keys=5)
        if isinstance(detector, BitDetector):
            self.takes_bits = True

    @property
    def n_skipped(self) -> int:
        assert self.bank.skipped[OTHER] == self.bank.skipped[KEY]
        return int(self.bank.skipped[KEY])

    @property
    def drift_detected(self) -> bool:
        return bool(self.bank._rows[KEY, ALARM])

    @property
    def warning_detected(self) -> bool:
        return bool(self.bank.in_warning_zone[KEY])

    def update(self, x: float) -> None:
        self.update_many([x])

    def update_many(self, xs: ArrayLike) -> BoolArray:
        values = np.asarray(xs)
        flags = self.bank.update(np.tile([KEY, OTHER], len(values)), np.repeat(values, 2))
        assert flags[::2].tolist() == flags[1::2].tolist()
        return flags[::2].copy()

    def state(self) -> State:
        return self.bank.state()

    def restore(self, state: State) -> None:
        self.bank.restore(state)


class OneFeature:
    """A detector on rows of one feature."""

    warning_detected = False

    def __init__(self, reference_size: int, window_size: int) -> None:
        self.rows = KernelTwoSample(1, reference_size, window_size)

    @property
    def n_skipped(self) -> int:
        return self.rows.n_skipped

    @property
    def drift_detected(self) -> bool:
        return self.rows.drift_detected

    def update(self, x: float) -> None:
        self.update_many([x])

    def update_many(self, xs: ArrayLike) -> BoolArray:
        return self.rows.update_many(np.asarray(xs).reshape(-1, 1))

    def state(self) -> State:
        return self.rows.state()

    def restore(self, state: State) -> None:
        self.rows.restore(state)
