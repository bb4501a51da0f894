"""The laws of what a learner is given: bad rows, weights, any layout of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import (
    PREDICT_LEARN,
    FloatArray,
    Learner,
    LearningTask,
)
from streamadapt.law_evidence import (
    agree,
    feed,
    predict,
    require,
    same_bits,
    well_formed,
)
from streamadapt.law_streams import Stream, cuts, nasty, other_labels, stream_for

__all__ = ["LEARNER_INPUT_LAWS"]

Make = Callable[[], Learner]


def bad_rows_never_raise_and_leave_predictions_finite(make: Make) -> None:
    """NaN, inf, 1e308, empty rows, constant columns, labels that are none: all in one stream."""
    learner = make()
    stream = stream_for(learner)
    bad = nasty(stream, learner, huge=True)
    well_formed(
        learner, feed(learner, bad.always(PREDICT_LEARN), cuts(len(bad), 100)), "on bad rows"
    )
    well_formed(learner, predict(learner, bad.X), "asked on bad rows")
    well_formed(learner, feed(learner, stream.always(PREDICT_LEARN)), "on good rows later")


def bad_rows_do_no_lasting_harm(make: Make) -> None:
    """Whatever can be learnt from good rows alone can be learnt after bad rows too."""
    fresh, harmed = make(), make()
    stream = stream_for(fresh).always(PREDICT_LEARN)
    first, good = stream.halves()
    feed(harmed, nasty(first, harmed, huge=False))
    chance = _loss(np.broadcast_to(_chance(good, fresh), (len(good), fresh.n_outputs)), good)
    clean, after = _loss(feed(fresh, good), good), _loss(feed(harmed, good), good)
    require(
        clean > 0.8 * chance or after < (clean + chance) / 2,
        f"loss {after:.3g} after bad rows, {clean:.3g} without them, {chance:.3g} by chance",
    )


def _chance(stream: Stream, learner: Learner) -> FloatArray:
    if learner.learning_task is LearningTask.REGRESSION:
        return np.array([np.median(stream.y.astype(np.float64))])
    return np.full(learner.n_outputs, 1 / learner.n_outputs)


def _loss(P: FloatArray, stream: Stream) -> float:
    """Return the mean absolute error of the second half, for classes the error rate."""
    rows = np.arange(len(P) // 2, len(P))
    if P.shape[1] == 1:
        return float(np.abs(P[rows, 0] - stream.y[rows].astype(np.float64)).mean())
    return float((P[rows].argmax(axis=1) != stream.y[rows]).mean())


def labels_that_are_none_are_all_alike(make: Make) -> None:
    """One label -1, k, NaN or inf is skipped, whichever of them it is, and as an int or a float."""
    classes = make().learning_task is LearningTask.CLASSIFICATION
    bad: list[float] = [-1, 10**9, make().n_outputs] if classes else [np.nan, np.inf, -np.inf]
    stream = stream_for(make(), 500)
    labels = [np.where(np.arange(500) % 4 == 0, np.array(b, stream.y.dtype), stream.y) for b in bad]
    if classes:
        labels.append(np.where(labels[0] == -1, np.nan, labels[0]))
    a = make()
    P = feed(a, replace(stream, y=labels[0]))
    for label, y in zip([*bad, np.nan][1:], labels[1:], strict=False):
        b = make()
        same_bits(P, feed(b, replace(stream, y=y)), f"predictions with labels {label} for {bad[0]}")
        agree(a, b, f"with labels {label} for {bad[0]}")


def arguments_are_not_changed(make: Make) -> None:
    """`run` and `adapt` only read what they are given."""
    learner = make()
    stream = stream_for(learner, 500)
    w = np.linspace(0.5, 2, len(stream))
    arrays: list[NDArray[Any]] = [stream.ops, stream.X, stream.y, w]
    before = [a.tobytes() for a in arrays]
    learner.run(*arrays)
    learner.adapt(stream.X)
    for name, a, bits in zip(("ops", "X", "y", "w"), arrays, before, strict=True):
        require(a.tobytes() == bits, f"{name} was changed")


def the_layout_of_arguments_does_not_matter(make: Make) -> None:
    """Read-only, strided, Fortran-ordered and float32 rows give what a plain copy gives."""
    stream = stream_for(make(), 300)
    exact = stream.X.astype(np.float32).astype(np.float64)
    stream = replace(stream, X=exact)
    a = make()
    P = feed(a, stream)
    a.adapt(stream.X.copy())
    for what, other in _layouts(stream):
        b = make()
        same_bits(P, b.run(other.ops, other.X, other.y), f"predictions of {what} arrays")
        b.adapt(other.X)
        agree(a, b, f"after {what} arrays")


def _layouts(stream: Stream) -> Iterator[tuple[str, Stream]]:
    frozen = Stream(stream.ops.copy(), stream.X.copy(), stream.y.copy())
    for array in (frozen.ops, frozen.X, frozen.y):
        array.flags.writeable = False
    yield "read-only", frozen
    arrays = (stream.ops, stream.X, stream.y)
    yield "strided", Stream(*(np.repeat(a, 2, axis=0)[::2] for a in arrays))
    yield "Fortran-ordered", replace(stream, X=np.asfortranarray(stream.X))
    yield "float32", replace(stream, X=stream.X.astype(np.float32))


def weight_one_is_the_default(make: Make) -> None:
    """No weights are weights of 1."""
    a, b = make(), make()
    s = stream_for(a, 600)
    P = b.run(s.ops, s.X.copy(), s.y, np.ones(len(s)))
    same_bits(feed(a, s), P, "predictions with weights 1")
    agree(a, b, "with weights 1")


def a_row_of_weight_zero_teaches_nothing(make: Make) -> None:
    """Neither its label nor its values matter; that it was there may, to a learner of seasons."""
    a, b = make(), make()
    s = stream_for(a, 600)
    w = (np.arange(len(s)) % 4 != 1).astype(np.float64)
    X, y = s.X.copy(), s.y.copy()
    X[w == 0] *= -3
    y[w == 0] = other_labels(y[w == 0], a)
    P, Q = a.run(s.ops, s.X.copy(), s.y, w), b.run(s.ops, X, y, w)
    same_bits(P[w > 0], Q[w > 0], "predictions with other rows of weight 0")
    agree(a, b, "after other rows of weight 0")


LEARNER_INPUT_LAWS = (
    bad_rows_never_raise_and_leave_predictions_finite,
    bad_rows_do_no_lasting_harm,
    labels_that_are_none_are_all_alike,
    arguments_are_not_changed,
    the_layout_of_arguments_does_not_matter,
    weight_one_is_the_default,
    a_row_of_weight_zero_teaches_nothing,
)
