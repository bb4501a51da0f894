"""Kernels of the extremely fast decision tree: inner nodes keep their observers and are revised.

``links`` int64 [n, 2] belongs to the nodes: ``links[i, SLOT]`` is the slot of an inner node's
observers, or -1 once it has lost them; the other column is `subtree_kernels`' and always -1.
``gains`` float64 [slots, d + 2] belongs to the slots: by column the sum of the merits that its best
splits had at all looks at them, then the looks since the node became what it is, and the range of
the merit when it was split.  A leaf's row means nothing until the leaf has seen a row.
"""

from __future__ import annotations

import math

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.detectors.bit_adwin_kernels import Windows
from streamadapt.jit import kernel
from streamadapt.models.gaussian_kernels import (
    HIGH,
    LOW,
    forget_gauss,
    gauss_branches,
    observe_gauss,
    suggest_gauss,
)
from streamadapt.models.hoeffding_tree_kernels import (
    HAS_SEEN,
    MAX_WEIGHT,
    Records,
    activate,
    claim_slot,
    gather,
    rank_leaves,
    weight_of,
)
from streamadapt.models.leaf_kernels import fill_votes, judge, learn_at
from streamadapt.models.nominal_kernels import (
    count_branches,
    forget_counts,
    n_values_seen,
    observe_counts,
    suggest_counts,
)
from streamadapt.models.split_merit_kernels import INFO_GAIN, TIE, impurity, merit_range
from streamadapt.models.subtree_kernels import ALTERNATE, compact
from streamadapt.models.tree_kernels import BELOW, child_of, grow, leaf_of

__all__ = ["N_REVISING", "SLOT", "forget_inner", "run_revising"]

SLOT = 1

# Places in `revising`, float64 [N_REVISING]: rows between looks at inner nodes; counters.
PERIOD, N_REVISED, N_FROZEN = 0, 1, 2
N_REVISING = 3


@kernel
def run_revising(
    ops: OpArray, X: FloatArray, y: IntArray, w: FloatArray, P: FloatArray,
    tree: Records, columns: Records, nodes: Records, class_weights: FloatArray,
    heads: FloatArray, gauss: FloatArray, counts: FloatArray, free_slots: IntArray,
    row: FloatArray, scratch: FloatArray, promises: FloatArray,
    links: IntArray, gains: FloatArray, revising: FloatArray, no_windows: Windows,
) -> None:  # fmt: skip
    """Predict into P, and learn, rows in order; see `streamadapt.contracts.Learner.run`."""
    kind, k, n_numeric = tree[0].leaf_prediction, class_weights.shape[1], tree[0].n_numeric
    has_nominal = n_numeric < columns.shape[0]
    for i in range(ops.shape[0]):
        learns = (ops[i] & LEARN) != 0 and w[i] != 0.0
        if learns and not (0 <= y[i] < k and 0.0 < w[i] <= MAX_WEIGHT):
            tree[0].n_skipped += 1
            learns = False
        predicts = (ops[i] & PREDICT) != 0
        if not (predicts or learns):
            continue
        leaf: int = leaf_of(X, i, nodes, 0, 0.0)
        slot = int(nodes[leaf].first_child)
        bayes = judge(
            X, i, leaf, slot, tree, columns, class_weights, heads, gauss, counts, row, scratch
        )
        if predicts:
            fill_votes(bayes, leaf, slot, kind, class_weights, heads, scratch, P, i)
        if not learns:
            continue
        c = y[i]
        if slot < 0:
            gather(columns, n_numeric, X, i, row)
        is_due = tree[0].n_learned % int(revising[PERIOD]) == 0
        tree[0].n_learned += 1
        node, is_revised = 0, False
        while nodes[node].feature >= 0:
            nodes[node].weight += w[i]
            class_weights[node, c] += w[i]
            inner = int(links[node, SLOT])
            if inner >= 0:
                observe_gauss(gauss, inner, c, row, w[i])
                if has_nominal:
                    observe_counts(counts, columns, n_numeric, inner, c, row, w[i])
                if is_due and _revise(
                    node, tree, columns, nodes, class_weights, heads, gauss, counts, free_slots,
                    scratch, promises, links, gains, revising, no_windows,
                ):  # fmt: skip
                    is_revised = True  # its new leaves know the row from the node's observers
                    break
            node = child_of(X, i, nodes, node)
        if not is_revised:
            nodes[leaf].weight += w[i]
            if slot < 0:
                slot = claim_slot(tree, nodes, heads, gauss, counts, free_slots, leaf)
            if slot >= 0 and heads[slot, HAS_SEEN] == 0.0:
                for j in range(gains.shape[1]):
                    gains[slot, j] = 0.0
            is_time, _ = learn_at(
                leaf, slot, c, w[i], bayes,
                tree, columns, class_weights, heads, gauss, counts, row,
            )  # fmt: skip
            if is_time and nodes[leaf].depth < tree[0].max_depth:
                _attempt(
                    leaf, tree, columns, nodes, class_weights, heads, gauss, counts, free_slots,
                    scratch, promises, links, gains, revising,
                )  # fmt: skip
        if tree[0].n_learned % tree[0].memory_estimate_period == 0:
            _rank(
                tree, nodes, class_weights, heads, gauss, counts, free_slots, promises, links,
                revising,
            )  # fmt: skip


@kernel
def _look(
    node: int, slot: int, tree: Records, columns: Records, class_weights: FloatArray,
    gauss: FloatArray, counts: FloatArray, scratch: FloatArray, gains: FloatArray,
) -> tuple[float, int, int, float]:  # fmt: skip
    """Add up the merit of each column's best split; return (merit, place, test, value) of the best.

    The place is -1 if there is none.  A merit is what the split adds to that of no split.
    """
    criterion, n_points = tree[0].criterion, tree[0].n_split_points
    before = impurity(class_weights, node, criterion)
    null = 0.0 if criterion == INFO_GAIN else 1.0 - before
    gains[slot, columns.shape[0]] += 1.0
    best, chosen, test, threshold = -math.inf, -1, BELOW, math.nan
    for j in range(columns.shape[0]):
        p, p_test = int(columns[j].place), BELOW
        offset = int(columns[p].offset)
        if p < tree[0].n_numeric:
            m, value = suggest_gauss(gauss, slot, p, n_points, before, criterion, scratch)
            exists = _varies(gauss, slot, p)
        else:
            binary = tree[0].binary_split != 0
            m, p_test, value = suggest_counts(
                counts, offset, slot, binary, before, criterion, scratch
            )
            exists = n_values_seen(counts, offset, slot) > 0
        m -= null
        if exists:
            gains[slot, j] += m  # minus infinity for good if no split has two branches
        if m > best - TIE and m > -math.inf:  # the last of equals, as MOA's sort has it
            best, chosen, test, threshold = m, p, p_test, value
    return best, chosen, test, threshold


@kernel
def _varies(gauss: FloatArray, slot: int, f: int) -> bool:
    low, high = math.inf, -math.inf
    for c in range(gauss.shape[1]):
        low = min(low, gauss[slot, c, LOW, f])
        high = max(high, gauss[slot, c, HIGH, f])
    return low < high


@kernel
def _bound(span: float, weight: float, tree: Records) -> float:
    return math.sqrt(span * span * tree[0].log_inverse_delta / (2.0 * weight))


@kernel
def _attempt(
    leaf: int, tree: Records, columns: Records, nodes: Records, class_weights: FloatArray,
    heads: FloatArray, gauss: FloatArray, counts: FloatArray, free_slots: IntArray,
    scratch: FloatArray, promises: FloatArray, links: IntArray, gains: FloatArray,
    revising: FloatArray,
) -> None:  # fmt: skip
    """Split a leaf if its best column is better than none with confidence, or the bound small."""
    n_classes = 0
    for c in range(class_weights.shape[1]):
        n_classes += int(class_weights[leaf, c] != 0.0)
    if n_classes < 2:
        return
    slot = int(nodes[leaf].first_child)
    best, chosen, test, value = _look(
        leaf, slot, tree, columns, class_weights, gauss, counts, scratch, gains
    )
    if chosen < 0 or best < TIE:
        return
    span = merit_range(class_weights, leaf, tree[0].criterion)
    bound = _bound(span, weight_of(class_weights, leaf), tree)
    average = gains[slot, columns[chosen].source] / gains[slot, columns.shape[0]]
    if not (average > bound or bound < tree[0].tau):
        return
    n = _fill_branches(slot, chosen, test, value, tree, columns, gauss, counts, scratch)
    if tree[0].n_nodes + n > nodes.shape[0]:
        tree[0].n_refused += 1
        return
    _split(
        leaf, int(columns[chosen].source), test, value, n, span, tree, nodes, class_weights,
        heads, gauss, counts, free_slots, scratch, promises, links, gains, revising,
    )  # fmt: skip


@kernel
def _fill_branches(
    slot: int, place: int, test: int, value: float, tree: Records, columns: Records,
    gauss: FloatArray, counts: FloatArray, scratch: FloatArray,
) -> int:  # fmt: skip
    """Fill the first rows of scratch with the branches' class weights; return their number."""
    if place < tree[0].n_numeric:
        gauss_branches(gauss, slot, place, value, scratch)
        return 2
    return int(count_branches(counts, int(columns[place].offset), slot, test, int(value), scratch))


@kernel
def _split(
    leaf: int, feature: int, test: int, value: float, n: int, span: float, tree: Records,
    nodes: Records, class_weights: FloatArray, heads: FloatArray, gauss: FloatArray,
    counts: FloatArray, free_slots: IntArray, scratch: FloatArray, promises: FloatArray,
    links: IntArray, gains: FloatArray, revising: FloatArray,
) -> None:  # fmt: skip
    """Turn a leaf into an inner node that keeps its observers; new leaves get slots if possible."""
    slot, first = int(nodes[leaf].first_child), tree[0].n_nodes
    tree[0].n_nodes = grow(nodes, first, leaf, feature, test, value, n)
    tree[0].n_leaves += n - 1
    links[leaf, SLOT] = slot
    gains[slot, gains.shape[1] - 2] = 0.0
    gains[slot, gains.shape[1] - 1] = span
    for b in range(n):
        links[first + b, ALTERNATE] = -1
        links[first + b, SLOT] = -1
        for c in range(class_weights.shape[1]):
            class_weights[first + b, c] = scratch[b, c]
        nodes[first + b].weight = weight_of(scratch, b)
    while tree[0].n_free < n and _freeze_lightest(tree, nodes, free_slots, links, revising):
        pass
    if tree[0].n_free < n:
        rank_leaves(tree, nodes, class_weights, heads, gauss, counts, free_slots, promises)
        return
    for b in range(n):
        activate(tree, nodes, heads, gauss, counts, free_slots, first + b)


@kernel
def _release(node: int, tree: Records, free_slots: IntArray, links: IntArray) -> None:
    """Take its slot from an inner node."""
    free_slots[tree[0].n_free] = links[node, SLOT]
    tree[0].n_free += 1
    links[node, SLOT] = -1


@kernel
def _freeze_lightest(
    tree: Records, nodes: Records, free_slots: IntArray, links: IntArray, revising: FloatArray
) -> bool:
    """Take its slot from the lightest inner node that has one, the first of equals."""
    lightest = -1
    for i in range(tree[0].n_nodes):
        holds = nodes[i].feature >= 0 and links[i, SLOT] >= 0
        if holds and (lightest < 0 or nodes[i].weight < nodes[lightest].weight):
            lightest = i
    if lightest < 0:
        return False
    _release(lightest, tree, free_slots, links)
    revising[N_FROZEN] += 1.0
    return True


@kernel
def _rank(
    tree: Records, nodes: Records, class_weights: FloatArray, heads: FloatArray,
    gauss: FloatArray, counts: FloatArray, free_slots: IntArray, promises: FloatArray,
    links: IntArray, revising: FloatArray,
) -> None:  # fmt: skip
    """Give the slots to the most promising leaves, if there are not enough for all leaves."""
    if tree[0].n_leaves <= free_slots.shape[0]:
        return
    while _freeze_lightest(tree, nodes, free_slots, links, revising):
        pass
    rank_leaves(tree, nodes, class_weights, heads, gauss, counts, free_slots, promises)


@kernel
def _revise(
    node: int, tree: Records, columns: Records, nodes: Records, class_weights: FloatArray,
    heads: FloatArray, gauss: FloatArray, counts: FloatArray, free_slots: IntArray,
    scratch: FloatArray, promises: FloatArray, links: IntArray, gains: FloatArray,
    revising: FloatArray, no_windows: Windows,
) -> bool:  # fmt: skip
    """Put another split in place of an inner node's if it is better with confidence."""
    slot = int(links[node, SLOT])
    _, chosen, test, value = _look(
        node, slot, tree, columns, class_weights, gauss, counts, scratch, gains
    )
    if chosen < 0:
        return False
    feature = int(columns[chosen].source)
    bound = _bound(gains[slot, columns.shape[0] + 1], weight_of(class_weights, node), tree)
    gap = gains[slot, feature] - gains[slot, nodes[node].feature]
    gap /= gains[slot, columns.shape[0]]
    tau = tree[0].tau
    if feature == nodes[node].feature or not (gap > bound or (bound < tau and gap > tau / 2.0)):
        return False
    n = _fill_branches(slot, chosen, test, value, tree, columns, gauss, counts, scratch)
    if tree[0].n_nodes - _mark_below(node, tree, nodes, promises) + n > nodes.shape[0]:
        tree[0].n_refused += 1
        return False
    for i in range(node + 1, tree[0].n_nodes):
        if promises[i] > 0.0 and nodes[i].feature >= 0 and links[i, SLOT] >= 0:
            _release(i, tree, free_slots, links)
    nodes[node].feature = -1
    nodes[node].first_child = slot
    nodes[node].n_children = 0
    links[node, SLOT] = -1
    compact(tree, nodes, class_weights, free_slots, promises, links, no_windows)
    span = merit_range(class_weights, node, tree[0].criterion)
    _split(
        node, feature, test, value, n, span, tree, nodes, class_weights, heads, gauss, counts,
        free_slots, scratch, promises, links, gains, revising,
    )  # fmt: skip
    revising[N_REVISED] += 1.0
    return True


@kernel
def _mark_below(node: int, tree: Records, nodes: Records, marks: FloatArray) -> int:
    """Set marks[i] to 1 for all nodes below this one, else 0 from it on; return their number."""
    n = 0
    for i in range(node, tree[0].n_nodes):
        marks[i] = 0.0
    for i in range(node, tree[0].n_nodes):
        if nodes[i].feature >= 0 and (i == node or marks[i] > 0.0):
            first = int(nodes[i].first_child)
            for child in range(first, first + nodes[i].n_children):
                marks[child] = 1.0
                n += 1
    return n


@kernel
def forget_inner(
    tree: Records, columns: Records, nodes: Records, class_weights: FloatArray,
    gauss: FloatArray, counts: FloatArray, links: IntArray, factor: float,
) -> None:  # fmt: skip
    """Let all evidence in inner nodes count `factor` times as much."""
    for i in range(tree[0].n_nodes):
        if nodes[i].feature < 0:
            continue
        for c in range(class_weights.shape[1]):
            class_weights[i, c] *= factor
        slot = int(links[i, SLOT])
        if slot >= 0:
            forget_gauss(gauss, slot, factor)
            forget_counts(counts, columns, tree[0].n_numeric, slot, factor)
