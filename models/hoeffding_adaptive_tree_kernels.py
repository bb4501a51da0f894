"""Kernels of the Hoeffding adaptive tree: every node watches its error, trees grow beside nodes."""

from __future__ import annotations

import math

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.detectors.bit_adwin_kernels import (
    STAYED,
    WIDTH,
    Windows,
    clear_window,
    take_bit,
    window_mean,
)
from streamadapt.java_random_kernels import settled
from streamadapt.jit import inlined_kernel, lean_kernel
from streamadapt.models.hoeffding_tree_kernels import (
    MAX_WEIGHT,
    PRIOR,
    Records,
    attempt_split,
    claim_slot,
    gather,
    majority,
    rank_leaves,
)
from streamadapt.models.leaf_kernels import class_of, fill_votes, judge, learn_at
from streamadapt.models.poisson_kernels import next_poisson
from streamadapt.models.subtree_kernels import (
    ALTERNATE,
    RANDOM,
    compact,
    plant_beside,
    replace,
    settle_new,
)
from streamadapt.models.tree_kernels import child_of, leaf_of

__all__ = ["N_ADAPTIVE", "run_adaptive"]

# Places in `adaptive`, float64 [N_ADAPTIVE], before the table of Poisson sums: settings, counters.
DELTA, LEAST_WINDOW, SIGNIFICANCE, RESAMPLES, SEED = 0, 1, 2, 3, 4
N_PLANTED, N_SWITCHED, N_PRUNED = 5, 6, 7
N_ADAPTIVE = 8


@lean_kernel
def _claim(
    X: FloatArray,
    i: int,
    leaf: int,
    tree: Records,
    columns: Records,
    nodes: Records,
    heads: FloatArray,
    gauss: FloatArray,
    counts: FloatArray,
    free_slots: IntArray,
    row: FloatArray,
) -> int:
    """Give an inactive leaf a slot, and put row i where it is learned from; seldom, so apart."""
    gather(columns, tree[0].n_numeric, X, i, row)
    return int(claim_slot(tree, nodes, heads, gauss, counts, free_slots, leaf))


@lean_kernel
def run_adaptive(
    ops: OpArray, X: FloatArray, y: IntArray, w: FloatArray, P: FloatArray,
    tree: Records, columns: Records, nodes: Records, class_weights: FloatArray,
    heads: FloatArray, gauss: FloatArray, counts: FloatArray, free_slots: IntArray,
    row: FloatArray, scratch: FloatArray, promises: FloatArray,
    links: IntArray, windows: Windows, adaptive: FloatArray, work: IntArray, table: FloatArray,
) -> None:  # fmt: skip
    """Predict into P, and learn, rows in order; see `streamadapt.contracts.Learner.run`."""
    kind, k = tree[0].leaf_prediction, class_weights.shape[1]
    for i in range(ops.shape[0]):
        learns = (ops[i] & LEARN) != 0 and w[i] != 0.0
        if learns and not (0 <= y[i] < k and 0.0 < w[i] <= MAX_WEIGHT):
            tree[0].n_skipped += 1
            learns = False
        predicts = (ops[i] & PREDICT) != 0
        if not (predicts or learns):
            continue
        leaf: int = 0
        is_alone = True
        while nodes[leaf].feature >= 0:
            beside = int(links[leaf, ALTERNATE])
            is_alone = is_alone and (beside < 0 or nodes[beside].feature < 0)
            leaf = int(child_of(X, i, nodes, leaf))
        slot = int(nodes[leaf].first_child)
        is_judged = is_alone or not predicts  # so the first way of learning is not gone again
        found, n_found, bayes = 0, 0, PRIOR
        if is_judged:
            bayes = judge(
                X, i, leaf, slot, tree, columns, class_weights, heads, gauss, counts, row, scratch
            )
        else:
            n_found = _predict(
                X, i, P, tree, columns, nodes, class_weights, heads, gauss, counts, row, scratch,
                links, windows, work, promises,
            )  # fmt: skip
        if is_judged and predicts:
            fill_votes(bayes, leaf, slot, kind, class_weights, heads, scratch, P, i)
        if not learns:
            continue
        tree[0].n_learned += 1
        lost, n_work = False, 1
        work[0, 0] = 0
        while n_work > 0:  # the roots of trees that row i is still to be learned by
            n_work -= 1
            node = int(work[0, n_work])
            # A tree that took all nodes could never be replaced: a quarter is for trees beside it.
            tree[0].most_nodes = nodes.shape[0] if node > 0 else nodes.shape[0] * 3 // 4
            if found < n_found and nodes[node].feature >= 0:
                leaf, bayes = int(promises[2 * found]), int(promises[2 * found + 1])
                slot = int(nodes[leaf].first_child)
                found += 1
            elif not is_judged:
                leaf = leaf_of(X, i, nodes, node, 0.0)
                slot = int(nodes[leaf].first_child)
                bayes = judge(
                    X, i, leaf, slot,
                    tree, columns, class_weights, heads, gauss, counts, row, scratch,
                )  # fmt: skip
            is_judged = False
            error = int(class_of(bayes, leaf, slot, kind, class_weights, heads) != y[i])
            n_plants, is_gone = 0, False
            while nodes[node].feature >= 0:
                nodes[node].weight += w[i]
                beside = int(links[node, ALTERNATE])
                if take_bit(windows, node, error, adaptive[DELTA]) >= STAYED:
                    lost = lost or beside >= 0
                    work[1, n_plants] = node
                    n_plants += 1
                    n_found = 0
                elif beside >= 0:
                    better = _is_better(node, beside, windows, adaptive)
                    if better < 0 and nodes[beside].feature < 0:
                        links[node, ALTERNATE] = -1
                        adaptive[N_PRUNED] += 1.0
                        lost = True
                    else:
                        work[0, n_work] = node if better > 0 else beside
                        n_work += 1
                    if better > 0:
                        replace(node, tree, nodes, class_weights, free_slots, links, windows)
                        adaptive[N_SWITCHED] += 1.0
                        lost, is_gone, n_found = True, True, 0
                        break
                node = child_of(X, i, nodes, node)
            if not is_gone:
                take_bit(windows, leaf, error, adaptive[DELTA])
                nodes[leaf].weight += w[i]
                weight = w[i]
                if slot < 0 and tree[0].n_free > 0:
                    slot = _claim(
                        X, i, leaf, tree, columns, nodes, heads, gauss, counts, free_slots, row
                    )
                if adaptive[RESAMPLES] != 0.0:
                    seed, times = next_poisson(links[leaf, RANDOM], table)
                    links[leaf, RANDOM] = settled(seed)
                    weight *= max(times, 1)
                is_time, _ = learn_at(
                    leaf, slot, y[i], weight, bayes,
                    tree, columns, class_weights, heads, gauss, counts, row,
                )  # fmt: skip
                if is_time and nodes[leaf].depth < tree[0].max_depth:
                    before, n_found = tree[0].n_nodes, 0
                    attempt_split(
                        tree, columns, nodes, class_weights, heads, gauss, counts, free_slots,
                        scratch, promises, leaf,
                    )  # fmt: skip
                    if tree[0].n_nodes > before:
                        settle_new(before, tree, links, windows, int(adaptive[SEED]))
                        links[leaf, RANDOM] = 0
                        clear_window(windows, leaf)  # an inner node watches afresh
            for p in range(n_plants):  # now, as this may take a leaf's observers from it
                root = plant_beside(
                    int(work[1, p]), tree, nodes, class_weights, heads, gauss, counts, free_slots,
                    promises, links, windows, int(adaptive[SEED]),
                )  # fmt: skip
                if root >= 0:
                    adaptive[N_PLANTED] += 1.0
                    work[0, n_work] = root
                    n_work += 1
        if lost:
            compact(tree, nodes, class_weights, free_slots, promises, links, windows)
        if tree[0].n_learned % tree[0].memory_estimate_period == 0:
            rank_leaves(tree, nodes, class_weights, heads, gauss, counts, free_slots, promises)


@inlined_kernel
def _is_better(node: int, beside: int, windows: Windows, adaptive: FloatArray) -> int:
    """Return 1 if the tree beside the node errs less with confidence, -1 if more, else 0."""
    n_old, n_new = windows[node, WIDTH], windows[beside, WIDTH]
    if n_old <= adaptive[LEAST_WINDOW] or n_new <= adaptive[LEAST_WINDOW]:
        return 0
    old, new = window_mean(windows, node), window_mean(windows, beside)
    log_term = math.log(2.0 / adaptive[SIGNIFICANCE])
    bound = math.sqrt(2.0 * old * (1.0 - old) * log_term * (1.0 / n_new + 1.0 / n_old))
    return int(bound < old - new) - int(bound < new - old)


@lean_kernel
def _predict(
    X: FloatArray, i: int, P: FloatArray, tree: Records, columns: Records, nodes: Records,
    class_weights: FloatArray, heads: FloatArray, gauss: FloatArray, counts: FloatArray,
    row: FloatArray, scratch: FloatArray, links: IntArray, windows: Windows, work: IntArray,
    judged: FloatArray,
) -> int:  # fmt: skip
    """Predict row i by its leaf and by those of all trees beside its way that have split.

    Several leaves vote with one over the square of their error each.  Returns how many there are;
    in the order in which their trees learn the row, each and its class by naive Bayes are put into
    `judged`, which has room for a number per node: three or more of them are such a tree's.
    """
    kind = tree[0].leaf_prediction
    work[0, 0] = 0
    n_work, n_found = 1, 0
    while n_work > 0:
        n_work -= 1
        node = int(work[0, n_work])
        while nodes[node].feature >= 0:
            beside = links[node, ALTERNATE]
            if beside >= 0 and nodes[beside].feature >= 0:
                work[0, n_work] = beside
                n_work += 1
            node = child_of(X, i, nodes, node)
        work[1, n_found] = node
        n_found += 1
    total = 0.0
    for f in range(n_found):
        leaf = int(work[1, f])
        slot = int(nodes[leaf].first_child)
        bayes = judge(
            X, i, leaf, slot, tree, columns, class_weights, heads, gauss, counts, row, scratch
        )
        judged[2 * f], judged[2 * f + 1] = leaf, bayes
        fill_votes(bayes, leaf, slot, kind, class_weights, heads, scratch, scratch, 0)
        error = max(window_mean(windows, leaf), 1.0 / (windows[leaf, WIDTH] + 1.0))
        vote = 1.0 / (error * error) if majority(class_weights, leaf) >= 0 else 0.0
        total += vote
        for c in range(P.shape[1]):
            P[i, c] = (P[i, c] if f > 0 else 0.0) + vote * scratch[0, c]
    for c in range(P.shape[1]):
        P[i, c] = P[i, c] / total if total > 0.0 else 1.0 / P.shape[1]
    return n_found
