"""Pickles of River models: canonical in their bytes, signed, and read through an allow-list.

River has no other way to keep a model (its maintainers say so in online-ml/river issues 1011 and
1316), and a pickle can run code.  So `load` looks at nothing before the signature has proved that
the bytes come from a holder of the key, and even then finds only River's classes and the few
others that River's classifiers and regressors hold (found by pickling all of River 0.26.1).

Equal models give equal bytes: a pickle refers back to objects it has met by their identity, which
for strings, dtypes and sets says nothing about the model.  These are written by value here.  And
River's distributions each hold a generator of their own, seeded by the machine, from which no
prediction is drawn; one fixed generator is written for all of them.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import inspect
import io
import json
import pickle
import random
from typing import Any

import numpy as np

from streamadapt.errors import CorruptStateError, IncompatibleStateError

__all__ = ["dump", "load", "sign"]

_PROTOCOL = 5
_LENGTH_BYTES = 8

_ALLOWED = frozenset(
    {
        ("builtins", "dict"),
        ("builtins", "float"),
        ("builtins", "frozenset"),
        ("builtins", "int"),
        ("builtins", "iter"),
        ("builtins", "list"),
        ("builtins", "set"),
        ("builtins", "tuple"),
        ("collections", "Counter"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("collections", "deque"),
        ("copy", "deepcopy"),
        ("functools", "partial"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy.random._mt19937", "MT19937"),
        ("numpy.random._pickle", "__bit_generator_ctor"),
        ("numpy.random._pickle", "__randomstate_ctor"),
        ("random", "Random"),
        ("river._river_rust.vectordict", "euclidean_distance_tuple"),
        ("river.utils.math", "minkowski_distance"),
        ("statistics", "NormalDist"),
    }
)

# River's own classes that open files or sockets when made; no model holds them.
_RIVER_OUTSIDE = ("river.api", "river.checks", "river.datasets", "river.stream")


def sign(key: bytes, *parts: bytes) -> bytes:
    """Return HMAC-SHA256 over `parts`, each with its length, so that none can lend to another."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        mac.update(len(part).to_bytes(_LENGTH_BYTES, "big") + part)
    return mac.digest()


def dump(model: object) -> bytes:
    """Return the canonical pickle of `model`.

    Raises
    ------
    IncompatibleStateError
        If it cannot be pickled: it is nested too deep (river issue 1358), or holds a lambda.
    """
    stream = io.BytesIO()
    pickler = _Pickler(stream)
    try:
        pickler.dump(model)
    except (RecursionError, pickle.PicklingError, TypeError, AttributeError) as error:
        raise IncompatibleStateError(
            f"{type(model).__name__} cannot be kept, it does not pickle: {error}"
        ) from error
    strings = json.dumps(list(pickler.strings)).encode()
    return len(strings).to_bytes(_LENGTH_BYTES, "big") + strings + stream.getvalue()


def load(blob: bytes, key: bytes, signature: bytes, *context: bytes) -> Any:  # noqa: ANN401
    """Return the model in `blob`, once ``sign(key, *context, blob)`` has been found equal.

    Raises
    ------
    CorruptStateError
        If the signature is another: the bytes were changed, or signed with another key.
    IncompatibleStateError
        If the pickle needs something that is not allowed, or that this River does not have.
    """
    if not hmac.compare_digest(sign(key, *context, blob), signature):
        raise CorruptStateError(
            "the signature of a River model does not match: its bytes or its context were changed, "
            "or signing_key is another one than when it was written"
        )
    start = _LENGTH_BYTES + int.from_bytes(blob[:_LENGTH_BYTES], "big")
    unpickler = _Unpickler(io.BytesIO(blob[start:]))
    try:
        unpickler.strings = json.loads(blob[_LENGTH_BYTES:start])
        return unpickler.load()
    except IncompatibleStateError:
        raise
    except Exception as error:  # a pickle of other versions can fail in any way
        raise IncompatibleStateError(f"a River model cannot be read back: {error}") from error


class _Pickler(pickle.Pickler):
    """Writes strings, dtypes and sets by value, through persistent ids."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, _PROTOCOL)
        self.strings: dict[str, int] = {}
        self._sets: dict[int, tuple[int, object]] = {}
        self._generator = random.Random(0)  # noqa: S311 - stands for one that is never drawn from

    def reducer_override(self, obj: object) -> Any:  # noqa: ANN401
        if not type(obj).__module__.startswith("river.proba.") or isinstance(obj, type):
            return NotImplemented
        reduced = obj.__reduce_ex__(_PROTOCOL)
        fields = reduced[2] if len(reduced) > 2 else None
        if not isinstance(fields, dict) or fields.get("seed", 0) is not None:
            return reduced
        return (*reduced[:2], fields | {"_rng": self._generator}, *reduced[3:])

    def persistent_id(self, obj: object) -> object:
        if isinstance(obj, str) and type(obj) is str:
            return self.strings.setdefault(obj, len(self.strings))
        if isinstance(obj, set | frozenset) and type(obj) in (set, frozenset):
            return self._set(obj)
        if isinstance(obj, np.dtype) and obj.names is None and not obj.hasobject:
            return ("dtype", obj.str)
        return None

    def _set(self, members: set[object] | frozenset[object]) -> tuple[object, ...]:
        """Name the set by its turn, so that two owners of one set still share it."""
        if id(members) in self._sets:
            return ("set", self._sets[id(members)][0])
        turn = len(self._sets)
        self._sets[id(members)] = (turn, members)  # kept, so that its id stays its own
        ordered = sorted(members, key=lambda member: (type(member).__name__, repr(member)))
        return (type(members).__name__, turn, ordered)


class _Unpickler(pickle.Unpickler):
    """Finds nothing but what a River model is made of."""

    strings: list[str]

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self._sets: dict[int, object] = {}

    def persistent_load(self, pid: Any) -> object:  # noqa: ANN401
        if isinstance(pid, int):
            return self.strings[pid]
        if pid[0] == "dtype":
            return np.dtype(pid[1])
        if len(pid) == 3:  # (type, turn, members)
            self._sets[pid[1]] = (frozenset if pid[0] == "frozenset" else set)(pid[2])
        return self._sets[pid[1]]

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        if (module, name) == ("builtins", "getattr"):
            return _bound_method
        if (module, name) in _ALLOWED:
            return super().find_class(module, name)
        found = _in_river(module, name)
        if found is None:
            raise IncompatibleStateError(f"a River model may not hold {module}.{name}")
        return found


def _in_river(module: str, name: str) -> object:
    """Return River's class, or function inside such a class, or None."""
    if not module.startswith("river.") or module.startswith(_RIVER_OUTSIDE):
        return None
    owner, _, member = name.partition(".")
    found = vars(importlib.import_module(module)).get(owner)
    if not inspect.isclass(found) or found.__module__ != module:
        return None
    if not member:
        return found
    function = vars(found).get(member)
    function = function.__func__ if isinstance(function, staticmethod) else function
    return function if inspect.isfunction(function) else None


def _bound_method(owner: object, name: str) -> object:
    """Stand in for ``getattr``, by which pickles name a bound method: of River's objects only."""
    method = inspect.getattr_static(type(owner), name, None)
    ours = type(owner).__module__.startswith("river.") and not name.startswith("__")
    if not (ours and inspect.isfunction(method)):
        raise IncompatibleStateError(f"a River model may not hold {type(owner).__name__}.{name}")
    return getattr(owner, name)
