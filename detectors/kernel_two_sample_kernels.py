"""The inner loop of the two-sample test: random features of rows, and a studentised projection."""

from __future__ import annotations

import math

from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.detectors.detector_kernels import LIMIT
from streamadapt.jit import kernel

__all__ = ["N_COUNTS", "N_FIELDS", "N_REFERENCE", "N_WINDOW", "prepare", "two_sample_run"]

# Places in the counters.
ALARM, N_SEEN, N_SKIPPED, N_REFERENCE, N_WINDOW = 0, 1, 2, 3, 4
N_COUNTS = 5

N_FIELDS = 5
"""Width of an alarm's row: index, statistic, size, feature, shift."""


@kernel
def two_sample_run(
    X: FloatArray,
    flags: BoolArray,
    rows: FloatArray,
    threshold: float,
    counts: IntArray,
    reference: FloatArray,
    window: FloatArray,
    frequencies: FloatArray,
    standard: FloatArray,
    phi: FloatArray,
    scratch: FloatArray,
) -> int:
    """Take rows X [n, d] in order; note alarms in `flags` and `rows`, return their number.

    ``reference`` [r, d] and ``window`` [w, d] hold rows; ``standard`` [2, d] and ``phi`` [r, m] are
    what `prepare` made of a full reference; ``scratch`` is [w + 1, m].
    """
    n_alarms, n_reference, n_window = 0, reference.shape[0], window.shape[0]
    for i in range(X.shape[0]):
        counts[ALARM] = 0
        if not _is_usable(X[i]):
            counts[N_SKIPPED] += 1
            continue
        counts[N_SEEN] += 1
        if counts[N_REFERENCE] < n_reference:
            reference[counts[N_REFERENCE]] = X[i]
            counts[N_REFERENCE] += 1
            if counts[N_REFERENCE] == n_reference:
                prepare(reference, frequencies, standard, phi)
            continue
        window[counts[N_WINDOW]] = X[i]
        counts[N_WINDOW] += 1
        if counts[N_WINDOW] < n_window:
            continue
        counts[N_WINDOW] = 0
        statistic, size = _statistic(window, frequencies, standard, phi, scratch)
        if statistic > threshold:
            feature, shift = _moved_most(window, standard)
            rows[n_alarms, 0], rows[n_alarms, 1], rows[n_alarms, 2] = i, statistic, size
            rows[n_alarms, 3], rows[n_alarms, 4] = feature, shift
            n_alarms += 1
            flags[i] = True
            counts[ALARM], counts[N_REFERENCE] = 1, 0
    return n_alarms


@kernel
def _is_usable(row: FloatArray) -> bool:
    n_usable = 0
    for x in row:
        n_usable += abs(x) <= LIMIT  # NaN fails every comparison
    return bool(n_usable == row.size)


@kernel
def prepare(
    reference: FloatArray, frequencies: FloatArray, standard: FloatArray, phi: FloatArray
) -> None:
    """Write mean and deviation of each feature, and the random features of all rows."""
    n = reference.shape[0]
    for j in range(reference.shape[1]):
        mean, squares = 0.0, 0.0
        for i in range(n):
            gap = reference[i, j] - mean
            mean += gap / (i + 1)
            squares += gap * (reference[i, j] - mean)
        deviation = math.sqrt(squares / n)
        # A feature that never changed: any other value of it is far away.
        standard[0, j], standard[1, j] = mean, deviation if deviation > 0.0 else 1.0
    for i in range(n):
        _random_features(reference[i], frequencies, standard, phi[i])


@kernel
def _random_features(
    row: FloatArray, frequencies: FloatArray, standard: FloatArray, out: FloatArray
) -> None:
    """Write cosines and sines of random directions; their products are about the RBF kernel."""
    for k in range(frequencies.shape[0]):
        angle = 0.0
        for j in range(row.size):
            angle += frequencies[k, j] * ((row[j] - standard[0, j]) / standard[1, j])
        if not abs(angle) <= LIMIT:
            angle = LIMIT  # far away in any direction
        out[2 * k], out[2 * k + 1] = math.cos(angle), math.sin(angle)


@kernel
def _statistic(
    window: FloatArray,
    frequencies: FloatArray,
    standard: FloatArray,
    phi: FloatArray,
    scratch: FloatArray,
) -> tuple[float, float]:
    """Return the studentised cross-MMD, and the squared MMD that it estimates.

    Even rows of both samples give the direction in which their means differ; odd rows are compared
    along it, as two samples of numbers.
    """
    n, m, d = phi.shape[0], window.shape[0], phi.shape[1]
    for i in range(m):
        _random_features(window[i], frequencies, standard, scratch[i])
    witness = scratch[m]
    for k in range(d):
        old, new = 0.0, 0.0
        for i in range(0, n, 2):
            old += phi[i, k]
        for i in range(0, m, 2):
            new += scratch[i, k]
        witness[k] = new / ((m + 1) // 2) - old / ((n + 1) // 2)
    old_mean, old_error = _along(phi, witness, n)
    new_mean, new_error = _along(scratch, witness, m)
    size, error = new_mean - old_mean, math.sqrt(old_error + new_error)
    scale = 2.0 / d  # of the features, so that the kernel of a row with itself is 1
    if error > 0.0:
        return size / error, size * scale
    return (LIMIT if size > 0.0 else 0.0), size * scale


@kernel
def _along(phi: FloatArray, witness: FloatArray, n: int) -> tuple[float, float]:
    """Return the mean of the odd ones of n rows along a direction, and its squared error."""
    mean, squares, count = 0.0, 0.0, 0
    for i in range(1, n, 2):
        x = 0.0
        for k in range(witness.size):
            x += phi[i, k] * witness[k]
        count += 1
        gap = x - mean
        mean += gap / count
        squares += gap * (x - mean)
    return mean, squares / (count - 1) / count


@kernel
def _moved_most(window: FloatArray, standard: FloatArray) -> tuple[int, float]:
    """Return the feature whose mean moved the most deviations, and by how many."""
    best, most = 0, 0.0
    for j in range(window.shape[1]):
        mean = 0.0
        for i in range(window.shape[0]):
            mean += (window[i, j] - standard[0, j]) / standard[1, j] / window.shape[0]
        if abs(mean) > abs(most):
            best, most = j, mean
    return best, most
