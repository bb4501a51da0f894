"""What one leaf makes of one row: for trees that are grown, watched and dropped by other trees.

The same steps as in `streamadapt.models.hoeffding_tree_kernels.run_block`, to the bit, but one
call each, and for leaves that know a random subset of the columns only.  Such a subset is a list
of places in ``columns``, in the order of the columns themselves, at the end of the leaf's head.
The leaf's numeric columns lie side by side in ``gauss``; columns that are not in the subset, and
room that is not needed, hold 0 for ever, which changes no likelihood.
"""

from __future__ import annotations

import math

from streamadapt.contracts import FloatArray
from streamadapt.jit import inlined_kernel
from streamadapt.models.gaussian_kernels import (
    MAX_VALUE,
    gauss_distance,
    gauss_log_scale,
    observe_gauss,
)
from streamadapt.models.hoeffding_tree_kernels import (
    BAYES_CORRECT,
    HAS_SEEN,
    IMPOSSIBLE,
    MAJORITY,
    MAJORITY_CORRECT,
    N_HEADS,
    NAIVE_BAYES_ADAPTIVE,
    PRIOR,
    SINCE_ATTEMPT,
    Records,
    fill_shares,
    fill_softmax,
    gather,
    log_weight,
    majority,
)
from streamadapt.models.nominal_kernels import (
    count_log_scale,
    count_log_values,
    observe_counts,
)

__all__ = [
    "class_of",
    "fill_votes",
    "is_whole",
    "judge",
    "judge_class",
    "learn_at",
    "trusts_bayes",
]


@inlined_kernel
def _gather_subset(
    columns: Records, n_numeric: int, first: int, heads: FloatArray, slot: int, n_gauss: int,
    X: FloatArray, i: int, row: FloatArray,
) -> bool:  # fmt: skip
    """Put what the leaf may see of row i where its observers look for it; return if it is whole."""
    for p in range(row.shape[0]):
        row[p] = 0.0
    whole, g = True, 0
    for j in range(first, heads.shape[1]):
        p = int(heads[slot, j])
        v = X[i, columns[p].source]
        known = abs(v) <= MAX_VALUE
        if p >= n_numeric:
            known = 0.0 <= v < columns[p].n_values and v == int(v)
            row[p] = v if known else math.nan
        else:
            row[g] = v if known else math.nan
            g += 1
        whole = whole and known
    return whole


@inlined_kernel
def judge(
    X: FloatArray, i: int, leaf: int, slot: int,
    tree: Records, columns: Records, class_weights: FloatArray, heads: FloatArray,
    gauss: FloatArray, counts: FloatArray, row: FloatArray, scratch: FloatArray,
) -> int:  # fmt: skip
    """Return naive Bayes's class for X[i], or `PRIOR`; its logarithms are scratch's last row.

    Leaves in `row` what `learn_at` needs of X[i].
    """
    if slot < 0:
        return PRIOR
    k = class_weights.shape[1]
    first = N_HEADS + k
    n_numeric = tree[0].n_numeric
    if heads.shape[1] == first:
        whole = gather(columns, n_numeric, X, i, row)
    elif heads[slot, first] < 0.0:  # nothing is drawn before the first row is learned
        return PRIOR
    else:
        whole = _gather_subset(columns, n_numeric, first, heads, slot, gauss.shape[3], X, i, row)
    if heads[slot, HAS_SEEN] == 0.0 or tree[0].leaf_prediction == MAJORITY:
        return PRIOR
    has_nominal, logs = n_numeric < columns.shape[0], scratch.shape[0] - 1
    bayes, highest = PRIOR, -math.inf
    if has_nominal:
        count_log_values(counts, columns, n_numeric, slot, row, scratch)
    for c in range(k):
        log = heads[slot, N_HEADS + c]
        if not whole:
            log = log_weight(class_weights, leaf, c)
            log += gauss_log_scale(gauss, slot, c, row, False)
            log += count_log_scale(counts, columns, n_numeric, slot, c, row, False)
        if log > -math.inf:
            distance = gauss_distance(gauss, slot, c, row)
            log = log - 0.5 * distance if distance < IMPOSSIBLE else -math.inf
            log += scratch[logs, c] if has_nominal else 0.0
        scratch[logs, c] = log
        if log > highest:
            bayes, highest = c, log
    return bayes


@inlined_kernel
def is_whole(row: FloatArray) -> bool:
    """Tell whether nothing is missing of the row that `judge` has left."""
    whole = True
    for p in range(row.shape[0]):
        whole = whole and row[p] == row[p]
    return whole


@inlined_kernel
def judge_class(
    c: int, slot: int, log_value: float, tree: Records, columns: Records,
    class_weights: FloatArray, heads: FloatArray, gauss: FloatArray, row: FloatArray,
    scratch: FloatArray,
) -> int:  # fmt: skip
    """Return what `judge` would for the same row, which is whole, after it was learned as class c.

    `log_value` is what `learn_at` has returned.  The other classes' logarithms stand in scratch
    still.
    """
    bayes, highest = PRIOR, -math.inf
    if tree[0].leaf_prediction == MAJORITY:
        return bayes
    log, logs = heads[slot, N_HEADS + c], scratch.shape[0] - 1
    if log > -math.inf:
        distance = gauss_distance(gauss, slot, c, row)
        log = log - 0.5 * distance if distance < IMPOSSIBLE else -math.inf
        log += log_value if tree[0].n_numeric < columns.shape[0] else 0.0
    scratch[logs, c] = log
    for b in range(class_weights.shape[1]):
        if scratch[logs, b] > highest:
            bayes, highest = b, scratch[logs, b]
    return bayes


@inlined_kernel
def trusts_bayes(heads: FloatArray, slot: int, kind: int) -> bool:
    """Tell whether a leaf predicts by naive Bayes now."""
    if slot < 0 or kind == MAJORITY:
        return False
    if kind == NAIVE_BAYES_ADAPTIVE:
        return bool(heads[slot, MAJORITY_CORRECT] <= heads[slot, BAYES_CORRECT])
    return True


@inlined_kernel
def class_of(
    bayes: int, leaf: int, slot: int, kind: int, class_weights: FloatArray, heads: FloatArray
) -> int:
    """Return the class that the leaf predicts; 0 if it knows nothing."""
    if bayes != PRIOR and trusts_bayes(heads, slot, kind):
        return bayes
    return int(max(majority(class_weights, leaf), 0))


@inlined_kernel
def fill_votes(
    bayes: int, leaf: int, slot: int, kind: int, class_weights: FloatArray, heads: FloatArray,
    scratch: FloatArray, P: FloatArray, i: int,
) -> None:  # fmt: skip
    """Predict probabilities into P[i], after `judge`."""
    if bayes != PRIOR and trusts_bayes(heads, slot, kind):
        fill_softmax(scratch, bayes, P, i)
    else:
        fill_shares(class_weights, leaf, P, i)


@inlined_kernel
def learn_at(
    leaf: int, slot: int, c: int, w: float, bayes: int,
    tree: Records, columns: Records, class_weights: FloatArray, heads: FloatArray,
    gauss: FloatArray, counts: FloatArray, row: FloatArray,
) -> tuple[bool, float]:  # fmt: skip
    """Let the leaf learn the row last judged here.

    Returns whether it is time to try a split, and the log-likelihood of the row's nominal values
    in class c then, up to its scale.
    """
    if slot >= 0 and tree[0].leaf_prediction == NAIVE_BAYES_ADAPTIVE:
        heaviest = majority(class_weights, leaf)
        if heaviest == c:
            heads[slot, MAJORITY_CORRECT] += w
        if bayes == c or (bayes == PRIOR and max(heaviest, 0) == c):
            heads[slot, BAYES_CORRECT] += w
    class_weights[leaf, c] += w
    log_value = 0.0
    if slot < 0:
        return False, log_value
    n_numeric = tree[0].n_numeric
    heads[slot, HAS_SEEN] = 1.0
    observe_gauss(gauss, slot, c, row, w)
    log = log_weight(class_weights, leaf, c) + gauss_log_scale(gauss, slot, c, row, True)
    if n_numeric < columns.shape[0]:
        log_scale, log_value = observe_counts(counts, columns, n_numeric, slot, c, row, w)
        log += log_scale
    heads[slot, N_HEADS + c] = log
    heads[slot, SINCE_ATTEMPT] += w
    is_time = heads[slot, SINCE_ATTEMPT] >= tree[0].grace_period
    if is_time:
        heads[slot, SINCE_ATTEMPT] = 0.0
    return is_time, log_value
