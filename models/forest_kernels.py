"""Kernels of forests: each tree predicts and learns all rows of a block, then the votes are added.

Trees do not see one another, so the order in which they run, and on which thread, changes no bit;
but where a rise of any tree's error resets the worst tree, all run from one row to the next at
which a window looks for a rise.
All that belongs to tree m is row m of the stacked arrays.  The tree that grows in the background
since a warning stands beside node 0 in the same pool: see `streamadapt.models.subtree_kernels`.
"""

from __future__ import annotations

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.detectors.bit_adwin_kernels import (
    CLOCK,
    PHASE,
    ROSE,
    Windows,
    clear_window,
    take_bit,
    window_mean,
)
from streamadapt.java_random_kernels import jump, next_int, settled
from streamadapt.jit import inlined_kernel, lean_kernel
from streamadapt.models.hoeffding_tree_kernels import (
    HAS_SEEN,
    MAX_WEIGHT,
    N_HEADS,
    Records,
    activate,
    attempt_split,
    claim_slot,
    is_blank,
    rank_leaves,
    release,
)
from streamadapt.models.leaf_kernels import (
    class_of,
    fill_votes,
    is_whole,
    judge,
    judge_class,
    learn_at,
)
from streamadapt.models.poisson_kernels import next_poisson
from streamadapt.models.subtree_kernels import ALTERNATE, compact, plant_beside, replace, settle_new
from streamadapt.models.tree_kernels import BELOW, leaf_of

__all__ = [
    "N_FOREST",
    "N_SEEDS",
    "N_TALLIES",
    "add_votes",
    "learn_row",
    "restart",
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
WARNING_DELTA, DRIFT_DELTA, BEHIND_IS_RESAMPLED, WEIGHS_VOTES, RESETS_WORST, PATCHED = range(6)
N_FOREST = 6

WARNING, DRIFT = 0, 1

# What happens to a row in a tree: in the one that votes, in that behind it, and once more in the
# first, to see whether it has understood.
FRONT, BEHIND, AGAIN = 0, 1, 2


@lean_kernel
def run_members(
    first: int, last: int, ops: OpArray, X: FloatArray, y: IntArray, w: FloatArray,
    votes: FloatArray, columns: Records, trees: Records, all_nodes: Records,
    all_weights: FloatArray, all_heads: FloatArray, all_gauss: FloatArray,
    all_counts: FloatArray, all_free: IntArray, rows: FloatArray, scratches: FloatArray,
    all_promises: FloatArray, all_links: IntArray, all_windows: Windows, seeds: IntArray,
    tallies: FloatArray, patches: FloatArray, forest: FloatArray, table: FloatArray,
    no_windows: Windows,
) -> None:  # fmt: skip
    """Let trees first..last-1 predict into votes float64 [m, n, k], and learn, rows in order."""
    k, n, n_trees = votes.shape[2], ops.shape[0], last - first
    step, stride = jump(2 * votes.shape[0])
    resets_worst = forest[RESETS_WORST] != 0.0  # then trees do see one another
    is_patched = forest[PATCHED] != 0.0
    current, has_changed = -1, False
    before, begin, length = 0, 0, n  # trees go one after the other over rows begin..begin+length-1
    for t in range(n * n_trees):
        if resets_worst and t == before + length * n_trees:
            before, begin = t, begin + length
        if resets_worst and t == before:
            length = _rows_alone(all_windows, n - begin)
        m, i = first + (t - before) // length, begin + (t - before) % length
        if m != current:
            current = m
            tree, nodes, class_weights, heads = trees[m], all_nodes[m], all_weights[m], all_heads[m]
            gauss, counts, free_slots = all_gauss[m], all_counts[m], all_free[m]
            row, scratch, promises = rows[m], scratches[m], all_promises[m]
            links, windows = all_links[m], all_windows[m]
        kind = tree[0].leaf_prediction
        predicts, learns = (ops[i] & PREDICT) != 0, (ops[i] & LEARN) != 0 and w[i] != 0.0
        if learns and not (0 <= y[i] < k and 0.0 < w[i] <= MAX_WEIGHT):
            tree[0].n_skipped += 1
            learns = False
        if not (predicts or learns):
            continue
        times = 0
        if learns:
            times = next_poisson(seeds[m, TIMES], table)[1]
            seeds[m, TIMES] = settled(seeds[m, TIMES] * step + stride)
        error, front, front_slot, is_judged = 0, 0, -1, False
        for phase in range(3 if learns else 1):
            root = int(links[0, ALTERNATE]) if phase == BEHIND else 0
            if root < 0 or (phase != FRONT and times == 0):
                continue
            if phase == AGAIN and is_judged and nodes[front].first_child == front_slot:
                continue
            weight = w[i] * times if learns and phase != AGAIN else 0.0
            if phase == BEHIND and forest[BEHIND_IS_RESAMPLED] == 0.0:
                weight = w[i]
            leaf: int = leaf_of(X, i, nodes, root, weight)
            slot = int(nodes[leaf].first_child)
            if slot < 0 and weight != 0.0:
                slot = claim_slot(tree, nodes, heads, gauss, counts, free_slots, leaf)
            bayes = judge(
                X, i, leaf, slot, tree, columns, class_weights, heads, gauss, counts, row, scratch
            )
            if phase == FRONT and predicts:
                _vote(
                    bayes, leaf, slot, kind, class_weights, heads, scratch, tallies, forest, m,
                    votes[m], i,
                )  # fmt: skip
            if not learns:
                continue
            if phase != BEHIND:
                right = class_of(bayes, leaf, slot, kind, class_weights, heads) == y[i]
                error = int(not right)
                if phase == FRONT:
                    tallies[m, GRADED] += w[i]
                    tallies[m, RIGHT] += w[i] if right else 0.0
            if weight == 0.0:
                continue
            generator = SUBSETS if phase == FRONT else SUBSETS_BEHIND
            is_known = slot >= 0 and heads[slot, HAS_SEEN] != 0.0
            if slot >= 0 and is_patched and not is_known:
                for j in range(patches.shape[2]):
                    heads[slot, N_HEADS + k + j] = patches[m, phase, j]
            seeds[m, generator], log_value = learn_row(
                X, i, y[i], weight, leaf, seeds[m, generator], bayes, tree, columns, nodes,
                class_weights, heads, gauss, counts, free_slots, row, scratch, promises, links,
                no_windows,
            )  # fmt: skip
            if phase == FRONT and is_known and nodes[leaf].feature < 0 and is_whole(row):
                # The leaf is what it was, but for one class.
                bayes = judge_class(
                    y[i], slot, log_value, tree, columns, class_weights, heads, gauss, row, scratch
                )
                error = int(class_of(bayes, leaf, slot, kind, class_weights, heads) != y[i])
                front, front_slot, is_judged = leaf, slot, True
        if not learns:
            continue
        if times > 0:
            tree[0].n_learned += 1
        if resets_worst:
            if take_bit(windows, DRIFT, error, forest[DRIFT_DELTA]) == ROSE:
                has_changed = True
            if has_changed and t + 1 == before + length * n_trees:
                has_changed = False
                worst = _worst(all_windows)
                tallies[worst, N_DRIFTS] += 1.0
                clear_window(all_windows[worst], DRIFT)
                restart(
                    trees[worst], all_nodes[worst], all_weights[worst], all_heads[worst],
                    all_gauss[worst], all_counts[worst], all_free[worst], all_promises[worst],
                    all_links[worst], no_windows,
                )  # fmt: skip
        elif times > 0:
            if take_bit(windows, WARNING, error, forest[WARNING_DELTA]) == ROSE:
                tallies[m, N_WARNINGS] += 1.0
                lost = links[0, ALTERNATE] >= 0
                plant_beside(
                    0, tree, nodes, class_weights, heads, gauss, counts, free_slots, promises,
                    links, no_windows, 0,
                )  # fmt: skip
                if lost:
                    compact(tree, nodes, class_weights, free_slots, promises, links, no_windows)
                clear_window(windows, WARNING)
                seeds[m, SUBSETS_BEHIND] = seeds[m, FIRST]
                if is_patched:
                    seeds[m, SUBSETS] = draw_columns(columns, patches[m, 1], row, seeds[m, SUBSETS])
            if take_bit(windows, DRIFT, error, forest[DRIFT_DELTA]) == ROSE:
                tallies[m, N_DRIFTS] += 1.0
                tallies[m, GRADED] = 0.0
                tallies[m, RIGHT] = 0.0
                clear_window(windows, DRIFT)
                if links[0, ALTERNATE] >= 0:
                    tallies[m, N_TAKEN_OVER] += 1.0
                    clear_window(windows, WARNING)
                    replace(0, tree, nodes, class_weights, free_slots, links, no_windows)
                    compact(tree, nodes, class_weights, free_slots, promises, links, no_windows)
                    for j in range(patches.shape[2]):
                        patches[m, 0, j] = patches[m, 1, j]
                    if not is_patched:
                        seeds[m, SUBSETS] = seeds[m, SUBSETS_BEHIND]
                else:
                    restart(
                        tree, nodes, class_weights, heads, gauss, counts, free_slots, promises,
                        links, no_windows,
                    )  # fmt: skip
                    if is_patched:
                        seeds[m, SUBSETS] = draw_columns(
                            columns, patches[m, 0], row, seeds[m, SUBSETS]
                        )
                    else:
                        seeds[m, SUBSETS] = seeds[m, FIRST]
        if tree[0].n_learned % tree[0].memory_estimate_period == 0 and times > 0:
            rank_leaves(tree, nodes, class_weights, heads, gauss, counts, free_slots, promises)


@lean_kernel
def _rows_alone(all_windows: Windows, n_left: int) -> int:
    """Return for how many rows no tree can tell of a rise but at the last one."""
    length = n_left
    for m in range(all_windows.shape[0]):
        length = min(length, CLOCK - all_windows[m, DRIFT, PHASE])
    return length


@lean_kernel
def _worst(all_windows: Windows) -> int:
    """Return the tree whose errors have the highest mean, the first of equals."""
    worst, highest = 0, 0.0
    for m in range(all_windows.shape[0]):
        mean = window_mean(all_windows[m], DRIFT)
        if mean > highest:
            worst, highest = m, mean
    return worst


@inlined_kernel
def _vote(
    bayes: int, leaf: int, slot: int, kind: int, class_weights: FloatArray, heads: FloatArray,
    scratch: FloatArray, tallies: FloatArray, forest: FloatArray, m: int, votes: FloatArray,
    i: int,
) -> None:  # fmt: skip
    """Vote with the tree's accuracy in per cent, or with 1 if it was never right; see MOA."""
    if is_blank(class_weights, leaf):
        for c in range(votes.shape[1]):
            votes[i, c] = 0.0
        return
    fill_votes(bayes, leaf, slot, kind, class_weights, heads, scratch, votes, i)
    if forest[WEIGHS_VOTES] != 0.0 and tallies[m, RIGHT] > 0.0:
        accuracy = 100.0 * tallies[m, RIGHT] / tallies[m, GRADED]
        for c in range(votes.shape[1]):
            votes[i, c] *= accuracy


@inlined_kernel
def learn_row(
    X: FloatArray, i: int, c: int, w: float, leaf: int, seed: int, bayes: int, tree: Records,
    columns: Records, nodes: Records, class_weights: FloatArray, heads: FloatArray,
    gauss: FloatArray, counts: FloatArray, free_slots: IntArray, row: FloatArray,
    scratch: FloatArray, promises: FloatArray, links: IntArray, no_windows: Windows,
) -> tuple[int, float]:  # fmt: skip
    """Let a leaf learn row i, which it has just judged, and split.

    Returns the next seed, and the log-likelihood that `learn_at` returns.
    """
    slot = int(nodes[leaf].first_child)
    first = N_HEADS + class_weights.shape[1]
    if slot >= 0 and heads.shape[1] > first and heads[slot, first] < 0.0:
        seed = draw_columns(columns, heads[slot, first:], row, seed)
    if slot >= 0 and heads[slot, HAS_SEEN] == 0.0:  # it may be newer than the judgement
        judge(X, i, leaf, slot, tree, columns, class_weights, heads, gauss, counts, row, scratch)
    is_time, log_value = learn_at(
        leaf, slot, c, w, bayes, tree, columns, class_weights, heads, gauss, counts, row
    )
    if is_time and nodes[leaf].depth < tree[0].max_depth:
        before = tree[0].n_nodes
        attempt_split(
            tree, columns, nodes, class_weights, heads, gauss, counts, free_slots, scratch,
            promises, leaf,
        )  # fmt: skip
        settle_new(before, tree, links, no_windows, 0)
    return seed, log_value


@lean_kernel
def draw_columns(columns: Records, places: FloatArray, row: FloatArray, seed: int) -> int:
    """Draw columns without replacement; write their places, in the columns' order.

    `row` float64 [d] is scratch.  Returns the next seed.
    """
    n_left = columns.shape[0]
    for j in range(n_left):
        row[j] = float(j)
    for j in range(places.size):
        seed, drawn = next_int(seed, n_left)
        column = row[drawn]
        n_left -= 1
        for rest in range(drawn, n_left):
            row[rest] = row[rest + 1]
        at = j
        while at > 0 and places[at - 1] > column:
            places[at] = places[at - 1]
            at -= 1
        places[at] = column
    for j in range(places.size):
        places[j] = float(columns[int(places[j])].place)
    return int(settled(seed))


@lean_kernel
def restart(
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


@lean_kernel
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
