"""Kernels of the Hoeffding tree regressor: rows through the tree, observers, splits, leaf models.

All state lies in the record arrays of `Tree`.  A leaf's ``first_child`` in the node pool is the
number of its slot of observers, or -1 while the leaf is inactive.  Slots in use are always the
first ``n_slots``: a split hands the parent's slot to its first child, a leaf that promises little
loses its slot to one that promises more, and none is ever freed.

Floats are strict IEEE, so that a plain Python loop over the same formulas gives the same bits.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, OpArray
from streamadapt.java_random_kernels import next_int, settled
from streamadapt.jit import kernel
from streamadapt.models.quantizer_kernels import (
    MAX_VALUE,
    MIN_WIDTH,
    best_threshold,
    best_value,
    merged,
    observe,
    open_axis,
)
from streamadapt.models.tree_kernels import BELOW, EQUAL, MULTIWAY, grow, leaf_of

__all__ = [
    "ADAPTIVE",
    "LEAF",
    "MAX_WEIGHT",
    "MEAN",
    "MODEL",
    "SCALE",
    "SETTINGS",
    "SLOT",
    "TOTALS",
    "Tree",
    "accept",
    "learn_leaf",
    "learn_model",
    "learn_one_row",
    "learn_row",
    "learn_scales",
    "predict_at",
    "run_block",
    "standardize",
]

MEAN, MODEL, ADAPTIVE = 0, 1, 2

MAX_WEIGHT = 1e15

_WARM_UP = 50  # rows that give the first observers their ranges
_CLIP = 10.0  # standard deviations; what lies further out counts as if it lay there
_SPAN = 4.0  # standard deviations that bins reach to, either side of the mean
_RIVALRY = 2.0  # a leaf takes the slot of one that has so many times less to gain
_INTERCEPT = 3.0  # of a step's parts are the intercept's, one is a deviation's of each feature
_MAX_SLOPE = 1000.0  # bound of a linear model's coefficients, in ranges of the target

LEAF = np.dtype(
    [
        ("mean", "f8"),  # of the targets
        ("m2", "f8"),  # weighted sum of their squared deviations
        ("error_mean", "f8"),  # faded squared error of the mean as a prediction
        ("error_model", "f8"),  # and of the linear model
        ("attempted", "f8"),  # the node's weight at the last attempt to split
        ("parent", "i8"),
    ]
)
SLOT = np.dtype([("owner", "i8")])
SCALE = np.dtype(
    [
        ("weight", "f8"),
        ("mean", "f8"),
        ("m2", "f8"),
        ("low", "f8"),
        ("high", "f8"),
        ("per_deviation", "f8"),  # 1 / standard deviation, 0 for a constant
    ]
)
TOTALS = np.dtype(
    [
        ("y_low", "f8"),
        ("y_high", "f8"),
        ("n_rows", "i8"),
        ("n_nodes", "i8"),
        ("n_slots", "i8"),
        ("n_skipped", "i8"),
        ("n_splits_refused", "i8"),
    ]
)
SETTINGS = np.dtype(
    [
        ("grace_period", "f8"),
        ("half_log", "f8"),  # ln(1 / delta) / 2
        ("tau", "f8"),
        ("decay", "f8"),
        ("min_samples_split", "f8"),
        ("learning_rate", "f8"),
        ("leaf_prediction", "i8"),
        ("max_depth", "i8"),
        ("binary_split", "i8"),
        ("n_subset", "i8"),  # features that a leaf's observers see, 0 for all
        ("n_spare", "i8"),  # nodes that no split takes
    ]
)


class Tree(NamedTuple):
    """All arrays of one tree, z to tail scratch; N nodes, S slots, B bins, d features."""

    nodes: NDArray[np.void]
    """NODE [N]"""
    leaves: NDArray[np.void]
    """LEAF [N]; all 0 but ``parent`` in an inner node"""
    linear: NDArray[np.float64]
    """float64 [N, d + 1]: coefficients of standardised features, intercept; [N, 0] if unused"""
    slots: NDArray[np.void]
    """SLOT [S]"""
    bins: NDArray[np.void]
    """BIN [S, B], the bins of all features side by side"""
    axes: NDArray[np.void]
    """AXIS [S, d]"""
    scales: NDArray[np.void]
    """SCALE [d]; nominal features keep none"""
    columns: NDArray[np.void]
    """COLUMN [d]"""
    totals: NDArray[np.void]
    """TOTALS [1]"""
    settings: NDArray[np.void]
    """SETTINGS [1]"""
    z: NDArray[np.float64]
    """float64 [d]: a standardised row"""
    box: NDArray[np.float64]
    """float64 [d, 2]: the range of each feature in a leaf"""
    tail: NDArray[np.float64]
    """float64 [most bins of a feature + 1, 3]: weight, mean and m2 from a bin on"""
    seen: NDArray[np.int8]
    """int8 [S, d]: which features the observers see; [S, 0] if all"""
    random: NDArray[np.int64]
    """int64 [1]: seed of the features drawn next"""


@kernel
def standardize(X: FloatArray, r: int, scales: NDArray[np.void], z: FloatArray) -> None:
    """Fill z with the standardised row; missing, constant and nominal features are 0."""
    for f in range(len(z)):
        x = X[r, f]
        z[f] = 0.0
        if abs(x) <= MAX_VALUE:
            z[f] = min(max((x - scales[f].mean) * scales[f].per_deviation, -_CLIP), _CLIP)


@kernel
def learn_scales(
    X: FloatArray, r: int, w: float, columns: NDArray[np.void], scales: NDArray[np.void]
) -> None:
    """Let each numeric feature's running mean, variance (Welford) and range take in row X[r]."""
    for f in range(len(scales)):
        x = X[r, f]
        if columns[f].nominal or not abs(x) <= MAX_VALUE:
            continue
        if scales[f].weight == 0.0:
            scales[f].low = x
            scales[f].high = x
        mean, m2 = scales[f].mean, scales[f].m2
        if scales[f].per_deviation > 0.0:
            reach = _CLIP / scales[f].per_deviation
            x = min(max(x, mean - reach), mean + reach)
        weight = scales[f].weight + w
        delta = x - mean
        mean += w / weight * delta
        m2 += max(w * delta * (x - mean), 0.0)  # below only by rounding
        scales[f].weight = weight
        scales[f].mean = mean
        scales[f].m2 = m2
        scales[f].low = min(scales[f].low, x)
        scales[f].high = max(scales[f].high, x)
        varies = m2 > MIN_WIDTH * MIN_WIDTH * weight
        scales[f].per_deviation = math.sqrt(weight / m2) if varies else 0.0


@kernel
def _linear(z: FloatArray, linear: FloatArray, i: int) -> float:
    total: float = linear[i, len(z)]
    for f in range(len(z)):
        total += linear[i, f] * z[f]
    return total


@kernel
def _bounded(value: float, totals: Any) -> float:
    """Clip a prediction to at most one range of the targets seen beyond that range."""
    reach = totals.y_high - totals.y_low
    return float(min(max(value, totals.y_low - reach), totals.y_high + reach))


@kernel
def predict_at(i: int, X: FloatArray, r: int, t: Tree) -> float:
    """Return what leaf i predicts for row X[r]."""
    leaf, kind = t.leaves[i], t.settings[0].leaf_prediction
    if kind == MEAN or (kind == ADAPTIVE and leaf.error_mean < leaf.error_model):
        return float(leaf.mean)
    standardize(X, r, t.scales, t.z)
    value: float = _bounded(_linear(t.z, t.linear, i), t.totals[0])
    return value


@kernel
def learn_model(target: float, w: float, i: int, t: Tree) -> None:
    """Score both predictors of leaf i, then take one step of its linear model.

    The step is the implicit one of Toulis and Airoldi (2017), which cannot overshoot; its rate
    falls with the leaf's weight down to the learning rate.  The intercept begins at the first
    target, which may lie far off; so it moves as if it were three features.
    """
    leaf, totals, z, linear = t.leaves[i], t.totals[0], t.z, t.linear
    value = _linear(z, linear, i)
    error_mean, error_model = target - leaf.mean, target - _bounded(value, totals)
    leaf.error_mean = t.settings[0].decay * leaf.error_mean + error_mean * error_mean
    leaf.error_model = t.settings[0].decay * leaf.error_model + error_model * error_model

    squares = _INTERCEPT
    for f in range(len(z)):
        squares += z[f] * z[f]
    rate = w * max(t.settings[0].learning_rate, 1.0 / (1.0 + t.nodes[i].weight))
    step = rate / (1.0 + rate * squares) * (target - value)
    bound = _MAX_SLOPE * (totals.y_high - totals.y_low)
    for f in range(len(z)):
        linear[i, f] = min(max(linear[i, f] + step * z[f], -bound), bound)
    linear[i, len(z)] += step * _INTERCEPT


@kernel
def _fill_box(leaf: int, t: Tree) -> None:
    """Fill box with the range of each feature in a leaf: what was seen, cut by the leaf's tests.

    The parent of a tree's root is the node beside which the tree grows, whose own test is none of
    that tree's.
    """
    for f in range(len(t.scales)):
        scale = t.scales[f]
        reach = _SPAN / scale.per_deviation if scale.per_deviation > 0.0 else 0.0
        t.box[f, 0] = max(scale.low, scale.mean - reach)
        t.box[f, 1] = min(scale.high, scale.mean + reach)
    while leaf > 0:
        parent = t.leaves[leaf].parent
        node = t.nodes[parent]
        is_child = node.first_child <= leaf < node.first_child + node.n_children
        if is_child and node.test == BELOW:
            f = node.feature
            if leaf == node.first_child:
                t.box[f, 1] = min(t.box[f, 1], node.threshold)
            else:
                t.box[f, 0] = max(t.box[f, 0], node.threshold)
        leaf = parent


@kernel
def _open_slot(leaf: int, slot: int, t: Tree) -> None:
    """Give a slot to a leaf, its observers empty."""
    t.nodes[leaf].first_child = slot
    t.slots[slot].owner = leaf
    _fill_box(leaf, t)
    for f in range(len(t.columns)):
        open_axis(t.bins[slot], t.axes[slot, f], t.columns[f], t.box[f, 0], t.box[f, 1])
    if t.settings[0].n_subset > 0:
        _draw_features(slot, t)


@kernel
def _draw_features(slot: int, t: Tree) -> None:
    """Draw the features that a slot sees (D. E. Knuth, volume 2, section 3.4.2, algorithm S)."""
    d = len(t.columns)
    wanted, seed = t.settings[0].n_subset, t.random[0]
    for f in range(d):
        seed, drawn = next_int(seed, d - f)
        t.seen[slot, f] = int(drawn < wanted)
        wanted -= t.seen[slot, f]
    t.random[0] = settled(seed)


@kernel
def _gain(leaf: int, t: Tree) -> float:
    """Return the squared error that splits of a leaf could still take away."""
    return t.leaves[leaf].m2 if t.nodes[leaf].depth < t.settings[0].max_depth else 0.0


@kernel
def _find_slot(leaf: int, t: Tree) -> int:
    """Return a free slot, or that of the leaf with the least to gain if that is little, or -1."""
    totals = t.totals[0]
    if totals.n_slots < len(t.slots):
        totals.n_slots += 1
        return int(totals.n_slots - 1)
    least = 0
    for slot in range(1, len(t.slots)):
        if _gain(t.slots[slot].owner, t) < _gain(t.slots[least].owner, t):
            least = slot
    owner = t.slots[least].owner
    if not _RIVALRY * _gain(owner, t) < _gain(leaf, t):
        return -1
    t.nodes[owner].first_child = -1
    return least


@kernel
def _branch(test: int, i: int, place: int) -> int:
    """Return the branch that the i-th bin of the tested feature belongs to."""
    if test == MULTIWAY:
        return i
    return int(i > place) if test == BELOW else int(i != place)


@kernel
def _fill_children(leaf: int, slot: int, column: Any, place: int, t: Tree) -> None:
    """Let new children start from what the observer knows of their rows, and from the parent."""
    first, test = t.nodes[leaf].first_child, t.nodes[leaf].test
    for branch in range(t.nodes[leaf].n_children):
        weight, mean, m2 = 0.0, 0.0, 0.0
        for i in range(column.n_bins):
            if _branch(test, i, place) == branch:
                b = t.bins[slot, column.first_bin + i]
                weight, mean, m2 = merged(weight, mean, m2, b.weight, b.mean, b.m2)
        child = t.leaves[first + branch]
        child.mean = mean if weight > 0.0 else t.leaves[leaf].mean
        child.m2 = m2
        child.error_mean = t.leaves[leaf].error_mean
        child.error_model = t.leaves[leaf].error_model
        child.attempted = weight
        child.parent = leaf
        t.nodes[first + branch].weight = weight
        t.linear[first + branch] = t.linear[leaf]
    # Of no use in an inner node; cleared, so that equal trees are equal bits.
    parent = t.leaves[leaf]
    parent.mean = 0.0
    parent.m2 = 0.0
    parent.error_mean = 0.0
    parent.error_model = 0.0
    parent.attempted = 0.0
    t.linear[leaf] = 0.0


@kernel
def _split(leaf: int, feature: int, threshold: float, place: int, t: Tree) -> None:
    """Turn a leaf into a test on a feature, or count the refusal if too few nodes are left."""
    column, totals, slot = t.columns[feature], t.totals[0], t.nodes[leaf].first_child
    test, n_children = BELOW, 2
    if column.nominal:
        test = EQUAL
        if place < 0:
            test, threshold, n_children = MULTIWAY, 0.0, column.n_bins
    if totals.n_nodes + n_children > len(t.nodes) - t.settings[0].n_spare:
        totals.n_splits_refused += 1
        return
    first = totals.n_nodes
    totals.n_nodes = grow(t.nodes, first, leaf, feature, test, threshold, n_children)
    _fill_children(leaf, slot, column, place, t)
    for child in range(first, first + n_children):
        if child > first:
            slot = _find_slot(child, t)
        if slot >= 0:
            _open_slot(child, slot, t)


@kernel
def _widen(leaf: int, t: Tree) -> None:
    """Start observers afresh whose feature has left their range by more than that range."""
    slot = t.nodes[leaf].first_child
    _fill_box(leaf, t)
    for f in range(len(t.columns)):
        axis = t.axes[slot, f]
        width = max(axis.high - axis.low, 0.0)
        outgrown = t.box[f, 0] < axis.low - width or t.box[f, 1] > axis.high + width
        if outgrown and not t.columns[f].nominal:
            open_axis(t.bins[slot], t.axes[slot, f], t.columns[f], t.box[f, 0], t.box[f, 1])


@kernel
def _attempt(leaf: int, t: Tree) -> None:
    """Split a leaf if its best feature is so by the Hoeffding bound, or if the bound is small."""
    slot, settings = t.nodes[leaf].first_child, t.settings[0]
    enough = settings.min_samples_split
    best, second, feature, threshold, place = 0.0, 0.0, -1, 0.0, -1
    for f in range(len(t.columns)):
        if settings.n_subset > 0 and t.seen[slot, f] == 0:
            continue
        if t.columns[f].nominal:
            merit, value, last = best_value(
                t.bins[slot], t.columns[f], enough, settings.binary_split, t.tail
            )
        else:
            merit, value, last = best_threshold(t.bins[slot], t.columns[f], enough, t.tail)
        # A feature that is mostly missing gains little, however well it splits the rest.
        merit *= t.tail[0, 0] / t.nodes[leaf].weight
        if merit > best:
            best, second, feature, threshold, place = merit, best, f, value, last
        elif merit > second:
            second = merit
    bound = math.sqrt(settings.half_log / t.nodes[leaf].weight)
    if feature >= 0 and (second / best < 1.0 - bound or bound < settings.tau):
        _split(leaf, feature, threshold, place, t)
    else:
        _widen(leaf, t)


@kernel
def _grow_at(leaf: int, X: FloatArray, r: int, target: float, w: float, t: Tree) -> None:
    """Let a leaf's observers take in a row and split it if it is time; or make it active."""
    node, due = t.nodes[leaf], False
    if node.weight - t.leaves[leaf].attempted >= t.settings[0].grace_period:
        due = True
        t.leaves[leaf].attempted = node.weight
    active = node.first_child >= 0
    if not active:
        if t.totals[0].n_rows < _WARM_UP or not (due or t.totals[0].n_slots < len(t.slots)):
            return
        slot = _find_slot(leaf, t)
        if slot < 0:
            return
        _open_slot(leaf, slot, t)
    slot = node.first_child
    observe(X, r, target, w, slot, t.bins, t.axes, t.columns, t.seen)
    if due and active:
        _attempt(leaf, t)


@kernel
def accept(X: FloatArray, target: float, w: float, t: Tree) -> bool:
    """Tell whether a row can be learned; count it if not, prepare for it if it is the first."""
    totals = t.totals[0]
    if not (abs(target) <= MAX_VALUE and 0.0 <= w <= MAX_WEIGHT):
        totals.n_skipped += 1
        return False
    if w == 0.0:
        return False
    if totals.n_rows == 0:
        totals.y_low = target
        totals.y_high = target
        if t.settings[0].leaf_prediction != MEAN:
            t.linear[0, X.shape[1]] = target
    return True


@kernel
def learn_row(X: FloatArray, r: int, target: float, w: float, t: Tree) -> None:
    """Learn what all leaves have in common: scales of the features, range of the targets."""
    totals = t.totals[0]
    learn_scales(X, r, w, t.columns, t.scales)
    totals.n_rows += 1
    totals.y_low = min(totals.y_low, target)
    totals.y_high = max(totals.y_high, target)


@kernel
def learn_leaf(i: int, X: FloatArray, r: int, target: float, w: float, t: Tree) -> None:
    """Let leaf i learn a row whose weight is added already, and grow."""
    leaf = t.leaves[i]
    delta = target - leaf.mean
    leaf.mean += w / t.nodes[i].weight * delta
    leaf.m2 += max(w * delta * (target - leaf.mean), 0.0)
    if t.nodes[i].depth < t.settings[0].max_depth:
        _grow_at(i, X, r, target, w, t)


@kernel
def learn_one_row(X: FloatArray, r: int, target: float, w: float, t: Tree) -> None:
    """Learn row X[r]."""
    if not accept(X, target, w, t):
        return
    i: int = leaf_of(X, r, t.nodes, 0, w)
    if t.settings[0].leaf_prediction != MEAN:
        standardize(X, r, t.scales, t.z)
        learn_model(target, w, i, t)
    learn_row(X, r, target, w, t)
    learn_leaf(i, X, r, target, w, t)


@kernel
def run_block(
    ops: OpArray, X: FloatArray, y: FloatArray, w: FloatArray, P: FloatArray, t: Tree
) -> None:
    """Predict and learn the rows of a block in order; t is the tree's `Tree`, changed in place."""
    for r in range(len(ops)):
        if ops[r] & 1:
            P[r, 0] = predict_at(leaf_of(X, r, t.nodes, 0, 0.0), X, r, t)
        if ops[r] & 2:
            learn_one_row(X, r, y[r], w[r], t)
