"""The table of predictions: what was said and what came true, whatever happens to the run."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamadapt.connectors import parquet_sink
from streamadapt.predictions import PREDICTIONS_FILE, Predictions
from streamadapt.replay import Replay, ReplayOptions
from streamadapt.task import Outcome
from tests.streams import CLASSIFY, FORECAST, config, write_classes, write_series

GROUP = 512
LATE = {"labels__delay__events": "50", "checkpoint__every_events": "300"}
Run = Callable[..., Path]


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_sink, "GROUP_ROWS", GROUP)


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    return write_classes(tmp_path / "stream.csv")


@pytest.fixture
def replayed(stream: Path, tmp_path: Path) -> Run:
    """Replay the stream into a new folder; return the table."""
    names = count()

    def run(
        polls: int = 100, keep: Callable[[Outcome], None] | None = None, **changes: str
    ) -> Path:
        out = tmp_path / f"run{next(names)}"
        replay = Replay(
            config(CLASSIFY, **changes), stream, out, {}, ReplayOptions(poll_records=polls)
        )
        replay.run(on_outcome=keep)
        replay.close()
        return out / PREDICTIONS_FILE

    return run


def table(path: Path) -> pa.Table:
    return pq.read_table(path)


def test_it_says_what_the_learners_said_and_where(replayed: Run) -> None:
    outcomes: list[Outcome] = []
    found = table(replayed(keep=outcomes.append, **LATE))
    said = np.concatenate([outcome.outputs["tree"] for outcome in outcomes])
    assert np.array_equal(found["tree:no"].to_numpy(), said[:, 0])
    assert np.array_equal(found["tree:yes"].to_numpy(), said[:, 1])
    positions = np.concatenate([outcome.positions for outcome in outcomes])
    assert np.array_equal(found["position"].to_numpy(), positions)
    assert found["number"].to_pylist() == list(range(len(said)))


def test_the_class_named_is_the_first_of_the_most_probable(replayed: Run) -> None:
    found = table(replayed())
    yes = found["logistic:yes"].to_numpy() > found["logistic:no"].to_numpy()
    assert found["logistic"].to_pylist() == ["yes" if is_yes else "no" for is_yes in yes]


@pytest.mark.parametrize("delay", [0, 50, 700])
def test_labels_are_those_of_the_stream_and_come_as_late_as_asked(
    replayed: Run, stream: Path, delay: int
) -> None:
    found = table(replayed(labels__delay__events=str(delay)))
    rows = [line.split(",") for line in stream.read_text().splitlines()[1:]]
    label_of = {i: row[-1] for i, row in enumerate(rows)}
    labels, positions = found["label"].to_pylist(), found["position"].to_pylist()
    known = [(label, label_of[i]) for label, i in zip(labels, positions, strict=True) if label]
    assert len(known) > 2500
    assert all(mine == theirs for mine, theirs in known)
    late = found["label_after"].to_numpy(zero_copy_only=False) - found["number"].to_numpy() - 1
    came = late[~np.isnan(late)][:1500]
    assert abs(np.median(came) - delay) <= 0.1 * delay


def test_rows_whose_label_never_comes_do_not_lose_the_others(replayed: Run) -> None:
    found = table(replayed(labels__max_pending="60", **LATE))
    empty = found["label"].is_null().to_numpy()
    assert 0 < empty.sum() < 300
    assert np.array_equal(empty, found["label_after"].is_null().to_numpy())


@pytest.mark.parametrize("changes", [{}, LATE, {"labels__delay__events": "1300"}])
def test_how_the_stream_is_cut_into_polls_changes_no_byte(
    replayed: Run, changes: dict[str, str]
) -> None:
    whole = replayed(polls=5000, **changes).read_bytes()
    assert replayed(polls=97, **changes).read_bytes() == whole


@pytest.mark.parametrize("polls", [1, 9, 23])
def test_a_run_stopped_and_resumed_writes_the_same_file(
    replayed: Run, stream: Path, tmp_path: Path, polls: int
) -> None:
    whole = replayed(**LATE).read_bytes()
    settings, left = config(CLASSIFY, **LATE), iter(range(polls))
    first = Replay(settings, stream, tmp_path / "cut", {}, ReplayOptions(poll_records=100))
    first.run(on_progress=lambda _: first.stop() if next(left, None) is None else None)
    first.close()
    so_far = table(first.out / PREDICTIONS_FILE)
    assert 0 < len(so_far) < 3000
    options = ReplayOptions(resume=True, poll_records=100)
    second = Replay(settings, stream, tmp_path / "cut", {}, options)
    second.run()
    second.close()
    assert (second.out / PREDICTIONS_FILE).read_bytes() == whole
    assert not list(second.out.glob("*.spool"))
    assert not list(second.out.glob("*.new"))


def test_groups_whose_labels_all_came_are_written_while_the_run_goes_on(tmp_path: Path) -> None:
    stream = write_classes(tmp_path / "clean.csv", dirty=False)
    run = Replay(config(CLASSIFY), stream, tmp_path / "out", {}, ReplayOptions(poll_records=100))
    sizes: list[int] = []

    def look(position: int) -> None:
        under_way = run.out / f"{PREDICTIONS_FILE}.new"
        sizes.append(under_way.stat().st_size if under_way.exists() else 0)

    run.run(on_progress=look)
    run.close()
    assert sizes[0] == 0
    assert sizes[-1] > 0


def test_forecasts_have_a_column_and_a_label_for_each_horizon(tmp_path: Path) -> None:
    stream = write_series(tmp_path / "series.csv")
    rows = [line.split(",") for line in stream.read_text().splitlines()[1:]]
    run = Replay(config(FORECAST), stream, tmp_path / "out", {}, ReplayOptions(poll_records=70))
    run.run()
    run.close()
    found = table(run.out / PREDICTIONS_FILE)
    links: dict[str, list[int]] = {}
    for i, (link, _) in enumerate(rows):
        links.setdefault(link, []).append(i)
    for horizon in (1, 3):
        later = {
            i: float(rows[j][1])
            for places in links.values()
            for i, j in zip(places, places[horizon:], strict=False)
        }
        wanted = [later.get(i) for i in found["position"].to_pylist()]
        assert found[f"label@{horizon}"].to_pylist() == wanted
        assert not np.isnan(found[f"linear@{horizon}"].to_numpy()[10:]).any()


def test_what_cannot_be_written_is_said_and_no_table_pretends_to_be_whole(
    stream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    run = Replay(config(CLASSIFY), stream, tmp_path / "out", {}, ReplayOptions(poll_records=100))
    monkeypatch.setattr(Predictions, "_spool_rows", fail)
    with pytest.raises(OSError, match="No space left"):
        run.run()
    run.close()
    assert not (run.out / PREDICTIONS_FILE).exists()
