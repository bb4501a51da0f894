"""Free ports of this machine, and whether something listens."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from streamadapt.ops.services.owned_process import FREED_S, wait_until
from streamadapt.ops.services.programs import ServiceError

__all__ = ["HOST", "are_taken", "free_ports", "is_free", "listens"]

HOST = "127.0.0.1"
LOWEST = 20_000
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(n: int) -> list[int]:
    """Return `n` different free ports, none of which the system gives to outgoing connections.

    A port of that range could be taken by any client while its server is down, even by a client
    that dials this very port: the kernel then joins the socket to itself.
    """
    first_ephemeral = int(EPHEMERAL.read_text().split()[0]) if EPHEMERAL.exists() else 32_768
    candidates = range(LOWEST, first_ephemeral if first_ephemeral > LOWEST + 1000 else 32_768)
    chance = random.SystemRandom()  # two runs that start together must not draw the same
    found: list[int] = []
    for port in chance.sample(candidates, len(candidates)):
        if len(found) == n:
            return found
        if is_free(port):
            found.append(port)
    raise ServiceError(f"no {n} free ports between {candidates[0]} and {candidates[-1]}")


def is_free(port: int) -> bool:
    """Return whether a server could listen here now."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            server.bind((HOST, port))
            server.listen()
        except OSError:
            return False
    return True


def are_taken(ports: Iterable[int], clients_know: bool) -> bool:
    """Return whether other processes took some of these ports, so that all have to be drawn anew.

    Threads of a server that was killed may hold its port for a moment after their leader is gone;
    that is waited for, where clients know the port.

    Raises
    ------
    ServiceError
        If a port that clients know was taken.
    """
    limit_s = FREED_S if clients_know else 0.0
    taken = [port for port in ports if not wait_until(partial(is_free, port), limit_s)]
    if taken and clients_know:
        raise ServiceError(f"port {taken[0]} was taken by another process")
    return bool(taken)


def listens(host: str, port: int, limit_s: float = 2.0) -> bool:
    """Return whether a connection is accepted."""
    try:
        socket.create_connection((host, port), limit_s).close()
    except OSError:
        return False
    return True
