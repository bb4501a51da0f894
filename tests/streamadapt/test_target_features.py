"""Target means against dictionaries, with labels late, early, corrected and never there."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.contracts import FloatArray
from streamadapt.derived import Lag, TargetMean
from streamadapt.derived_rows import Polynomial
from streamadapt.errors import IncompatibleStateError, LawError
from streamadapt.events import MISSING_TIME, CategoricalField, NumericField, RecordSchema
from streamadapt.features import FeatureMap
from streamadapt.labels import Arrivals, LabelJoin, LabelLimits
from streamadapt.state import State
from streamadapt.target_features import Steps
from tests.streamadapt.naive_features import block

seeds = st.integers(0, 2**32 - 1)
ALL_CLASSES: list[tuple[str, ...]] = [(), ("no", "yes"), ("a", "b", "c")]
NAMES = ("r", "g", "b", "grey", None)


class Rig:
    """A feature map with a label join before it, as a task has them."""

    def __init__(
        self, classes: tuple[str, ...] = (), max_keys: int = 100, max_pending: int = 20
    ) -> None:
        self.schema = RecordSchema(
            features={"c": CategoricalField(buckets=2), "d": CategoricalField(buckets=2)},
            target="y",
            classes=classes,
        )
        derived = [TargetMean(of="c", smoothing=2.0), TargetMean(of="d", smoothing=0.5)]
        self.features = FeatureMap(self.schema, derived, max_keys=max_keys)
        limits = LabelLimits(max_pending=max_pending, remember=5, learn_corrections=True)
        self.join = LabelJoin(self.features.n_features, limits)

    def take(self, arrivals: Arrivals, texts: list[tuple[str | None, str | None]]) -> FloatArray:
        """Return the target means of the events that are predicted."""
        ops, _ = self.join.admit(arrivals)
        rows = arrivals.row[ops.record[(ops.op & 1).astype(bool)]]
        records = block({}, {"c": [c for c, _ in texts], "d": [d for _, d in texts]})
        X = self.features.transform(records, rows, Steps(ops.op, ops.slot, ops.y))
        self.join.gather(ops, X)
        return X[:, 4:]

    def state(self) -> State:
        return State(
            "rig",
            1,
            {"features": self.features.state(self.join.live_slots()), "join": self.join.state()},
        )

    def restore(self, state: State) -> None:
        self.join.restore(state.child("join"))
        self.features.restore(state.child("features"), self.join.live_slots())


class Naive:
    """Lists of labels by category, in the order of use."""

    def __init__(self, classes: tuple[str, ...], max_keys: int) -> None:
        self.told = {0: [-1], 2: [1], 3: [0, 1, 2]}[len(classes)]
        self.max_keys = max_keys
        self.labels: OrderedDict[object, list[float]] = OrderedDict()
        self.all: list[float] = []
        self.evicted = 0

    def of(self, category: object) -> list[float]:
        if category not in self.labels and len(self.labels) == self.max_keys:
            self.labels.popitem(last=False)
            self.evicted += 1
        self.labels.move_to_end(category) if category in self.labels else None
        return self.labels.setdefault(category, [])

    def row(self, texts: tuple[str | None, str | None]) -> list[float]:
        out = []
        for category, m in zip(enumerate(texts), (2.0, 0.5), strict=True):
            labels = self.of(category)
            for c in self.told:
                if not self.all:
                    out.append(math.nan)
                    continue
                prior = sum(value(y, c) for y in self.all) / len(self.all)
                out.append((sum(value(y, c) for y in labels) + m * prior) / (len(labels) + m))
        return out

    def learn(self, texts: tuple[str | None, str | None], y: float) -> None:
        self.all.append(y)
        for category in enumerate(texts):
            self.of(category).append(y)


def value(y: float, told: int) -> float:
    return y if told < 0 else float(y == told)


def stream(
    seed: int, classes: tuple[str, ...], n: int = 200
) -> tuple[Arrivals, list[tuple[str | None, str | None]]]:
    """Events and labels in random order: in the record, late, early, repeated, never."""
    rng = np.random.default_rng(seed)
    n_events = n // 2
    due = [(i, 0, i) for i in range(n_events)]
    due += [(int(i + rng.integers(-3, 30)), 1, i) for i in rng.integers(0, n_events, n - n_events)]
    due.sort()
    kind = np.array([k for _, k, _ in due], np.int8)
    labels = rng.integers(0, len(classes), n) if classes else rng.normal(5.0, 2.0, n).round(1)
    with_label = (kind == 1) | (rng.random(n) < 0.3)
    arrivals = Arrivals(
        kind=kind,
        id=np.array([i for _, _, i in due], np.uint64),
        time_us=np.full(n, MISSING_TIME, np.int64),
        label=np.where(with_label, labels, np.nan),
        position=np.arange(n),
        row=np.where(kind == 0, np.cumsum(kind == 0) - 1, -1),
    )
    texts = [(NAMES[a], NAMES[b]) for a, b in rng.integers(0, len(NAMES), (n_events, 2))]
    return arrivals, texts


def run(rig: Rig, seed: int, classes: tuple[str, ...], borders: Sequence[int]) -> FloatArray:
    arrivals, texts = stream(seed, classes)
    edges = [0, *sorted(borders), len(arrivals)]
    parts = [np.zeros((0, 2 * len(Naive(classes, 1).told)))]
    for a, b in pairwise(edges):
        inside = np.zeros(len(arrivals), bool)
        inside[a:b] = True
        piece = arrivals.where(inside)
        events = piece.row[piece.kind == 0]
        first = int(events[0]) if len(events) else 0
        piece.row = np.where(piece.kind == 0, piece.row - first, -1)
        parts.append(rig.take(piece, texts[first : first + len(events)]))
    return np.concatenate(parts)


@settings(deadline=None, max_examples=50)
@given(seeds, st.sampled_from(ALL_CLASSES), st.integers(2, 12))
def test_target_means_are_those_of_the_labels_that_have_arrived(
    seed: int, classes: tuple[str, ...], max_keys: int
) -> None:
    arrivals, texts = stream(seed, classes)
    rig, shadow = Rig(classes, max_keys), Rig(classes, max_keys)
    got = rig.take(arrivals, texts)
    ops, _ = shadow.join.admit(arrivals)  # what is learned when is the join's affair
    naive, expected = Naive(classes, max_keys), []
    in_slot: dict[int, tuple[str | None, str | None]] = {}
    for op, slot, y, record in zip(
        ops.op.tolist(), ops.slot.tolist(), ops.y.tolist(), ops.record.tolist(), strict=True
    ):
        if op & 1:
            in_slot[slot] = texts[arrivals.row[record]]
            expected.append(naive.row(in_slot[slot]))
        if op & 2:
            naive.learn(in_slot[slot], y)
    np.testing.assert_allclose(got, np.array(expected), rtol=1e-12, atol=1e-12)
    assert rig.features.counts["categories_evicted"] == naive.evicted


@settings(deadline=None, max_examples=40)
@given(seeds, st.sampled_from(ALL_CLASSES), st.lists(st.integers(0, 200), max_size=12))
def test_target_means_do_not_depend_on_how_the_stream_is_cut(
    seed: int, classes: tuple[str, ...], borders: list[int]
) -> None:
    whole, pieces = Rig(classes, 5), Rig(classes, 5)
    X = run(whole, seed, classes, [])
    assert run(pieces, seed, classes, borders).tobytes() == X.tobytes()
    assert pieces.state().digest() == whole.state().digest()


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(0, 200), st.integers(2, 30))
def test_a_restored_map_goes_on_bit_for_bit(seed: int, cut: int, max_keys: int) -> None:
    class Restarted(Rig):
        def take(
            self, arrivals: Arrivals, texts: list[tuple[str | None, str | None]]
        ) -> FloatArray:
            fresh = Rig((), max_keys)
            fresh.restore(self.state())
            assert fresh.state().digest() == self.state().digest()
            self.features, self.join = fresh.features, fresh.join
            return super().take(arrivals, texts)

    through, copy = Rig((), max_keys), Restarted((), max_keys)
    X = run(through, seed, (), [])
    assert run(copy, seed, (), [cut]).tobytes() == X.tobytes()
    assert copy.state().digest() == through.state().digest()


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(0, 199))
def test_no_row_depends_on_its_own_or_a_later_label(seed: int, changed: int) -> None:
    arrivals, texts = stream(seed, ())
    X = Rig().take(arrivals, texts)
    arrivals.label[changed:] += 100.0
    before = int((arrivals.kind[: changed + 1] == 0).sum())
    assert Rig().take(arrivals, texts)[:before].tobytes() == X[:before].tobytes()


def test_labels_that_are_no_numbers_change_nothing() -> None:
    means = Rig().features._targets
    assert means is not None
    odd = np.array([np.nan, np.inf, -np.inf, 1e300, 3.0])
    n = len(odd)
    means.learn(Steps(np.full(n, 2, np.int8), np.zeros(n, np.int64), odd))
    state = means.state(np.zeros(0, np.int64))
    assert state.floats("prior").tolist() == [1.0, 3.0]


def test_memory_does_not_grow_with_the_categories_beyond_the_bound() -> None:
    rig = Rig(max_keys=20)
    sizes = []
    for start in (0, 5000):
        n = 5000
        arrivals = Arrivals(
            np.zeros(n, np.int8), np.arange(start, start + n).astype(np.uint64),
            np.full(n, MISSING_TIME, np.int64), np.ones(n), np.arange(n), np.arange(n),
        )  # fmt: skip
        rig.take(arrivals, [(f"c{start + i}", f"d{start + i}") for i in range(n)])
        sizes.append(rig.features.state(rig.join.live_slots()).nbytes())
    assert sizes[0] == sizes[1]
    assert rig.features.counts["categories_evicted"] == 19_980


def test_products_may_have_a_target_mean_as_a_factor() -> None:
    schema = RecordSchema(
        features={"x": NumericField(), "c": CategoricalField(buckets=2)}, target="y"
    )
    derived = [Polynomial(of=("x", "c_target_mean"), squares=False), TargetMean(of="c")]
    features = FeatureMap(schema, derived)
    steps = Steps(np.array([3, 3], np.int8), np.arange(2), np.array([5.0, 7.0]))
    X = features.transform(block({"x": [2.0, 3.0]}, {"c": ["a", "a"]}), None, steps)
    np.testing.assert_array_equal(X[:, -2:], [[np.nan, np.nan], [15.0, 5.0]])


def test_target_means_must_be_told_when_labels_arrive() -> None:
    rig = Rig()
    with pytest.raises(LawError, match="needs the steps"):
        rig.features.transform(block({}, {"c": ["a"], "d": ["b"]}))


def test_maps_without_target_means_take_no_notice_of_labels() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y")
    features = FeatureMap(schema, [Lag(of="x", steps=(1,))])
    digest = features.state().digest()
    steps = Steps(np.array([2], np.int8), np.zeros(1, np.int64), np.ones(1))
    features.transform(block({"x": []}), None, steps)
    assert features.state().digest() == digest


@pytest.mark.parametrize(
    "values",
    [
        {"hashes": np.array([1, 1, 2, 3])},
        {"means": np.zeros((1, 2))},
        {"prior": np.zeros(4)},
        {"waiting": np.zeros((3, 2), np.int64)},
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(
    values: dict[str, FloatArray],
) -> None:
    rig = Rig()
    run(rig, 0, (), [])
    good, slots = rig.features.state(rig.join.live_slots()), rig.join.live_slots()
    broken = State("target_means", 1, {**good.child("targets").values, **values})
    with pytest.raises(IncompatibleStateError):
        rig.features.restore(State("features", 2, {**good.values, "targets": broken}), slots)
    assert rig.features.state(slots).digest() == good.digest()
