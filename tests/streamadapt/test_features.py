"""The laws of the feature map: batch invariance, restore, no peeking, bounded, never poisoned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.derived import Calendar, Derived, Difference, Lag, Rolling
from streamadapt.derived_calendar import Fourier
from streamadapt.derived_memory import Count, ExponentiallyWeighted, Rate, Scale, TimeSinceLast
from streamadapt.derived_rows import Hashed, Polynomial
from streamadapt.errors import ConfigError, IncompatibleStateError, LawError, ParameterError
from streamadapt.events import (
    MISSING_TIME,
    BooleanField,
    CategoricalField,
    Encoding,
    NumericField,
    Records,
    RecordSchema,
    TextField,
    TimeField,
)
from streamadapt.features import FeatureMap
from streamadapt.state import State
from tests.streamadapt.naive_features import NaiveHistory, block, naive_rows, part

ALL = ("mean", "std", "min", "max", "sum")
SCHEMA = RecordSchema(
    features={
        "x": NumericField(),
        "b": BooleanField(),
        "one": CategoricalField(encoding=Encoding.ONE_HOT, values=("a", "b")),
        "place": CategoricalField(encoding=Encoding.INDEX, values=("a", "b")),
        "bucket": CategoricalField(buckets=4),
        "note": TextField(buckets=5, ngrams=2),
    },
    target="y",
    key="key",
    time=TimeField(column="when"),
)
seeds = st.integers(0, 2**32 - 1)


class Numbered:
    """A feature function with a memory: the row's number, and x plus that of the row before."""

    names = ("number", "pair")

    def __init__(self) -> None:
        self.n = 0
        self.last = 0.0
        self.columns: set[str] = set()

    def transform(self, records: Records, rows: IntArray) -> FloatArray:
        self.columns = {*records.numbers, *records.texts}
        out = []
        for x in records.numbers["x"][rows].tolist():
            out.append((self.n, x + self.last))
            self.n, self.last = self.n + 1, x
        return np.array(out)

    def state(self) -> State:
        return State("count", 1, {"n": self.n, "last": self.last})

    def restore(self, state: State) -> None:
        self.n, self.last = state.integer("n"), state.number("last")


def everything(max_keys: int = 6) -> FeatureMap:
    derived: list[Derived] = [
        Lag(of="x", steps=(1, 3)),
        Rolling(of="b", window=7, statistics=ALL),
        Calendar(parts=("hour_of_day", "day_of_week"), encoding="cyclic"),
        Rolling(of="x", window=100, statistics=("std",)),
        Rolling(of="y", window=3),
        Lag(of="y", steps=(2,)),
        Difference(of="x", step=2),
        Difference(of="x", relative=True),
        ExponentiallyWeighted(of="x", half_life=5, statistics=("mean", "std", "var")),
        ExponentiallyWeighted(of="y", half_life=100, unit="seconds"),
        Rate(half_life_s=1e9),
        TimeSinceLast(),
        Count(window=30, unit="rows", most=4),
        Count(window=1e9, most=5),
        Scale(of="x"),
        Scale(of="b", method="min_max", per_key=True),
        Scale(of="x", method="robust"),
        Fourier(period="week", harmonics=2),
        Polynomial(of=("x", "one=a", "x_lag_1")),
        Hashed(of=("one", "key"), width=3, signed=True),
        Hashed(of=("one", "bucket"), width=3, tokens="cross"),
        Hashed(of=("place",), width=2, tokens="words"),
        Numbered(),
    ]
    return FeatureMap(SCHEMA, derived, past_targets_are_known=True, max_keys=max_keys)


def stream(seed: int, n: int = 300, n_keys: int = 9) -> Records:
    """Rows with NaN, inf, huge values, and missing texts, keys and times."""
    rng = np.random.default_rng(seed)
    odd = [np.nan, np.inf, -np.inf, 1e308, -1e308]
    xs, ys = rng.normal(size=(2, n))
    for values in (xs, ys):
        values[rng.random(n) < 0.1] = rng.choice(odd)
    times = rng.integers(-(2**55), 2**55, n)
    times[rng.random(n) < 0.1] = MISSING_TIME
    names: list[str | None] = ["a", "b", "other", "", None]
    texts = {name: [names[i] for i in rng.integers(0, 5, n)] for name in ("one", "place", "bucket")}
    keys: list[str | None] = [f"k{i}" if i else None for i in rng.integers(0, n_keys, n)]
    phrases: list[str | None] = ["link up", "Link Down, link UP", "...", "", None]
    notes = [phrases[i] for i in rng.integers(0, 5, n)]
    return block(
        {"x": xs.tolist(), "y": ys.tolist(), "b": rng.choice([0.0, 1.0, np.nan], n).tolist()},
        {**texts, "note": notes, "key": keys},
        times.tolist(),
    )


def cut(records: Records, borders: Sequence[int]) -> list[Records]:
    edges = [0, *sorted(min(border, len(records)) for border in borders), len(records)]
    return [part(records, a, b) for a, b in pairwise(edges)]


@settings(deadline=None, max_examples=40)
@given(seeds, st.lists(st.integers(0, 300), max_size=12))
def test_rows_state_and_counts_do_not_depend_on_how_the_stream_is_cut(
    seed: int, borders: list[int]
) -> None:
    records = stream(seed)
    whole, pieces = everything(), everything()
    X = whole.transform(records)
    parts = [pieces.transform(piece) for piece in cut(records, borders)]
    assert np.concatenate(parts).tobytes() == X.tobytes()
    assert pieces.state().digest() == whole.state().digest()
    assert pieces.counts == whole.counts


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(0, 300))
def test_a_restored_map_goes_on_bit_for_bit(seed: int, border: int) -> None:
    first, second = cut(stream(seed), [border])
    through, copy = everything(), everything()
    through.transform(first)
    copy.restore(through.state())
    assert copy.state().digest() == through.state().digest()
    assert copy.transform(second).tobytes() == through.transform(second).tobytes()
    assert copy.state().digest() == through.state().digest()
    assert copy.counts == through.counts


@settings(deadline=None, max_examples=40)
@given(seeds, seeds, st.integers(1, 299))
def test_no_row_depends_on_a_later_one(seed: int, other: int, border: int) -> None:
    records, later = stream(seed), stream(other)
    for name, values in records.numbers.items():
        values[border:] = later.numbers[name][border:]
    for name, texts in records.texts.items():
        texts[border:] = later.texts[name][border:]
    X = everything().transform(stream(seed))
    assert everything().transform(records)[:border].tobytes() == X[:border].tobytes()


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(0, 299))
def test_no_row_depends_on_its_own_target(seed: int, row: int) -> None:
    records = stream(seed)
    X = everything().transform(records)
    records.numbers["y"][row] += 1000.0
    assert everything().transform(records)[: row + 1].tobytes() == X[: row + 1].tobytes()


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 12), st.sampled_from([3, 100]))
def test_derived_columns_agree_with_lists_per_key(seed: int, max_keys: int, window: int) -> None:
    specs: list[Lag | Rolling] = [
        Lag(of="x", steps=(1, 2, 48)),
        Rolling(of="x", window=window, statistics=("min", "max")),
        Rolling(of="y", window=window, statistics=("min", "max")),
    ]
    records = stream(seed)
    features = FeatureMap(SCHEMA, specs, past_targets_are_known=True, max_keys=max_keys)
    X = features.transform(records)[:, -7:]
    keys = records.texts["key"]
    naives = [NaiveHistory(spec, max_keys, holds_current=spec.of != "y") for spec in specs]
    expected = [naive_rows(naive, keys, records.numbers[naive.spec.of]) for naive in naives]
    np.testing.assert_array_equal(X, np.concatenate(expected, axis=1))
    assert features.counts["keys_evicted"] == naives[0].evicted


@settings(deadline=None, max_examples=30)
@given(seeds, st.lists(st.booleans(), min_size=300, max_size=300))
def test_rows_left_out_leave_no_trace(seed: int, kept: list[bool]) -> None:
    records, keep = stream(seed), np.array(kept)
    rows = np.flatnonzero(keep)
    alone = Records(
        records.positions[rows],
        {name: values[rows] for name, values in records.numbers.items()},
        {name: [texts[row] for row in rows] for name, texts in records.texts.items()},
        None if records.times_us is None else records.times_us[rows],
        records.original,
    )
    by_mask, by_index, on_its_own = everything(), everything(), everything()
    X = on_its_own.transform(alone)
    assert by_mask.transform(records, keep).tobytes() == X.tobytes()
    assert by_index.transform(records, rows).tobytes() == X.tobytes()
    assert by_mask.state().digest() == by_index.state().digest() == on_its_own.state().digest()


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_odd_values_do_not_poison_later_rows(seed: int) -> None:
    spec = Rolling(of="x", window=10, statistics=ALL)
    schema = RecordSchema(features={"x": NumericField()}, target="y")
    odd = stream(seed).numbers["x"]
    xs = np.concatenate([odd, np.arange(30.0)])
    X = FeatureMap(schema, [spec]).transform(block({"x": xs.tolist()}))
    clean = FeatureMap(schema, [spec]).transform(block({"x": list(range(30))}))
    assert X[len(odd) + 10 :].tobytes() == clean[10:].tobytes()


def test_columns_come_in_order_and_say_which_are_nominal() -> None:
    columns = everything().columns
    assert [column.name for column in columns[:10]] == [
        "x", "b", "one=a", "one=b", "one=<unknown>", "place",
        "bucket#0", "bucket#1", "bucket#2", "bucket#3",
    ]  # fmt: skip
    names = [column.name for column in columns]
    at = names.index("y_rolling_3_mean")
    assert names[at : at + 5] == [
        "y_rolling_3_mean", "y_rolling_3_std", "y_lag_2", "x_difference_2", "x_change_1",
    ]  # fmt: skip
    assert names[-3:] == ["place_words#1", "number", "pair"]
    assert [column.name for column in columns if column.n_values] == ["place"]
    assert columns[5].n_values == 3


@settings(deadline=None, max_examples=20)
@given(seeds, st.integers(1, 4), st.booleans())
def test_differences_are_to_the_values_of_earlier_rows(
    seed: int, step: int, relative: bool
) -> None:
    records = stream(seed)
    derived = [Lag(of="x", steps=(step,)), Difference(of="x", step=step, relative=relative)]
    X = FeatureMap(SCHEMA, derived, max_keys=5).transform(records)
    for now, (then, change) in zip(records.numbers["x"].tolist(), X[:, -2:].tolist(), strict=True):
        expected = now - then if math.isfinite(now) else math.nan
        if relative:
            expected = expected / abs(then) if then else math.nan
        assert change == expected if math.isfinite(expected) else math.isnan(change)


def test_scales_of_the_stream_and_of_the_key_are_apart() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y", key="k")
    derived = [Scale(of="x", method="min_max"), Scale(of="x", method="min_max", per_key=True)]
    records = block({"x": [0.0, 10.0, 5.0, 5.0]}, {"k": ["a", "b", "a", "b"]})
    X = FeatureMap(schema, derived).transform(records)
    assert X[:, 1:].tolist() == [[0.0, 0.0], [1.0, 0.0], [0.5, 1.0], [0.5, 0.0]]


def test_a_weighted_mean_of_the_target_ends_before_the_current_row() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y")
    derived = [ExponentiallyWeighted(of="y", half_life=1, statistics=("mean",))]
    records = block({"x": [0.0] * 3, "y": [1.0, 4.0, 0.0]})
    forecast = FeatureMap(schema, derived, target_is_known=True).transform(records)
    labelled = FeatureMap(schema, derived, past_targets_are_known=True).transform(records)
    np.testing.assert_allclose(forecast[:, 1], [1.0, 3.0, 9 / 7])
    np.testing.assert_allclose(labelled[:, 1], [np.nan, 1.0, 3.0])


def test_a_state_of_another_length_is_refused() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y")
    one = FeatureMap(schema, [Count(window=3, unit="rows", most=5)])
    other = FeatureMap(schema, [Count(window=3, unit="rows", most=6)])
    with pytest.raises(IncompatibleStateError, match="other columns"):
        other.restore(one.state())


def test_no_rows_are_a_block_like_any_other() -> None:
    features = everything()
    before = features.state().digest()
    assert features.transform(block()).shape == (0, features.n_features)
    assert features.transform(stream(0), np.zeros(300, bool)).shape == (0, features.n_features)
    assert features.state().digest() == before


def test_rows_are_what_kernels_take() -> None:
    X = everything().transform(stream(0))
    assert (X.dtype, X.flags.c_contiguous, X.flags.writeable) == (np.float64, True, True)


def test_rows_are_no_view_of_the_records() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y")
    records = block({"x": [1.0, 2.0]})
    FeatureMap(schema).transform(records)[:] = 9.0
    assert records.numbers["x"].tolist() == [1.0, 2.0]


def test_what_was_unknown_missing_or_forgotten_is_counted() -> None:
    schema = RecordSchema(
        features={
            "c": CategoricalField(encoding=Encoding.INDEX, values=("a",)),
            "x": NumericField(),
        },
        target="y",
        key="k",
        time=TimeField(column="when"),
    )
    derived = [Calendar(parts=("hour_of_day",)), Lag(of="x", steps=(1,))]
    records = block(
        {"x": [0.0, 0.0, 0.0]}, {"c": ["z", None, "a"], "k": ["1", "2", "3"]}, [0, MISSING_TIME, 0]
    )
    features = FeatureMap(schema, derived, max_keys=1)
    features.transform(records)
    assert features.counts == {
        "unknown_category": 1,
        "missing_category": 1,
        "missing_time": 1,
        "keys_evicted": 2,
    }


def test_rows_without_times_have_missing_calendar_parts() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y", time=TimeField(column="t"))
    X = FeatureMap(schema, [Calendar(parts=("hour_of_day",))]).transform(block({"x": [1.0]}))
    np.testing.assert_array_equal(X, [[1.0, np.nan]])


def test_a_known_target_is_in_its_own_window_and_past_targets_are_not() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y")
    derived = [Rolling(of="y", window=2, statistics=("sum",)), Lag(of="y", steps=(1,))]
    records = block({"x": [0.0] * 3, "y": [1.0, 2.0, 4.0]})
    forecast = FeatureMap(schema, derived, target_is_known=True).transform(records)
    labelled = FeatureMap(schema, derived, past_targets_are_known=True).transform(records)
    np.testing.assert_array_equal(forecast[:, 1:], [[1.0, np.nan], [3.0, 1.0], [6.0, 2.0]])
    np.testing.assert_array_equal(labelled[:, 1:], [[np.nan, np.nan], [1.0, 1.0], [3.0, 2.0]])


def test_the_past_of_a_target_is_refused_unless_it_is_said_to_be_known() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y")
    with pytest.raises(ConfigError, match="would peek"):
        FeatureMap(schema, [Lag(of="y", steps=(1,))])


@pytest.mark.parametrize("classes", [(), ("no", "yes")])
def test_a_target_that_is_not_known_is_no_feature(classes: tuple[str, ...]) -> None:
    feature = CategoricalField() if classes else NumericField()
    schema = RecordSchema(features={"y": feature}, target="y", classes=classes)
    with pytest.raises(ConfigError, match="peeked at"):
        FeatureMap(schema, past_targets_are_known=True)
    assert FeatureMap(schema, target_is_known=True).n_features >= 1


@pytest.mark.parametrize("known", [True, False])
def test_a_function_of_ones_own_sees_the_target_only_if_it_is_known(known: bool) -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y")
    count = Numbered()
    FeatureMap(schema, [count], target_is_known=known).transform(block({"x": [1.0], "y": [2.0]}))
    assert count.columns == ({"x", "y"} if known else {"x"})


def test_a_function_that_returns_another_shape_is_told_so() -> None:
    class Narrow(Numbered):
        def transform(self, records: Records, rows: IntArray) -> FloatArray:
            return np.zeros((len(rows), 1))

    schema = RecordSchema(features={"x": NumericField()}, target="y")
    with pytest.raises(LawError, match=r"Narrow.transform returned shape \(1, 1\)"):
        FeatureMap(schema, [Narrow()]).transform(block({"x": [1.0]}))


def test_two_columns_of_one_name_are_refused() -> None:
    schema = RecordSchema(features={"x": NumericField(), "x_lag_1": NumericField()}, target="y")
    with pytest.raises(ConfigError, match="'x_lag_1'"):
        FeatureMap(schema, [Lag(of="x", steps=(1,))])


def test_a_map_without_features_is_refused() -> None:
    with pytest.raises(ConfigError, match="no feature at all"):
        FeatureMap(RecordSchema(features={}, target="y"))


def test_a_bound_of_no_keys_is_refused() -> None:
    with pytest.raises(ParameterError, match="max_keys = 0"):
        everything(max_keys=0)


def test_a_state_of_other_columns_is_refused() -> None:
    schema = RecordSchema(features={"x": NumericField()}, target="y")
    one = FeatureMap(schema, [Rolling(of="y", window=2)], target_is_known=True)
    other = FeatureMap(schema, [Rolling(of="y", window=2)], past_targets_are_known=True)
    with pytest.raises(IncompatibleStateError, match="other columns"):
        other.restore(one.state())


def test_a_restore_that_fails_half_way_changes_nothing() -> None:
    features, later = everything(), everything()
    features.transform(stream(1))
    later.transform(stream(2))
    digest = features.state().digest()
    broken: dict[str, Any] = {**later.state().values, "functions": State("functions", 1, {})}
    with pytest.raises(IncompatibleStateError):
        features.restore(State("features", 2, broken))
    assert features.state().digest() == digest


def test_the_state_does_not_change_when_rows_follow() -> None:
    features = everything()
    features.transform(stream(1))
    state = features.state()
    digest = state.digest()
    features.transform(stream(2))
    assert state.digest() == digest != features.state().digest()


def test_a_state_of_other_words_is_refused_though_the_columns_are_called_the_same() -> None:
    def counting(**said: Any) -> FeatureMap:
        text = TextField(buckets=4, **said)
        return FeatureMap(RecordSchema(features={"note": text}, target="y"))

    with pytest.raises(IncompatibleStateError, match="other columns"):
        counting(ngrams=2).restore(counting().state())
