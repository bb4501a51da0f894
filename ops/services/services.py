"""Real servers for tests and for trying out: ``python ops/services/services.py up|down|status``.

``eval "$(python ops/services/services.py up --export)"`` starts a Kafka broker and a Redis and
tells the shell where they are.  What KAFKA_BOOTSTRAP or REDIS_URL points to is used instead.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from urllib.parse import urlsplit

if __name__ == "__main__":  # as a file: the package is found from here, and this folder is no path
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from streamadapt.ops.services.jars import pin, verified_jars
from streamadapt.ops.services.kafka_cluster import KafkaCluster
from streamadapt.ops.services.locks import locked
from streamadapt.ops.services.owned_process import OwnedProcess
from streamadapt.ops.services.ports import listens
from streamadapt.ops.services.programs import ServiceError, find_java, find_redis, say
from streamadapt.ops.services.redis_server import RedisServer, answers_at

__all__ = ["main", "outside_kafka", "outside_redis"]


def outside_kafka() -> str | None:
    """Return KAFKA_BOOTSTRAP, or None if it is not set.

    Raises
    ------
    ServiceError
        When nothing listens there.
    """
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP")
    if not bootstrap:
        return None
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        if host and port.isdigit() and listens(host, int(port)):
            return bootstrap
    raise ServiceError(f"nothing listens at KAFKA_BOOTSTRAP={bootstrap}: start it, or unset that")


def outside_redis() -> str | None:
    """Return REDIS_URL, or None if it is not set.

    Raises
    ------
    ServiceError
        When no Redis answers there.
    """
    url = os.environ.get("REDIS_URL")
    if url and not answers_at(url):
        host = urlsplit(url).hostname  # the URL may hold a password
        raise ServiceError(f"no Redis answers at REDIS_URL (host {host}): start it, or unset that")
    return url or None


def _up(arguments: argparse.Namespace) -> None:
    folder = Path(arguments.dir)
    lines = {}
    with locked(folder):
        if not arguments.redis_only:
            lines["KAFKA_BOOTSTRAP"] = outside_kafka() or _kafka_up(folder, arguments)
        if not arguments.kafka_only:
            lines["REDIS_URL"] = outside_redis() or _redis_up(folder)
    export = "export " if arguments.export else ""
    for name, value in lines.items():
        print(f"{export}{name}={shlex.quote(value)}")


def _kafka_up(folder: Path, arguments: argparse.Namespace) -> str:
    cluster = KafkaCluster(folder / "kafka", arguments.brokers, full_jit=arguments.full_jit)
    if cluster.running:
        cluster.repair()
    else:
        cluster.start()
    return cluster.bootstrap


def _redis_up(folder: Path) -> str:
    server = RedisServer(folder / "redis")
    server.repair()
    return server.url


def _down(arguments: argparse.Namespace) -> None:
    folder = Path(arguments.dir)
    if not folder.exists():
        return
    with locked(folder):
        if not arguments.redis_only:
            KafkaCluster(folder / "kafka").stop()
        if not arguments.kafka_only:
            RedisServer(folder / "redis").stop()


def _status(arguments: argparse.Namespace) -> None:
    """Say what runs; leave with 1 if something does not."""
    folder = Path(arguments.dir)
    processes: dict[str, OwnedProcess] = {}
    if not arguments.redis_only:
        brokers = KafkaCluster(folder / "kafka").brokers
        processes |= {f"kafka broker {i}": broker for i, broker in enumerate(brokers)}
    if not arguments.kafka_only:
        processes["redis"] = RedisServer(folder / "redis").process
    for name, process in processes.items():
        state = "stopped" if process.pid is None else f"runs, pid {process.pid}"
        print(f"{name}: {state}, log {process.log}")
    if not all(process.pid for process in processes.values()):
        raise SystemExit(1)


def _fetch(arguments: argparse.Namespace) -> None:
    """Have everything that `up` needs, so that a test run need not wait for it."""
    if not arguments.redis_only and not os.environ.get("KAFKA_BOOTSTRAP"):
        find_java()
        verified_jars()
    if not arguments.kafka_only and not os.environ.get("REDIS_URL"):
        find_redis()


def _pin(_: argparse.Namespace) -> None:
    pin()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(required=True)
    told = {
        "up": (_up, "start what does not run yet, print where it is"),
        "down": (_down, "stop what `up` started in this folder; the data stay"),
        "status": (_status, "say what runs"),
        "fetch": (_fetch, "download and check what `up` needs"),
        "pin-jars": (_pin, "write jars.sha256 for a changed pom.xml"),
    }
    for name, (run, what) in told.items():
        command = commands.add_parser(name, help=what, description=what)
        command.set_defaults(run=run)
        command.add_argument("--dir", default=".services", help="folder of data and logs")
        only = command.add_mutually_exclusive_group()
        only.add_argument("--kafka-only", action="store_true")
        only.add_argument("--redis-only", action="store_true")
        if name == "up":
            command.add_argument("--brokers", type=int, help="1 (default) or 3")
            command.add_argument("--export", action="store_true", help="lines for a shell's eval")
            command.add_argument("--full-jit", action="store_true", help="brokers for measuring")
    return parser


def main(argv: list[str] | None = None) -> None:
    """Run a command; a server that cannot be had is said in one sentence."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except ServiceError as error:
        say(f"services: {error}")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
