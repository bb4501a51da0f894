"""Servers for a run, and one round on them: topics, workers and a feeder of its own."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import redis

from streamadapt.build import warm_up
from streamadapt.checkpoint_names import key_of
from streamadapt.connectors.kafka import open_driver
from streamadapt.errors import RetryableError
from streamadapt.live_task import LiveTask
from streamadapt.open_store import open_store
from streamadapt.ops.services.kafka_cluster import KafkaCluster
from streamadapt.ops.services.ports import HOST
from streamadapt.ops.services.redis_server import RedisServer
from streamadapt.saving import task_name
from streamadapt.sweeping import stands
from streamadapt.tag import Tag
from tests.faults.chaos.feed import N_PARTITIONS, Feeder
from tests.faults.chaos.fleet import Fleet
from tests.faults.chaos.oracle import Oracle, Verdict
from tests.faults.chaos.pipeline import SESSION_S, Servers, loaded, written
from tests.faults.proxy import TcpProxy

_SETTLE_LIMIT_S = 60.0


class Site:
    """A Kafka and a Redis, each behind proxies."""

    def __init__(
        self, kafka: KafkaCluster, proxies: list[TcpProxy], server: RedisServer, driver: str
    ) -> None:
        self.kafka, self.proxies, self.redis, self.driver = kafka, proxies, server, driver
        self.redis_proxy = TcpProxy(HOST, server.port)

    @property
    def through_proxies(self) -> Servers:
        bootstrap = ",".join(proxy.address for proxy in self.proxies) or self.kafka.bootstrap
        return Servers(bootstrap, f"redis://{self.redis_proxy.address}/0", self.driver)

    @property
    def direct(self) -> Servers:
        return Servers(self.kafka.bootstrap, self.redis.url, "kafka-python")

    def repair(self) -> None:
        for proxy in [*self.proxies, self.redis_proxy]:
            proxy.heal()
        self.kafka.repair()
        self.redis.repair()

    def close(self) -> None:
        self.redis_proxy.close()


@contextlib.contextmanager
def site_of_its_own(folder: Path, n_brokers: int, driver: str) -> Iterator[Site]:
    """Start servers for a run; end them after it."""
    kafka = KafkaCluster(folder / "kafka", n_brokers)
    server = RedisServer(folder / "redis")
    with contextlib.ExitStack() as stack:
        proxies = [stack.enter_context(TcpProxy(HOST, p.proxied)) for p in kafka.ports]
        stack.callback(kafka.stop)
        kafka.start(advertised_ports=[proxy.port for proxy in proxies])
        stack.callback(server.stop)
        server.start()
        site = Site(kafka, proxies, server, driver)
        stack.callback(site.close)
        yield site


class World:
    """One round: a pipeline with its own name on a site, its workers and its feeder."""

    def __init__(
        self, site: Site, folder: Path, name: str, seed: int, *, bug: str = "", slots: int = 2,
        rate: float = 250.0, session_s: float = SESSION_S,
        tell: Callable[[str], None] = lambda text: None, **changes: object,
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True)
        self.session_s = session_s
        changes = {"kafka.session_timeout_s": session_s} | changes
        self.site, self.folder, self.name = site, folder, name
        self.chance = random.Random(f"faults {seed}")
        self._began_s = time.monotonic()
        self._lines = (folder / "faults.log").open("a")
        self._tell = tell
        pipeline = written(folder, name, site.through_proxies, **changes)
        (folder / "direct").mkdir()
        direct = written(folder / "direct", name, site.direct, **changes)
        self.oracle = Oracle(loaded(direct))
        self._make_topics()
        warm_up(LiveTask(self.oracle.config, {}, 0, dict.fromkeys("elc", 0)).task)
        self.fleet = Fleet(folder, pipeline, self.tell, bug)
        self.feeder = Feeder(site.kafka.bootstrap, name, seed, rate)
        self.slots = [str(i) for i in range(slots)]

    def tell(self, text: str) -> None:
        """Write down what is done to whom, with its time."""
        line = f"{time.monotonic() - self._began_s:7.2f} s  {text}"
        self._lines.write(line + "\n")
        self._lines.flush()
        self._tell(f"{self.name} {line}")

    def start(self) -> None:
        self.fleet.start(self.slots)
        self.feeder.start()

    def finish(self, drain_s: float = 90.0) -> Verdict:
        """End the stream, let the workers take all of it, end them, and judge."""
        self.site.repair()
        self.feeder.stop()
        left = self.oracle.drained(drain_s)
        codes = self.fleet.end()
        verdict = self.oracle.judge(self.feeder.sent)
        if left:
            verdict.problems.append(f"not taken after {drain_s:.0f} s: {left}")
        if any(codes):
            verdict.problems.append(f"workers ended with {codes} when asked to end")
        odd = {c: n for c, n in self.fleet.exits.items() if c not in (-9, 5)}
        if odd:
            verdict.problems.append(f"workers ended by themselves with {odd}")
        return verdict

    def close(self) -> None:
        """Leave no process behind, whatever happened."""
        self.fleet.kill()
        self.feeder.abort()
        self._lines.close()

    def settle(self, limit_s: float = _SETTLE_LIMIT_S) -> None:
        """Wait until every partition moves on again, and the store holds all that commits name.

        Faults that take state away begin and end with it: two of them in a row may take all copies
        of a state, and then a worker must refuse the partition.
        """
        deadline = time.monotonic() + limit_s
        before: dict[int, int] = {}
        problem: object = "it never began"
        while time.monotonic() < deadline:
            try:
                now = {n: at for n, own in self.oracle.committed().items() if (at := own["e"])}
                still = [n for n, at in now.items() if at.offset <= before.get(n, at.offset)]
                before = {n: at.offset for n, at in now.items()} | before
                gone = [n for n, at in now.items() if not self._stands(n, at.tag)]
                problem = f"partitions {still} stand still, of {gone} checkpoints are missing"
                if len(now) == N_PARTITIONS and not still and not gone:
                    return
            except RetryableError as error:  # servers may just be coming back
                problem = error
            time.sleep(0.1)
        raise TimeoutError(f"not settled after {limit_s:.0f} s: {problem}")

    def _stands(self, n: int, tag: str) -> bool:
        store, names = open_store(self.oracle.config), Tag.read(tag).names
        try:
            return bool(names) and all(
                stands(store, task_name(self.oracle.config, n), name) for name in names
            )
        finally:
            store.close()  # type: ignore[attr-defined]

    def newest_key(self, n: int) -> str | None:
        """Return the key in the store of the newest checkpoint that the last commit names."""
        at = self.oracle.committed()[n]["e"]
        names = Tag.read(at.tag).names if at else []
        return key_of(task_name(self.oracle.config, n), names[0]) if names else None

    def store_command(self, *words: object) -> object:
        """Say something to Redis, past the proxy."""
        client = redis.Redis.from_url(self.site.redis.url)
        try:
            return client.execute_command(*words)
        finally:
            client.close()

    def _make_topics(self) -> None:
        kafka = self.oracle.kafka
        topics = [*kafka.inputs.values(), kafka.output, kafka.dead_letters, kafka.facts or ""]
        admin = open_driver(kafka, "maker").admin()
        try:
            admin.create(dict.fromkeys(topics, N_PARTITIONS), {"max.message.bytes": str(12 << 20)})
        finally:
            admin.close()
