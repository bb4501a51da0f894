"""The pools of a Hoeffding tree regressor: how big they are, and how they become state and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import IntArray
from streamadapt.errors import IncompatibleStateError
from streamadapt.java_random_kernels import MASK
from streamadapt.models.hoeffding_tree_regressor_kernels import (
    LEAF,
    MEAN,
    SCALE,
    SETTINGS,
    SLOT,
    TOTALS,
    Tree,
)
from streamadapt.models.nominal import nominal_sizes
from streamadapt.models.quantizer_kernels import AXIS, BIN, COLUMN
from streamadapt.models.tree_kernels import MULTIWAY, NODE, new_nodes
from streamadapt.models.tree_room import NoRoomError
from streamadapt.state import State, Value

__all__ = ["bins_by_column", "fade", "laid_out", "plant", "replant", "restored", "tree_values"]

_NODES_PER_SLOT = 8  # so about three in four leaves may be inactive before growth ends
_MAX_NODES = 2**30
# What counts evidence, and so fades.
_EVIDENCE = {
    "nodes": ("weight",),
    "leaves": ("m2", "error_mean", "error_model", "attempted"),
    "bins": ("weight", "x_sum", "m2"),
    "scales": ("weight", "m2"),
}


def laid_out(n_features: int, nominal: Mapping[int, int] | None, n_bins: int) -> NDArray[np.void]:
    """Return COLUMN [d]: which columns are nominal, and where the bins of each lie.

    Raises
    ------
    ParameterError
        If a nominal column is not there, or has fewer than 1 or too many values.
    """
    sizes = nominal_sizes(nominal, n_features)
    columns = np.zeros(n_features, COLUMN)
    columns["n_bins"] = [sizes.get(f, n_bins) for f in range(n_features)]
    columns["first_bin"] = np.cumsum(columns["n_bins"]) - columns["n_bins"]
    columns["nominal"] = [f in sizes for f in range(n_features)]
    return columns


def plant(
    columns: NDArray[np.void],
    settings: NDArray[np.void],
    max_bytes: float,
    bytes_per_node: int = 0,
) -> Tree:
    """Return a tree of one leaf whose arrays take at most `max_bytes` when full.

    So many bytes included as each node has in arrays that are not the tree's own.

    Raises
    ------
    ParameterError
        If not even one slot fits.
    """
    d, n_bins, most = len(columns), int(columns["n_bins"].sum()), int(columns["n_bins"].max())
    n_coefficients = 0 if settings["leaf_prediction"][0] == MEAN else d + 1
    per_slot = SLOT.itemsize + BIN.itemsize * n_bins + AXIS.itemsize * d
    n_seen = d if settings["n_subset"][0] else 0
    per_slot += n_seen
    per_node = NODE.itemsize + LEAF.itemsize + 8 * n_coefficients + bytes_per_node
    per_slot += _NODES_PER_SLOT * per_node
    fixed = (SCALE.itemsize + COLUMN.itemsize + 24) * d + 24 * (most + 1)
    fixed += TOTALS.itemsize + SETTINGS.itemsize + 8
    n_slots = min(int(max_bytes - fixed) // per_slot, _MAX_NODES // _NODES_PER_SLOT)
    if n_slots < 1:
        raise NoRoomError(max_bytes, fixed + per_slot)
    n_nodes = n_slots * _NODES_PER_SLOT
    tree = Tree(
        nodes=new_nodes(n_nodes),
        leaves=np.zeros(n_nodes, LEAF),
        linear=np.zeros((n_nodes, n_coefficients)),
        slots=np.zeros(n_slots, SLOT),
        bins=np.zeros((n_slots, n_bins), BIN),
        axes=np.zeros((n_slots, d), AXIS),
        scales=np.zeros(d, SCALE),
        columns=columns,
        totals=np.zeros(1, TOTALS),
        settings=settings,
        z=np.zeros(d),
        box=np.zeros((d, 2)),
        tail=np.zeros((most + 1, 3)),
        seen=np.zeros((n_slots, n_seen), np.int8),
        random=np.zeros(1, np.int64),
    )
    tree.nodes["first_child"][0] = -1
    tree.totals["n_nodes"] = 1
    return tree


def replant(tree: Tree) -> None:
    """Leave nothing but one empty leaf, in the same arrays; all else is set before it is used."""
    for array in (tree.totals, tree.scales, tree.nodes[:1], tree.leaves[:1], tree.linear[:1]):
        array[:] = 0
    tree.nodes["feature"][0] = tree.nodes["first_child"][0] = -1
    tree.totals["n_nodes"] = 1


def fade(tree: Tree, factor: float) -> None:
    """Let all evidence count `factor` times as much."""
    pools = _used(tree)
    for name, fields in _EVIDENCE.items():
        for field in fields:
            pools[name][field] *= factor


def bins_by_column(columns: NDArray[np.void]) -> IntArray:
    """Return int64 [d]: bins of each numeric column, values of each nominal one as -V."""
    bins = columns["n_bins"].astype(np.int64)
    return np.where(columns["nominal"] != 0, -bins, bins)


def tree_values(tree: Tree) -> dict[str, Value]:
    """Return copies of what is in use, field by field."""
    values: dict[str, Value] = {
        f"{name}.{field}": pool[field].copy()
        for name, pool in _used(tree).items()
        for field in pool.dtype.names or ()
    }
    values["columns"] = bins_by_column(tree.columns)
    values["linear"] = tree.linear[: int(tree.totals[0]["n_nodes"])].copy()
    if tree.seen.shape[1]:
        values["seen"] = tree.seen[: int(tree.totals[0]["n_slots"])].copy()
        values["random"] = int(tree.random[0])
    return values


def restored(
    columns: NDArray[np.void],
    settings: NDArray[np.void],
    max_bytes: float,
    state: State,
    bytes_per_node: int = 0,
    alternates: NDArray[np.int64] | None = None,
) -> Tree:
    """Return a tree as `plant` would, with the contents of `state`.

    ``alternates`` int64 [n] are the roots of trees that grow beside each node, -1 for none.

    Raises
    ------
    IncompatibleStateError
        If they do not fit.
    """
    state.agreeing("columns", bins_by_column(columns))
    tree = plant(columns, settings, max_bytes, bytes_per_node)
    for field in TOTALS.names or ():
        tree.totals[field] = _fitting(state, f"totals.{field}", tree.totals[field])
    n_nodes, n_slots = int(tree.totals[0]["n_nodes"]), int(tree.totals[0]["n_slots"])
    if not (1 <= n_nodes <= len(tree.nodes) and 0 <= n_slots <= len(tree.slots)):
        raise IncompatibleStateError(f"{n_nodes} nodes or {n_slots} slots do not fit max_size")
    for name, pool in _used(tree).items():
        for field in pool.dtype.names or ():
            pool[field] = _fitting(state, f"{name}.{field}", pool[field])
    tree.linear[:n_nodes] = _fitting(state, "linear", tree.linear[:n_nodes])
    if tree.seen.shape[1]:
        tree.seen[:n_slots] = _fitting(state, "seen", tree.seen[:n_slots])
        tree.random[0] = state.integer("random") & MASK
    _check_nodes(tree, np.full(n_nodes, -1) if alternates is None else alternates)
    _check_slots(tree)
    return tree


def _used(tree: Tree) -> dict[str, NDArray[np.void]]:
    """Return views of the used part of every record array that changes."""
    n_nodes, n_slots = int(tree.totals[0]["n_nodes"]), int(tree.totals[0]["n_slots"])
    node_pools = {"nodes": tree.nodes[:n_nodes], "leaves": tree.leaves[:n_nodes]}
    slot_pools = {
        "slots": tree.slots[:n_slots],
        "bins": tree.bins[:n_slots],
        "axes": tree.axes[:n_slots],
    }
    return node_pools | slot_pools | {"scales": tree.scales, "totals": tree.totals}


def _fitting(state: State, name: str, room: NDArray[np.generic]) -> NDArray[np.generic]:
    values = state.array(name)
    if values.shape != room.shape or values.dtype != room.dtype or not np.isfinite(values).all():
        raise IncompatibleStateError(
            f"{name!r} is {values.dtype} {values.shape}, expected finite {room.dtype} {room.shape}"
        )
    return values


def _check_nodes(tree: Tree, alternates: NDArray[np.int64]) -> None:
    """Refuse nodes that kernels would follow out of the pool, or in circles."""
    nodes = _used(tree)["nodes"]
    if alternates.shape != nodes.shape or (alternates >= len(nodes)).any():
        raise IncompatibleStateError("trees beside nodes lead out of the tree")
    inner = nodes[nodes["feature"] >= 0]
    n_branches = inner["n_children"].astype(np.int64)
    beside = np.flatnonzero(alternates != -1)
    below = np.setdiff1d(np.arange(1, len(nodes)), alternates[beside])
    parents = tree.leaves["parent"][below]
    if (
        (inner["feature"] >= len(tree.columns)).any()
        or (n_branches < 1).any()
        or ((n_branches != 2) & (inner["test"] != MULTIWAY)).any()
        or n_branches.sum() != len(below)
        or len(nodes) != 1 + len(below) + len(beside)
        or not ((parents >= 0) & (parents < below)).all()
        or (nodes["feature"][parents] < 0).any()
        or (nodes["feature"][beside] < 0).any()
        or not ((alternates[beside] > beside) & (alternates[beside] < len(nodes))).all()
        or (tree.leaves["parent"][alternates[beside]] != beside).any()
    ):
        raise IncompatibleStateError("the nodes are no tree")
    branches = below - nodes["first_child"][parents]
    if not ((branches >= 0) & (branches < nodes["n_children"][parents])).all():
        raise IncompatibleStateError("the nodes' links lead out of the tree")


def _check_slots(tree: Tree) -> None:
    """Refuse slots whose owner is no leaf, or that two leaves share."""
    nodes, owners = _used(tree)["nodes"], _used(tree)["slots"]["owner"]
    if not ((owners >= 0) & (owners < len(nodes))).all():
        raise IncompatibleStateError("a slot belongs to no node")
    slots = np.full(len(nodes), -1)
    slots[owners] = np.arange(len(owners))
    leaf = nodes["feature"] < 0
    if not (leaf[owners].all() and np.array_equal(nodes["first_child"][leaf], slots[leaf])):
        raise IncompatibleStateError("the slots do not belong to the leaves")
