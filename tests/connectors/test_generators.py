"""Stream generators: MOA's very rows, however they are cut, kept and brought back."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamadapt.connectors.files import open_source
from streamadapt.connectors.generator_files import WRITABLE, write_rows
from streamadapt.connectors.generator_kernels import is_above, nearly_sine
from streamadapt.connectors.generator_source import GeneratorSource
from streamadapt.connectors.generators import (
    GENERATORS,
    LED,
    SEA,
    STAGGER,
    Agrawal,
    ConceptDrift,
    Hyperplane,
    LEDDrift,
    RandomRBF,
    RandomRBFDrift,
    RowGenerator,
    Sine,
)
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import (
    CorruptStateError,
    IncompatibleStateError,
    ParameterError,
    SourceError,
)
from streamadapt.events import (
    BooleanField,
    CategoricalField,
    Encoding,
    NumericField,
    Records,
    RecordSchema,
    Source,
    TimeField,
)
from streamadapt.source_laws import SOURCE_LAWS
from streamadapt.state import State
from tests.connectors.moa_rows.cases import Case, cases, made

CASES = cases()
by_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@by_case
def test_the_first_10000_rows_are_moas_bit_for_bit(case: Case) -> None:
    X, y = made(case.spec).rows(10_000)
    assert X[:5].tolist() == case.facts["first_rows"]
    assert y[:5].tolist() == case.facts["first_labels"]
    assert hashlib.sha256(X.tobytes() + y.tobytes()).hexdigest() == case.facts["sha256"]


@by_case
def test_rows_are_the_same_however_they_are_cut(case: Case) -> None:
    X, y = made(case.spec).rows(1_000)
    stream, rng, left = made(case.spec), np.random.default_rng(3), 1_000
    parts: list[tuple[FloatArray, IntArray]] = []
    while left:
        parts.append(stream.rows(min(int(rng.integers(0, 40)), left)))
        left -= len(parts[-1][1])
    assert np.concatenate([part[0] for part in parts]).tobytes() == X.tobytes()
    assert np.concatenate([part[1] for part in parts]).tobytes() == y.tobytes()
    whole = made(case.spec)
    whole.rows(1_000)
    assert whole.state().digest() == stream.state().digest()


@by_case
def test_a_restored_stream_goes_on_bit_for_bit(case: Case) -> None:
    stream = made(case.spec)
    stream.rows(777)
    state = stream.state()
    digest, rest = state.digest(), stream.rows(500)
    assert state.digest() == digest  # going on has not changed it
    other = made(case.spec)
    other.rows(5)
    other.restore(state)
    assert other.state().digest() == digest
    again = other.rows(500)
    assert [part.tobytes() for part in again] == [part.tobytes() for part in rest]
    assert other.state().digest() == stream.state().digest()


@by_case
def test_rows_and_labels_are_what_the_names_say(case: Case) -> None:
    stream = made(case.spec)
    X, y = stream.rows(2_000)
    assert X.shape == (2_000, stream.n_features)
    assert np.isfinite(X).all()
    assert 0 <= y.min() <= y.max() < stream.n_classes
    for j, values in stream.nominal.items():
        assert set(X[:, j].tolist()) <= set(range(len(values)))


def test_every_kind_is_compared_with_moa() -> None:
    kinds = {str(case.spec["kind"]) for case in CASES}
    assert kinds == {*GENERATORS, "concept_drift"}
    assert {kind: generator.kind for kind, generator in GENERATORS.items()} == {
        kind: kind for kind in GENERATORS
    }


def test_parameters_are_part_of_the_state() -> None:
    with pytest.raises(IncompatibleStateError, match="'function': 1"):
        SEA(function=2).restore(SEA(function=1).state())
    with pytest.raises(IncompatibleStateError, match="state of 'led'"):
        LEDDrift().restore(LED().state())


def _damaged(state: State, name: str) -> State:
    values = {**state.values, name: np.zeros(7, np.int64)}
    return State(state.kind, state.version, values)


@pytest.mark.parametrize("name", ["rng", "weights", "steps"])
def test_a_damaged_state_is_refused_and_changes_nothing(name: str) -> None:
    stream = Hyperplane()
    before = stream.state().digest()
    moved = Hyperplane()
    moved.rows(10)
    with pytest.raises(CorruptStateError, match=name):
        stream.restore(_damaged(moved.state(), name))
    assert stream.state().digest() == before


def test_a_drift_that_cannot_be_restored_stays_as_it_was() -> None:
    stream, other = _abrupt(), _abrupt()
    other.rows(20)
    before, state = stream.state().digest(), other.state()
    for name, damaged in (("after", SEA(2).state()), ("before", SEA(3).state())):
        with pytest.raises(IncompatibleStateError):
            stream.restore(State(state.kind, state.version, {**state.values, name: damaged}))
        assert stream.state().digest() == before
    with pytest.raises(CorruptStateError, match="rng"):
        stream.restore(_damaged(state, "rng"))
    assert stream.state().digest() == before


def _abrupt() -> ConceptDrift:
    return ConceptDrift(SEA(1), SEA(4), position=100, width=1)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: SEA(function=5), "function = 5"),
        (lambda: Agrawal(function=0), "function = 0"),
        (lambda: Agrawal(perturbation=1.5), "perturbation = 1.5"),
        (lambda: Sine(function=5), "function = 5"),
        (lambda: STAGGER(function=4), "function = 4"),
        (lambda: LED(noise_percentage=101), "noise_percentage = 101"),
        (lambda: LED(noise_percentage=0.1), "noise_percentage = 0.1 is not a whole number"),
        (lambda: LEDDrift(n_drift_features=8), "n_drift_features = 8"),
        (lambda: Hyperplane(n_features=3, n_drift_features=4), "n_drift_features = 4"),
        (lambda: Hyperplane(n_features=0), "n_features = 0"),
        (lambda: RandomRBF(n_classes=1), "n_classes = 1"),
        (lambda: RandomRBF(n_features=1000, n_centroids=20_000), "n_centroids = 20000"),
        (lambda: RandomRBFDrift(change_speed=-1.0), "change_speed = -1.0"),
        (lambda: SEA(seed=2**63), "seed = 9223372036854775808"),
        (lambda: SEA().rows(-1), "n = -1"),
        (lambda: ConceptDrift(SEA(), LED()), "cannot drift to a led"),
        (lambda: ConceptDrift(LED(), RandomRBF(24, 10)), "class_names"),
        (lambda: ConceptDrift(LED(), SEA(), width=0), "cannot drift"),
        (lambda: ConceptDrift(SEA(), SEA(2), width=0), "width = 0"),
        (lambda: ConceptDrift(SEA(), SEA(2), alpha=46.0), "alpha = 46.0"),
    ],
)
def test_wrong_parameters_are_named(make: Any, problem: str) -> None:
    with pytest.raises(ParameterError, match=problem):
        make()


@given(st.floats(-math.pi / 2, math.pi / 2))
def test_the_nearly_sine_is_nearly_the_sine(z: float) -> None:
    assert abs(nearly_sine(z) - math.sin(z)) < 1e-11


@given(st.floats(0, 1, exclude_max=True), st.integers(-3, 3), st.sampled_from([1, 3]))
def test_points_near_the_curve_are_judged_by_the_exact_sine(a: float, n: int, f: int) -> None:
    curve = math.sin(a) if f == 1 else 0.5 + 0.3 * math.sin(3.0 * math.pi * a)
    for width in (math.ulp(curve), 1e-12, 1e-10, 1e-8, 1e-3):
        b = curve + n * width
        assert is_above(a, b, f) == (b >= curve)


def test_a_stream_cannot_drift_to_itself() -> None:
    stream = SEA()
    with pytest.raises(ParameterError, match="one stream"):
        ConceptDrift(stream, stream)


def test_a_gradual_drift_mixes_as_often_as_the_sigmoid_says() -> None:
    X, y = ConceptDrift(STAGGER(1), STAGGER(3), position=50_000, width=20_000).rows(100_000)
    third = (X[:, 0] > 0).astype(int)
    first = ((X[:, 0] == 0) & (X[:, 1] == 0)).astype(int)
    told = third != first  # rows that tell which concept they are of
    shares = [(y == third)[told & _between(at)].mean() for at in (30_000, 45_000, 50_000, 60_000)]
    expected = [1 / (1 + np.exp(-4 * (at - 50_000) / 20_000)) for at in (30e3, 45e3, 50e3, 60e3)]
    assert shares == pytest.approx(expected, abs=0.05)


def _between(middle: int) -> np.ndarray[Any, Any]:
    places = np.arange(100_000)
    return (places >= middle - 1_000) & (places < middle + 1_000)


@given(seed=st.integers(-(2**63), 2**63 - 1), cut=st.integers(0, 200))
@settings(max_examples=20)
def test_any_seed_can_be_cut_and_restored_anywhere(seed: int, cut: int) -> None:
    def stream() -> RowGenerator:
        return ConceptDrift(RandomRBF(3, seed=seed), RandomRBFDrift(3, change_speed=0.1), 100, 50)

    whole, part, other = stream(), stream(), stream()
    X, _ = whole.rows(201)
    part.rows(cut)
    other.restore(part.state())
    assert other.rows(201 - cut)[0].tobytes() == X[cut:].tobytes()
    assert other.state().digest() == whole.state().digest()


# As a source.


def _source(rows: int = 1_000) -> GeneratorSource:
    stream = ConceptDrift(Agrawal(2), Agrawal(5), position=400, width=100)
    return GeneratorSource(stream, stream.schema(), rows)


@pytest.mark.parametrize("law", SOURCE_LAWS, ids=lambda law: law.__name__)
def test_it_keeps_the_laws_of_a_source(law: Any) -> None:
    law(_source)


def test_records_are_the_rows() -> None:
    source = _source()
    records = source.poll(1_000)
    stream = ConceptDrift(Agrawal(2), Agrawal(5), position=400, width=100)
    X, y = stream.rows(1_000)
    assert records is not None
    for j, name in enumerate(stream.names):
        if j in stream.nominal:
            expected = [stream.nominal[j][int(place)] for place in X[:, j]]
            assert records.texts[name] == expected
        else:
            assert records.numbers[name].tobytes() == X[:, j].tobytes()
    assert records.texts["class"] == [stream.class_names[label] for label in y]
    assert json.loads(records.original(3))["salary"] == X[3, 0]


def _schema(name: str, field: Any, target: str = "class", classes: Any = ("0", "1")) -> Any:
    return RecordSchema(features={name: field}, target=target, classes=classes)


def test_bits_can_be_read_as_numbers_and_truth_values() -> None:
    X, y = LED().rows(100)
    for field in (NumericField(), BooleanField()):
        source = GeneratorSource(LED(), _schema("att2", field, classes=()), rows=100)
        records = source.poll(100)
        assert records is not None
        assert records.numbers["att2"].tolist() == X[:, 1].tolist()
        assert records.numbers["class"].tolist() == y.tolist()


TEXT = CategoricalField(encoding=Encoding.HASH)


@pytest.mark.parametrize(
    ("stream", "schema", "problem"),
    [
        (STAGGER(), _schema("colour", TEXT), "no column 'colour'; did you mean 'color'"),
        (STAGGER(), _schema("color", NumericField()), "'color' is no number"),
        (SEA(), _schema("attrib1", TEXT), "'attrib1' is a number, not a text"),
        (SEA(), _schema("attrib1", BooleanField()), "'attrib1' is no truth value"),
        (SEA(), _schema("attrib1", NumericField(), classes=()), "'class' is no number"),
        (
            SEA(),
            _schema("attrib1", NumericField()).model_copy(
                update={"time": TimeField(column="when")}
            ),
            "no column 'when'",
        ),
    ],
)
def test_what_a_generator_lacks_is_named(
    stream: RowGenerator, schema: RecordSchema, problem: str
) -> None:
    with pytest.raises(SourceError, match=problem):
        GeneratorSource(stream, schema, rows=10)


def test_seeking_beyond_the_last_row_is_an_error() -> None:
    with pytest.raises(SourceError, match="there are 10 records"):
        _source(10).seek(11)


def test_a_poll_wants_at_least_one_record() -> None:
    with pytest.raises(ParameterError, match="max_records = 0"):
        _source().poll(0)


# As a file.


def _taken(source: Source) -> Iterator[Records]:
    while (records := source.poll(700)) is not None:
        yield records
    source.close()


@pytest.mark.parametrize("ending", WRITABLE)
@pytest.mark.parametrize("stream", [Agrawal, LED, RandomRBF], ids=lambda stream: stream.kind)
def test_a_file_gives_the_records_that_the_generator_gives(
    stream: type[RowGenerator], ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"rows{ending}"
    write_rows(stream(), 1_000, path)
    schema = stream().schema()
    read = list(_taken(open_source(path, schema)))
    generated = list(_taken(GeneratorSource(stream(), schema, 1_000)))
    assert sum(map(len, read)) == 1_000
    assert [r for records in read for r in records.rejects] == []
    for name in schema.text_columns():
        assert _column(read, name) == _column(generated, name)
    for name in schema.number_columns():
        assert _column(read, name) == _column(generated, name)


def _column(polls: list[Records], name: str) -> list[Any]:
    return [
        value
        for r in polls
        for value in (r.texts[name] if name in r.texts else r.numbers[name].tolist())
    ]


@pytest.mark.parametrize("ending", WRITABLE)
def test_the_same_rows_are_the_same_bytes(ending: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}{ending}" for name in "ab"]
    for path in paths:
        write_rows(Sine(seed=4), 500, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in paths)


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"must end in one of .csv"):
        write_rows(SEA(), 10, tmp_path / "rows.xlsx")
    assert list(tmp_path.iterdir()) == []
