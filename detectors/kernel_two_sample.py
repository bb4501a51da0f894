"""A detector on rows without labels: a kernel two-sample test, no permutations."""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from streamadapt.contracts import BoolArray, FloatArray
from streamadapt.detectors.kernel_two_sample_kernels import (
    N_COUNTS,
    N_FIELDS,
    N_REFERENCE,
    N_STANDARD,
    N_WINDOW,
    prepare,
    two_sample_run,
)
from streamadapt.detectors.multivariate import FeatureAlarm
from streamadapt.errors import (
    CorruptStateError,
    IncompatibleStateError,
    ParameterError,
    checked,
    whole,
)
from streamadapt.state import State

__all__ = ["KernelTwoSample", "student_quantile"]

_ALARM, _N_SEEN, _N_SKIPPED = 0, 1, 2

_N_TERMS = 100
"""Of a continued fraction; 50 are enough for 9 digits, with half a million degrees of freedom."""


class KernelTwoSample:
    """Raises an alarm when a window of rows is not distributed as the reference.

    The first `reference_size` rows are the reference, each `window_size` rows after it a window
    that is tested.  The kernel is Gaussian, approximated by random Fourier features.  The test is
    the cross-MMD: half of the rows give the direction in which the kernel means differ, the other
    half are compared along it by a studentised difference of means, which is normal without a
    change whatever the distribution: neither permutations nor an eigenvalue problem are needed for
    its threshold.  That is Student's with as many degrees of freedom as half a window has, which is
    a little more careful than the normal one.

    Rows are standardised by the reference's median and quartiles, so that a few wild rows of it do
    not matter; where the quartiles are one value, by quantiles further out.  Any other value of a
    feature that never changed is far away.

    After an alarm a new reference is gathered.  A row with a value that is NaN, infinite or beyond
    1e100 is counted in ``n_skipped`` and changes nothing else.

    Parameters
    ----------
    n_features
        Width d of a row.
    reference_size
        Rows of the reference.
    window_size
        Rows of a window; a change is found after one or two.
    alpha
        The probability of a false alarm in one test, about.
    n_frequencies
        Random directions; a row has twice as many random features.
    bandwidth
        Of the kernel, in units of ``sqrt(d)`` standard deviations.
    seed
        Of the random directions.

    References
    ----------
    A. Gretton et al. (2012): A kernel two-sample test. JMLR 13.
    S. Shekhar, I. Kim, A. Ramdas (2022): A permutation-free kernel two-sample test. NeurIPS.
    A. Rahimi, B. Recht (2007): Random features for large-scale kernel machines. NIPS.

    Examples
    --------
    >>> detector = KernelTwoSample(n_features=3)
    >>> X = np.random.default_rng(0).normal(size=(1000, 3))
    >>> X[700:, 2] *= 3.0  # no mean moves
    >>> np.flatnonzero(detector.update_many(X)).tolist()
    [799]
    >>> detector.alarms[0].change_point
    700
    """

    kind = "kernel_two_sample"
    takes_rows: Literal[True] = True
    state_version = 1
    parameter_names = (
        "n_features",
        "reference_size",
        "window_size",
        "alpha",
        "n_frequencies",
        "bandwidth",
        "seed",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - the method's own parameters
        self,
        n_features: int,
        reference_size: int = 500,
        window_size: int = 100,
        alpha: float = 0.0001,
        n_frequencies: int = 64,
        bandwidth: float = 0.5,
        seed: int = 0,
    ) -> None:
        self._n_features = whole("n_features", n_features, 1, 1_000_000)
        self.reference_size = whole("reference_size", reference_size, 8, 1_000_000)
        self.window_size = whole("window_size", window_size, 8, 1_000_000)
        self.alpha = float(checked("alpha", alpha, 1e-12, 0.5))
        self.n_frequencies = whole("n_frequencies", n_frequencies, 1, 10_000)
        self.bandwidth = float(checked("bandwidth", bandwidth, 1e-6, 1e6))
        self.seed = whole("seed", seed, 0, 2**53)
        self._threshold = student_quantile(self.alpha, self.window_size // 2 - 1)
        directions = np.random.default_rng(self.seed).normal(
            size=(self.n_frequencies, self._n_features)
        )
        self._frequencies = directions / (self.bandwidth * math.sqrt(self._n_features))
        self._counts = np.zeros(N_COUNTS, np.int64)
        self._reference = np.zeros((self.reference_size, self._n_features))
        self._window = np.zeros((self.window_size, self._n_features))
        self._standard = np.zeros((N_STANDARD, self._n_features))
        self._phi = np.zeros((self.reference_size, 2 * self.n_frequencies))
        self._scratch = np.zeros((self.window_size + 1, 2 * self.n_frequencies))
        self._found: list[list[float]] = []

    @property
    def n_features(self) -> int:
        """Width d of a row."""
        return self._n_features

    @property
    def n_seen(self) -> int:
        """How many usable rows were ever taken."""
        return int(self._counts[_N_SEEN])

    @property
    def n_skipped(self) -> int:
        """How many rows were ever skipped for a value that is NaN, infinite or beyond 1e100."""
        return int(self._counts[_N_SKIPPED])

    @property
    def drift_detected(self) -> bool:
        """Whether the last row raised an alarm."""
        return bool(self._counts[_ALARM])

    @property
    def alarms(self) -> list[FeatureAlarm]:
        """The alarms of the last call, in order."""
        return [self._alarm(row) for row in self._found]

    def update_many(self, X: ArrayLike) -> BoolArray:
        """Take rows float64 [n, d] in order; return bool [n], True where an alarm was raised.

        Raises
        ------
        ParameterError
            If `X` has another shape.
        """
        values: FloatArray = np.require(X, np.float64, ["C", "W"])
        if values.ndim != 2 or values.shape[1] != self.n_features:
            raise ParameterError(f"X has shape {values.shape}, expected (n, {self.n_features})")
        flags = np.zeros(len(values), np.bool_)
        rows = np.empty((len(values) // self.window_size + 1, N_FIELDS))
        n = two_sample_run(
            values,
            flags,
            rows,
            self._threshold,
            self._counts,
            self._reference,
            self._window,
            self._frequencies,
            self._standard,
            self._phi,
            self._scratch,
        )
        self._found = rows[:n].tolist()
        return flags

    def state(self) -> State:
        """Return parameters, counters and the rows that are held, as copies."""
        return State(
            self.kind,
            self.state_version,
            {
                "parameters": self._parameters(),
                "counts": self._counts.copy(),
                "reference": self._reference[: self._counts[N_REFERENCE]].copy(),
                "window": self._window[: self._counts[N_WINDOW]].copy(),
            },
        )

    def restore(self, state: State) -> None:
        """Become what `state` describes, or raise `StateError` and stay unchanged."""
        state.expect(self.kind, self.state_version)
        mine, theirs = self._parameters(), state.child("parameters")
        if theirs.digest() != mine.digest():
            raise IncompatibleStateError(
                f"{self.kind}: state of {dict(theirs.values)} cannot restore {dict(mine.values)}"
            )
        counts = state.integers("counts")
        reference, window = state.floats("reference"), state.floats("window")
        if counts.shape != (N_COUNTS,) or not self._fits(reference, window, counts.tolist()):
            raise CorruptStateError(f"{self.kind}: the rows held do not fit their counters")
        self._counts[:] = counts
        self._reference[: len(reference)], self._window[: len(window)] = reference, window
        if len(reference) == self.reference_size:
            prepare(self._reference, self._frequencies, self._standard, self._phi)
        self._found = []

    def _fits(self, reference: FloatArray, window: FloatArray, counts: list[int]) -> bool:
        n, m = counts[N_REFERENCE], counts[N_WINDOW]
        shapes = reference.shape, window.shape
        return (
            min(counts) >= 0
            and shapes == ((n, self.n_features), (m, self.n_features))
            and n <= self.reference_size
            and m < self.window_size
            and (m == 0 or n == self.reference_size)
        )

    def _parameters(self) -> State:
        return State("parameters", 1, {name: getattr(self, name) for name in self.parameter_names})

    def _alarm(self, row: list[float]) -> FeatureAlarm:
        index, statistic, size, feature, shift = row
        p_value = _student_tail(statistic, self.window_size // 2 - 1)
        return FeatureAlarm(
            int(index),
            statistic,
            self._threshold,
            size,
            int(feature),
            shift,
            self.window_size,
            p_value,
        )


@cache
def student_quantile(alpha: float, df: int) -> float:
    """Return what Student's t with `df` degrees of freedom exceeds with probability `alpha`.

    Examples
    --------
    >>> round(student_quantile(0.025, 10), 4), round(student_quantile(0.0001, 49), 4)
    (2.2281, 4.0205)
    """
    low, high = 0.0, 1.0
    while _student_tail(high, df) > alpha:
        high *= 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _student_tail(middle, df) > alpha else (low, middle)
    return 0.5 * (low + high)


def _student_tail(t: float, df: int) -> float:
    """Return the probability beyond t >= 0: half an incomplete beta function."""
    ratio = t * t / df
    if not 0.0 < ratio < math.inf:
        return 0.5 if ratio == 0.0 else 0.0
    a, b, log_x = 0.5 * df, 0.5, -math.log1p(ratio)
    x = math.exp(log_x)
    log_front = a * log_x + b * (log_x + math.log(ratio))
    front = math.exp(log_front + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b))
    if x < (a + 1.0) / (a + b + 2.0):
        return 0.5 * front / (a * _continued_fraction(x, a, b))
    return 0.5 - 0.5 * front / (b * _continued_fraction(ratio * x, b, a))


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Return that by which x**a (1-x)**b / (a B(a, b)) is divided for the incomplete beta function.

    It is 1 + d1/(1 + d2/(1 + ...)) of DLMF 8.17.22, whose terms are there for many m.
    """
    value = 1.0
    for m in range(_N_TERMS, 0, -1):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m - 1) * (a + b + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1))
        value = 1.0 + odd / (1.0 + even / value)
    return value
