"""The inner loop of the two-sample test: random features of rows, and a studentised projection."""

from __future__ import annotations

import math

import numpy as np

from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.detectors.detector_kernels import LIMIT
from streamadapt.jit import kernel

__all__ = [
    "N_COUNTS",
    "N_FIELDS",
    "N_REFERENCE",
    "N_STANDARD",
    "N_WINDOW",
    "prepare",
    "two_sample_run",
]

# Places in the counters.
ALARM, N_SEEN, N_SKIPPED, N_REFERENCE, N_WINDOW = 0, 1, 2, 3, 4
N_COUNTS = 5

N_FIELDS = 5
"""Width of an alarm's row: index, statistic, size, feature, shift."""

# Rows of what rows are standardised by: centre, scale, and the mean of the reference in these.
CENTRE, SCALE, MEAN = 0, 1, 2
N_STANDARD = 3

MOST_SHIFT = 10.0
"""What a value may count for in a mean of standardised ones, either way."""

TINY = 1e-100
"""In the place of a constant's size where it is 0: any other value may be as small as that."""


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

    ``reference`` [r, d] and ``window`` [w, d] hold rows; ``standard`` [3, d] and ``phi`` [r, m] are
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
    """Write what standardises each feature, and the random features of all rows."""
    n = reference.shape[0]
    for j in range(reference.shape[1]):
        ordered = np.sort(reference[:, j])
        standard[CENTRE, j] = 0.5 * ordered[(n - 1) // 2] + 0.5 * ordered[n // 2]
        standard[SCALE, j] = _scale(ordered)
        standard[MEAN, j] = _mean(reference, standard, j)
    for i in range(n):
        _random_features(reference[i], frequencies, standard, phi[i])


@kernel
def _scale(ordered: FloatArray) -> float:
    """Return the deviation of sorted values, of which a few may be anything.

    It is that of normal values with the same distance of the quartiles; or where these are one
    value, as of bits that are seldom 1, of values further out.
    """
    n = ordered.size
    for outside, deviations in ((0.25, 1.349), (0.05, 3.290), (0.01, 4.653)):
        k = int(outside * (n - 1))
        spread = ordered[n - 1 - k] - ordered[k]
        if spread > 0.0:
            return float(spread / deviations)
    mean, squares = 0.0, 0.0
    for i in range(n):
        gap = ordered[i] - mean
        mean += gap / (i + 1)
        squares += gap * (ordered[i] - mean)
    if squares > 0.0:
        return math.sqrt(squares / n)
    # A feature that never changed: any other value of it is far away.
    return float(1e-9 * max(abs(ordered[0]), TINY))


@kernel
def _mean(rows: FloatArray, standard: FloatArray, j: int) -> float:
    """Return the mean of a standardised feature; no value counts for more than `MOST_SHIFT`."""
    total = 0.0
    for i in range(rows.shape[0]):
        x = (rows[i, j] - standard[CENTRE, j]) / standard[SCALE, j]
        total += min(max(x, -MOST_SHIFT), MOST_SHIFT)
    return float(total / rows.shape[0])


@kernel
def _random_features(
    row: FloatArray, frequencies: FloatArray, standard: FloatArray, out: FloatArray
) -> None:
    """Write cosines and sines of random directions; their products are about the RBF kernel."""
    for k in range(frequencies.shape[0]):
        angle = 0.0
        for j in range(row.size):
            angle += frequencies[k, j] * ((row[j] - standard[CENTRE, j]) / standard[SCALE, j])
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
        shift = _mean(window, standard, j) - standard[MEAN, j]
        if abs(shift) > abs(most):
            best, most = j, shift
    return best, most
