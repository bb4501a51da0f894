"""Bayesian online change-point detection: how probable is each length of the run going on."""

from __future__ import annotations

import numpy as np

from streamadapt.detectors.bocpd_kernels import (
    N_COUNTS,
    N_FIELDS_OF_RUN,
    PROBABILITY,
    RUNS,
    bocpd_run,
)
from streamadapt.detectors.detector import ArrayDetector
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import CorruptStateError, checked, whole
from streamadapt.state import State, Value

__all__ = ["BOCPD"]


class BOCPD(ArrayDetector):
    """Raises an alarm when it is probable that the values' distribution is a new one.

    Values of a run are normal with a mean and a variance of their own, unknown, with a
    normal-inverse-gamma prior, so each run predicts with Student's t; after each value a run ends
    with probability ``1 / mean_run_length``.  The posterior over run lengths is exact but for
    pruning: runs less probable than `least_probability` and than a hundredth of what a new run
    starts with are dropped, and the least probable one beyond `max_runs`.  A value costs a few
    logarithms per run that is kept.

    An alarm's statistic is the probability that a run is going on that began after the first one
    and is `min_run_length` values old at least; the new level began with the most probable of
    these, with which alone the detector goes on.  ``size`` is its mean less the mean of the values
    before it.  A posterior probability is no p-value: the method has none.

    The prior speaks of the values' scale: for other than errors between 0 and 1 choose
    `prior_mean` and `prior_beta`, about `prior_alpha` times the variance.

    Parameters
    ----------
    mean_run_length
        Values between changes, on average.
    threshold
        The probability of a change that is an alarm.
    min_run_length
        How many values of a new run there must be, so that an outlier is none, if
        it is not so far out that a run of its own is the likelier tale.
    max_runs
        Run lengths kept at the most.
    least_probability
        What a run must have to be kept; ``0.01 / mean_run_length`` where that is less.
    prior_mean
        Expected mean of a run.
    prior_kappa
        How many values that is worth.
    prior_alpha
        Shape of the prior of the variance: half of how many values it is worth.
    prior_beta
        Scale of the prior of the variance.

    References
    ----------
    R. P. Adams, D. J. C. MacKay (2007): Bayesian online changepoint detection. arXiv:0710.3742.

    Examples
    --------
    >>> detector = BOCPD()
    >>> xs = np.random.default_rng(0).normal(size=400)
    >>> xs[200:] += 3.0
    >>> np.flatnonzero(detector.update_many(xs)).tolist()
    [205]
    >>> detector.alarms[0].change_point
    200
    """

    kind = "bocpd"
    parameter_names = (
        "mean_run_length",
        "threshold",
        "min_run_length",
        "max_runs",
        "least_probability",
        "prior_mean",
        "prior_kappa",
        "prior_alpha",
        "prior_beta",
    )
    kernel = bocpd_run
    alarm_threshold = Threshold("threshold", "higher", 1e-6, 1.0, is_probability=True)

    def __init__(  # noqa: PLR0913, PLR0917 - the method's own parameters
        self,
        mean_run_length: float = 1000.0,
        threshold: float = 0.95,
        min_run_length: int = 5,
        max_runs: int = 200,
        least_probability: float = 1e-6,
        prior_mean: float = 0.0,
        prior_kappa: float = 1.0,
        prior_alpha: float = 1.0,
        prior_beta: float = 1.0,
    ) -> None:
        self.mean_run_length = float(checked("mean_run_length", mean_run_length, 1.001, 1e12))
        self.threshold = float(checked("threshold", threshold, 0.0, 1.0))
        self.min_run_length = whole("min_run_length", min_run_length, 1, 1_000_000)
        self.max_runs = whole("max_runs", max_runs, 2, 100_000)
        self.least_probability = float(checked("least_probability", least_probability, 1e-300, 0.1))
        self.prior_mean = float(checked("prior_mean", prior_mean, -1e50, 1e50))
        self.prior_kappa = float(checked("prior_kappa", prior_kappa, 1e-6, 1e6))
        self.prior_alpha = float(checked("prior_alpha", prior_alpha, 1e-3, 1e6))
        self.prior_beta = float(checked("prior_beta", prior_beta, 1e-50, 1e100))
        self._runs = np.zeros((self.max_runs, N_FIELDS_OF_RUN))
        prior = [self.prior_mean, self.prior_kappa, self.prior_alpha, self.prior_beta]
        hazard = 1.0 / self.mean_run_length
        # What a new run starts with must be enough to be kept until its values speak for it.
        least = min(self.least_probability, 0.01 * hazard)
        params = [hazard, self.threshold, self.min_run_length, least, *prior]
        super().__init__(params, N_COUNTS, 1, (self._runs,))

    def _state_values(self) -> dict[str, Value]:
        return super()._state_values() | {"runs": self._runs[: self._counts[RUNS]].copy()}

    def _adopt(self, state: State) -> None:
        counts, sums = self._arrays(state, N_COUNTS)
        runs = state.floats("runs")
        n = int(counts[RUNS])
        if n > self.max_runs or runs.shape != (n, N_FIELDS_OF_RUN):
            raise CorruptStateError(f"{self.kind}: runs do not fit their counters")
        if n and not abs(runs[:, PROBABILITY].sum() - 1.0) < 1e-6:
            raise CorruptStateError(f"{self.kind}: probabilities of runs do not add up to 1")
        self._counts[:], self._sums[:] = counts, sums
        self._runs[:n] = runs
