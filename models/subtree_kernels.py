"""Several trees in one pool of nodes: a subtree is planted, takes another one's place, or goes.

``links`` int64 [n, columns] belongs to the nodes: ``links[i, ALTERNATE]`` is the root of a tree
that grows beside node i to take its place one day, or -1.  An alternate's index is larger than
its node's, as a child's is larger than its parent's; this is what `compact` lives on.
``links[i, RANDOM]``, if there is this column, is the state of a random generator.
``windows`` int32 [n or 0, N_WORDS] holds a window of errors per node, where nodes have one.
"""

from __future__ import annotations

import math

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.detectors.bit_adwin_kernels import Windows, clear_window
from streamadapt.jit import lean_kernel
from streamadapt.models.hoeffding_tree_kernels import Records, activate, promise_of, release
from streamadapt.models.tree_kernels import BELOW

__all__ = ["ALTERNATE", "compact", "plant_beside", "replace", "settle_new"]

ALTERNATE, RANDOM = 0, 1


@lean_kernel
def settle_new(before: int, tree: Records, links: IntArray, windows: Windows, random: int) -> None:
    """Give nodes from `before` on no alternate, an empty window, and a seed of their own."""
    for i in range(before, tree[0].n_nodes):
        links[i, ALTERNATE] = -1
        if links.shape[1] > RANDOM:
            links[i, RANDOM] = random
        if i < windows.shape[0]:
            clear_window(windows, i)


@lean_kernel
def plant_beside(
    node: int, tree: Records, nodes: Records, class_weights: FloatArray, heads: FloatArray,
    gauss: FloatArray, counts: FloatArray, free_slots: IntArray, promises: FloatArray,
    links: IntArray, windows: Windows, random: int,
) -> int:  # fmt: skip
    """Start a new tree beside `node`; return its root, or -1 if the pool of nodes is full.

    A tree that was there before is lost, and `compact` must be called.
    """
    links[node, ALTERNATE] = -1
    root = tree[0].n_nodes
    if root + 1 > nodes.shape[0]:
        tree[0].n_refused += 1
        return -1
    nodes[root].threshold = 0.0
    nodes[root].weight = 0.0
    nodes[root].feature = -1
    nodes[root].first_child = -1
    nodes[root].n_children = 0
    nodes[root].test = BELOW
    nodes[root].depth = nodes[node].depth
    for c in range(class_weights.shape[1]):
        class_weights[root, c] = 0.0
    tree[0].n_nodes = root + 1
    tree[0].n_leaves += 1
    settle_new(root, tree, links, windows, random)
    links[node, ALTERNATE] = root
    if tree[0].n_free == 0:  # it promises nothing yet, and without observers it never would
        _release_least(tree, nodes, class_weights, free_slots, promises)
    if tree[0].n_free > 0:
        activate(tree, nodes, heads, gauss, counts, free_slots, root)
    return int(root)


@lean_kernel
def _release_least(
    tree: Records, nodes: Records, class_weights: FloatArray, free_slots: IntArray,
    is_reached: FloatArray,
) -> None:  # fmt: skip
    """Take its slot from that leaf of the tree below node 0 that promises least, if one has any.

    Leaves of trees beside it keep theirs.  Of equals the first; `is_reached` is scratch.
    """
    found, least = -1, math.inf
    for i in range(tree[0].n_nodes):
        is_reached[i] = 1.0 if i == 0 else 0.0
    for i in range(tree[0].n_nodes):
        first = int(nodes[i].first_child)
        if is_reached[i] == 0.0 or first < 0:
            continue
        if nodes[i].feature >= 0:
            for child in range(first, first + nodes[i].n_children):
                is_reached[child] = 1.0
        elif promise_of(class_weights, i) < least:
            found, least = i, promise_of(class_weights, i)
    if found >= 0:
        release(tree, nodes, free_slots, found)
        tree[0].n_deactivated += 1


@lean_kernel
def replace(
    node: int, tree: Records, nodes: Records, class_weights: FloatArray, free_slots: IntArray,
    links: IntArray, windows: Windows,
) -> None:  # fmt: skip
    """Put the alternate tree of `node` in its place; `compact` must be called then.

    The node keeps the weight that came its way, which decides where missing values go.
    """
    root = int(links[node, ALTERNATE])
    if nodes[node].feature < 0 and nodes[node].first_child >= 0:
        release(tree, nodes, free_slots, node)
    weight = nodes[node].weight
    nodes[node] = nodes[root]
    nodes[node].weight = weight
    for c in range(class_weights.shape[1]):
        class_weights[node, c] = class_weights[root, c]
    for j in range(links.shape[1]):
        links[node, j] = links[root, j]
    if node < windows.shape[0]:
        for j in range(windows.shape[1]):
            windows[node, j] = windows[root, j]
    if nodes[root].feature < 0:
        nodes[root].first_child = -1  # its slot is the other's now


@lean_kernel
def compact(
    tree: Records, nodes: Records, class_weights: FloatArray, free_slots: IntArray,
    promises: FloatArray, links: IntArray, windows: Windows,
) -> None:  # fmt: skip
    """Drop all nodes that no way leads to from node 0, and move the others up, in their order."""
    n = tree[0].n_nodes
    for i in range(n):
        promises[i] = -1.0
    promises[0] = 0.0
    n_kept, n_leaves = 0, 0
    for i in range(n):
        if promises[i] < 0.0:
            if nodes[i].feature < 0 and nodes[i].first_child >= 0:
                release(tree, nodes, free_slots, i)
            continue
        promises[i] = float(n_kept)
        n_kept += 1
        if links[i, ALTERNATE] >= 0:
            promises[links[i, ALTERNATE]] = 0.0
        if nodes[i].feature < 0:
            n_leaves += 1
        else:
            first = int(nodes[i].first_child)
            for child in range(first, first + nodes[i].n_children):
                promises[child] = 0.0
    for i in range(n):
        to = int(promises[i])
        if to < 0:
            continue
        if nodes[i].feature >= 0:
            nodes[i].first_child = int(promises[nodes[i].first_child])
        if links[i, ALTERNATE] >= 0:
            links[i, ALTERNATE] = int(promises[links[i, ALTERNATE]])
        if to == i:
            continue
        nodes[to] = nodes[i]
        for c in range(class_weights.shape[1]):
            class_weights[to, c] = class_weights[i, c]
        for j in range(links.shape[1]):
            links[to, j] = links[i, j]
        if i < windows.shape[0]:
            for j in range(windows.shape[1]):
                windows[to, j] = windows[i, j]
    tree[0].n_nodes = n_kept
    tree[0].n_leaves = n_leaves
