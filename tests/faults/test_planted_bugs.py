"""The oracle is tested: workers with a mistake in them must be caught under the faults it needs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from streamadapt.ops.services.kafka_cluster import KafkaCluster
from streamadapt.ops.services.redis_server import RedisServer
from tests.faults.chaos.oracle import Verdict
from tests.faults.chaos.world import Site, World

DRIVER = os.environ.get("DRIVER", "kafka-python")
SESSION_S = 2.5
TRIES = 4
LONG_TRANSACTIONS = {"kafka.transaction_timeout_s": 20}


def killed_at(world: World, moment: str, times: int) -> None:
    """SIGKILL at a moment of a transaction, again and again."""
    for _ in range(times):
        member = world.fleet.members["0"]
        member.order("kill", moment)
        assert member.obeyed(15), moment
        member.process.wait()
        world.settle()


def stopped_past_session(world: World, then: str = "") -> None:
    """SIGSTOP before offsets are sent, until the group has thrown the worker out."""
    member = world.fleet.members["0"]
    member.order("stop", "after_sends")
    assert member.obeyed(15)
    time.sleep(SESSION_S + 3.5)
    if then:
        member.order("kill", then)
    member.signal(signal.SIGCONT)
    if then:
        assert member.obeyed(30)
    time.sleep(3.0)


class Case:
    """A mistake, the faults that show it, and what they must lead to."""

    def __init__(
        self, bug: str, fault: Callable[[World], None], shows: Callable[[Verdict], bool],
        slots: int = 1, **changes: object,
    ) -> None:  # fmt: skip
        self.bug, self.fault, self.shows, self.slots, self.changes = (
            bug, fault, shows, slots, changes,
        )  # fmt: skip

    def run(self, site: Site, folder: Path, bug: str) -> Verdict:
        name = f"{self.bug.replace('_', '-')}-{'planted' if bug else 'sound'}-{folder.name}"
        world = World(
            site,
            folder / name,
            name,
            7,
            bug=bug,
            rate=150,
            slots=self.slots,
            session_s=SESSION_S,
            **self.changes,
        )
        try:
            world.start()
            world.settle()
            self.fault(world)
            return world.finish(60)
        finally:
            world.close()


CASES = [
    Case(
        "commit_before_publish",
        partial(killed_at, moment="after_send_offsets", times=1),
        lambda verdict: verdict.lost > 0,
    ),
    Case(
        "unnamed_checkpoint",
        partial(killed_at, moment="after_flush", times=2),
        lambda verdict: verdict.digests_equal < verdict.digests,
        **{"checkpoint.every_s": 0.05},
    ),
    Case(
        "label_order_forgotten",
        partial(killed_at, moment="after_commit", times=2),
        lambda verdict: verdict.digests_equal < verdict.digests,
        **{"checkpoint.every_s": 2.0},
    ),
    Case(
        "membership_read_at_commit",
        stopped_past_session,
        lambda verdict: verdict.duplicated > 0,
        slots=2,
        **LONG_TRANSACTIONS,
    ),
    Case(
        "producer_reused_after_abort",
        partial(stopped_past_session, then="after_commit"),
        lambda verdict: verdict.lost > 0,
        **LONG_TRANSACTIONS,
    ),
]

if DRIVER == "confluent":  # librdkafka keeps its generation, and forgets the offsets that failed
    CASES = CASES[:3]


class Verdicts:
    """What became of all cases, run at the same time: they mostly wait for time-outs."""

    def __init__(self, site: Site, folder: Path, pool: ThreadPoolExecutor) -> None:
        self._site, self._folder = site, folder
        self._first: dict[str, Future[Verdict]] = {
            case.bug: pool.submit(case.run, site, folder, case.bug) for case in CASES
        }

    def first(self, case: Case) -> Verdict:
        return self._first[case.bug].result()

    def again(self, case: Case, nth: int) -> Verdict:
        """Run a case once more, alone: a mistake shows in a race, which a busy machine may win."""
        return case.run(self._site, self._folder / f"again-{nth}", case.bug)


@pytest.fixture(scope="module")
def verdicts(
    kafka: KafkaCluster, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Verdicts]:
    site = Site(kafka, [], redis_server, DRIVER)
    with ThreadPoolExecutor(len(CASES)) as pool:
        yield Verdicts(site, tmp_path_factory.mktemp("planted"), pool)
    site.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.bug)
def test_a_planted_mistake_is_caught(case: Case, verdicts: Verdicts) -> None:
    seen = []
    for nth in range(TRIES):
        try:
            verdict = verdicts.again(case, nth) if nth else verdicts.first(case)
        except AssertionError as error:  # the fault could not be made at its moment
            seen.append(repr(error))
            continue
        if case.shows(verdict):
            return
        seen += [verdict.line, *verdict.problems]
    pytest.fail("\n".join(seen))
