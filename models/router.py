"""The arrays of a router's network: made from a seed, given as state, taken back."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from streamadapt.errors import IncompatibleStateError
from streamadapt.models.router_kernels import LANES, N_PARTS, Layer
from streamadapt.state import State, Value

__all__ = ["Router", "new_router", "restored_router", "router_bytes", "router_values"]

_LAYERS = ("first", "second", "third")


class Router(NamedTuple):
    """What `streamadapt.models.router_kernels` works on, in the order in which kernels take it."""

    first: Layer
    second: Layer
    third: Layer
    units: Layer  # scratch, as are the next two
    inputs: Layer
    kept: Layer


def new_router(n_inputs: int, hidden: tuple[int, int], n_outputs: int, seed: int) -> Router:
    """Return a network with weights after Glorot and Bengio (AISTATS 2010) and intercepts of 0."""
    random = np.random.default_rng(seed)
    widths = (n_inputs, *hidden, n_outputs)
    layers = []
    for before, after in itertools.pairwise(widths):
        layer = np.zeros((N_PARTS, before + 1, after), np.float32)
        bound = math.sqrt(6.0 / (before + after))
        layer[0, :-1] = random.uniform(-bound, bound, (before, after))
        layers.append(layer)
    first, second, third = layers
    units = np.zeros((2, sum(hidden) + n_outputs + LANES), np.float32)
    inputs, kept = np.zeros(n_inputs, np.float32), np.ones(hidden[0], np.float32)
    return Router(first, second, third, units, inputs, kept)


def router_values(router: Router) -> dict[str, Value]:
    """Return copies of weights, gradients and moments."""
    return {name: getattr(router, name).copy() for name in _LAYERS}


def restored_router(router: Router, state: State) -> Router:
    """Return a network of the same widths, with the contents of `state`.

    Raises
    ------
    IncompatibleStateError
        If they do not fit, or are not finite.
    """
    layers: dict[str, Any] = {}
    for name in _LAYERS:
        layer, room = state.array(name), getattr(router, name)
        if (layer.shape, layer.dtype) != (room.shape, room.dtype) or not np.isfinite(layer).all():
            raise IncompatibleStateError(f"{state.kind}: {name!r} does not fit the router")
        layers[name] = layer
    return router._replace(**layers)


def router_bytes(router: Router) -> int:
    """Return the bytes of weights, gradients and moments."""
    return sum(getattr(router, name).nbytes for name in _LAYERS)
