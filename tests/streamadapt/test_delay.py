"""Late labels come when the slow form says, however the stream is cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamadapt.delay import DelayedLabels, LabelDelay
from streamadapt.labels import Arrivals, LabelLimits
from tests.streamadapt.naive_delay import Step, by_events, by_seconds

some_labels = st.lists(st.none() | st.sampled_from([0.0, 1.0]), max_size=60)
some_cuts = st.lists(st.integers(0, 60), max_size=6)


def events(labels: list[float | None], times: list[int], start: int, stop: int) -> Arrivals:
    i = np.arange(start, stop)
    values = [np.nan if label is None else label for label in labels[start:stop]]
    return Arrivals(
        np.zeros(len(i), np.int8),
        i.astype(np.uint64),
        np.array(times[start:stop], np.int64) * 1_000_000,
        np.array(values, np.float64),
        i,
        i - start,
    )


def steps_of(
    delayed: DelayedLabels, labels: list[float | None], times: list[int], cuts: list[int]
) -> list[Step]:
    edges = [0, *sorted(min(cut, len(labels)) for cut in cuts), len(labels)]
    parts = [
        delayed.interleave(events(labels, times, start, stop)) for start, stop in pairwise(edges)
    ]
    parts.append(delayed.flush())
    return [
        ("label" if kind else "event", id_)
        for part in parts
        for kind, id_ in zip(part.kind.tolist(), part.id.tolist(), strict=True)
    ]


@given(some_labels, st.integers(1, 9), some_cuts)
def test_a_delay_in_events_is_what_the_slow_form_says(
    labels: list[float | None], delay: int, cuts: list[int]
) -> None:
    times = [0] * len(labels)
    delayed = DelayedLabels(LabelDelay(events=delay))
    assert steps_of(delayed, labels, times, cuts) == by_events(labels, delay)


@given(some_labels, st.integers(1, 9), some_cuts, st.data())
def test_a_delay_in_seconds_is_what_the_slow_form_says(
    labels: list[float | None], delay: int, cuts: list[int], data: st.DataObject
) -> None:
    n = len(labels)
    times = data.draw(st.lists(st.integers(0, 30), min_size=n, max_size=n))
    delayed = DelayedLabels(LabelDelay(seconds=delay))
    assert steps_of(delayed, labels, times, cuts) == by_seconds(labels, times, delay)


@given(some_labels, st.integers(1, 9), st.integers(0, 60), some_cuts)
def test_one_broken_clock_lets_no_label_come_before_its_time(
    labels: list[float | None], delay: int, place: int, cuts: list[int]
) -> None:
    place = min(max(place, 1), len(labels))
    times = list(range(len(labels)))
    broken = [*labels[:place], None, *labels[place:]], [*times[:place], 10**9, *times[place:]]
    limits = LabelLimits(max_ahead_s=86_400)
    found = steps_of(DelayedLabels(LabelDelay(seconds=delay), limits), *broken, cuts)
    later = [(kind, id_ - (id_ > place)) for kind, id_ in found if id_ != place]
    assert later == by_seconds(labels, times, delay)


@given(st.lists(st.sampled_from([0, 1, 50, 51, 99]), max_size=40), some_cuts)
def test_times_ahead_are_believed_or_not_however_the_stream_is_cut(
    times: list[int], cuts: list[int]
) -> None:
    delay, limits = LabelDelay(seconds=2), LabelLimits(max_ahead_s=10)
    whole, cut = (DelayedLabels(delay, limits) for _ in range(2))
    labels: list[float | None] = [1.0] * len(times)
    assert steps_of(whole, labels, times, []) == steps_of(cut, labels, times, cuts)
    assert whole.state().digest() == cut.state().digest()


@given(some_labels, st.integers(1, 9), st.integers(0, 60))
def test_restored_labels_still_come(labels: list[float | None], delay: int, cut: int) -> None:
    cut, times = min(cut, len(labels)), list(range(len(labels)))
    first, second = DelayedLabels(LabelDelay(events=delay)), DelayedLabels(LabelDelay(events=delay))
    head = first.interleave(events(labels, times, 0, cut))
    second.restore(first.state())
    tail = second.interleave(events(labels, times, cut, len(labels)))
    flushed = second.flush()
    ids = np.concatenate([part.id for part in (head, tail, flushed)])
    kinds = np.concatenate([part.kind for part in (head, tail, flushed)])
    got = [
        ("label" if kind else "event", id_)
        for kind, id_ in zip(kinds.tolist(), ids.tolist(), strict=True)
    ]
    assert got == by_events(labels, delay)


def test_without_delay_nothing_is_touched() -> None:
    arrivals = events([1.0, 0.0], [0, 1], 0, 2)
    delayed = DelayedLabels(LabelDelay())
    assert delayed.is_immediate
    assert delayed.interleave(arrivals) is arrivals


def test_two_kinds_of_delay_at_once_are_refused() -> None:
    with pytest.raises(ValidationError, match="not both"):
        LabelDelay(events=1, seconds=1)


def test_labels_that_wait_are_bounded_when_event_time_stands_still() -> None:
    delayed = DelayedLabels(LabelDelay(seconds=60), LabelLimits(max_pending=100))
    for start in range(0, 1000, 50):
        delayed.interleave(events([1.0] * 1000, [7] * 1000, start, start + 50))
    assert delayed.n_dropped == 900
    assert len(delayed.flush()) == 100


@pytest.mark.parametrize("wrong", [{"events": 1 << 40}, {"seconds": float("inf")}])
def test_a_delay_without_end_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        LabelDelay.model_validate(wrong)


@given(st.integers(20, 60), st.integers(1, 5), st.integers(1, 9), some_cuts, st.data())
def test_what_waits_too_long_is_lost_however_the_stream_is_cut(
    n: int, max_waiting: int, delay: int, cuts: list[int], data: st.DataObject
) -> None:
    labels: list[float | None] = [1.0] * n
    times = sorted(data.draw(st.lists(st.integers(0, 30), min_size=n, max_size=n)))
    limits = LabelLimits(max_pending=max_waiting)
    whole, cut = (DelayedLabels(LabelDelay(seconds=delay), limits) for _ in range(2))
    assert steps_of(whole, labels, times, []) == steps_of(cut, labels, times, cuts)
    assert whole.n_dropped == cut.n_dropped
    assert whole.state().digest() == cut.state().digest()
