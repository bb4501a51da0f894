"""The laws of a learner's predictions: each takes a factory of equal learners, raises if broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from streamadapt.contracts import (
    LEARN,
    PREDICT,
    PREDICT_LEARN,
    FloatArray,
    Learner,
)
from streamadapt.law_evidence import (
    agree,
    feed,
    is_canonical,
    predict,
    require,
    same_bits,
    same_state,
    well_formed,
)
from streamadapt.law_streams import Stream, cuts, nasty, other_labels, stream_for

__all__ = ["LEARNER_LAWS"]

Make = Callable[[], Learner]


def equal_learners_give_equal_bits(make: Make) -> None:
    """Two learners of the same factory, fed the same, predict the same and end the same."""
    a, b = make(), make()
    stream = stream_for(a)
    agree(a, b, "before the first row")
    same_bits(feed(a, stream), feed(b, stream), "predictions of a second, equal learner")
    agree(a, b, "a second, equal learner")


def cutting_the_stream_changes_no_bit(make: Make) -> None:
    """In calls of 1, 7, 500 and random numbers of rows: just what one call gives."""
    whole = make()
    stream = stream_for(whole)
    P = feed(whole, stream)
    for size in (1, 7, 500, None):
        cut = make()
        how = f"in calls of {size or 'random numbers of'} rows"
        same_bits(P, feed(cut, stream, cuts(len(stream), size)), f"predictions {how}")
        agree(whole, cut, how)


def every_prediction_is_finite_and_where_it_was_asked_for(make: Make) -> None:
    """P is [n, k]: NaN in rows that do not predict, else finite; probabilities sum to 1."""
    learner = make()
    stream = stream_for(learner)
    well_formed(learner, predict(learner, stream.X), "before the first label")
    P = feed(learner, stream)
    require(
        P.dtype == np.float64 and P.shape == (len(stream), learner.n_outputs),
        f"P is {P.dtype}{P.shape}",
    )
    asked = stream.ops & PREDICT > 0
    require(bool(np.isnan(P[~asked]).all()), "a row that does not predict is not NaN")
    well_formed(learner, P[asked], "while learning")


def predict_learn_is_predict_and_then_learn(make: Make) -> None:
    """As operations on the same row, in this order."""
    one, two = make(), make()
    stream = stream_for(one, 400).always(PREDICT_LEARN)
    twice = Stream(
        np.tile(np.array([PREDICT, LEARN], np.int8), len(stream)),
        np.repeat(stream.X, 2, axis=0),
        np.repeat(stream.y, 2),
    )
    same_bits(feed(one, stream), feed(two, twice)[::2], "predictions of PREDICT, then LEARN")
    agree(one, two, "after PREDICT, then LEARN")


def predicting_changes_nothing(make: Make) -> None:
    """Whether it is asked between any two blocks or not, a learner goes on the same."""
    asked, left_alone = make(), make()
    stream = stream_for(asked)
    before = asked.state()
    for start, stop in cuts(len(stream), 300):
        part = stream.part(start, stop)
        same_bits(predict(asked, stream.X), predict(asked, stream.X), "the same rows asked twice")
        same_bits(feed(asked, part), feed(left_alone, part), "predictions of the asked one")
    agree(asked, left_alone, "the one that was asked")
    if is_canonical(asked):
        fresh = make()
        predict(fresh, stream.X)
        same_state(before, fresh.state(), "a fresh learner that has predicted")


def predictions_belong_to_the_caller(make: Make) -> None:
    """No later call changes a returned P, and changing P changes no learner."""
    a, b = make(), make()
    first, second = stream_for(a).halves()
    P, same = _run(a, first), _run(b, first)
    kept = P.copy()
    same[:] = 1e9
    same_bits(_run(a, second), _run(b, second), "predictions after writing into older ones")
    same_bits(kept, P, "predictions after the next call")


def _run(learner: Learner, stream: Stream) -> FloatArray:
    return learner.run(stream.ops, stream.X, stream.y)  # not a copy, as `feed` returns


def no_rows_are_no_trouble(make: Make) -> None:
    """Without rows, a call returns [0, k] and changes nothing."""
    asked, left_alone = make(), make()
    stream = stream_for(asked, 300)
    P = feed(asked, stream.part(0, 0))
    require(P.shape == (0, asked.n_outputs), f"no rows give predictions of shape {P.shape}")
    asked.adapt(stream.X[:0])
    agree(asked, left_alone, "after a call with no rows")


def no_prediction_sees_its_label_or_a_later_row(make: Make) -> None:
    """Other later rows, and another label of the row itself, change no prediction so far."""
    stream = stream_for(make(), 500).always(PREDICT_LEARN)
    P = feed(make(), stream)
    for i in (0, 1, 63, 250, 498):
        other = feed(make(), _changed_from(stream, i, make()))
        same_bits(P[: i + 1], other[: i + 1], f"predictions to row {i}, with another label there")


def _changed_from(stream: Stream, i: int, learner: Learner) -> Stream:
    X, y = stream.X.copy(), stream.y.copy()
    X[i + 1 :] = -3 * X[i + 1 :][::-1]
    y[i:] = other_labels(y[i:], learner)
    return Stream(stream.ops, X, y)


def labels_of_rows_that_only_predict_are_not_read(make: Make) -> None:
    """Where the operation is PREDICT, the label may be anything."""
    a, b = make(), make()
    stream = stream_for(a, 500)
    y = np.where(stream.ops == PREDICT, other_labels(stream.y, a), stream.y).astype(stream.y.dtype)
    same_bits(feed(a, stream), feed(b, replace(stream, y=y)), "with other unread labels")
    agree(a, b, "with other unread labels")


def adapting_is_the_same_however_it_is_cut(make: Make) -> None:
    """`adapt` takes any rows, in any cut, to the same end, and predictions stay finite."""
    whole = make()
    stream = stream_for(whole, 600)
    bad = nasty(stream, whole, huge=True)
    feed(whole, stream)
    past = whole.state()
    whole.adapt(bad.X.copy())
    for size in (1, 7, None):
        cut = make()
        cut.restore(past)
        for start, stop in cuts(len(bad), size):
            cut.adapt(bad.X[start:stop].copy())
        agree(whole, cut, f"adapted by {size or 'random numbers of'} rows")
    well_formed(whole, predict(whole, stream.X), "after adapting to bad rows")


LEARNER_LAWS = (
    equal_learners_give_equal_bits,
    cutting_the_stream_changes_no_bit,
    every_prediction_is_finite_and_where_it_was_asked_for,
    predict_learn_is_predict_and_then_learn,
    predicting_changes_nothing,
    predictions_belong_to_the_caller,
    no_rows_are_no_trouble,
    no_prediction_sees_its_label_or_a_later_row,
    labels_of_rows_that_only_predict_are_not_read,
    adapting_is_the_same_however_it_is_cut,
)
