"""Kernels of the Hoeffding adaptive tree regressor: inner nodes watch errors, trees grow beside.

``links`` int64 [n] and ``watch`` float64 [n, N_WATCH] belong to the nodes.  ``links[i]`` is the
root of a tree that grows beside inner node i, or -1; its index is larger than i, as a child's is,
and the node is its ``parent``.  Trees that grow beside a node have none beside their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.jit import kernel
from streamadapt.models.hoeffding_tree_regressor_kernels import (
    MEAN,
    Tree,
    accept,
    learn_leaf,
    learn_model,
    learn_row,
    learn_scales,
    predict_at,
    standardize,
)
from streamadapt.models.tree_kernels import BELOW, child_of, leaf_of

__all__ = ["N_ADAPTIVE", "N_PLANTED", "N_PRUNED", "N_SWITCHED", "N_WATCH", "run_adaptive"]

# Columns of `watch`: the Page-Hinkley test of an inner node's error, and since a tree grows beside
# it the faded squared error of both; the age of such a tree is in its root's row.
N_ERRORS, ERROR_SUM, EXCESS, LOWEST, LOSS, AGE = range(6)
N_WATCH = 6

# Places in `adaptive`, float64 [N_ADAPTIVE]: settings, then counters.
DELTA, THRESHOLD, DECAY, PERIOD, LIFETIME, N_PLANTED, N_SWITCHED, N_PRUNED = range(8)
N_ADAPTIVE = 8

_DEVIATIONS = 3.0  # of the target, that an error of 1 means; larger ones are 1 too


@kernel
def run_adaptive(
    ops: OpArray, X: FloatArray, y: FloatArray, w: FloatArray, P: FloatArray, t: Tree,
    links: IntArray, watch: FloatArray, adaptive: FloatArray, work: IntArray,
    target_column: NDArray[np.void], target_scale: NDArray[np.void],
) -> None:  # fmt: skip
    """Predict and learn the rows of a block in order; see `streamadapt.contracts.Learner.run`."""
    targets = y.reshape(len(y), 1)
    for r in range(len(ops)):
        if ops[r] & PREDICT:
            P[r, 0] = predict_at(leaf_of(X, r, t.nodes, 0, 0.0), X, r, t)
        if ops[r] & LEARN and accept(X, y[r], w[r], t):
            _learn(X, r, y[r], w[r], t, links, watch, adaptive, work, target_scale[0])
            learn_scales(targets, r, w[r], target_column, target_scale)


@kernel
def _learn(
    X: FloatArray, r: int, target: float, w: float, t: Tree, links: IntArray, watch: FloatArray,
    adaptive: FloatArray, work: IntArray, scale: Any,
) -> None:  # fmt: skip
    has_model = t.settings[0].leaf_prediction != MEAN
    miss = target - predict_at(leaf_of(X, r, t.nodes, 0, 0.0), X, r, t)
    node, n_beside, n_plants, is_lost = 0, 0, 0, False
    while t.nodes[node].feature >= 0:
        beside = links[node]
        if beside >= 0:
            better = _compare(node, beside, X, r, target, miss, t, watch, adaptive)
            if better == 0:
                work[0, n_beside] = beside
                n_beside += 1
            else:
                is_lost = True
                links[node] = -1
                adaptive[N_SWITCHED if better > 0 else N_PRUNED] += 1.0
            if better > 0:
                _replace(node, beside, t, watch)
                miss = target - predict_at(leaf_of(X, r, t.nodes, node, 0.0), X, r, t)
                continue
        error = min(abs(miss) * scale.per_deviation / _DEVIATIONS, 1.0)
        if _has_risen(watch, node, error, adaptive) and links[node] < 0:
            work[1, n_plants] = node
            n_plants += 1
        t.nodes[node].weight += w
        node = child_of(X, r, t.nodes, node)
    t.nodes[node].weight += w
    if has_model:
        standardize(X, r, t.scales, t.z)
        learn_model(target, w, node, t)
    learn_row(X, r, target, w, t)
    before = t.totals[0].n_nodes
    learn_leaf(node, X, r, target, w, t)
    for j in range(n_beside):
        leaf: int = leaf_of(X, r, t.nodes, work[0, j], w)
        if has_model:
            standardize(X, r, t.scales, t.z)
            learn_model(target, w, leaf, t)
        learn_leaf(leaf, X, r, target, w, t)
    for i in range(before, t.totals[0].n_nodes):
        links[i] = -1
        watch[i] = 0.0
    for j in range(n_plants):
        _plant(work[1, j], target, t, links, watch, adaptive)
    if is_lost:
        _compact(t, links, watch, work[0])


@kernel
def _has_risen(watch: FloatArray, node: int, error: float, adaptive: FloatArray) -> bool:
    """Take an error into a node's Page-Hinkley test; tell whether it has risen, and start again."""
    watch[node, N_ERRORS] += 1.0
    watch[node, ERROR_SUM] += error
    mean = watch[node, ERROR_SUM] / watch[node, N_ERRORS]
    watch[node, EXCESS] += error - mean - adaptive[DELTA]
    watch[node, LOWEST] = min(watch[node, LOWEST], watch[node, EXCESS])
    if watch[node, EXCESS] - watch[node, LOWEST] <= adaptive[THRESHOLD]:
        return False
    watch[node, : LOWEST + 1] = 0.0
    return True


@kernel
def _compare(
    node: int, beside: int, X: FloatArray, r: int, target: float, miss: float, t: Tree,
    watch: FloatArray, adaptive: FloatArray,
) -> int:  # fmt: skip
    """Return 1 if the tree beside the node has the smaller loss now, -1 if it is too old, else 0.

    Only each so many rows, and 0 in between.
    """
    other = target - predict_at(leaf_of(X, r, t.nodes, beside, 0.0), X, r, t)
    watch[node, LOSS] = adaptive[DECAY] * watch[node, LOSS] + miss * miss
    watch[beside, LOSS] = adaptive[DECAY] * watch[beside, LOSS] + other * other
    watch[beside, AGE] += 1.0
    if watch[beside, AGE] % adaptive[PERIOD] != 0.0:
        return 0
    if watch[beside, LOSS] < watch[node, LOSS]:
        return 1
    return -1 if watch[beside, AGE] >= adaptive[LIFETIME] else 0


@kernel
def _plant(
    node: int, target: float, t: Tree, links: IntArray, watch: FloatArray, adaptive: FloatArray
) -> None:
    """Start a tree beside a node, or count the refusal if the pool of nodes is full."""
    totals = t.totals[0]
    if totals.n_nodes + 1 > len(t.nodes):
        totals.n_splits_refused += 1
        return
    root = totals.n_nodes
    totals.n_nodes += 1
    new = t.nodes[root]
    new.threshold = 0.0
    new.weight = 0.0
    new.feature = -1
    new.first_child = -1
    new.n_children = 0
    new.test = BELOW
    new.depth = t.nodes[node].depth
    leaf = t.leaves[root]
    leaf.mean = target  # before its first row, as the linear model's intercept
    leaf.m2 = 0.0
    leaf.error_mean = 0.0
    leaf.error_model = 0.0
    leaf.attempted = 0.0
    leaf.parent = node
    if t.linear.shape[1] > 0:
        t.linear[root] = 0.0
        t.linear[root, t.linear.shape[1] - 1] = target
    links[root] = -1
    links[node] = root
    watch[root] = 0.0
    watch[node, LOSS] = 0.0
    adaptive[N_PLANTED] += 1.0


@kernel
def _replace(node: int, beside: int, t: Tree, watch: FloatArray) -> None:
    """Put the tree that grows beside an inner node in its place; `_compact` must be called then."""
    parent = t.leaves[node].parent
    t.nodes[node] = t.nodes[beside]
    t.leaves[node] = t.leaves[beside]
    t.leaves[node].parent = parent
    t.linear[node] = t.linear[beside]
    watch[node] = 0.0
    first = t.nodes[node].first_child
    if t.nodes[node].feature >= 0:
        for child in range(first, first + t.nodes[node].n_children):
            t.leaves[child].parent = node
    elif first >= 0:
        t.slots[first].owner = node
    t.nodes[beside].feature = -1
    t.nodes[beside].first_child = -1
    t.nodes[beside].n_children = 0


@kernel
def _drop_slot(slot: int, t: Tree) -> None:
    """Free a slot; the last one in use moves to its place."""
    last = t.totals[0].n_slots - 1
    t.totals[0].n_slots = last
    if slot == last:
        return
    for b in range(t.bins.shape[1]):
        t.bins[slot, b] = t.bins[last, b]
    for f in range(t.axes.shape[1]):
        t.axes[slot, f] = t.axes[last, f]
    owner = t.slots[last].owner
    t.slots[slot].owner = owner
    t.nodes[owner].first_child = slot


@kernel
def _compact(t: Tree, links: IntArray, watch: FloatArray, to: IntArray) -> None:
    """Drop all nodes that no way leads to from node 0, and move the others up, in their order."""
    n, n_kept = t.totals[0].n_nodes, 0
    for i in range(n):
        to[i] = -1
    to[0] = 0
    for i in range(n):
        node = t.nodes[i]
        if to[i] < 0:
            if node.feature < 0 and node.first_child >= 0:
                _drop_slot(node.first_child, t)
            continue
        to[i] = n_kept
        n_kept += 1
        if links[i] >= 0:
            to[links[i]] = 0
        if node.feature >= 0:
            for child in range(node.first_child, node.first_child + node.n_children):
                to[child] = 0
    for i in range(n):
        place = to[i]
        if place < 0:
            continue
        t.nodes[place] = t.nodes[i]
        t.leaves[place] = t.leaves[i]
        t.leaves[place].parent = to[t.leaves[i].parent]
        for j in range(t.linear.shape[1]):
            t.linear[place, j] = t.linear[i, j]
        for j in range(N_WATCH):
            watch[place, j] = watch[i, j]
        links[place] = to[links[i]] if links[i] >= 0 else -1
        if t.nodes[place].feature >= 0:
            t.nodes[place].first_child = to[t.nodes[place].first_child]
        elif t.nodes[place].first_child >= 0:
            t.slots[t.nodes[place].first_child].owner = place
    t.totals[0].n_nodes = n_kept
