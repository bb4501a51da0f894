"""Playing a recorded stream: at its pace, in order, and so that it can be gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamadapt.connectors.partition_log import BrokerError, Outgoing
from streamadapt.errors import ParameterError
from streamadapt.pace import Pace
from streamadapt.producing import Clock, Producing
from streamadapt.production import Production
from tests.recorded_streams import rows, write_csv
from tests.streamadapt.test_production import close_all, config, source

N = 500


class FakeTime:
    """A clock that moves only when it is waited on, by a little more than was asked for."""

    def __init__(self, late_s: float = 0.0) -> None:
        self.now_s = 1000.0
        self.late_s = late_s
        self.clock = Clock(lambda: self.now_s, lambda: self.now_s, self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds + self.late_s


class Broker:
    """Takes records with the time they came at."""

    def __init__(self, time: FakeTime) -> None:
        self.time = time
        self.got: list[tuple[str, int | None, bytes | None]] = []
        self.arrived_s: list[float] = []
        self.times_ms: list[int] = []
        self.n_flushed = 0
        self.breaks_after: int | None = None

    def send(self, outgoing: Outgoing) -> None:
        self.got += [(outgoing.topic, outgoing.partition, value) for value in outgoing.values]
        self.arrived_s += [self.time.now_s - 1000.0] * len(outgoing)
        self.times_ms += outgoing.times_ms

    def flush(self, timeout_s: float) -> None:
        if self.breaks_after is not None and len(self.got) > self.breaks_after:
            raise BrokerError("gone")
        self.n_flushed = len(self.got)


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stream") / "a.csv"
    write_csv(path, rows(N))
    return path


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_all()


def run_of(
    stream: Path, broker: Broker, pace: Pace, part: tuple[int, int | None] = (0, None), n: int = 1
) -> Producing:
    own = config("{events: 7}")
    production = Production(own, n, "key")
    return Producing(
        source(own, stream), production, broker, ("e", "l"), pace, part=part,
        clock=broker.time.clock,
    )  # fmt: skip


def events(broker: Broker) -> list[float]:
    pairs = zip(broker.got, broker.arrived_s, strict=True)
    return [arrived_s for (topic, *_), arrived_s in pairs if topic == "e"]


@pytest.mark.parametrize("rate", [0.5, 7, 900, 1e6])
@pytest.mark.parametrize("late_s", [0.0, 0.013, 2.5])
def test_the_rate_is_exact_on_average_whatever_a_sleep_takes(
    stream: Path, rate: float, late_s: float
) -> None:
    broker = Broker(FakeTime(late_s))
    assert run_of(stream, broker, Pace(rate=rate)).run()
    arrived_s = events(broker)
    assert len(arrived_s) == N
    for i, at_s in enumerate(arrived_s):  # never early, and late by one sleep at most
        assert i / rate <= at_s <= i / rate + 0.011 + late_s


def test_event_times_pass_so_many_times_as_fast(stream: Path) -> None:
    broker = Broker(FakeTime())
    run_of(stream, broker, Pace(speed=60)).run()  # an event a minute
    for i, at_s in enumerate(events(broker)):
        assert i <= at_s <= i + 0.011


def test_record_times_never_fall(stream: Path) -> None:
    time = FakeTime()
    broker = Broker(time)
    walls = iter([5.0, 4.0, 6.0, *[1.0] * 1000])
    own = config()
    run = Producing(
        source(own, stream), Production(own, 1, "key"), broker, ("e", "l"), Pace(rate=100),
        clock=Clock(time.clock.monotonic, lambda: next(walls), time.clock.sleep),
    )  # fmt: skip
    run.run()
    assert broker.times_ms == sorted(broker.times_ms)
    assert broker.times_ms[-1] == 6000


def in_order(broker: Broker) -> dict[str, list[bytes | None]]:
    return {topic: [value for own, _, value in broker.got if own == topic] for topic in ("e", "l")}


@pytest.mark.parametrize("first", [1, 6, 7, 8, 250, N])
def test_what_was_stopped_and_gone_on_with_sends_each_message_once(
    stream: Path, first: int
) -> None:
    whole = Broker(FakeTime())
    run_of(stream, whole, Pace()).run()

    class Stopping(Broker):
        def send(self, outgoing: Outgoing) -> None:
            super().send(outgoing)
            if len(events(self)) >= first:
                run.stop()

    parts = Stopping(FakeTime())
    run = run_of(stream, parts, Pace(rate=10))
    assert not run.run()
    assert first <= run.sent.position == run.sent.events <= first + 1
    rest = Broker(parts.time)
    assert run_of(stream, rest, Pace(), (run.sent.position, None)).run()
    parts.got += rest.got
    assert in_order(parts) == in_order(whole)


def test_so_many_records_are_sent_and_all_their_labels(stream: Path) -> None:
    broker = Broker(FakeTime())
    run = run_of(stream, broker, Pace(), (100, 150))
    assert run.run()
    assert (run.sent.position, run.sent.events) == (150, 50)
    assert len(in_order(broker)["e"]) == 50


def test_a_broker_that_fails_leaves_what_is_certain(stream: Path) -> None:
    broker = Broker(FakeTime())
    broker.breaks_after = 300
    run = run_of(stream, broker, Pace(rate=20))
    with pytest.raises(BrokerError):
        run.run()
    assert run.sent.events + run.sent.labels == broker.n_flushed
    assert 0 < run.sent.position < 300


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_pace_is_above_nothing(value: float) -> None:
    with pytest.raises(ParameterError, match="rate must be above 0"):
        Pace(rate=value)


def test_a_pace_is_a_rate_or_a_speed() -> None:
    with pytest.raises(ParameterError, match="give one of them"):
        Pace(rate=1, speed=1)
