"""What a tree has learned, for people and for health: its splits, and what each column is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray
from streamadapt.models.hoeffding_tree_regressor_kernels import Tree
from streamadapt.models.tree_kernels import BELOW, EQUAL

__all__ = [
    "Split",
    "TreeDescription",
    "class_spread",
    "described",
    "described_regression",
    "squared_spread",
]

Spread = Callable[[FloatArray], float]


@dataclass(frozen=True, slots=True)
class Split:
    """An inner node, from the root down, branches in order.

    ``test`` is "<=" or "==" with `threshold`, or "each" for one branch per value.  ``gain`` is the
    spread (see `TreeDescription`) that this split takes away.
    """

    depth: int
    feature: int
    test: str
    threshold: float
    weight: float
    gain: float


@dataclass(frozen=True, slots=True)
class TreeDescription:
    """Size, splits and importance of columns.

    The spread of a node is the weight its leaves hold times their entropy in bits, or in regression
    the squared deviations of the targets that they hold from their common mean.  A column's
    importance is the share of all splits' gains that its own have; shares sum to 1, or are 0 where
    nothing was gained.
    """

    n_leaves: int
    depth: int
    splits: tuple[Split, ...]
    importance: tuple[float, ...]

    def text(self, names: tuple[str, ...] | None = None) -> str:
        """Return a line per split, indented by depth; `names` are those of the columns."""
        lines = [f"{self.n_leaves} leaves, depth {self.depth}"]
        for split in self.splits:
            name = names[split.feature] if names else f"x{split.feature}"
            test = "each value" if split.test == "each" else f"{split.test} {split.threshold:.6g}"
            lines.append(f"{'  ' * split.depth}{name} {test}  (weight {split.weight:.6g})")
        return "\n".join(lines)


def class_spread(class_weights: FloatArray) -> float:
    """Return weight times entropy in bits of class weights [k].

    >>> class_spread(np.array([2.0, 2.0])), class_spread(np.array([3.0, 0.0]))
    (4.0, 0.0)
    """
    held = class_weights[class_weights > 0.0]
    total = held.sum()
    return float((held * (np.log2(total) - np.log2(held))).sum()) if len(held) else 0.0


def squared_spread(moments: FloatArray) -> float:
    """Return the sum of squared deviations from the mean, of weight, sum and sum of squares.

    >>> squared_spread(np.array([2.0, 6.0, 20.0])), squared_spread(np.zeros(3))
    (2.0, 0.0)
    """
    weight, total, squares = moments.tolist()
    return max(squares - total * total / weight, 0.0) if weight > 0.0 else 0.0


def described_regression(tree: Tree) -> TreeDescription:
    """Describe a regression tree as `described` does."""
    n = int(tree.totals["n_nodes"][0])
    nodes, leaves = tree.nodes[:n], tree.leaves[:n]
    weight = np.where(nodes["feature"] < 0, nodes["weight"], 0.0)
    total = weight.sum()
    # Sums of squares lose few digits if they are taken about the mean of all.
    mean = (weight * leaves["mean"]).sum() / total if total > 0.0 else 0.0
    off = leaves["mean"] - mean
    held = np.column_stack([weight, weight * off, leaves["m2"] + weight * off * off])
    return described(nodes, held, squared_spread, len(tree.columns))


def described(
    nodes: NDArray[np.void], held: FloatArray, spread: Spread, n_features: int
) -> TreeDescription:
    """Describe the tree below node 0, of whose leaves `held` [n, q] holds what adds up.

    Trees that grow beside it, in the same array of nodes, are no part of it.
    """
    order = list(_from_the_top(nodes))
    sums = held.copy()
    for i in reversed(order):
        if nodes["feature"][i] >= 0:
            sums[i] = sums[_children(nodes, i)].sum(axis=0)
    spreads = {i: spread(sums[i]) for i in order}
    splits, gains = [], np.zeros(n_features)
    for i in order:
        feature = int(nodes["feature"][i])
        if feature < 0:
            continue
        children = _children(nodes, i)
        gain = max(spreads[i] - sum(spreads[j] for j in range(children.start, children.stop)), 0.0)
        gains[feature] += gain
        splits.append(_split(nodes, i, gain))
    total = gains.sum()
    return TreeDescription(
        n_leaves=len(order) - len(splits),
        depth=int(nodes["depth"][order].max()),
        splits=tuple(splits),
        importance=tuple((gains / total if total > 0.0 else gains).tolist()),
    )


def _split(nodes: NDArray[np.void], i: int, gain: float) -> Split:
    test = {BELOW: "<=", EQUAL: "=="}.get(int(nodes["test"][i]), "each")
    return Split(
        depth=int(nodes["depth"][i]),
        feature=int(nodes["feature"][i]),
        test=test,
        threshold=float(nodes["threshold"][i]),
        weight=float(nodes["weight"][i]),
        gain=gain,
    )


def _children(nodes: NDArray[np.void], i: int) -> slice:
    first = int(nodes["first_child"][i])
    return slice(first, first + int(nodes["n_children"][i]))


def _from_the_top(nodes: NDArray[np.void]) -> Iterator[int]:
    """Yield each node before its children, branches in order."""
    waiting = [0]
    while waiting:
        i = waiting.pop()
        yield i
        if nodes["feature"][i] >= 0:
            children = _children(nodes, i)
            waiting.extend(range(children.stop - 1, children.start - 1, -1))
