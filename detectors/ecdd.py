"""ECDD: a control chart of the exponentially weighted average of errors."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from streamadapt.detectors.detector import BitDetector
from streamadapt.detectors.ecdd_kernels import N_COUNTS, ecdd_run
from streamadapt.errors import ParameterError, checked

__all__ = ["ECDD", "RunLength"]

RunLength: TypeAlias = Literal[100, 400, 1000]

# Coefficients of 1, p, p^3, p^5, p^7 of the limit in standard deviations, for lambda = 0.2.
_LIMITS: dict[int, list[float]] = {
    100: [2.76, -6.23, 18.12, -312.45, 1002.18],
    400: [3.97, -6.56, 48.73, -330.13, 848.18],
    1000: [1.17, 7.56, -21.24, 112.12, -987.23],
}


class ECDD(BitDetector):
    """Raises an alarm when the recent error rate is far above the overall one.

    The limit depends on the overall rate p, by a polynomial of the paper, so that without a change
    a false alarm should come once in `average_run_length` values: the chart is nervous by design.
    Alarms and warnings are those of MOA's ``EWMAChartDM``, which knows 400 alone.

    Where p is known, 400 gives 190 to 290 values between false alarms for p from 0.05 to 0.4.  At
    0.5 and above its limit is beyond 1, which an average of 0 and 1 never passes: there the chart
    is deaf.  Of the other two polynomials 100 gives 68 at 0.05 and 26 at 0.2, and 1000 gives 20
    and 123: below its name at any rate but about 0.3, so 400 is the one to use.

    An alarm's statistic is the weighted average, its threshold the limit above the overall rate.
    ``size`` is the distance of the two rates, and the new level ``1 / lambda_`` values old, the
    span of the average.  It is always a rise.  The method has no p-value.

    Parameters
    ----------
    min_instances
        No alarm before this many values, no warning before as many less one, as in MOA.
    lambda_
        Weight of the newest value.  The limits were computed for 0.2.
    average_run_length
        Values between false alarms, on average.

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
    """

    kind = "ecdd"
    parameter_names = ("min_instances", "lambda_", "average_run_length")
    kernel = ecdd_run

    def __init__(
        self,
        min_instances: int = 30,
        lambda_: float = 0.2,
        average_run_length: RunLength = 400,
    ) -> None:
        self.min_instances = int(checked("min_instances", min_instances, 0, 2**53))
        self.lambda_ = float(checked("lambda_", lambda_, 1e-6, 1.0))
        if average_run_length not in _LIMITS:
            raise ParameterError(
                f"average_run_length = {average_run_length!r} is not one of {get_args(RunLength)}"
            )
        self.average_run_length: RunLength = average_run_length
        params = [self.min_instances, self.lambda_, *_LIMITS[average_run_length]]
        super().__init__(params, n_counts=N_COUNTS, n_sums=1)
