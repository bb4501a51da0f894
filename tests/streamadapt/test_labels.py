"""The label join against its slow form, and each fate of a label by name."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.events import MISSING_TIME
from streamadapt.labels import Arrivals, LabelJoin, LabelLimits
from tests.streamadapt.naive_labels import NaiveJoin

EVENT, LABEL, OWN_LABEL = 0, 1, 2
S = 1_000_000
Record = tuple[int, int, int | None, float | None]  # kind, id, time, label

records = st.lists(
    st.tuples(
        st.sampled_from([EVENT, EVENT, LABEL]),
        st.integers(0, 12),
        st.none() | st.integers(0, 40_000_000),
        st.none() | st.sampled_from([0.0, 1.0]),
    ),
    max_size=120,
)
limits = st.builds(
    LabelLimits,
    max_pending=st.integers(1, 9),
    max_early=st.integers(1, 4),
    max_age_s=st.none() | st.floats(1, 30),
    remember=st.integers(1, 9),
    learn_corrections=st.booleans(),
    allowed_lateness_s=st.none() | st.floats(1, 30),
    max_ahead_s=st.none() | st.floats(1, 30),
)


def arrivals(some: list[Record], first: int = 0) -> Arrivals:
    kind, id_, time, label = zip(*some, strict=True) if some else ((), (), (), ())
    return Arrivals(
        np.array(kind, np.int8),
        np.array(id_, np.uint64),
        np.array([MISSING_TIME if t is None else t for t in time], np.int64),
        np.array([np.nan if x is None else x for x in label], np.float64),
        np.arange(first, first + len(some)),
        np.arange(len(some)),
    )


def joined(
    join: LabelJoin, some: list[Record], cuts: list[int], first: int = 0
) -> tuple[list[tuple[object, ...]], list[tuple[int, str]]]:
    """Run the join over the records in pieces; a row holds its event's position."""
    steps: list[tuple[object, ...]] = []
    drops: list[tuple[int, str]] = []
    edges = [0, *sorted(min(cut, len(some)) for cut in cuts), len(some)]
    for start, stop in pairwise(edges):
        batch = arrivals(some[start:stop], first + start)
        ops, dropped = join.admit(batch)
        predicts = (ops.op & 1).astype(bool)
        rows = join.gather(ops, batch.position[ops.record[predicts]].astype(float).reshape(-1, 1))
        drops += [(drop.position, drop.reason) for drop in dropped]
        for op, y, row, graded in zip(ops.op, ops.y, rows[:, 0], ops.graded, strict=True):
            label = None if np.isnan(y) else float(y)
            steps.append(
                ("predict", int(row), label) if op & 1 else ("learn", int(row), label, bool(graded))
            )
    return steps, drops


@given(records, limits, st.lists(st.integers(0, 120), max_size=6))
def test_the_join_does_what_the_slow_join_does_however_the_stream_is_cut(
    some: list[Record], bounds: LabelLimits, cuts: list[int]
) -> None:
    naive = NaiveJoin(bounds)
    for position, (kind, id_, time, label) in enumerate(some):
        (naive.event if kind == EVENT else naive.label)(position, id_, time, label)
    join = LabelJoin(1, bounds)

    steps, drops = joined(join, some, cuts)

    assert steps == naive.steps
    assert drops == naive.drops
    assert join.counts["expired"] == naive.n_expired
    assert join.n_pending == sum(not w.labelled for w in naive.events)


@given(records, limits, st.integers(0, 120))
def test_a_restored_join_goes_on_as_if_nothing_had_happened(
    some: list[Record], bounds: LabelLimits, cut: int
) -> None:
    whole, first, second = (LabelJoin(1, bounds) for _ in range(3))
    all_steps, all_drops = joined(whole, some, [cut])
    before = joined(first, some[:cut], [])
    second.restore(first.state())
    after = joined(second, some[cut:], [], first=cut)

    assert before[0] + after[0] == all_steps
    assert before[1] + after[1] == all_drops


def test_state_and_digest_do_not_depend_on_the_cuts() -> None:
    rng = np.random.default_rng(3)
    some: list[Record] = [
        (int(rng.random() < 0.5), int(rng.integers(300)), None, float(rng.integers(2)))
        for _ in range(5000)
    ]
    bounds = LabelLimits(max_pending=50, max_early=10, remember=20)
    one, many = LabelJoin(1, bounds), LabelJoin(1, bounds)
    joined(one, some, [])
    joined(many, some, rng.integers(0, 5000, 400).tolist())
    assert one.state().digest() == many.state().digest()


@pytest.mark.parametrize(
    ("some", "reason"),
    [
        ([(EVENT, 1, None, 1.0), (EVENT, 1, None, 1.0)], "duplicate"),
        ([(EVENT, 1, None, 1.0), (LABEL, 1, None, 1.0)], "repeated"),
        ([(EVENT, 1, None, 1.0), (LABEL, 1, None, 0.0)], "corrected"),
        ([(EVENT, 1, None, None), (LABEL, 1, None, None)], "no_label"),
        ([(EVENT, 1, 60_000_000, None), (EVENT, 2, 0, None)], "too_late"),
        ([(LABEL, 7, None, 1.0), (LABEL, 8, None, 1.0), (LABEL, 9, None, 1.0)], "unknown_id"),
        ([(EVENT, 2, 40_000_000, None), (EVENT, 1, 15_000_000, None), (EVENT, 3, 46_000_000, None),
          (LABEL, 1, None, 1.0)], "expired"),
    ],
)  # fmt: skip
def test_each_fate_has_its_reason(some: list[Record], reason: str) -> None:
    join = LabelJoin(1, LabelLimits(max_early=2, max_age_s=30, allowed_lateness_s=30))
    _, drops = joined(join, some, [])
    assert reason in [why for _, why in drops]


def test_a_label_before_its_event_is_learned_right_after_the_prediction() -> None:
    join = LabelJoin(1, LabelLimits())
    steps, drops = joined(join, [(LABEL, 5, None, 1.0), (EVENT, 5, None, None)], [])
    assert steps == [("predict", 1, 1.0)]
    assert drops == []
    assert join.counts["early"] == 1


def test_memory_is_bounded_by_the_limits() -> None:
    bounds = LabelLimits(max_pending=100, max_early=10, remember=10)
    join = LabelJoin(1, bounds)
    some: list[Record] = [
        (i % 2, i * 7919 % 100_003, None, None if i % 2 == 0 else 1.0) for i in range(20_000)
    ]
    joined(join, some, [])
    assert len(join.live_slots()) <= 100
    assert join.state().nbytes() < 10_000


def test_one_time_far_ahead_is_a_dead_letter_but_two_that_agree_are_believed() -> None:
    year = 31_557_600_000_000
    join = LabelJoin(1, LabelLimits(max_ahead_s=60, allowed_lateness_s=60))
    times = [0, 1, 9 * year, 2, 3, year, year + 1, year + 2]
    some: list[Record] = [(EVENT, i, time, 1.0) for i, time in enumerate(times)]
    steps, drops = joined(join, some, [])
    assert drops == [(2, "too_early"), (5, "too_early")]
    assert [step[1] for step in steps] == [0, 1, 3, 4, 6, 7]
    assert join.counts["too_early"] == 2


def test_a_time_refused_before_a_restore_agrees_with_one_after_it() -> None:
    year = 31_557_600_000_000
    whole, restored = (LabelJoin(1, LabelLimits(max_ahead_s=60)) for _ in range(2))
    joined(whole, [(EVENT, 0, year, None), (EVENT, 1, 2 * year, None)], [])
    restored.restore(whole.state())
    for join in (whole, restored):
        steps, drops = joined(join, [(EVENT, 2, 2 * year + 1, None)], [], first=2)
        assert (steps, drops) == ([("predict", 2, None)], [])
    assert restored.state().digest() == whole.state().digest()


def test_a_label_taken_off_a_refused_record_reaches_no_other_event_of_its_id() -> None:
    join = LabelJoin(1, LabelLimits(allowed_lateness_s=100))
    some: list[Record] = [
        (EVENT, 1, 1000 * S, None),
        (EVENT, 7, 10 * S, None),  # too late
        (OWN_LABEL, 7, 10 * S, 1.0),
        (EVENT, 7, 1001 * S, None),
        (OWN_LABEL, 7, 1001 * S, 0.0),
        (EVENT, 7, 1002 * S, None),  # a duplicate
        (OWN_LABEL, 7, 1002 * S, 1.0),
    ]
    batch = arrivals(some)
    batch.position[:] = [0, 1, 1, 2, 2, 3, 3]
    ops, drops = join.admit(batch)
    assert (ops.op.tolist(), ops.record.tolist()) == ([1, 1, 2], [0, 3, 4])
    assert [(drop.position, drop.reason) for drop in drops] == [(1, "too_late"), (3, "duplicate")]
    assert join.drain_early() == []
