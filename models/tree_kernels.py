"""The node pool of a decision tree, and the way of a row through it: shared by all trees here.

Nodes lie in one record array (`NODE`, 32 bytes, so two siblings share a cache line), allocated
once and never freed singly; node 0 is the root and children lie side by side.  Kernels take the
array as ``nodes`` and read ``nodes[i].feature``.  Fields:

- ``threshold`` float64: the split value of ``BELOW``, the nominal value of ``EQUAL``.
- ``weight`` float64: the training weight that came this way; decides where missing values go.
- ``feature`` int32: column the node tests, or -1 in a leaf.
- ``first_child`` int32: index of branch 0; branch b is ``first_child + b``.  Free for the tree's
  own use in a leaf (e.g. the number of its slot of statistics).
- ``n_children`` int32: number of branches; 0 in a leaf.
- ``test`` int16: ``BELOW`` (branch 0 if x <= threshold, else 1), ``EQUAL`` (branch 0 if
  x == threshold, else 1) or ``MULTIWAY`` (branch int(x)).
- ``depth`` int16: tests between the root and here; at most `MAX_DEPTH`.

A value that is NaN or infinite, or that no branch of ``MULTIWAY`` is for, goes to the heaviest
child (the first of equals), as in River's ``most_common_path``.
"""

from __future__ import annotations

import math
import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from streamadapt.contracts import FloatArray
from streamadapt.jit import inlined_kernel, kernel, lean_kernel

__all__ = [
    "BELOW",
    "EQUAL",
    "MAX_DEPTH",
    "MULTIWAY",
    "NODE",
    "child_of",
    "grow",
    "leaf_of",
    "new_nodes",
    "route",
    "route_learning",
]

NODE = np.dtype(
    [
        ("threshold", "f8"),
        ("weight", "f8"),
        ("feature", "i4"),
        ("first_child", "i4"),
        ("n_children", "i4"),
        ("test", "i2"),
        ("depth", "i2"),
    ],
    align=True,
)
BELOW, EQUAL, MULTIWAY = 0, 1, 2
MAX_DEPTH = 32_000
_HUGE = np.finfo(np.float64).max


def untouched(shape: tuple[int, ...], dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Return zeros in pages of their own, which cost nothing until they are used.

    `numpy.zeros` would do at first, but writes zeros wherever memory is used a second time, as
    when one tree takes over from another.
    """
    kind, n = np.dtype(dtype), math.prod(shape)
    pages = mmap.mmap(-1, max(1, n * kind.itemsize))
    return np.frombuffer(pages, kind, n).reshape(shape)


def new_nodes(capacity: int) -> NDArray[np.void]:
    """Return room for `capacity` nodes with a root leaf; pages that are not used cost nothing.

    Only ``nodes[:n_used]`` means anything; `grow` sets all fields of the nodes it adds.
    """
    nodes = untouched((capacity,), NODE)
    nodes["feature"][0] = -1
    return nodes


@inlined_kernel
def leaf_of(X: FloatArray, i: int, nodes: NDArray[np.void], root: int, w: float) -> int:
    """Return the leaf below `root` that row X[i] belongs to; add w to all weights on the way.

    Nothing is written if w is 0.  A child's weight changes only after it was chosen, so learning
    a row takes the same way as predicting it.  This calls no other kernel and takes no view of a
    row: Numba would count references to the arrays, at a locked instruction each.
    """
    node: int = root
    while True:
        if w != 0.0:
            nodes[node].weight += w
        if nodes[node].feature < 0:
            return node
        x = X[i, nodes[node].feature]
        first = int(nodes[node].first_child)
        if abs(x) <= _HUGE and nodes[node].test == BELOW:
            node = first + int(x > nodes[node].threshold)
        elif abs(x) <= _HUGE and nodes[node].test == EQUAL:
            node = first + int(x != nodes[node].threshold)
        elif 0.0 <= x < nodes[node].n_children and x == int(x):
            node = first + int(x)
        else:
            last = first + int(nodes[node].n_children)
            node = first
            for child in range(first + 1, last):
                if nodes[child].weight > nodes[node].weight:
                    node = child


@inlined_kernel
def child_of(X: FloatArray, i: int, nodes: NDArray[np.void], node: int) -> int:
    """Return the child of an inner node that row X[i] belongs to: one step of `leaf_of`."""
    x = X[i, nodes[node].feature]
    first = int(nodes[node].first_child)
    if abs(x) <= _HUGE and nodes[node].test == BELOW:
        return first + int(x > nodes[node].threshold)
    if abs(x) <= _HUGE and nodes[node].test == EQUAL:
        return first + int(x != nodes[node].threshold)
    if 0.0 <= x < nodes[node].n_children and x == int(x):
        return first + int(x)
    heaviest = first
    for child in range(first + 1, first + int(nodes[node].n_children)):
        if nodes[child].weight > nodes[heaviest].weight:
            heaviest = child
    return heaviest


@kernel
def route(row: FloatArray, nodes: NDArray[np.void]) -> int:
    """Return the leaf that `row` float64 [d] belongs to; changes nothing."""
    leaf: int = leaf_of(row.reshape(1, row.size), 0, nodes, 0, 0.0)
    return leaf


@kernel
def route_learning(row: FloatArray, nodes: NDArray[np.void], w: float) -> int:
    """Return the same leaf as `route`, and add w to the weight of every node on the way."""
    leaf: int = leaf_of(row.reshape(1, row.size), 0, nodes, 0, w)
    return leaf


@lean_kernel
def grow(
    nodes: NDArray[np.void],
    n_used: int,
    i: int,
    feature: int,
    test: int,
    threshold: float,
    n_children: int,
) -> int:
    """Make leaf i test `feature`, with `n_children` new leaves; return the new number of nodes.

    The caller checks that ``n_used + n_children <= len(nodes)`` and that the depth allows it,
    and sets the children's ``weight``, which is 0 here, and their ``first_child``, -1 here.
    """
    nodes[i].feature = feature
    nodes[i].test = test
    nodes[i].threshold = threshold
    nodes[i].first_child = n_used
    nodes[i].n_children = n_children
    for child in range(n_used, n_used + n_children):
        nodes[child].threshold = 0.0
        nodes[child].weight = 0.0
        nodes[child].feature = -1
        nodes[child].first_child = -1
        nodes[child].n_children = 0
        nodes[child].test = BELOW
        nodes[child].depth = nodes[i].depth + 1
    return n_used + n_children
