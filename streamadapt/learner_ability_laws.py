"""The laws of what only some learners can: forget, show features and logits, be shifted, doubt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from streamadapt.contracts import (
    Adaptable,
    FloatArray,
    Forgets,
    HasFeatures,
    HasIntervals,
    HasLogits,
    Learner,
)
from streamadapt.law_evidence import agree, feed, predict, require, same_bits, through_bytes
from streamadapt.law_streams import Stream, cuts, stream_for

__all__ = ["ABILITY_LAWS"]

_COVERAGES = (0.5, 0.8, 0.95)


class _Forgetful(Learner, Forgets, Protocol): ...


class _Seeing(Learner, HasFeatures, Protocol): ...


class _Scoring(Learner, HasLogits, Protocol): ...


class _Shifting(Learner, Adaptable, Protocol): ...


class _Doubting(Learner, HasIntervals, Protocol): ...


def forgetting_by_one_changes_no_prediction(make: Callable[[], _Forgetful]) -> None:
    """With the factor 1 all evidence counts as before, now and later."""
    a, b = make(), make()
    first, second = stream_for(a).halves()
    for learner in (a, b):
        feed(learner, first)
    a.forget(1.0)
    same_bits(predict(a, second.X), predict(b, second.X), "predictions after forget(1.0)")
    same_bits(feed(a, second), feed(b, second), "later predictions after forget(1.0)")


def forgetting_leaves_a_sound_state(make: Callable[[], _Forgetful]) -> None:
    """Before the first row, by half and nearly all: finite, the same twice, restorable."""
    a, b = make(), make()
    first, second = stream_for(a).halves()
    for learner in (a, b):
        learner.forget(0.5)
        feed(learner, first)
        for factor in (0.5, 1e-9, 1e-300):
            learner.forget(factor)
    agree(a, b, "after forgetting the same")
    c = make()
    c.restore(through_bytes(a.state()))
    P = feed(a, second)
    require(bool(np.isfinite(predict(a, second.X)).all()), "predictions not finite")
    same_bits(P, feed(c, second), "predictions when restored after forgetting")


def _of_rows_alone(
    learner: Learner, call: Callable[[FloatArray], FloatArray], what: str
) -> FloatArray:
    """Ask for all rows at once, and in pieces; return the answer if all that agrees."""
    before = learner.state().digest()
    stream = stream_for(learner, 300)
    answer = call(stream.X.copy())
    for size in (1, 7, None):
        parts = [call(stream.X[a:b].copy()) for a, b in cuts(300, size) if a < b]
        same_bits(answer, np.concatenate(parts), f"{what} in pieces of {size or 'random'} rows")
    require(bool(np.isfinite(answer).all()), f"{what} are not all finite")
    require(learner.state().digest() == before, f"asking for {what} changed the state")
    return answer


def _nothing_and_a_stream(learner: Learner) -> tuple[Stream, Stream]:
    stream = stream_for(learner)
    return stream.part(0, 0), stream


def features_depend_on_their_row_alone(make: Callable[[], _Seeing]) -> None:
    """They are finite, [n, m] with one m for ever, the same in any cut, and change nothing."""
    learner = make()
    early = _of_rows_alone(learner, learner.features, "features")
    feed(learner, stream_for(learner))
    late = _of_rows_alone(learner, learner.features, "features")
    require(early.ndim == 2 and early.shape == late.shape, f"{early.shape} became {late.shape}")


def probabilities_are_the_softmax_of_logits(make: Callable[[], _Scoring]) -> None:
    """To 1e-12; and logits depend on their row alone and change nothing."""
    learner = make()
    for stream in _nothing_and_a_stream(learner):
        feed(learner, stream)
        z = _of_rows_alone(learner, learner.logits, "logits")
        e = np.exp(z - z.max(axis=1, keepdims=True))
        P = predict(learner, stream_for(learner, 300).X)
        off = float(np.abs(P - e / e.sum(axis=1, keepdims=True)).max())
        require(off <= 1e-12, f"softmax(logits) misses the probabilities by {off:.3g}")


def the_affine_map_starts_as_identity_and_can_be_set(make: Callable[[], _Shifting]) -> None:
    """Any map that was set is read back as copies; setting what is there changes nothing."""
    a, b = make(), make()
    scale, shift = a.affine()
    require(bool((scale == 1).all() and (shift == 0).all()), "the map is not the identity at first")
    stream = stream_for(a)
    feed(a, stream)
    feed(b, stream)
    a.set_affine(*a.affine())
    agree(a, b, "after setting the map to what it was")
    given = (scale * 1.25, shift + 0.5)
    a.set_affine(*given)
    for got, want in zip(a.affine(), (scale * 1.25, shift + 0.5), strict=True):
        same_bits(got, want, "the map that was set")
    for array in (*given, *a.affine()):
        array[:] = 7.0
    same_bits(a.affine()[0], scale * 1.25, "the map after writing into what was given and got")


def the_affine_map_is_part_of_the_state(make: Callable[[], _Shifting]) -> None:
    """Another map changes predictions, and a restored learner has it."""
    a, b = make(), make()
    stream = stream_for(a)
    feed(a, stream)
    plain = predict(a, stream.X)
    scale, shift = a.affine()
    a.set_affine(scale * 1.25, shift + np.linspace(-1, 1, len(shift)))
    require(bool((plain != predict(a, stream.X)).any()), "another map predicts the same")
    b.restore(through_bytes(a.state()))
    agree(a, b, "restored with a map")
    same_bits(a.affine()[0], b.affine()[0], "the restored scale")


def wider_coverage_is_a_wider_interval(make: Callable[[], _Doubting]) -> None:
    """Low <= high, a greater coverage holds the smaller, and asking changes nothing."""
    learner = make()
    for stream in _nothing_and_a_stream(learner):
        feed(learner, stream)
        _intervals_nest(learner, stream_for(learner, 300))


def _intervals_nest(learner: _Doubting, stream: Stream) -> None:
    before = learner.state().digest()
    inner = None
    for coverage in _COVERAGES:
        both = learner.interval(stream.X.copy(), coverage)
        require(both.shape == (len(stream), 2), f"intervals have shape {both.shape}")
        require(bool((both[:, 0] <= both[:, 1]).all()), f"at {coverage} a low is above its high")
        if inner is not None:
            nested = (both[:, 0] <= inner[:, 0]) & (inner[:, 1] <= both[:, 1])
            require(bool(nested.all()), f"{int((~nested).sum())} are narrower at {coverage}")
        parts = [learner.interval(stream.X[a:b].copy(), coverage) for a, b in cuts(len(stream), 7)]
        same_bits(both, np.concatenate(parts), "intervals of 7 rows at a time")
        inner = both
    require(learner.state().digest() == before, "asking for intervals changed the state")


ABILITY_LAWS = (
    (Forgets, (forgetting_by_one_changes_no_prediction, forgetting_leaves_a_sound_state)),
    (HasFeatures, (features_depend_on_their_row_alone,)),
    (HasLogits, (probabilities_are_the_softmax_of_logits,)),
    (
        Adaptable,
        (the_affine_map_starts_as_identity_and_can_be_set, the_affine_map_is_part_of_the_state),
    ),
    (HasIntervals, (wider_coverage_is_a_wider_interval,)),
)
"""Pairs of an optional contract and its laws."""
