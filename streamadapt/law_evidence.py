"""What laws compare, and how they say what differs where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamadapt.checkpoint import decode, encode
from streamadapt.contracts import PREDICT, FloatArray, Learner, LearningTask
from streamadapt.errors import LawError, StateError
from streamadapt.law_streams import Span, Stream, stream_for
from streamadapt.state import State, Value

__all__ = [
    "agree",
    "feed",
    "is_canonical",
    "predict",
    "refuses_or_becomes",
    "require",
    "same_bits",
    "same_state",
    "spoilt",
    "through_bytes",
    "well_formed",
]


def require(ok: bool, problem: str) -> None:
    """Raise `LawError` with `problem` unless `ok`."""
    if not ok:
        raise LawError(problem)


def same_bits(a: NDArray[np.generic], b: NDArray[np.generic], what: str) -> None:
    """Raise `LawError` naming the first row that differs; any NaN equals any NaN."""
    require(
        (a.shape, a.dtype) == (b.shape, b.dtype),
        f"{what}: {a.dtype}{a.shape} is not {b.dtype}{b.shape}",
    )
    different = _bits(a) != _bits(b)
    if a.dtype.kind == "f":
        different &= ~(np.isnan(a) & np.isnan(b))
    if different.any():
        place = tuple(int(i) for i in np.argwhere(different)[0])
        raise LawError(
            f"{what}: {int(different.sum())} of {a.size} values differ, "
            f"first at {list(place)}: {a[place].item()!r} is not {b[place].item()!r}"
        )


def _bits(a: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.ascontiguousarray(a).view(np.int64) if a.dtype == np.float64 else a


def same_state(a: State, b: State, what: str) -> None:
    """Raise `LawError` naming the first value that differs, unless the digests are equal."""
    if a.digest() != b.digest():
        raise LawError(f"{what}: {next(_differences(a, b, 'state'), 'state differs')}")


def _differences(a: Value, b: Value, path: str) -> Iterator[str]:
    if isinstance(a, State) and isinstance(b, State):
        for name in sorted({*a.values, *b.values}):
            if name not in a.values or name not in b.values:
                yield f"{path}.{name} is only on one side"
            else:
                yield from _differences(a.values[name], b.values[name], f"{path}.{name}")
        if (a.kind, a.version) != (b.kind, b.version):
            yield f"{path} is {a.kind} {a.version} and {b.kind} {b.version}"
    elif isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        yield from _broken(a, b, path)
    elif State("", 0, {"": a}).digest() != State("", 0, {"": b}).digest():
        yield f"{path}: {a!r} is not {b!r}"


def _broken(a: NDArray[np.generic], b: NDArray[np.generic], path: str) -> Iterator[str]:
    try:
        same_bits(a, b, path)
    except LawError as error:
        yield str(error)


def is_canonical(learner: object) -> bool:
    """Whether equal behaviour means equal digests; not so for wrapped objects of others."""
    return bool(getattr(learner, "digest_is_canonical", True))


def feed(learner: Learner, stream: Stream, spans: Iterable[Span] | None = None) -> FloatArray:
    """Run the stream, cut into `spans` (whole if left out), and return the predictions [n, k]."""
    parts = [stream.part(a, b) for a, b in (spans or [(0, len(stream))])]
    return np.concatenate([learner.run(part.ops, part.X, part.y) for part in parts])


def predict(learner: Learner, X: FloatArray) -> FloatArray:
    """Return predictions [n, k] for rows X [n, d]."""
    classes = learner.learning_task is LearningTask.CLASSIFICATION
    y = np.zeros(len(X), np.int64 if classes else np.float64)
    return learner.run(np.full(len(X), PREDICT, np.int8), X.copy(), y)


def agree(a: Learner, b: Learner, when: str) -> None:
    """Raise `LawError` unless both predict alike and, where digests say so, have equal states."""
    rows = stream_for(a, 40, seed=99).X
    if is_canonical(a):
        same_state(a.state(), b.state(), f"{when}, states")
    same_bits(predict(a, rows), predict(b, rows), f"{when}, predictions")


def through_bytes(state: State) -> State:
    """Return what is left of a state after it was written as a checkpoint and read again."""
    restored: State = decode(encode(state, {})).state
    return restored


def well_formed(learner: Learner, P: FloatArray, when: str) -> None:
    """Raise `LawError` unless all rows of P are finite and, for classes, probabilities."""
    require(P.shape[1:] == (learner.n_outputs,), f"{when}: predictions have shape {P.shape}")
    finite = np.isfinite(P).all(axis=1)
    require(bool(finite.all()), f"{when}: {int((~finite).sum())} predictions are not finite")
    if learner.learning_task is LearningTask.CLASSIFICATION and len(P):
        require(bool((P >= 0).all()), f"{when}: a probability of {P.min()!r}")
        off = float(np.abs(P.sum(axis=1) - 1).max())
        require(off <= 1e-9, f"{when}: probabilities of a row miss 1 by {off:.3g}")


class _Keeper(Protocol):
    def state(self) -> State: ...

    def restore(self, state: State) -> None: ...


def refuses_or_becomes(keeper: _Keeper, state: State, what: str, whole: State) -> None:
    """Raise `LawError` unless restoring `state` changes all, or raises `StateError` and nothing.

    A state that lacks what is known anyway, as one of an older release may, can become the `whole`.
    """
    before = keeper.state()
    try:
        keeper.restore(state)
    except StateError:
        if is_canonical(keeper):
            same_state(before, keeper.state(), f"after refusing {what}")
    except Exception as error:
        raise LawError(f"{what} raised {error!r} instead of a StateError") from error
    else:
        became = keeper.state()
        if not (_lacks(state, whole) and became.digest() == whole.digest()):
            same_state(state, became, f"{what} was accepted, but not restored")
        keeper.restore(before)


def _lacks(state: State, whole: State) -> bool:
    """Whether a value of `whole`, or of a state within it, is not there."""
    for name, value in whole.values.items():
        own = state.values.get(name, state)
        if own is state or (
            isinstance(own, State) and isinstance(value, State) and _lacks(own, value)
        ):
            return True
    return False


def spoilt(state: State) -> Iterator[tuple[str, State]]:
    """Yield (what was done, state) for wrong kinds and versions, lost values, wrong lengths."""
    yield "of another kind", State(state.kind + "_of_another", state.version, state.values)
    yield "of a later version", State(state.kind, state.version + 1, state.values)
    for name, value in state.values.items():
        others: Mapping[str, Value] = {n: v for n, v in state.values.items() if n != name}
        yield f"without {name!r}", State(state.kind, state.version, others)
        for what, changed in _spoilt_values(name, value):
            yield what, State(state.kind, state.version, {**others, name: changed})


def _spoilt_values(name: str, value: Value) -> Iterator[tuple[str, Value]]:
    if isinstance(value, State):
        for what, child in spoilt(value):
            yield f"whose {name!r} is {what}", child
    elif isinstance(value, np.ndarray) and value.ndim and value.size:
        yield f"whose {name!r} is one row longer", np.concatenate([value, value[:1]])
        yield f"whose {name!r} is one row shorter", value[:-1].copy()
        yield f"whose {name!r} has one axis more", value[None].copy()
