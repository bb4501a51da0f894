"""The server.properties of one broker of a cluster for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from streamadapt.ops.services.ports import HOST

__all__ = ["BrokerPorts", "broker_settings", "properties"]


@dataclass(frozen=True)
class BrokerPorts:
    """Where a broker listens; `proxied` only for clients that are told `advertised`."""

    client: int
    controller: int
    proxied: int


def broker_settings(
    node: int, ports: list[BrokerPorts], advertised: int | None, data: Path
) -> dict[str, str]:
    """Return the settings of broker `node` out of ``len(ports)``."""
    n = len(ports)
    return {
        **_listeners(ports[node], advertised),
        "node.id": str(node),
        "process.roles": "broker,controller",
        # static voters: addresses are configuration, so a stopped cluster may change its ports
        "controller.quorum.voters": ",".join(f"{i}@{HOST}:{ports[i].controller}" for i in range(n)),
        "log.dirs": str(data),
        **_replication(n),
        **_patience(),
    }


def _listeners(own: BrokerPorts, advertised: int | None) -> dict[str, str]:
    listeners = [f"PLAINTEXT://{HOST}:{own.client}"]
    told = list(listeners)
    if advertised is not None:
        listeners.append(f"PROXIED://{HOST}:{own.proxied}")
        told.append(f"PROXIED://{HOST}:{advertised}")
    names = ["CONTROLLER", "PLAINTEXT", "PROXIED"]
    return {
        "listeners": ",".join([*listeners, f"CONTROLLER://{HOST}:{own.controller}"]),
        "advertised.listeners": ",".join(told),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in names),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
    }


def _replication(n: int) -> dict[str, str]:
    replicas, in_sync = (3, 2) if n >= 3 else (1, 1)
    own_topics = ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"]
    return {
        **{f"{topic}.replication.factor": str(replicas) for topic in own_topics},
        **{f"{topic}.min.isr": str(in_sync) for topic in own_topics[1:]},
        **{f"{topic}.num.partitions": "4" for topic in own_topics},
        "default.replication.factor": str(replicas),
        "min.insync.replicas": str(in_sync),
        "num.partitions": "4",
    }


def _patience() -> dict[str, str]:
    """Return what makes faults show, and heal, within a test's time."""
    return {
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "broker.session.timeout.ms": "3000",  # also how long a killed broker waits to come back
        "broker.heartbeat.interval.ms": "500",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        # Records of old data sets are older than any retention: they would go within minutes.
        "log.retention.ms": "-1",
        "log.cleaner.dedupe.buffer.size": str(16 * 2**20),  # of a small heap
        "num.io.threads": "4",
    }


def properties(settings: Mapping[str, str]) -> str:
    """Return the text of a properties file."""
    return "".join(f"{name}={value}\n" for name, value in settings.items())
