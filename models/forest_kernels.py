"""Kernels of forests: each tree predicts and learns all rows of a block, then the votes are added.

Trees do not see one another, so the order in which they run, and on which thread, changes no bit.
All that belongs to tree m is row m of the stacked arrays.  The tree that grows in the background
since a warning stands beside node 0 in the same pool: see `streamadapt.models.subtree_kernels`.
"""

from __future__ import annotations

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.detectors.bit_adwin_kernels import ROSE, Windows, clear_window, take_bit
from streamadapt.java_random_kernels import jump, next_int, settled
from streamadapt.jit import kernel
from streamadapt.models.hoeffding_tree_kernels import (
    MAX_WEIGHT,
    N_HEADS,
    Records,
    activate,
    attempt_split,
    majority,
    rank_leaves,
    release,
)
from streamadapt.models.leaf_kernels import class_of, fill_votes, judge, learn_at
from streamadapt.models.poisson_kernels import next_poisson
from streamadapt.models.subtree_kernels import ALTERNATE, compact, plant_beside, replace, settle_new
from streamadapt.models.tree_kernels import BELOW, leaf_of

__all__ = [
    "N_FOREST",
    "N_SEEDS",
    "N_TALLIES",
    "add_votes",
    "run_members",
]

# Columns of `seeds`, int64 [m, N_SEEDS]: of the numbers of times a row is learned, of the subsets
# of columns in the tree and in the one in the background, and what these start from.
TIMES, SUBSETS, SUBSETS_BEHIND, FIRST = 0, 1, 2, 3
N_SEEDS = 4

# Columns of `tallies`, float64 [m, N_TALLIES].
GRADED, RIGHT, N_WARNINGS, N_DRIFTS, N_TAKEN_OVER = 0, 1, 2, 3, 4
N_TALLIES = 5

# Places in `forest`, float64 [N_FOREST].
WARNING_DELTA, DRIFT_DELTA, BEHIND_IS_RESAMPLED, WEIGHS_VOTES = 0, 1, 2, 3
N_FOREST = 4

WARNING, DRIFT = 0, 1


@kernel
def run_members(
    first: int, last: int, ops: OpArray, X: FloatArray, y: IntArray, w: FloatArray,
    votes: FloatArray, columns: Records, trees: Records, all_nodes: Records,
    all_weights: FloatArray, all_heads: FloatArray, all_gauss: FloatArray,
    all_counts: FloatArray, all_free: IntArray, rows: FloatArray, scratches: FloatArray,
    all_promises: FloatArray, all_links: IntArray, all_windows: Windows, seeds: IntArray,
    tallies: FloatArray, forest: FloatArray, table: FloatArray, no_windows: Windows,
) -> None:  # fmt: skip
    """Let trees first..last-1 predict into votes float64 [m, n, k], and learn, rows in order."""
    k = votes.shape[2]
    step, stride = jump(2 * votes.shape[0])
    for m in range(first, last):
        tree, nodes, class_weights, heads = trees[m], all_nodes[m], all_weights[m], all_heads[m]
        gauss, counts, free_slots = all_gauss[m], all_counts[m], all_free[m]
        row, scratch, promises = rows[m], scratches[m], all_promises[m]
        links, windows = all_links[m], all_windows[m]
        kind = tree[0].leaf_prediction
        for i in range(ops.shape[0]):
            learns = (ops[i] & LEARN) != 0 and w[i] != 0.0
            if learns and not (0 <= y[i] < k and 0.0 < w[i] <= MAX_WEIGHT):
                tree[0].n_skipped += 1
                learns = False
            predicts = (ops[i] & PREDICT) != 0
            if not (predicts or learns):
                continue
            times = 0
            if learns:
                times = next_poisson(seeds[m, TIMES], table)[1]
                seeds[m, TIMES] = settled(seeds[m, TIMES] * step + stride)
            leaf: int = leaf_of(X, i, nodes, 0, w[i] * times)
            slot = int(nodes[leaf].first_child)
            bayes = judge(
                X, i, leaf, slot, tree, columns, class_weights, heads, gauss, counts, row, scratch
            )
            if predicts:
                _vote(
                    bayes, leaf, slot, kind, class_weights, heads, scratch, tallies, forest, m,
                    votes[m], i,
                )  # fmt: skip
            if not learns:
                continue
            right = class_of(bayes, leaf, slot, kind, class_weights, heads) == y[i]
            tallies[m, GRADED] += 1.0
            tallies[m, RIGHT] += w[i] if right else 0.0
            if times == 0:
                continue
            tree[0].n_learned += 1
            seeds[m, SUBSETS] = _learn(
                X, i, y[i], w[i] * times, leaf, seeds[m, SUBSETS], bayes, tree, columns, nodes,
                class_weights, heads, gauss, counts, free_slots, row, scratch, promises, links,
                no_windows,
            )  # fmt: skip
            behind = int(links[0, ALTERNATE])
            if behind >= 0:
                weight = w[i] * times if forest[BEHIND_IS_RESAMPLED] != 0.0 else w[i]
                leaf = leaf_of(X, i, nodes, behind, weight)
                bayes = judge(
                    X, i, leaf, int(nodes[leaf].first_child),
                    tree, columns, class_weights, heads, gauss, counts, row, scratch,
                )  # fmt: skip
                seeds[m, SUBSETS_BEHIND] = _learn(
                    X, i, y[i], weight, leaf, seeds[m, SUBSETS_BEHIND], bayes, tree, columns,
                    nodes, class_weights, heads, gauss, counts, free_slots, row, scratch,
                    promises, links, no_windows,
                )  # fmt: skip
            leaf = leaf_of(X, i, nodes, 0, 0.0)
            slot = int(nodes[leaf].first_child)
            bayes = judge(
                X, i, leaf, slot, tree, columns, class_weights, heads, gauss, counts, row, scratch
            )
            error = int(class_of(bayes, leaf, slot, kind, class_weights, heads) != y[i])
            if take_bit(windows, WARNING, error, forest[WARNING_DELTA]) == ROSE:
                tallies[m, N_WARNINGS] += 1.0
                lost = links[0, ALTERNATE] >= 0
                plant_beside(
                    0, tree, nodes, class_weights, heads, gauss, counts, free_slots, promises,
                    links, no_windows, 0,
                )  # fmt: skip
                if lost:
                    compact(tree, nodes, class_weights, free_slots, promises, links, no_windows)
                seeds[m, SUBSETS_BEHIND] = seeds[m, FIRST]
                clear_window(windows, WARNING)
            if take_bit(windows, DRIFT, error, forest[DRIFT_DELTA]) == ROSE:
                tallies[m, N_DRIFTS] += 1.0
                tallies[m, GRADED] = 0.0
                tallies[m, RIGHT] = 0.0
                clear_window(windows, DRIFT)
                if links[0, ALTERNATE] >= 0:
                    tallies[m, N_TAKEN_OVER] += 1.0
                    seeds[m, SUBSETS] = seeds[m, SUBSETS_BEHIND]
                    clear_window(windows, WARNING)
                    replace(0, nodes, class_weights, links, no_windows)
                    compact(tree, nodes, class_weights, free_slots, promises, links, no_windows)
                else:
                    seeds[m, SUBSETS] = seeds[m, FIRST]
                    _restart(
                        tree, nodes, class_weights, heads, gauss, counts, free_slots, promises,
                        links, no_windows,
                    )  # fmt: skip
            if tree[0].n_learned % tree[0].memory_estimate_period == 0:
                rank_leaves(tree, nodes, class_weights, heads, gauss, counts, free_slots, promises)


@kernel
def _vote(
    bayes: int, leaf: int, slot: int, kind: int, class_weights: FloatArray, heads: FloatArray,
    scratch: FloatArray, tallies: FloatArray, forest: FloatArray, m: int, votes: FloatArray,
    i: int,
) -> None:  # fmt: skip
    """Vote with the tree's accuracy in per cent, or with 1 if it was never right; see MOA."""
    if majority(class_weights, leaf) < 0:
        for c in range(votes.shape[1]):
            votes[i, c] = 0.0
        return
    fill_votes(bayes, leaf, slot, kind, class_weights, heads, scratch, votes, i)
    if forest[WEIGHS_VOTES] != 0.0 and tallies[m, RIGHT] > 0.0:
        accuracy = 100.0 * tallies[m, RIGHT] / tallies[m, GRADED]
        for c in range(votes.shape[1]):
            votes[i, c] *= accuracy


@kernel
def _learn(
    X: FloatArray, i: int, c: int, w: float, leaf: int, seed: int, bayes: int, tree: Records,
    columns: Records, nodes: Records, class_weights: FloatArray, heads: FloatArray,
    gauss: FloatArray, counts: FloatArray, free_slots: IntArray, row: FloatArray,
    scratch: FloatArray, promises: FloatArray, links: IntArray, no_windows: Windows,
) -> int:  # fmt: skip
    """Let a leaf learn row i, which it has just judged, and split; return the next seed."""
    slot = int(nodes[leaf].first_child)
    first = N_HEADS + class_weights.shape[1]
    if slot >= 0 and heads.shape[1] > first and heads[slot, first] < 0.0:
        seed = _draw_subset(columns, heads, slot, first, row, seed)
        judge(X, i, leaf, slot, tree, columns, class_weights, heads, gauss, counts, row, scratch)
    is_time = learn_at(
        leaf, slot, c, w, bayes, tree, columns, class_weights, heads, gauss, counts, row
    )
    if is_time and nodes[leaf].depth < tree[0].max_depth:
        before = tree[0].n_nodes
        attempt_split(
            tree, columns, nodes, class_weights, heads, gauss, counts, free_slots, scratch,
            promises, leaf,
        )  # fmt: skip
        settle_new(before, tree, links, no_windows, 0)
    return seed


@kernel
def _draw_subset(
    columns: Records, heads: FloatArray, slot: int, first: int, row: FloatArray, seed: int
) -> int:
    """Draw a leaf's columns, without replacement; write their places, in the columns' order.

    `row` is scratch.
    """
    n_left = columns.shape[0]
    for j in range(n_left):
        row[j] = float(j)
    for j in range(first, heads.shape[1]):
        seed, drawn = next_int(seed, n_left)
        column = row[drawn]
        n_left -= 1
        for rest in range(drawn, n_left):
            row[rest] = row[rest + 1]
        at = j
        while at > first and heads[slot, at - 1] > column:
            heads[slot, at] = heads[slot, at - 1]
            at -= 1
        heads[slot, at] = column
    for j in range(first, heads.shape[1]):
        heads[slot, j] = float(columns[int(heads[slot, j])].place)
    return int(settled(seed))


@kernel
def _restart(
    tree: Records, nodes: Records, class_weights: FloatArray, heads: FloatArray,
    gauss: FloatArray, counts: FloatArray, free_slots: IntArray, promises: FloatArray,
    links: IntArray, no_windows: Windows,
) -> None:  # fmt: skip
    """Leave nothing but one empty leaf."""
    if nodes[0].feature < 0 and nodes[0].first_child >= 0:
        release(tree, nodes, free_slots, 0)
    nodes[0].threshold = 0.0
    nodes[0].weight = 0.0
    nodes[0].feature = -1
    nodes[0].first_child = -1
    nodes[0].n_children = 0
    nodes[0].test = BELOW
    links[0, ALTERNATE] = -1
    for c in range(class_weights.shape[1]):
        class_weights[0, c] = 0.0
    compact(tree, nodes, class_weights, free_slots, promises, links, no_windows)
    activate(tree, nodes, heads, gauss, counts, free_slots, 0)


@kernel
def add_votes(ops: OpArray, votes: FloatArray, P: FloatArray) -> None:
    """Fill P float64 [n, k] with the sums over trees, in their order, as probabilities."""
    k = P.shape[1]
    for i in range(ops.shape[0]):
        if ops[i] & PREDICT == 0:
            continue
        total = 0.0
        for c in range(k):
            P[i, c] = 0.0
            for m in range(votes.shape[0]):
                P[i, c] += votes[m, i, c]
            total += P[i, c]
        for c in range(k):
            P[i, c] = P[i, c] / total if total > 0.0 else 1.0 / k
