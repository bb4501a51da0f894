"""``make live``: real servers, two workers, a recorded stream, predictions as they come.

Everything runs in a folder of its own and is ended by its own process id, also after Ctrl-C or a
failure; what a killed demo left running ends when the next one begins.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":  # as a file: the package is found from here, and this folder is no path
    sys.path[0] = str(ROOT)

from rich.console import Console
from rich.live import Live

from streamadapt.build import build_task, warm_up
from streamadapt.config import Config
from streamadapt.config_file import load_config
from streamadapt.connectors.kafka import open_driver
from streamadapt.connectors.partition_log import Driver
from streamadapt.log_tail import LogTail
from streamadapt.ops import TailView, absent_columns, configure_logs, json_line, totals_line
from streamadapt.ops.services.kafka_cluster import KafkaCluster
from streamadapt.ops.services.leftovers import session_folder
from streamadapt.ops.services.owned_process import OwnedProcess, wait_until
from streamadapt.ops.services.programs import ServiceError
from streamadapt.ops.services.redis_server import RedisServer
from streamadapt.pipeline_topics import make_topics, roles
from streamadapt.tail import FactLine, PredictionLine, Tail

PIPELINE = Path(__file__).with_name("pipeline.yaml")
COMMAND = [sys.executable, "-m", "streamadapt"]
WORKERS, PARTITIONS = 2, 4
READY_LIMIT_S = 90.0
IDLE_LIMIT_S = 20.0
GRACE_S = 15.0
TELL_EVERY_S = 2.0

console = Console(stderr=True, highlight=False)


class DemoError(Exception):
    """Something did not come up; says what, and what its log says."""


def say(text: str) -> None:
    """Tell how far it is."""
    console.print(f"[dim]{time.monotonic() - BEGUN_S:5.1f} s[/]  {text}", soft_wrap=True)


BEGUN_S = time.monotonic()


def shuttle() -> Path:
    """Return River's bundled stream; nothing is downloaded."""
    found = find_spec("river")
    if found is None or not found.submodule_search_locations:
        raise DemoError("River is not installed: its wheel holds the stream")
    return Path(found.submodule_search_locations[0]) / "datasets" / "shuttle.csv.gz"


@contextmanager
def servers(folder: Path) -> Iterator[None]:
    """Have a Kafka and a Redis of our own, and kernels compiled meanwhile."""
    kafka, redis = KafkaCluster(folder / "kafka"), RedisServer(folder / "redis")
    try:
        with ThreadPoolExecutor(2) as pool:
            starts = [pool.submit(kafka.start), pool.submit(redis.start)]
            say("a Kafka and a Redis start; meanwhile kernels are compiled, if they are not yet")
            config = load_config(
                PIPELINE, {"KAFKA_BOOTSTRAP": "later:1", "REDIS_URL": "redis://later"}
            )
            warm_up(build_task(config, os.environ))
            for start in starts:
                start.result()
        os.environ |= {"KAFKA_BOOTSTRAP": kafka.bootstrap, "REDIS_URL": redis.url}
        yield
    finally:
        kafka.stop()
        redis.stop()


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[OwnedProcess]:
    """Have a command of ours run; it is asked to end, and killed if it does not."""
    process = OwnedProcess(folder)
    process.start([*COMMAND, *arguments])
    try:
        yield process
    finally:
        process.ask_to_end()
        process.wait_or_kill(GRACE_S)


def are_ready(workers: OwnedProcess) -> bool:
    """Whether each worker works on its share of the partitions, as their log tells."""
    if workers.pid is None:
        raise DemoError(f"the workers have ended:\n{workers.log_tail()}")
    working: dict[str, list[int]] = {}
    for line in workers.log.read_text().splitlines():
        if line.startswith("{") and '"working"' in line:
            fact = json.loads(line)
            working[fact["slot"]] = fact["working"] if fact["event"] != "not_ready" else []
    shares = [number for share in working.values() for number in share]
    return len(working) == WORKERS and all(working.values()) and len(shares) == PARTITIONS


class Seen:
    """Shows what comes, keeps it as JSON lines, and counts each event's predictions."""

    def __init__(self, config: Config, shown: Tail, folder: Path) -> None:
        self._shown = shown
        self._view = TailView(
            f"{config.name}: predictions of {WORKERS} workers",
            absent_columns(config.schema_of_records()),
        )
        self._files: dict[type, TextIO] = {
            PredictionLine: (folder / "predictions.jsonl").open("w"),
            FactLine: (folder / "facts.jsonl").open("w"),
        }
        self._told_s = time.monotonic()
        self.events: Counter[tuple[int, object]] = Counter()

    def take(self, line: PredictionLine | FactLine) -> None:
        """Take a line."""
        if isinstance(line, PredictionLine):
            self.events[line.partition, line.said.id] += 1
        self._files[type(line)].write(json_line(line, self._shown.grade) + "\n")
        self._view.add(line)

    def tell(self, live: Live | None) -> None:
        """Redraw, or print a line now and then."""
        totals, grade = self._shown.totals, self._shown.grade
        if live is not None:
            live.update(self._view.view(totals, grade))
        elif time.monotonic() - self._told_s >= TELL_EVERY_S:
            self._told_s = time.monotonic()
            say(totals_line(totals, grade))

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


def watch(shown: Tail, seen: Seen, producer: OwnedProcess, n_events: int) -> None:
    """Show predictions until all events have theirs, and their labels have come."""
    news_s = time.monotonic()
    with ExitStack() as stack:
        live = None
        if console.is_terminal:
            live = stack.enter_context(Live(console=console, refresh_per_second=4, transient=False))
        while shown.totals.predictions < n_events or shown.grade.n < n_events:
            before = (shown.totals.predictions, shown.grade.n)
            for line in shown.poll():
                seen.take(line)
            if before != (shown.totals.predictions, shown.grade.n):
                news_s = time.monotonic()
            elif time.monotonic() - news_s > IDLE_LIMIT_S:
                raise DemoError(f"nothing came for {IDLE_LIMIT_S:.0f} s:\n{producer.log_tail()}")
            seen.tell(live)


def dead_letters(driver: Driver, topic: str, file: Path) -> int:
    """Keep the dead letters as JSON lines; return how many there are."""
    letters: list[bytes] = []
    with closing(LogTail(driver, {topic: 1}, from_start=True)) as log:
        while batches := list(log.poll(1000)):
            letters += [value or b"" for batch in batches for value in batch.values]
    file.write_bytes(b"".join(letter + b"\n" for letter in letters))
    return len(letters)


def demo(folder: Path, n_events: int, rate: int) -> bool:
    """Run it all; return whether each event was predicted exactly once."""
    own = session_folder(folder / "servers")
    with servers(own):
        config = load_config(PIPELINE, os.environ)
        kafka = config.kafka
        if kafka is None:
            raise DemoError(f"{PIPELINE} has no section kafka")
        driver = open_driver(kafka, "demo")
        with closing(driver.admin()) as admin:
            make_topics(admin, kafka, PARTITIONS)
            counts = admin.partitions(list(roles(kafka)), 10.0)
        say(f"topics of {PARTITIONS} partitions are made; {WORKERS} workers start")
        with running(own / "workers", "run", str(PIPELINE), "--workers", str(WORKERS)) as workers:
            if not wait_until(lambda: are_ready(workers), READY_LIMIT_S):
                raise DemoError(f"the workers are not ready:\n{workers.log_tail()}")
            say(f"they share the partitions; {n_events:,} events come, {rate:,} a second")
            with closing(Tail(config, driver, counts, from_start=True)) as shown:
                seen = Seen(config, shown, folder)
                with closing(seen), running(
                    own / "producer", "produce", str(PIPELINE), "--source", str(shuttle()),
                    "--make-ids", "--records", str(n_events), "--rate", f"{rate}/s",
                ) as producer:  # fmt: skip
                    watch(shown, seen, producer, n_events)
        letters = dead_letters(driver, kafka.dead_letters, folder / "dead-letters.jsonl")
    say("workers, Kafka and Redis are stopped")
    counts = {"predictions": shown.totals.predictions, "dead-letters": letters}
    counts["facts"] = sum(shown.totals.facts.values())
    topics = {"predictions": kafka.output, "dead-letters": kafka.dead_letters}
    topics["facts"] = str(kafka.facts)
    for name, n in counts.items():
        file = folder / f"{name}.jsonl"
        console.print(f"  {n:>6,} records of {topics[name]:<22} {file}", soft_wrap=True)
    console.print(f"  logs of all that ran: {own}\n", soft_wrap=True)
    return conclusion(shown, seen, n_events)


def conclusion(shown: Tail, seen: Seen, n_events: int) -> bool:
    """Print the last line; return whether each event was predicted exactly once."""
    is_exact = len(seen.events) == n_events and set(seen.events.values()) == {1}
    grade = shown.grade
    print(
        f"{n_events:,} events, {shown.totals.predictions:,} predictions, "
        f"{'each exactly once' if is_exact else 'NOT each exactly once'}; "
        f"{grade.name} {grade.mean:.4f}, of the last 1,000 {grade.recent:.4f}"
    )
    return is_exact


def _interrupt(number: int, frame: object) -> None:
    """End once: a second Ctrl-C must not leave servers behind."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    os.write(2, b"\nstopping everything that was started\n")
    raise KeyboardInterrupt


def main(argv: list[str] | None = None) -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dir", type=Path, default=Path(".live"), help="for results and logs")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=600, help="events per second")
    arguments = parser.parse_args(argv)
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _interrupt)
    configure_logs("error", clients=False)
    try:
        return 0 if demo(arguments.dir.resolve(), arguments.events, arguments.rate) else 1
    except (DemoError, ServiceError) as error:
        console.print(f"live: {error}", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped; everything that was started has been ended")
        return 130


if __name__ == "__main__":
    sys.exit(main())
