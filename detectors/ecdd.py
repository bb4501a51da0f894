"""ECDD: a control chart of the exponentially weighted average of errors."""

from __future__ import annotations

from typing import Literal, TypeAlias

from streamadapt.detectors.detector import BitDetector
from streamadapt.detectors.ecdd_kernels import N_COUNTS, ecdd_run
from streamadapt.detectors.ecdd_limits import LAMBDAS, RUN_LENGTHS, limits_for
from streamadapt.detectors.threshold import Threshold
from streamadapt.errors import ParameterError, checked, whole

__all__ = ["ECDD", "Limits"]

Limits: TypeAlias = Literal["simulated", "paper"]

# Coefficients of 1, p, p^3, p^5, p^7 of the limit in standard deviations, for lambda = 0.2.
_PAPER: dict[float, list[float]] = {
    100: [2.76, -6.23, 18.12, -312.45, 1002.18],
    400: [3.97, -6.56, 48.73, -330.13, 848.18],
    1000: [1.17, 7.56, -21.24, 112.12, -987.23],
}


class ECDD(BitDetector):
    """Raises an alarm when the recent error rate is far above the overall one.

    The limit depends on the overall rate p, so that without a change a false alarm comes once in
    `average_run_length` values: the chart is nervous by design.  There are two sorts of limits.

    ``simulated`` ones are ours, found by simulating this very detector, which knows the rate by
    estimate alone: for rates from 0.05 to 0.9 the mean run length is what was asked for, within a
    tenth with the default weight and within a quarter with any other.  At lower rates it is longer
    if `average_run_length` is a few hundred, as one error alone is never an alarm; at higher ones
    too, as they can hardly rise.  The limit is between the rate and 1, so the chart is never deaf.

    ``paper`` has the published polynomials, for 100, 400 and 1000, and with 400 the alarms and
    warnings of MOA's ``EWMAChartDM``.  They do not keep what they promise: 400 gives 190 to 400
    values between false alarms for rates from 0.01 to 0.3, and from 0.5 on a limit beyond 1, which
    no average of 0 and 1 passes: there the chart is deaf.  100 is deaf from 0.6 on; 1000 gives 30
    to 220 at most rates, 580 at 0.3.

    An alarm's statistic is the weighted average, its threshold the limit above the overall rate.
    ``size`` is the distance of the two rates, and the new level ``1 / lambda_`` values old, the
    span of the average.  It is always a rise.  The method has no p-value.

    Parameters
    ----------
    min_instances
        No alarm before this many values, no warning before as many less one, as in MOA.  With
        fewer than the default there are more false alarms, as the first estimates are rough.
    lambda_
        Weight of the newest value: 0.05 to 0.4, with the paper's limits up to 1.  These were
        computed for 0.2.
    average_run_length
        Values between false alarms, on average: 100 to 10,000, of the paper's limits 100, 400 or
        1000.
    limits
        ``simulated`` or ``paper``.

    References
    ----------
    G. J. Ross, N. M. Adams, D. K. Tasoulis, D. J. Hand (2012): Exponentially weighted moving
    average charts for detecting concept drift. Pattern Recognition Letters 33.

    Examples
    --------
    >>> import numpy as np
    >>> detector = ECDD()
    >>> errors = np.r_[np.resize([0] * 9 + [1], 200), np.ones(20)]
    >>> np.flatnonzero(detector.update_many(errors)).tolist()
    [201]

    A model that is mostly wrong is heard when it becomes worse, but not with the paper's limits:

    >>> rng = np.random.default_rng(0)
    >>> errors = rng.random(1000) < np.repeat([0.6, 0.9], [500, 500])
    >>> np.flatnonzero(ECDD(average_run_length=1000).update_many(errors)).tolist()
    [524]
    >>> np.flatnonzero(ECDD(limits="paper").update_many(errors)).tolist()
    []
    """

    kind = "ecdd"
    state_version = 2  # since there are limits to choose from
    parameter_names = ("min_instances", "lambda_", "average_run_length", "limits")
    kernel = ecdd_run
    alarm_threshold = Threshold(
        "average_run_length", "higher", float(RUN_LENGTHS[0]), float(RUN_LENGTHS[-1])
    )

    def __init__(
        self,
        min_instances: int = 30,
        lambda_: float = 0.2,
        average_run_length: float = 400.0,
        limits: Limits = "simulated",
    ) -> None:
        self.min_instances = whole("min_instances", min_instances, 0, 2**53)
        if limits not in {"simulated", "paper"}:
            raise ParameterError(f"limits = {limits!r} is neither 'simulated' nor 'paper'")
        self.limits: Limits = limits
        is_paper = limits == "paper"
        least, most = (1e-6, 1.0) if is_paper else (LAMBDAS[0], LAMBDAS[-1])
        self.lambda_ = float(checked("lambda_", lambda_, least, most))
        if is_paper and average_run_length not in _PAPER:
            raise ParameterError(
                f"average_run_length = {average_run_length!r}: the paper's limits are for "
                f"{', '.join(map(str, _PAPER))} alone"
            )
        self.average_run_length = float(
            checked("average_run_length", average_run_length, RUN_LENGTHS[0], RUN_LENGTHS[-1])
        )
        places = limits_for(self.lambda_, self.average_run_length).tolist()
        if is_paper:
            places = _PAPER[average_run_length]
        super().__init__([self.min_instances, self.lambda_, *places], N_COUNTS, n_sums=1)
