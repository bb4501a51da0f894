"""Settings of all tests, and the servers that some of them need.

A missing Java, Maven or Redis is an error; ``STREAMADAPT_NO_SERVERS=1`` skips instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from streamadapt.ops.services.kafka_cluster import KafkaCluster
from streamadapt.ops.services.leftovers import session_folder
from streamadapt.ops.services.ports import HOST
from streamadapt.ops.services.redis_server import RedisServer
from streamadapt.ops.services.services import outside_kafka, outside_redis
from tests.faults.proxy import TcpProxy

# No deadline: a first call may compile a kernel.  Derandomized: a test that fails here fails
# anywhere; `--hypothesis-profile=search` looks for new examples.
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile("ci")

SERVERS = Path(__file__).parents[1] / ".services-tests"
NEED_SERVERS = {"kafka", "kafka_to_break", "redis_server", "redis_to_break"}
NEED_SERVERS |= {"kafka_bootstrap", "redis_url", "kafka_proxy", "servers"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs servers, so that ``-m services`` or ``-m 'not services'`` finds it.

    Where tests run beside each other, those share one process and its servers; of the others, each
    file stays in one process, which then compiles the kernels that it needs once.
    """
    for item in items:
        needs_servers = bool(NEED_SERVERS & set(getattr(item, "fixturenames", ())))
        if needs_servers:
            item.add_marker("services")
        item.add_marker(pytest.mark.xdist_group("services" if needs_servers else item.path.stem))


@pytest.fixture(scope="session")
def servers() -> Path:
    """The folder of this session's servers; their logs stay there until the next session."""
    if os.environ.get("STREAMADAPT_NO_SERVERS") == "1":
        pytest.skip("STREAMADAPT_NO_SERVERS=1")
    return session_folder(SERVERS)


@pytest.fixture(scope="session")
def _proxied_kafka(servers: Path) -> Iterator[tuple[KafkaCluster, TcpProxy]]:
    cluster = KafkaCluster(servers / "kafka")
    with TcpProxy(HOST, cluster.ports[0].proxied) as proxy:
        try:
            cluster.start(advertised_ports=[proxy.port])
            yield cluster, proxy
        finally:
            cluster.stop()


@pytest.fixture(scope="session")
def kafka(_proxied_kafka: tuple[KafkaCluster, TcpProxy]) -> KafkaCluster:
    """One broker of this session's own: make topics of your own, and break nothing."""
    return _proxied_kafka[0]


@pytest.fixture
def kafka_to_break(kafka: KafkaCluster) -> Iterator[KafkaCluster]:
    """The same broker, to kill or to pause; it is brought back afterwards."""
    yield kafka
    kafka.repair()


@pytest.fixture
def kafka_proxy(_proxied_kafka: tuple[KafkaCluster, TcpProxy]) -> Iterator[TcpProxy]:
    """What leads to that broker: clients that bootstrap at its ``address`` stay behind it."""
    proxy = _proxied_kafka[1]
    yield proxy
    proxy.heal()


@pytest.fixture(scope="session")
def redis_server(servers: Path) -> Iterator[RedisServer]:
    """A Redis of this session's own: use keys of your own, and break nothing."""
    server = RedisServer(servers / "redis")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def redis_to_break(redis_server: RedisServer) -> Iterator[RedisServer]:
    """The same Redis, to kill or to pause; it is brought back afterwards."""
    yield redis_server
    redis_server.repair()


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest) -> str:
    """Where a Kafka is: KAFKA_BOOTSTRAP if set, else this session's own."""
    outside = outside_kafka()
    return outside or str(request.getfixturevalue("kafka").bootstrap)


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """Where a Redis is: REDIS_URL if set, else this session's own."""
    return outside_redis() or str(request.getfixturevalue("redis_server").url)
