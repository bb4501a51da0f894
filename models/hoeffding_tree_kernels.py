"""Kernels of the Hoeffding tree classifier: rows through the tree, naive Bayes, splits, memory.

A leaf's ``first_child`` in the node pool is its slot, the place of its observers, or -1 while it
has none (it is then inactive: it counts classes and nothing else).  Every number is a strict IEEE
function of the state alone, so predicting a row alone, within a block or while learning gives the
same bits.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.jit import inlined_kernel, lean_kernel
from streamadapt.models.gaussian_kernels import (
    MAX_VALUE,
    clear_gauss,
    forget_gauss,
    gauss_branches,
    gauss_distance,
    gauss_log_scale,
    observe_gauss,
    suggest_gauss,
)
from streamadapt.models.nominal_kernels import (
    clear_counts,
    count_branches,
    count_log_scale,
    count_log_values,
    forget_counts,
    observe_counts,
    suggest_counts,
)
from streamadapt.models.split_merit_kernels import INFO_GAIN, TIE, impurity, merit_range
from streamadapt.models.split_screen_kernels import N_ROOM, cannot_split
from streamadapt.models.tree_kernels import BELOW, grow, leaf_of

__all__ = [
    "BAYES_CORRECT",
    "COLUMN",
    "HAS_SEEN",
    "IMPOSSIBLE",
    "MAJORITY",
    "MAJORITY_CORRECT",
    "MAX_WEIGHT",
    "NAIVE_BAYES",
    "NAIVE_BAYES_ADAPTIVE",
    "N_HEADS",
    "PRIOR",
    "SINCE_ATTEMPT",
    "TREE",
    "Pools",
    "Records",
    "activate",
    "attempt_split",
    "claim_slot",
    "fill_shares",
    "fill_softmax",
    "forget_all",
    "gather",
    "is_blank",
    "log_weight",
    "majority",
    "promise_of",
    "rank_leaves",
    "release",
    "run_block",
    "weight_of",
]

MAJORITY, NAIVE_BAYES, NAIVE_BAYES_ADAPTIVE = 0, 1, 2
MAX_WEIGHT = 1e15

# The first numbers of a slot in Pools.heads, all but the last sums of weights.
SINCE_ATTEMPT, MAJORITY_CORRECT, BAYES_CORRECT, HAS_SEEN = 0, 1, 2, 3
N_HEADS = 4

Records: TypeAlias = "NDArray[np.void]"

IMPOSSIBLE = 1e100  # squared distance: far beyond any density a float can hold
PRIOR = -1  # instead of a class: naive Bayes knows nothing beyond the class weights


TREE = np.dtype(
    [
        ("grace_period", "f8"),
        ("log_inverse_delta", "f8"),
        ("tau", "f8"),
        ("leaf_prediction", "i8"),
        ("criterion", "i8"),
        ("n_split_points", "i8"),
        ("binary_split", "i8"),
        ("max_depth", "i8"),
        ("memory_estimate_period", "i8"),
        ("n_numeric", "i8"),
        ("most_nodes", "i8"),
        ("n_nodes", "i8"),
        ("n_leaves", "i8"),
        ("n_free", "i8"),
        ("n_learned", "i8"),
        ("n_skipped", "i8"),
        ("n_refused", "i8"),
        ("n_deactivated", "i8"),
        ("n_activated", "i8"),
    ]
)
COLUMN = np.dtype(
    [
        ("source", "i4"),  # of the element at this place of a gathered row
        ("n_values", "i4"),  # of that element, 0 if numeric
        ("offset", "i4"),  # of its rows in counts
        ("place", "i4"),  # of the column with this number: the inverse of source
    ]
)


class Pools(NamedTuple):
    """All a tree is made of, allocated once, in the order in which kernels take it.

    Kernels take them one by one: a tuple of arrays is copied and counted at every inner call.
    """

    tree: Records  # TREE [1] settings and counters
    columns: Records  # COLUMN [d] of a row as gathered: numeric ones first
    nodes: Records  # NODE [n]
    class_weights: FloatArray  # [n, k] training weight per class; of an inner node when it split
    heads: FloatArray  # [slots, N_HEADS + k] see above; then per class the log of its weight
    # times all of naive Bayes that no value enters
    gauss: FloatArray  # [slots, k, N_STATISTICS, numeric features]
    counts: FloatArray  # [slots, rows, k]
    free_slots: IntArray  # [slots] a stack of tree[0].n_free
    row: FloatArray  # scratch [d] the values of a row, in the order of columns
    scratch: FloatArray  # [most values + 1, k] class weights of branches; last, naive Bayes
    promises: FloatArray  # scratch [n]


@lean_kernel
def run_block(
    ops: OpArray,
    X: FloatArray,
    y: IntArray,
    w: FloatArray,
    P: FloatArray,
    tree: Records,
    columns: Records,
    nodes: Records,
    class_weights: FloatArray,
    heads: FloatArray,
    gauss: FloatArray,
    counts: FloatArray,
    free_slots: IntArray,
    row: FloatArray,
    scratch: FloatArray,
    promises: FloatArray,
) -> None:
    """Predict into P, and learn, rows in order; see `streamadapt.contracts.Learner.run`.

    What it calls for every row calls nothing itself: see `leaf_of`.
    """
    kind, n_numeric, k = tree[0].leaf_prediction, tree[0].n_numeric, class_weights.shape[1]
    has_nominal = n_numeric < columns.shape[0]
    logs = scratch.shape[0] - 1
    for i in range(ops.shape[0]):
        predicts = (ops[i] & PREDICT) != 0
        learns = (ops[i] & LEARN) != 0 and w[i] != 0.0
        if learns and not (0 <= y[i] < k and 0.0 < w[i] <= MAX_WEIGHT):
            tree[0].n_skipped += 1
            learns = False
        if not (predicts or learns):
            continue
        leaf: int = leaf_of(X, i, nodes, 0, w[i] if learns else 0.0)
        slot = int(nodes[leaf].first_child)
        adaptive = slot >= 0 and kind == NAIVE_BAYES_ADAPTIVE
        trusts_bayes = slot >= 0 and kind != MAJORITY
        if adaptive:
            trusts_bayes = heads[slot, MAJORITY_CORRECT] <= heads[slot, BAYES_CORRECT]
        whole = True
        if slot >= 0 and (learns or trusts_bayes):
            whole = gather(columns, n_numeric, X, i, row)

        bayes, highest = PRIOR, -math.inf
        needs_bayes = (predicts and trusts_bayes) or (learns and adaptive)
        if needs_bayes and heads[slot, HAS_SEEN] != 0.0:
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

        if predicts:
            if trusts_bayes and bayes != PRIOR:
                fill_softmax(scratch, bayes, P, i)
            else:
                fill_shares(class_weights, leaf, P, i)
        if not learns:
            continue

        c = y[i]
        tree[0].n_learned += 1
        if adaptive:
            heaviest = majority(class_weights, leaf)
            if heaviest == c:
                heads[slot, MAJORITY_CORRECT] += w[i]
            if bayes == c or (bayes == PRIOR and max(heaviest, 0) == c):
                heads[slot, BAYES_CORRECT] += w[i]
        class_weights[leaf, c] += w[i]
        if slot >= 0:
            heads[slot, HAS_SEEN] = 1.0
            observe_gauss(gauss, slot, c, row, w[i])
            log = log_weight(class_weights, leaf, c) + gauss_log_scale(gauss, slot, c, row, True)
            if has_nominal:
                log += observe_counts(counts, columns, n_numeric, slot, c, row, w[i])[0]
            heads[slot, N_HEADS + c] = log
            heads[slot, SINCE_ATTEMPT] += w[i]
            if heads[slot, SINCE_ATTEMPT] >= tree[0].grace_period:
                heads[slot, SINCE_ATTEMPT] = 0.0
                if nodes[leaf].depth < tree[0].max_depth:
                    attempt_split(
                        tree,
                        columns,
                        nodes,
                        class_weights,
                        heads,
                        gauss,
                        counts,
                        free_slots,
                        scratch,
                        promises,
                        leaf,
                    )
        if tree[0].n_learned % tree[0].memory_estimate_period == 0:
            rank_leaves(tree, nodes, class_weights, heads, gauss, counts, free_slots, promises)


@inlined_kernel
def log_weight(class_weights: FloatArray, leaf: int, c: int) -> float:
    """Return the log of a class weight, -inf for none."""
    weight = class_weights[leaf, c]
    return math.log(weight) if weight > 0.0 else -math.inf


@inlined_kernel
def majority(class_weights: FloatArray, leaf: int) -> int:
    """Return the heaviest class, the first of equals; -1 before the first row."""
    best, most = -1, 0.0
    for c in range(class_weights.shape[1]):
        if class_weights[leaf, c] > most:
            best, most = c, class_weights[leaf, c]
    return best


@inlined_kernel
def is_blank(class_weights: FloatArray, leaf: int) -> bool:
    """Tell whether the leaf has seen no class."""
    blank = True
    for c in range(class_weights.shape[1]):
        blank = blank and class_weights[leaf, c] <= 0.0
    return blank


@inlined_kernel
def gather(columns: Records, n_numeric: int, X: FloatArray, i: int, row: FloatArray) -> bool:
    """Put row i into the order of columns, NaN for what cannot be used; return if all can be."""
    whole = True
    for p in range(columns.shape[0]):
        v = X[i, columns[p].source]
        known = abs(v) <= MAX_VALUE
        if p >= n_numeric:
            known = 0.0 <= v < columns[p].n_values and v == int(v)
        row[p] = v if known else math.nan
        whole = whole and known
    return whole


@inlined_kernel
def fill_shares(class_weights: FloatArray, leaf: int, P: FloatArray, i: int) -> None:
    """Predict the shares of the class weights; all alike where nothing was seen."""
    total = 0.0
    for c in range(P.shape[1]):
        total += class_weights[leaf, c]
    for c in range(P.shape[1]):
        P[i, c] = class_weights[leaf, c] / total if total > 0.0 else 1.0 / P.shape[1]


@lean_kernel
def weight_of(class_weights: FloatArray, i: int) -> float:
    """Return the weight of all classes in row i."""
    total: float = 0.0
    for c in range(class_weights.shape[1]):
        total += class_weights[i, c]
    return total


@inlined_kernel
def fill_softmax(scratch: FloatArray, best: int, P: FloatArray, i: int) -> None:
    """Predict by the logarithms in the last row of scratch, of which `best` is the largest."""
    total = 0.0
    last = scratch.shape[0] - 1
    for c in range(P.shape[1]):
        P[i, c] = 1.0 if c == best else math.exp(scratch[last, c] - scratch[last, best])
        total += P[i, c]
    for c in range(P.shape[1]):
        P[i, c] /= total


@lean_kernel
def attempt_split(
    tree: Records,
    columns: Records,
    nodes: Records,
    class_weights: FloatArray,
    heads: FloatArray,
    gauss: FloatArray,
    counts: FloatArray,
    free_slots: IntArray,
    scratch: FloatArray,
    promises: FloatArray,
    leaf: int,
) -> None:
    """Split the leaf if the best feature is better than all others with confidence.

    Refused, and counted, if there would be more nodes than the tree's `most_nodes`.
    Where heads are longer than a Hoeffding tree's, only the columns at the places that they end
    with are tried, in their order; the numeric ones of these lie side by side in `gauss`.
    """
    n_classes = 0
    for c in range(class_weights.shape[1]):
        n_classes += int(class_weights[leaf, c] != 0.0)
    if n_classes < 2:
        return
    if tree[0].n_nodes + 2 > tree[0].most_nodes:
        tree[0].n_refused += 1
        return
    slot = int(nodes[leaf].first_child)
    criterion = tree[0].criterion
    total = weight_of(class_weights, leaf)
    span = merit_range(class_weights, leaf, criterion)
    bound = math.sqrt(span * span * tree[0].log_inverse_delta / (2.0 * total))
    subset = N_HEADS + class_weights.shape[1]
    is_open = bound >= tree[0].tau and criterion == INFO_GAIN and promises.size >= N_ROOM
    if is_open and cannot_split(tree, columns, heads, subset, gauss, counts, slot, bound, promises):
        return
    before = impurity(class_weights, leaf, criterion)
    # Not to split is a candidate too, but by information gain any other wins.
    null = -math.inf if criterion == INFO_GAIN else 1.0 - before
    best, second = null + TIE, -math.inf
    chosen, chosen_gauss, test, threshold = -1, -1, BELOW, math.nan
    n_subset, n_numeric = heads.shape[1] - subset, 0
    for j in range(n_subset if n_subset > 0 else columns.shape[0]):
        p = int(heads[slot, subset + j]) if n_subset > 0 else int(columns[j].place)
        g, p_test = (n_numeric if n_subset > 0 else p), BELOW
        if p < tree[0].n_numeric:
            n_numeric += 1
            m, p_threshold = suggest_gauss(
                gauss, slot, g, tree[0].n_split_points, before, criterion, scratch
            )
        else:
            m, p_test, p_threshold = suggest_counts(
                counts,
                int(columns[p].offset),
                slot,
                tree[0].binary_split != 0,
                before,
                criterion,
                scratch,
            )
        if m > best - TIE:  # the last of equals, as MOA's sort has it
            second = best if chosen >= 0 else null
            best = m
            chosen, chosen_gauss, test, threshold = p, g, p_test, p_threshold
        elif m > second:
            second = m
    if chosen < 0:
        return
    if not (best - second > bound or bound < tree[0].tau):
        return
    if chosen < tree[0].n_numeric:
        n = 2
        gauss_branches(gauss, slot, chosen_gauss, threshold, scratch)
    else:
        n = count_branches(counts, int(columns[chosen].offset), slot, test, int(threshold), scratch)
    if tree[0].n_nodes + n > tree[0].most_nodes:
        tree[0].n_refused += 1
        return
    first = tree[0].n_nodes
    release(tree, nodes, free_slots, leaf)
    tree[0].n_nodes = grow(nodes, first, leaf, int(columns[chosen].source), test, threshold, n)
    tree[0].n_leaves += n - 1
    for b in range(n):
        for c in range(class_weights.shape[1]):
            class_weights[first + b, c] = scratch[b, c]
        nodes[first + b].weight = weight_of(scratch, b)
    if tree[0].n_leaves > free_slots.shape[0]:
        rank_leaves(tree, nodes, class_weights, heads, gauss, counts, free_slots, promises)
        return
    for b in range(n):
        activate(tree, nodes, heads, gauss, counts, free_slots, first + b)


@lean_kernel
def activate(
    tree: Records,
    nodes: Records,
    heads: FloatArray,
    gauss: FloatArray,
    counts: FloatArray,
    free_slots: IntArray,
    leaf: int,
) -> None:
    """Give a leaf a free slot, with empty observers."""
    tree[0].n_free -= 1
    slot = free_slots[tree[0].n_free]
    nodes[leaf].first_child = slot
    for h in range(heads.shape[1]):
        heads[slot, h] = 0.0 if h < N_HEADS else -math.inf
    clear_gauss(gauss, slot)
    clear_counts(counts, slot)


@lean_kernel
def claim_slot(
    tree: Records,
    nodes: Records,
    heads: FloatArray,
    gauss: FloatArray,
    counts: FloatArray,
    free_slots: IntArray,
    leaf: int,
) -> int:
    """Return a leaf's slot, or -1; an inactive leaf gets one if any is free.

    Slots become free when a tree is dropped, long after leaves of others had to do without one.
    """
    if nodes[leaf].first_child < 0 and tree[0].n_free > 0:
        activate(tree, nodes, heads, gauss, counts, free_slots, leaf)
    return int(nodes[leaf].first_child)


@lean_kernel
def release(tree: Records, nodes: Records, free_slots: IntArray, leaf: int) -> None:
    """Take its slot from a leaf."""
    free_slots[tree[0].n_free] = nodes[leaf].first_child
    tree[0].n_free += 1
    nodes[leaf].first_child = -1


@lean_kernel
def rank_leaves(
    tree: Records,
    nodes: Records,
    class_weights: FloatArray,
    heads: FloatArray,
    gauss: FloatArray,
    counts: FloatArray,
    free_slots: IntArray,
    promises: FloatArray,
) -> None:
    """Give the slots to the most promising leaves; of equals first to those that have one.

    A leaf promises at most the weight that its majority class gets wrong.
    """
    n_slots = free_slots.shape[0]
    if tree[0].n_leaves <= n_slots:
        return
    n = 0
    for i in range(tree[0].n_nodes):
        if nodes[i].feature < 0:
            promises[n] = promise_of(class_weights, i)
            n += 1
    cutoff = _largest(promises, n, n_slots)
    n_equal = n_slots
    for i in range(tree[0].n_nodes):
        if nodes[i].feature < 0:
            n_equal -= int(promise_of(class_weights, i) > cutoff)
    for i in range(tree[0].n_nodes):
        if nodes[i].feature < 0 and nodes[i].first_child >= 0:
            promise = promise_of(class_weights, i)
            if promise == cutoff and n_equal > 0:
                n_equal -= 1
            elif promise <= cutoff:
                release(tree, nodes, free_slots, i)
                tree[0].n_deactivated += 1
    for i in range(tree[0].n_nodes):
        if nodes[i].feature < 0 and nodes[i].first_child < 0:
            promise = promise_of(class_weights, i)
            if promise > cutoff or (promise == cutoff and n_equal > 0):
                n_equal -= int(promise == cutoff)
                activate(tree, nodes, heads, gauss, counts, free_slots, i)
                tree[0].n_activated += 1


@lean_kernel
def promise_of(class_weights: FloatArray, leaf: int) -> float:
    """Return the most that splits of a leaf could mend: the weight its majority gets wrong."""
    promise: float = weight_of(class_weights, leaf)
    most = 0.0
    for c in range(class_weights.shape[1]):
        most = max(most, class_weights[leaf, c])
    return promise - most


@lean_kernel
def _largest(values: FloatArray, n: int, rank: int) -> float:
    """Return the rank-th largest (1 is the largest) of the first n values, which are reordered.

    Hoare's selection with the middle element as pivot.
    """
    low, high, target = 0, n - 1, n - rank
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if target <= j:
            high = j
        elif target >= i:
            low = i
        else:
            break
    found: float = values[target]
    return found


@lean_kernel
def forget_all(
    tree: Records,
    columns: Records,
    nodes: Records,
    class_weights: FloatArray,
    heads: FloatArray,
    gauss: FloatArray,
    counts: FloatArray,
    row: FloatArray,
    factor: float,
) -> None:
    """Let all evidence so far count `factor` times as much; splits stay."""
    for i in range(tree[0].n_nodes):
        nodes[i].weight *= factor
        if nodes[i].feature >= 0:
            continue
        for c in range(class_weights.shape[1]):
            class_weights[i, c] *= factor
        slot = int(nodes[i].first_child)
        if slot < 0:
            continue
        heads[slot, SINCE_ATTEMPT] *= factor
        heads[slot, MAJORITY_CORRECT] *= factor
        heads[slot, BAYES_CORRECT] *= factor
        forget_gauss(gauss, slot, factor)
        forget_counts(counts, columns, gauss.shape[3], slot, factor)
        for c in range(class_weights.shape[1]):
            if heads[slot, N_HEADS + c] > -math.inf:
                log = log_weight(class_weights, i, c) + gauss_log_scale(gauss, slot, c, row, True)
                log += count_log_scale(counts, columns, gauss.shape[3], slot, c, row, True)
                heads[slot, N_HEADS + c] = log
