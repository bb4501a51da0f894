"""Samples of a run: few, in order, and of the whole run though it was resumed."""

import mmap
from itertools import pairwise
from pathlib import Path

import pytest

from streamadapt.resources import RESOURCES_FILE, Resources, memory_bytes


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a clock whose only number is the time, for the test to move."""
    now = [1000.0]
    monkeypatch.setattr("streamadapt.resources.time.perf_counter", lambda: now[0])
    return now


def run_for(resources: Resources, clock: list[float], n: int, first: int = 0) -> None:
    for i in range(first, first + n):
        clock[0] += 0.06
        resources.sample(i)


def test_however_long_a_run_is_the_samples_are_few_and_cover_it(clock: list[float]) -> None:
    resources = Resources()
    run_for(resources, clock, 50_000)
    seconds, records = resources.table()["seconds"], resources.table()["records"]
    assert 100 < len(seconds) <= 400
    assert seconds[0] < 1
    assert records[-1] > 49_000
    steps = [b - a for a, b in pairwise(seconds)]
    assert max(steps) < 3 * min(steps)


def test_between_two_samples_lies_some_time(clock: list[float]) -> None:
    resources = Resources(every_s=10.0)
    run_for(resources, clock, 1000)
    assert len(resources.samples) == pytest.approx(6, abs=1)


def test_a_resumed_run_shows_all_that_came_before_its_checkpoint(
    tmp_path: Path, clock: list[float]
) -> None:
    first = Resources()
    run_for(first, clock, 100)
    first.save(tmp_path)
    clock[0] += 3600  # nothing runs
    second = Resources()
    second.resume(tmp_path, 59)
    run_for(second, clock, 50, first=60)
    table = second.table()
    assert table["records"] == [*range(60), *range(60, 110)]
    steps = [b - a for a, b in pairwise(table["seconds"])]
    assert max(steps) < 0.2


def test_samples_stay_few_however_often_a_run_is_resumed(
    tmp_path: Path, clock: list[float]
) -> None:
    for i in range(10):
        resources = Resources()
        resources.resume(tmp_path, 1000 * i)
        run_for(resources, clock, 1000, first=1000 * i)
        resources.save(tmp_path)
    records = resources.table()["records"]
    assert len(records) <= 400
    assert records[0] < 100
    assert records[-1] > 9900


@pytest.mark.parametrize("damage", [b"", b"{", b'{"seconds": 3}', b"[]", b'{"seconds": ["a"]}'])
def test_a_damaged_file_is_as_none(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / RESOURCES_FILE).write_bytes(damage)
    resources = Resources()
    resources.resume(tmp_path, 10)
    assert resources.samples == []


def test_memory_is_that_of_this_process() -> None:
    before = memory_bytes()
    assert 10_000_000 < before < 1 << 36
    with mmap.mmap(-1, 50_000_000) as held:  # new pages, where `bytes` may get freed ones again
        held.write(b"x" * len(held))
        assert memory_bytes() - before > 0.9 * len(held)
