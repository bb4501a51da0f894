"""Runs compared: paired by position, in bounded memory, and told in plain words."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamadapt.comparison import Difference, RunningDifference
from streamadapt.errors import ConfigError, SourceError
from streamadapt.ops.compare import Pair, asked_block_length
from streamadapt.ops.losses import LossBlock, loss_blocks, side_by_side

CLASSES = ["no", "yes"]


def write_predictions(path: Path, n: int, seed: int, group: int = 1 << 17) -> Path:
    """Write classes said by two learners, group by group; one event in ten has no label."""
    rng, schema = np.random.default_rng(seed), None
    with_writer: pq.ParquetWriter | None = None
    for start in range(0, n, group):
        m = min(group, n - start)
        truth = rng.integers(2, size=m)
        said = {
            lane: np.where(rng.random(m) < p, 1 - truth, truth)
            for lane, p in (("tree", 0.20), ("logistic", 0.21))
        }
        columns = {"position": np.arange(start, start + m)}
        table = pa.table(columns | {lane: named(codes) for lane, codes in said.items()})
        table = table.append_column("label", named(truth, rng.random(m) < 0.1))
        schema = table.schema
        with_writer = with_writer or pq.ParquetWriter(path, schema)
        with_writer.write_table(table)
    assert with_writer is not None
    with_writer.close()
    return path


def named(codes: np.ndarray, absent: np.ndarray | None = None) -> pa.DictionaryArray:
    indices = pa.array(codes.astype(np.int16), mask=absent)
    return pa.DictionaryArray.from_arrays(indices, pa.array(CLASSES))


def blocks(position: list[int], size: int) -> Iterator[LossBlock]:
    """Cut rows, whose losses are their positions, into blocks."""
    for i in range(0, len(position), size):
        part = np.array(position[i : i + size], np.int64)
        yield LossBlock(part, part[:, None].astype(np.float64))


@given(
    st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)), st.integers(1, 9), st.integers(1, 9)
)
def test_rows_are_paired_by_position_however_they_are_cut(
    one: set[int], other: set[int], size: int, other_size: int
) -> None:
    pairs = list(side_by_side(blocks(sorted(one), size), blocks(sorted(other), other_size)))
    for side in (0, 1):
        found = [x for pair in pairs for x in pair[side][:, 0].tolist()]
        assert found == sorted(one & other)


def test_losses_are_wrong_classes_and_unknown_without_a_label(tmp_path: Path) -> None:
    path = write_predictions(tmp_path / "p.parquet", 1_000, 1)
    table = pq.read_table(path).to_pylist()
    found = np.concatenate([block.losses for block in loss_blocks(path, ["tree"], CLASSES, 64)])
    for row, loss in zip(table, found[:, 0].tolist(), strict=True):
        expected = float("nan") if row["label"] is None else float(row["tree"] != row["label"])
        assert loss == pytest.approx(expected, nan_ok=True)


def test_losses_of_numbers_are_absolute_errors_of_their_own_horizon(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    columns = {"position": [3, 5], "a@6": [1.0, 2.0], "label@6": [4.0, None]}
    pq.write_table(pa.table(columns), path)
    (block,) = loss_blocks(path, ["a@6"], [])
    assert block.position.tolist() == [3, 5]
    assert block.losses[:, 0].tolist() == pytest.approx([3.0, float("nan")], nan_ok=True)


def test_positions_that_do_not_rise_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"position": [3, 3], "a": [1.0, 2.0], "label": [4.0, 1.0]}), path)
    with pytest.raises(SourceError, match="do not rise"):
        list(loss_blocks(path, ["a"], []))


def test_a_learner_that_is_not_in_the_file_is_an_error_of_the_source(tmp_path: Path) -> None:
    path = write_predictions(tmp_path / "p.parquet", 100, 1)
    with pytest.raises(SourceError, match="forest"):
        list(loss_blocks(path, ["forest"], CLASSES))


def test_memory_does_not_grow_with_the_length_of_runs(tmp_path: Path) -> None:
    def peak(n: int) -> tuple[int, Difference]:
        one, other = (write_predictions(tmp_path / f"{i}.parquet", n, i) for i in (1, 2))
        pa_before = pa.total_allocated_bytes()
        highest = 0
        tracemalloc.start()
        running = RunningDifference(1 << 14)
        pairs = side_by_side(
            loss_blocks(one, ["tree"], CLASSES), loss_blocks(other, ["logistic"], CLASSES)
        )
        for a, b in pairs:
            running.add(a[:, 0], b[:, 0])
            highest = max(highest, pa.total_allocated_bytes() - pa_before)
        found = running.difference(n_resamples=50)
        python = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return python + highest, found

    short, of_short = peak(300_000)
    assert of_short.mean == pytest.approx(whole_difference(tmp_path), abs=1e-12)
    long, found = peak(3_000_000)
    assert long < 1.2 * short
    assert found.n == pytest.approx(0.81 * 3_000_000, rel=0.01)  # both have a label
    assert found.is_real
    assert found.mean == pytest.approx(-0.01, abs=0.0015)  # four standard errors


def whole_difference(folder: Path) -> float:
    """Return the mean difference of losses with both files in memory."""
    wrong, known = [], []
    for i, lane in ((1, "tree"), (2, "logistic")):
        table = pq.read_table(folder / f"{i}.parquet")
        label = table["label"].cast(pa.string()).to_numpy(zero_copy_only=False)
        wrong.append(table[lane].cast(pa.string()).to_numpy(zero_copy_only=False) != label)
        known.append(table["label"].is_valid().to_numpy())
    both = known[0] & known[1]
    return float(wrong[0][both].mean() - wrong[1][both].mean())


def pair(mean: float, low: float, high: float, *, is_class: bool = True) -> Pair:
    return Pair("a", "b", is_class, Difference(mean, low, high, 0.95, 100, 5.0), 20, 15, 5)


@pytest.mark.parametrize(
    ("found", "verdict", "mean", "interval"),
    [
        (pair(0.02, 0.01, 0.03), "really worse", "+2.00", "+1.00 to +3.00"),
        (pair(0.02, -0.01, 0.05), "cannot be told apart", "+2.00", "-1.00 to +5.00"),
        (pair(0.0, 0.0, 0.0), "as good, to the last event", "+0.00", "+0.00 to +0.00"),
        (pair(-2.0, -3.0, -1.0), "really better on the events they share", "-200.00", None),
        (pair(12.3, 9.0, 15.0, is_class=False), "really worse", "+12.30", "+9.00 to +15.00"),
        (Pair("a", "b", True, None, 0, 0, 0), "no graded events in common", "-", "-"),
    ],
)
def test_a_verdict_is_in_plain_words(
    found: Pair, verdict: str, mean: str, interval: str | None
) -> None:
    assert (found.verdict, found.mean) == (verdict, mean)
    assert interval is None or found.interval == interval


@pytest.mark.parametrize("text", ["0", "nan", "inf", "-3", "long", ""])
def test_a_block_length_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--block-length"):
        asked_block_length(text)
