"""DriftMoE as published: a router over Hoeffding trees, and a router that is all of the model.

What belongs to tree m is row m of the stacked arrays of `streamadapt.models.forest_pools.Grove`;
the router's arrays are those of `streamadapt.models.router_kernels`.  ``rules`` float64 [N_RULES]
are departures from the paper, each of them 0 there: they are what the ablation takes apart.
"""

from __future__ import annotations

import math

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.detectors.bit_adwin_kernels import ROSE, Windows, clear_window, take_bit
from streamadapt.jit import kernel
from streamadapt.models.forest_kernels import DRIFT, learn_row, restart
from streamadapt.models.hoeffding_tree_kernels import (
    MAX_WEIGHT,
    PRIOR,
    Records,
    majority,
    rank_leaves,
)
from streamadapt.models.leaf_kernels import class_of, fill_votes, judge
from streamadapt.models.linear_kernels import observe_row, scale_row
from streamadapt.models.router_kernels import (
    SLOPE,
    UNIT,
    Layer,
    adam_step,
    backward,
    draw_dropout,
    forward,
)
from streamadapt.models.tree_kernels import leaf_of

__all__ = [
    "BALANCE",
    "IN_BATCH",
    "NEEDS_TRAINING",
    "N_COUNTERS",
    "N_LEARNED",
    "N_RULES",
    "N_SKIPPED",
    "N_STEPS",
    "RESET_DELTA",
    "RESPONSIBILITY",
    "SCALING",
    "SOFT_VOTE",
    "run_routed_trees",
    "run_router_alone",
    "slope_of",
    "take_step",
]

# Places in `counters`, int64 [N_COUNTERS].
N_LEARNED, N_SKIPPED, N_STEPS, IN_BATCH = 0, 1, 2, 3
N_COUNTERS = 4

# Places in `rules`: scaled inputs; no credit to trees that learned nothing; how much a tree's use
# counts against it; all trees vote; those train that did most of it; ADWIN's delta, to start over.
SCALING, NEEDS_TRAINING, BALANCE, SOFT_VOTE, RESPONSIBILITY, RESET_DELTA = range(6)
N_RULES = 6

TEMPERATURE = 0.8
_WIDEST = 1e6  # an input beyond is taken as this, so that float32 holds what becomes of it
_CLIP = 5.0  # deviations
_HEAVIEST = 1e3  # of a row, in the router's loss
_USE_FADING = 0.001


@kernel
def fill_inputs(
    X: FloatArray, i: int, scales: bool, moments: FloatArray, z: FloatArray, inputs: Layer
) -> None:
    """Give the router row i as it is, or in deviations; 0 where a value is missing."""
    if scales:
        scale_row(X[i], _CLIP, moments, z)
    for j in range(inputs.shape[0]):
        x = z[j] if scales else X[i, j]
        inputs[j] = min(max(x, -_WIDEST), _WIDEST) if abs(x) <= 1e100 else 0.0


@kernel
def slope_of(logit: float, target: float) -> float:
    """Return the slope of the binary cross-entropy at a logit."""
    return 1.0 / (1.0 + math.exp(-logit)) - target


@kernel
def sort_trees(scores: FloatArray, order: IntArray) -> None:
    """Fill `order` with the trees by falling score; equal ones in their own order."""
    for m in range(scores.shape[0]):
        at = m
        while at > 0 and scores[order[at - 1]] < scores[m]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = m


@kernel
def run_routed_trees(
    ops: OpArray, X: FloatArray, y: IntArray, w: FloatArray, P: FloatArray, rules: FloatArray,
    top_k: int, batch: int, rate: float, counters: IntArray, use: FloatArray, moments: FloatArray,
    z: FloatArray, order: IntArray, judged: IntArray, scores: FloatArray, votes: FloatArray,
    first: Layer, second: Layer, third: Layer, units: Layer, inputs: Layer, kept: Layer,
    columns: Records, trees: Records, all_nodes: Records, all_weights: FloatArray,
    all_heads: FloatArray, all_gauss: FloatArray, all_counts: FloatArray, all_free: IntArray,
    rows: FloatArray, scratches: FloatArray, all_promises: FloatArray, all_links: IntArray,
    all_windows: Windows, no_windows: Windows,
) -> None:  # fmt: skip
    """Predict with the tree that the router prefers, train the `top_k` it prefers: MoE-Data.

    Scratch are ``order`` and ``judged`` int64 [m], ``scores`` float64 [m], ``votes`` [m, k].
    """
    k, n_trees = P.shape[1], trees.shape[0]
    out = first.shape[2] + second.shape[2]
    kind = trees[0, 0].leaf_prediction
    for i in range(ops.shape[0]):
        predicts, learns = (ops[i] & PREDICT) != 0, (ops[i] & LEARN) != 0 and w[i] != 0.0
        if learns and not (0 <= y[i] < k and 0.0 < w[i] <= MAX_WEIGHT):
            counters[N_SKIPPED] += 1
            learns = False
        if not (predicts or learns):
            continue
        fill_inputs(X, i, rules[SCALING] != 0.0, moments, z, inputs)
        forward(inputs, kept, first, second, third, units)
        for m in range(n_trees):
            scores[m] = units[UNIT, out + m]
        sort_trees(scores, order)
        preferred, highest = order[0], scores[order[0]]

        n_right = 0
        for m in range(n_trees):
            if not learns and m != preferred and rules[SOFT_VOTE] == 0.0:
                continue
            nodes, class_weights, heads, scratch = (
                all_nodes[m], all_weights[m], all_heads[m], scratches[m],
            )  # fmt: skip
            leaf: int = leaf_of(X, i, nodes, 0, 0.0)
            slot = int(nodes[leaf].first_child)
            judged[m] = judge(
                X, i, leaf, slot, trees[m], columns, class_weights, heads, all_gauss[m],
                all_counts[m], rows[m], scratch,
            )  # fmt: skip
            fill_votes(judged[m], leaf, slot, kind, class_weights, heads, scratch, votes, m)
            is_new = leaf == 0 and majority(class_weights, 0) < 0
            if learns:
                right = class_of(judged[m], leaf, slot, kind, class_weights, heads) == y[i]
                if is_new and rules[NEEDS_TRAINING] != 0.0:
                    right = False
                units[SLOPE, out + m] = 1.0 if right else 0.0
                n_right += int(right)
            # From here on, how much the tree counts in a vote.
            scores[m] = math.exp((scores[m] - highest) / TEMPERATURE)
            if is_new and rules[NEEDS_TRAINING] != 0.0:
                scores[m] = 0.0
        if predicts:
            total = 0.0
            for c in range(k):
                P[i, c] = votes[preferred, c]
                if rules[SOFT_VOTE] != 0.0:
                    P[i, c] = 0.0
                    for m in range(n_trees):
                        P[i, c] += scores[m] * votes[m, c]
                total += P[i, c]
            for c in range(k):
                P[i, c] = P[i, c] / total if total > 0.0 else 1.0 / k
        if not learns:
            continue

        if n_right == 0:
            best = 0
            for m in range(1, n_trees):
                if votes[m, y[i]] > votes[best, y[i]]:
                    best = m
            units[SLOPE, out + best] = 1.0
        weight = min(w[i], _HEAVIEST)
        for m in range(n_trees):
            right = units[SLOPE, out + m] != 0.0
            slope = slope_of(units[UNIT, out + m], units[SLOPE, out + m])
            units[SLOPE, out + m] = weight * slope
            delta = rules[RESET_DELTA]
            if delta > 0.0 and take_bit(all_windows[m], DRIFT, int(not right), delta) == ROSE:
                clear_window(all_windows[m], DRIFT)
                restart(
                    trees[m], all_nodes[m], all_weights[m], all_heads[m], all_gauss[m],
                    all_counts[m], all_free[m], all_promises[m], all_links[m], no_windows,
                )  # fmt: skip
                judged[m] = PRIOR
            if rules[RESPONSIBILITY] != 0.0:
                scores[m] *= votes[m, y[i]]
            else:
                scores[m] = units[UNIT, out + m]
            scores[m] -= rules[BALANCE] * use[m]
        backward(inputs, kept, first, second, third, units)
        counters[IN_BATCH] += 1
        if counters[IN_BATCH] == batch:
            take_step(first, second, third, rate, counters, 1.0 / (batch * n_trees))
        counters[N_LEARNED] += 1
        if rules[SCALING] != 0.0:
            observe_row(X[i], 1.0, 1.0, _CLIP, moments)
        sort_trees(scores, order)
        for m in range(n_trees):
            use[m] -= _USE_FADING * use[m]
        for place in range(top_k):
            m = order[place]
            use[m] += _USE_FADING
            tree, nodes, class_weights = trees[m], all_nodes[m], all_weights[m]
            leaf = leaf_of(X, i, nodes, 0, w[i])
            tree[0].n_learned += 1
            learn_row(
                X, i, y[i], w[i], leaf, 0, judged[m], tree, columns, nodes, class_weights,
                all_heads[m], all_gauss[m], all_counts[m], all_free[m], rows[m], scratches[m],
                all_promises[m], all_links[m], no_windows,
            )  # fmt: skip
            if tree[0].n_learned % tree[0].memory_estimate_period == 0:
                rank_leaves(
                    tree, nodes, class_weights, all_heads[m], all_gauss[m], all_counts[m],
                    all_free[m], all_promises[m],
                )  # fmt: skip


@kernel
def take_step(
    first: Layer, second: Layer, third: Layer, rate: float, counters: IntArray, share: float
) -> None:
    """Let all layers take a step along their gradients times `share`."""
    adam_step(first, rate, counters[N_STEPS], share)
    adam_step(second, rate, counters[N_STEPS], share)
    adam_step(third, rate, counters[N_STEPS], share)
    counters[N_STEPS] += 1
    counters[IN_BATCH] = 0


@kernel
def run_router_alone(
    ops: OpArray, X: FloatArray, y: IntArray, w: FloatArray, P: FloatArray, seed: int, rate: float,
    counters: IntArray, moments: FloatArray, z: FloatArray, first: Layer, second: Layer,
    third: Layer, units: Layer, inputs: Layer, kept: Layer,
) -> None:  # fmt: skip
    """Predict by the router's own logits, one per class, and step with each row: MoE-Task."""
    k = P.shape[1]
    out = first.shape[2] + second.shape[2]
    for i in range(ops.shape[0]):
        predicts, learns = (ops[i] & PREDICT) != 0, (ops[i] & LEARN) != 0 and w[i] != 0.0
        if learns and not (0 <= y[i] < k and 0.0 < w[i] <= MAX_WEIGHT):
            counters[N_SKIPPED] += 1
            learns = False
        if not (predicts or learns):
            continue
        fill_inputs(X, i, False, moments, z, inputs)
        draw_dropout(seed, counters[N_LEARNED], kept)
        forward(inputs, kept, first, second, third, units)
        if predicts:
            total = 0.0
            for c in range(k):
                P[i, c] = slope_of(max(units[UNIT, out + c], -500.0), 0.0)
                total += P[i, c]
            for c in range(k):
                P[i, c] /= total
        if learns:
            weight = min(w[i], _HEAVIEST)
            for c in range(k):
                target = 1.0 if c == y[i] else 0.0
                units[SLOPE, out + c] = weight * slope_of(units[UNIT, out + c], target)
            backward(inputs, kept, first, second, third, units)
            take_step(first, second, third, rate, counters, 1.0 / k)
            counters[N_LEARNED] += 1
