"""The stacked pools of a forest, row m of each array for tree m; state and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.detectors.bit_adwin_kernels import N_WORDS, Windows, checked_windows
from streamadapt.errors import IncompatibleStateError
from streamadapt.java_random_kernels import MASK
from streamadapt.models.forest_kernels import N_TAKEN_OVER, N_TALLIES
from streamadapt.models.hoeffding_tree_kernels import N_HEADS, Pools, Records
from streamadapt.models.hoeffding_tree_pools import (
    Shape,
    fitting,
    plant,
    restored,
    tree_values,
    used_bytes,
    values_by_column,
)
from streamadapt.models.subtree_kernels import ALTERNATE
from streamadapt.models.tree_kernels import untouched
from streamadapt.state import State, Value

__all__ = [
    "Grove",
    "Plan",
    "forest_state",
    "grove_of",
    "member_pools",
    "put_tree",
    "restored_grove",
    "used_grove_bytes",
]

_N_DETECTORS = 2
_SMALL = ("windows", "seeds", "tallies", "patches")
_N_LINKS = 1


class Plan(NamedTuple):
    """What all trees of a forest have in common."""

    columns: Records
    n_classes: int
    bytes_per_tree: float
    settings: Mapping[str, float]
    n_subset: int  # columns that a leaf sees; 0 is all

    @property
    def shape(self) -> Shape:
        """What a tree wants of its pools."""
        return Shape(nodes_per_slot=8, bytes_per_node=8 * _N_LINKS, n_subset=self.n_subset)


class Grove(NamedTuple):
    """The arrays of all trees, in the order in which kernels take them."""

    trees: Records
    nodes: Records
    class_weights: FloatArray
    heads: FloatArray
    gauss: FloatArray
    counts: FloatArray
    free_slots: IntArray
    rows: FloatArray
    scratch: FloatArray
    promises: FloatArray
    links: IntArray
    windows: Windows
    seeds: IntArray
    tallies: FloatArray
    patches: FloatArray  # [m, 2, columns that a leaf sees] places, of a tree and that behind it


_OWN_POOLS = Grove._fields[:10]


def grove_of(plan: Plan, seeds: IntArray) -> Grove:
    """Return a forest of single leaves, one for each row of `seeds`."""
    n = len(seeds)
    sapling = plant(plan.columns, plan.n_classes, plan.bytes_per_tree, plan.settings, plan.shape)
    stacked: dict[str, Any] = {
        field: untouched((n, *pool.shape), pool.dtype)
        for field, pool in zip(Grove._fields, _stacked_pools(sapling), strict=False)
    }
    grove = Grove(
        **stacked,
        links=untouched((n, len(sapling.nodes), _N_LINKS), np.int64),
        windows=np.zeros((n, _N_DETECTORS, N_WORDS), np.int32),
        seeds=seeds.copy(),
        tallies=np.zeros((n, N_TALLIES)),
        patches=np.zeros((n, 2, plan.n_subset)),
    )
    for m in range(n):
        put_tree(grove, m, sapling)
    return grove


def _stacked_pools(pools: Pools) -> tuple[NDArray[Any], ...]:
    """Return those that each tree has its own of, in the order of `Grove`."""
    return pools.tree, *pools[2:]


def put_tree(grove: Grove, m: int, pools: Pools) -> None:
    """Copy what is in use of a tree into row m."""
    n, n_active = int(pools.tree["n_nodes"][0]), _n_active(pools)
    lengths = dict(nodes=n, class_weights=n, heads=n_active, gauss=n_active, counts=n_active)
    lengths["promises"] = 0
    for name, pool in zip(_OWN_POOLS, _stacked_pools(pools), strict=True):
        used = lengths.get(name, len(pool))
        _row(grove, name, m)[:used] = pool[:used]
    grove.links[m, :n] = -1


def _n_active(pools: Pools) -> int:
    return len(pools.free_slots) - int(pools.tree["n_free"][0])


def member_pools(grove: Grove, columns: Records, m: int) -> Pools:
    """Return tree m's pools, the live ones."""
    tree, *rest = (_row(grove, name, m) for name in _OWN_POOLS)
    return Pools(tree, columns, *rest)


def _row(grove: Grove, name: str, m: int) -> NDArray[Any]:
    row: NDArray[Any] = getattr(grove, name)[m]
    return row


def forest_state(kind: str, version: int, grove: Grove, columns: Records) -> State:
    """Return what is in use of all trees, as data."""
    values: dict[str, Value] = {}
    for m in range(len(grove.trees)):
        pools = member_pools(grove, columns, m)
        links = grove.links[m, : int(pools.tree["n_nodes"][0])].copy()
        values[f"tree_{m}"] = State("tree", 1, {**tree_values(pools), "links": links})
    values |= {name: getattr(grove, name).copy() for name in _SMALL}
    values["columns"] = values_by_column(columns)
    return State(kind, version, values)


def restored_grove(plan: Plan, seeds: IntArray, state: State) -> Grove:
    """Return a forest with the contents of `state`.

    Raises
    ------
    IncompatibleStateError
        If they do not fit.
    """
    state.agreeing("columns", values_by_column(plan.columns))
    grove = grove_of(plan, seeds)
    n_slots = grove.free_slots.shape[1]
    grove.tallies[:] = fitting(state.floats("tallies"), grove.tallies)
    for m in range(len(seeds)):
        child = state.child(f"tree_{m}").expect("tree", 1)
        child = _with_lost_slots(child, n_slots, grove.tallies[m, N_TAKEN_OVER])
        pools = restored(
            plan.columns, plan.n_classes, plan.bytes_per_tree, plan.settings, child, plan.shape
        )
        _check_subsets(pools, plan)
        put_tree(grove, m, pools)
        n = int(pools.tree["n_nodes"][0])
        links = fitting(child.integers("links"), grove.links[m, :n])
        behind = int(links[0, ALTERNATE])
        if (links[1:] != -1).any() or not (behind == -1 or 0 < behind < n):
            raise IncompatibleStateError("the nodes' links lead out of the tree")
        grove.links[m, :n] = links
    windows = fitting(state.array("windows"), grove.windows)
    grove.windows[:] = checked_windows(windows.reshape(-1, N_WORDS)).reshape(windows.shape)
    grove.seeds[:] = np.bitwise_and(fitting(state.integers("seeds"), grove.seeds), MASK)
    patches = fitting(state.floats("patches"), grove.patches)
    if not ((patches >= 0) & (patches < len(plan.columns)) & (patches == np.floor(patches))).all():
        raise IncompatibleStateError("a tree sees columns that are not there")
    grove.patches[:] = patches
    return grove


def _with_lost_slots(tree: State, n_slots: int, n_taken_over: float) -> State:
    """Return the tree's state with the slots free that its leaves do not hold.

    Once a tree could lose one whenever another took over from it, and was saved without it.
    """
    n_free = n_slots - len(tree.floats("heads"))
    if 0 < n_free - tree.integer("n_free") <= n_taken_over:
        return State(tree.kind, tree.version, {**tree.values, "n_free": n_free})
    return tree


def _check_subsets(pools: Pools, plan: Plan) -> None:
    subsets = pools.heads[: _n_active(pools), N_HEADS + plan.n_classes :]
    numeric = (subsets < int(pools.tree["n_numeric"][0])).sum(axis=1)
    known = (subsets == np.floor(subsets)) & (subsets >= 0) & (subsets < len(plan.columns))
    undrawn = np.isneginf(subsets).all(axis=1)
    if not (undrawn | (known.all(axis=1) & (numeric <= pools.gauss.shape[3]))).all():
        raise IncompatibleStateError("a leaf sees columns that are not there")


def used_grove_bytes(grove: Grove, columns: Records) -> int:
    """Return the bytes of the nodes and slots in use."""
    own: int = sum(getattr(grove, name).nbytes for name in _SMALL)
    members = [member_pools(grove, columns, m) for m in range(len(grove.trees))]
    links = sum(int(pools.tree["n_nodes"][0]) * 8 * _N_LINKS for pools in members)
    return own + links + sum(used_bytes(pools) for pools in members)
