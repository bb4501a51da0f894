"""The pools of a Hoeffding tree classifier: how big they are, how they become state and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import IntArray
from streamadapt.errors import IncompatibleStateError
from streamadapt.models.gaussian_kernels import N_STATISTICS
from streamadapt.models.hoeffding_tree_kernels import (
    COLUMN,
    N_HEADS,
    TREE,
    Pools,
    Records,
    activate,
)
from streamadapt.models.nominal import nominal_sizes
from streamadapt.models.tree_kernels import NODE, new_nodes, untouched
from streamadapt.models.tree_room import NoRoomError
from streamadapt.state import State, Value

__all__ = [
    "Shape",
    "columns_of",
    "fitting",
    "plant",
    "pool_bytes",
    "restored",
    "tree_values",
    "used_bytes",
    "values_by_column",
]

_T = TypeVar("_T", bound=np.generic)
_MAX_NODES = 2**30
_NODE_FIELDS = ("threshold", "weight", "feature", "first_child", "n_children", "test", "depth")
_COUNTERS = (
    "n_nodes",
    "n_leaves",
    "n_free",
    "n_learned",
    "n_skipped",
    "n_refused",
    "n_deactivated",
    "n_activated",
)
_SLOT_POOLS = ("heads", "gauss", "counts")


def columns_of(n_features: int, nominal: Mapping[int, int] | None) -> Records:
    """Return `COLUMN` [d]: the numeric columns, then the nominal ones with their rows of counts.

    Raises
    ------
    ParameterError
        If a nominal column is not there, or has less than 1 or too many values.
    """
    sizes = nominal_sizes(nominal, n_features)
    columns = np.zeros(n_features, COLUMN)
    numeric = [j for j in range(n_features) if j not in sizes]
    columns["source"] = numeric + list(sizes)
    columns["place"] = np.argsort(columns["source"])
    columns["n_values"] = [sizes.get(int(j), 0) for j in columns["source"]]
    rows = np.where(columns["n_values"] > 0, columns["n_values"] + 2, 0)
    columns["offset"] = np.cumsum(rows) - rows
    return columns


def values_by_column(columns: Records) -> IntArray:
    """Return int64 [d]: how many values each nominal column has, 0 for numeric ones."""
    by_column: IntArray = columns["n_values"][columns["place"]].astype(np.int64)
    return by_column


class Shape(NamedTuple):
    """What a kind of trees wants of its pools."""

    nodes_per_slot: int = 8  # so about three in four leaves may be inactive before growth ends
    bytes_per_node: int = 0  # of arrays that are not among the pools, but count
    n_subset: int = 0  # columns that a leaf sees; 0 is all


def plant(
    columns: Records,
    k: int,
    max_bytes: float,
    settings: Mapping[str, float],
    shape: Shape = Shape(),  # noqa: B008 - it cannot be changed
) -> Pools:
    """Return a tree of one leaf whose pools take at most `max_bytes` when full.

    Raises
    ------
    ParameterError
        If not even one slot fits.
    """
    pools = _empty(columns, k, max_bytes, settings, shape)
    tree = pools.tree[0]
    tree["n_nodes"] = tree["n_leaves"] = 1
    tree["n_free"] = len(pools.free_slots)
    activate(
        pools.tree,
        pools.nodes,
        pools.heads,
        pools.gauss,
        pools.counts,
        pools.free_slots,
        0,
    )
    return pools


def _empty(
    columns: Records, k: int, max_bytes: float, settings: Mapping[str, float], shape: Shape
) -> Pools:
    n_numeric = int((columns["n_values"] == 0).sum())
    n_rows = int((columns["n_values"] + 2)[n_numeric:].sum())
    n_heads = N_HEADS + k + shape.n_subset
    n_gauss = min(shape.n_subset or n_numeric, n_numeric)
    per_slot = 8 * (n_heads + k * N_STATISTICS * n_gauss + k * n_rows + 1)
    per_slot += shape.nodes_per_slot * (NODE.itemsize + 8 * k + 8 + shape.bytes_per_node)
    n_slots = min(int(max_bytes) // per_slot, _MAX_NODES // shape.nodes_per_slot)
    if n_slots < 1:
        raise NoRoomError(max_bytes, per_slot)
    n_nodes = n_slots * shape.nodes_per_slot
    tree = np.zeros(1, TREE)
    for name, value in settings.items():
        tree[name] = value
    tree["n_numeric"] = n_numeric
    tree["most_nodes"] = n_nodes
    return Pools(
        tree=tree,
        columns=columns,
        nodes=new_nodes(n_nodes),
        class_weights=untouched((n_nodes, k)),
        heads=untouched((n_slots, n_heads)),
        gauss=untouched((n_slots, k, N_STATISTICS, n_gauss)),
        counts=untouched((n_slots, n_rows, k)),
        free_slots=np.arange(n_slots - 1, -1, -1),
        row=np.zeros(len(columns)),
        scratch=np.zeros((max(2, int(columns["n_values"].max())) + 1, k)),
        promises=untouched((n_nodes,)),
    )


def pool_bytes(pools: Pools) -> int:
    """Return the bytes of all pools when full."""
    return sum(pool.nbytes for pool in (*_node_pools(pools), *_slot_pools(pools)))


def used_bytes(pools: Pools) -> int:
    """Return the bytes of the nodes and slots in use."""
    n_active = len(pools.free_slots) - int(pools.tree["n_free"][0])
    per_node = sum(pool.nbytes // len(pool) for pool in _node_pools(pools))
    per_slot = sum(pool.nbytes // len(pool) for pool in _slot_pools(pools))
    return int(pools.tree["n_nodes"][0]) * per_node + n_active * per_slot


def _node_pools(pools: Pools) -> tuple[NDArray[np.generic], ...]:
    return pools.nodes, pools.class_weights, pools.promises


def _slot_pools(pools: Pools) -> tuple[NDArray[np.generic], ...]:
    return pools.heads, pools.gauss, pools.counts, pools.free_slots


def tree_values(pools: Pools) -> dict[str, Value]:
    """Return copies of what is in use; slots are numbered anew, in the order of their leaves."""
    n = int(pools.tree["n_nodes"][0])
    nodes = pools.nodes[:n].copy()
    active = (nodes["feature"] < 0) & (nodes["first_child"] >= 0)
    slots = nodes["first_child"][active]
    nodes["first_child"][active] = np.arange(len(slots))
    values: dict[str, Value] = {name: nodes[name].copy() for name in _NODE_FIELDS}
    values |= {name: getattr(pools, name)[slots] for name in _SLOT_POOLS}
    values |= {name: int(pools.tree[name][0]) for name in _COUNTERS}
    return values | {"class_weights": pools.class_weights[:n].copy()}


def restored(
    columns: Records,
    k: int,
    max_bytes: float,
    settings: Mapping[str, float],
    state: State,
    shape: Shape = Shape(),  # noqa: B008 - it cannot be changed
) -> Pools:
    """Return a tree as `plant` would, with the contents of `state`.

    Raises
    ------
    IncompatibleStateError
        If they do not fit.
    """
    pools = _empty(columns, k, max_bytes, settings, shape)
    for name in _COUNTERS:
        pools.tree[name] = state.integer(name)
    n, n_active = state.integer("n_nodes"), len(pools.free_slots) - state.integer("n_free")
    for name in _NODE_FIELDS:
        pools.nodes[name][:n] = fitting(state.array(name), pools.nodes[name][:n])
    pools.class_weights[:n] = fitting(state.floats("class_weights"), pools.class_weights[:n])
    for name in _SLOT_POOLS:
        room = getattr(pools, name)[:n_active]
        room[:] = fitting(state.floats(name), room)
    _check_links(pools.nodes[:n], len(columns), n_active)
    return pools


def fitting(given: NDArray[_T], room: NDArray[np.generic]) -> NDArray[_T]:
    """Return `given` if it has the shape of `room`, else raise."""
    if given.shape != room.shape:
        raise IncompatibleStateError(f"pool of shape {given.shape}, expected {room.shape}")
    return given


def _check_links(nodes: Records, n_features: int, n_active: int) -> None:
    """Refuse links that kernels would follow out of the pools."""
    leaf = nodes["feature"] < 0
    inner = nodes[~leaf]
    ends = inner["first_child"].astype(np.int64) + inner["n_children"]
    slots = nodes["first_child"][leaf]
    if (
        (inner["feature"] >= n_features).any()
        or (inner["first_child"] <= np.flatnonzero(~leaf)).any()
        or (ends > len(nodes)).any()
        or not np.array_equal(slots[slots >= 0], np.arange(n_active))
    ):
        raise IncompatibleStateError("the nodes' links lead out of the tree")
