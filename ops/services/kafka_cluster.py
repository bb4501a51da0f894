"""A real Apache Kafka of one or more brokers on this machine, in KRaft mode."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from streamadapt.ops.services.broker import Broker, Java
from streamadapt.ops.services.broker_settings import BrokerPorts, broker_settings
from streamadapt.ops.services.jars import verified_jars
from streamadapt.ops.services.ports import HOST, are_taken, free_ports
from streamadapt.ops.services.programs import ServiceError, find_java

__all__ = ["KafkaCluster"]

START_LIMIT_S = 90.0
GRACE_S = 20.0
GRACE_OF_ALL_S = 3.0  # the last ones have no quorum to say goodbye to, and would wait for minutes


class KafkaCluster:
    """Brokers 0 .. n-1; a broker's number is its node id, the ``leader`` that metadata name.

    The folder keeps ports and data, so that the same cluster comes back after `stop`, after
    `kill` and in another process.

    Parameters
    ----------
    folder
        For data, logs (``broker-0/log.txt``) and the record of what runs.
    n_brokers
        1, or 3 (three replicas, two in sync); default: what the folder holds, else 1.
    settings
        Broker settings over those of ``broker_settings.py``, as ``{"message.max.bytes": "..."}``.
    full_jit
        Let Java optimise fully, for measuring.  Without, a broker starts with less work and
        bears less load: for tests.
    heap_mb
        Heap of each broker in MiB.
    """

    def __init__(
        self,
        folder: Path,
        n_brokers: int | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        full_jit: bool = False,
        heap_mb: int = 512,
    ) -> None:
        self.folder = folder.resolve()
        self.settings = dict(settings or {})
        self.full_jit = full_jit
        self.heap_mb = heap_mb
        self._plan = self.folder / "cluster.json"
        self._java: Java | None = None
        self._advertised: list[int] = []
        self._published = False
        self._recall(n_brokers)
        self.n_brokers = len(self.ports)
        self.brokers = [Broker(self.folder / f"broker-{i}") for i in range(self.n_brokers)]

    @property
    def bootstrap(self) -> str:
        """What clients connect to: ``host:port,host:port``."""
        return ",".join(f"{HOST}:{ports.client}" for ports in self.ports)

    @property
    def running(self) -> list[int]:
        """The numbers of the brokers that run; also of those that are paused."""
        return [i for i, broker in enumerate(self.brokers) if broker.pid is not None]

    def start(self, advertised_ports: Sequence[int] = ()) -> None:
        """Start all brokers and wait until each answers.

        Parameters
        ----------
        advertised_ports
            One port per broker, at which a proxy listens that leads to ``ports[i].proxied``.
            Clients that bootstrap at a proxy stay behind the proxies; others go past them.
        """
        if self.running:
            raise ServiceError(f"brokers {self.running} of {self.folder} run already")
        self._advertised = list(advertised_ports)
        self._leave_taken_ports()
        self._remember()
        with ThreadPoolExecutor(self.n_brokers) as pool:
            list(pool.map(self._prepare, range(self.n_brokers)))
        for broker in self.brokers:
            broker.launch(self.java)
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def java(self) -> Java:
        """The Java that runs the brokers; finding it fetches and checks the jars."""
        if self._java is None:
            options = [f"-Xmx{self.heap_mb}m", f"-Xms{self.heap_mb // 2}m"]
            options += [] if self.full_jit else ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
            self._java = Java(find_java(), verified_jars(), tuple(options))
        return self._java

    def wait_ready(self, limit_s: float = START_LIMIT_S) -> None:
        """Wait until every broker answers."""
        for broker, ports in zip(self.brokers, self.ports, strict=True):
            broker.wait_ready(ports.client, limit_s)

    def stop(self) -> None:
        """End all brokers: asked first, killed if that takes long."""
        for broker in self.brokers:
            broker.ask_to_end()
        for broker in self.brokers:
            broker.wait_or_kill(GRACE_S if self.n_brokers == 1 else GRACE_OF_ALL_S)

    def repair(self) -> None:
        """Bring back what a test killed or paused, and wait until each broker answers."""
        for broker in self.brokers:
            broker.resume()
            if broker.pid is None:
                broker.launch(self.java)
        self.wait_ready()

    def stop_broker(self, i: int) -> None:
        """End one broker in good order: it hands its partitions over first."""
        self.brokers[i].ask_to_end()
        self.brokers[i].wait_or_kill(GRACE_S)

    def kill(self, i: int = 0) -> None:
        """SIGKILL a broker."""
        self.brokers[i].kill()

    def pause(self, i: int = 0) -> None:
        """SIGSTOP a broker: its connections stay open and nothing is answered."""
        self.brokers[i].pause()

    def resume(self, i: int = 0) -> None:
        """SIGCONT a paused broker."""
        self.brokers[i].resume()

    def restart(self, i: int = 0, *, wait: bool = True) -> None:
        """Start a broker again on its ports and data; one that still runs is stopped before."""
        self.stop_broker(i)
        self.brokers[i].launch(self.java)
        if wait:
            self.brokers[i].wait_ready(self.ports[i].client, START_LIMIT_S)

    def _prepare(self, i: int) -> None:
        advertised = self._advertised[i] if self._advertised else None
        broker = self.brokers[i]
        settings = broker_settings(i, self.ports, advertised, broker.data)
        broker.prepare(self.java, self._cluster_id, settings | self.settings)

    def _recall(self, n_brokers: int | None) -> None:
        """Take over what an earlier run in this folder chose, since its data belong to that."""
        if not self._plan.exists():
            self._cluster_id = _new_cluster_id()
            self.ports = _draw(n_brokers or 1)
            return
        plan = json.loads(self._plan.read_text())
        self._cluster_id = plan["cluster_id"]
        self.ports = [BrokerPorts(**ports) for ports in plan["ports"]]
        if n_brokers not in (None, len(self.ports)):
            raise ServiceError(
                f"{self.folder} holds a cluster of {len(self.ports)} brokers, not {n_brokers}:"
                " take another folder, or remove it"
            )

    def _leave_taken_ports(self) -> None:
        """Draw new ports if another process took one, but for those that clients know by now."""
        used = [port for ports in self.ports for port in asdict(ports).values()]
        if are_taken(used, bool(self._published or self._advertised)):
            self.ports = _draw(self.n_brokers)
        self._published = True

    def _remember(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        plan = {"cluster_id": self._cluster_id, "ports": [asdict(ports) for ports in self.ports]}
        self._plan.write_text(json.dumps(plan, indent=1))


def _draw(n: int) -> list[BrokerPorts]:
    ports = free_ports(3 * n)
    return [BrokerPorts(*ports[3 * i : 3 * i + 3]) for i in range(n)]


def _new_cluster_id() -> str:
    """Return a UUID as Kafka writes it: base64 of 16 bytes, here never with a leading dash."""
    return base64.urlsafe_b64encode(b"A" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
