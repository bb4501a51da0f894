"""When the experts of a mixture are switched or renewed: TAME's rule on their losses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray
from streamadapt.models.scaled_inputs import finite_floats
from streamadapt.state import State, Value

__all__ = ["RENEW", "STAY", "SWITCH", "Turnover"]

STAY, SWITCH, RENEW = 0, 1, 2

_SMOOTHING = 0.2
_DEVIATIONS = 3.0
_LEAST_DEVIATION = 0.005
_EARLY = 3  # segments whose losses are those of learners that hardly know anything
_WARM = 10  # further segments before anything is judged


class Turnover:
    """Thresholds on the losses of a mixture (the last column) and its experts, by segments of rows.

    Zhu, Majzoubi, Jain and Choromanska, TAME: task agnostic continual learning using multiple
    experts (arXiv 2210.03869): the smoothed loss of what is in use is compared with the mean and
    three deviations of its last losses, the first few left out.  If it is beyond, one changes over
    to an expert that is within its own bounds; if there is none, a new one is needed.

    Parameters
    ----------
    n_experts
        Of the mixture.
    n_segments
        Losses that make a threshold.
    """

    def __init__(self, n_experts: int, n_segments: int = 100) -> None:
        self._smoothed = np.zeros(n_experts + 1)
        self._window = np.zeros((n_segments, n_experts + 1))
        self._tally = np.zeros(4, np.int64)  # segments, and each outcome

    def judge(self, losses: FloatArray) -> int:
        """Take the mean losses [m + 1] of a segment; say what has to be done."""
        n = int(self._tally[0]) - _EARLY
        self._tally[0] += 1
        share = _SMOOTHING if n > 0 else 1.0
        self._smoothed += share * (losses - self._smoothed)
        outcome = STAY
        if n >= 0:
            within = self._within(min(n, len(self._window)))
            self._window[n % len(self._window)] = losses
            if not within[-1]:
                outcome = SWITCH if within[:-1].any() else RENEW
                self._start_over()
        self._tally[1 + outcome] += 1
        return outcome

    def _within(self, n: int) -> NDArray[np.bool_]:
        if n < _WARM:
            return np.ones(len(self._smoothed), np.bool_)
        held = self._window[:n]
        spread = np.maximum(held.std(axis=0), _LEAST_DEVIATION)
        return np.asarray(self._smoothed <= held.mean(axis=0) + _DEVIATIONS * spread)

    def _start_over(self) -> None:
        """Let new losses make new thresholds."""
        self._tally[0] = 0
        self._window[:] = 0.0

    def counts(self) -> tuple[int, int]:
        """Return how often was switched, and renewed."""
        return int(self._tally[1 + SWITCH]), int(self._tally[1 + RENEW])

    def values(self) -> dict[str, Value]:
        """Return copies of losses and counts."""
        return {
            "smoothed": self._smoothed.copy(),
            "window": self._window.copy(),
            "tally": self._tally.copy(),
        }

    def restored(self, state: State) -> Turnover:
        """Return one of the same sizes, with the contents of `state`.

        Raises
        ------
        IncompatibleStateError
            If they do not fit.
        """
        other = Turnover(len(self._smoothed) - 1, len(self._window))
        other._smoothed = finite_floats(state, "smoothed", self._smoothed.shape)
        other._window = finite_floats(state, "window", self._window.shape)
        other._tally = finite_floats(state, "tally", self._tally.shape).astype(np.int64)
        return other
