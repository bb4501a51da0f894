"""Twenty-odd faults of all kinds on real workers, then the oracle; `make chaos` makes hundreds."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from streamadapt.ops.services.kafka_cluster import KafkaCluster
from streamadapt.ops.services.redis_server import RedisServer
from tests.faults.chaos.__main__ import Tally, make_together
from tests.faults.chaos.faults import KINDS
from tests.faults.chaos.schedule import drawn
from tests.faults.chaos.world import Site, World
from tests.faults.proxy import TcpProxy

SEED = 20
DRIVER = os.environ.get("DRIVER", "kafka-python")


# kafka-python leaves sockets that a broker's death closed to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*unclosed <socket.socket")
@pytest.mark.timeout(400)
def test_every_kind_of_fault_leaves_each_event_answered_once_and_every_state_exact(
    kafka_to_break: KafkaCluster,
    kafka_proxy: TcpProxy,
    redis_to_break: RedisServer,
    tmp_path: Path,
) -> None:
    site = Site(kafka_to_break, [kafka_proxy], redis_to_break, DRIVER)
    world = World(
        site, tmp_path / "chaos", f"chaos-{DRIVER}", SEED, rate=150, session_s=2.5, tell=print
    )
    plan = drawn(SEED, len(KINDS), len(world.slots), together=0.7)
    tally = Tally()
    try:
        world.start()
        world.settle()
        for group in plan:
            make_together(world, group, tally)
        verdict = world.finish()
    finally:
        world.close()
        site.close()
        del world.feeder
        gc.collect()
    print(tally.table(), verdict.line, sep="\n")
    assert verdict.is_clean, "\n".join([verdict.line, *verdict.problems])
    assert verdict.n_events > 1000
    assert tally.made.total() >= 20
