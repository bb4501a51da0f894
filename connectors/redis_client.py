"""A client of Redis whose every call is bounded in time, and whose errors say what to look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel

from streamadapt.connectors.redis_address import PASSWORD_VARIABLE, RedisAddress
from streamadapt.errors import ConfigError, StoreAwayError, StoreError, StoreRefusedError

__all__ = ["Timeouts", "client_of", "explained", "tried"]

T = TypeVar("T")


class Timeouts(NamedTuple):
    """How long one attempt may take, and how many follow it."""

    answer_s: float = 2.0
    connect_s: float = 1.0
    retries: int = 2


# By class of error, or beginning of the server's text in upper case; the first that fits counts.
# The client takes the code off the texts of those errors for which it has a class.
_FULL = "it is full: raise maxmemory, or delete what is not needed"
_REPLICA = "it is a replica, and takes no writes: give the address of the primary"
_WRONG = "the user or the password is wrong"
_ASKS = f"it asks for a password: put it into the URL or {PASSWORD_VARIABLE}"
_RIGHTS = "this user may not do that: allow it +@read +@write +@connection +@transaction +info"
_REFUSED: tuple[tuple[str | type[Exception], str], ...] = (
    ("HELLO MUST BE CALLED", _ASKS),
    ("NOAUTH", _ASKS),
    ("AUTHENTICATION REQUIRED", _ASKS),
    ("AUTH <PASSWORD> CALLED WITHOUT", "it asks for no password, and was given one"),
    ("CLIENT SENT AUTH", "it asks for no password, and was given one"),
    (redis.AuthenticationError, _WRONG),
    ("WRONGPASS", _WRONG),
    (redis.exceptions.NoPermissionError, _RIGHTS),
    ("WRONGTYPE", "another program uses these keys: choose another prefix"),
    ("DB INDEX", "it has no database of that number"),
)
_AWAY: tuple[tuple[str | type[Exception], str], ...] = (
    (redis.exceptions.OutOfMemoryError, _FULL),
    ("OOM", _FULL),
    (redis.exceptions.ReadOnlyError, _REPLICA),
    ("READONLY", _REPLICA),
    (redis.BusyLoadingError, "it is still loading its data"),
    ("LOADING", "it is still loading its data"),
    ("MISCONF", "it cannot write to its disk, and therefore takes no writes"),
    ("CLUSTERDOWN", "the cluster is not whole"),
    ("MASTERDOWN", "its primary is away"),
    ("NOREPLICAS", "it has too few replicas to take writes"),
    ("BUSY", "it runs somebody's script"),
    (redis.TimeoutError, "it does not answer"),
    (TimeoutError, "it does not answer"),
    (redis.ConnectionError, "it cannot be reached"),
    (OSError, "it cannot be reached"),
    (redis.exceptions.RedisClusterException, "the cluster cannot be reached"),
)


def client_of(address: RedisAddress, timeouts: Timeouts) -> Any:  # noqa: ANN401 - one of two
    """Return a client for `address`, which connects when it is used first.

    All attempts together are bounded: each waits ``answer_s`` at most for the next bytes, and at
    most ``retries`` follow with short random pauses.  So all that is sent must be idempotent.

    Raises
    ------
    ConfigError
        If a file for TLS cannot be read.
    """
    options: dict[str, Any] = {
        "username": address.username,
        "password": address.password,
        "socket_timeout": timeouts.answer_s,
        "socket_connect_timeout": timeouts.connect_s,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.2), timeouts.retries),
        "health_check_interval": 15,
    }
    tls: dict[str, Any] = {"ssl": True, **address.tls_options} if address.tls else {}
    for path in address.tls_options.values():
        _check_file(path)
    if address.kind == "unix":
        return redis.Redis(unix_socket_path=address.path, db=address.db, **options)
    if address.kind == "cluster":
        nodes = [ClusterNode(*host) for host in address.hosts]  # type: ignore[no-untyped-call]
        return RedisCluster(startup_nodes=nodes, **options, **tls)
    if address.kind == "sentinel":
        # Sentinels have passwords of their own, if any; this one is that of the servers.
        watch = {**tls, "socket_timeout": timeouts.answer_s, "retry": options["retry"]}
        make: Any = Sentinel  # untyped
        sentinel = make(list(address.hosts), sentinel_kwargs=watch, **options, **tls)
        return sentinel.master_for(address.service, db=address.db)
    [(host, port), *_] = address.hosts
    return redis.Redis(host=host, port=port, db=address.db, **options, **tls)


def tried(address: RedisAddress, action: Callable[[], T]) -> T:
    """Return what `action` returns; errors of the client become a `StoreError`."""
    try:
        return action()
    except (redis.RedisError, OSError) as error:
        raise explained(address, error) from None


def explained(address: RedisAddress, error: Exception) -> StoreError:
    """Return the error that says what to look at.

    It does not name `error` as its cause: a traceback may show what a client was made with.

    Examples
    --------
    >>> from streamadapt.connectors.redis_address import parse_address
    >>> error = redis.ResponseError("OOM command not allowed when used memory > 'maxmemory'.")
    >>> print(str(explained(parse_address("redis://:secret@db"), error))[:60])
    store redis://db:6379: it is full: raise maxmemory, or delete
    """
    said = str(error)
    if address.password:
        said = said.replace(address.password, "***")
    if isinstance(error, redis.ConnectionError) and "SSL" in said.upper():
        return StoreRefusedError(f"store {address}: TLS failed ({said})")
    for kind, table in ((StoreRefusedError, _REFUSED), (StoreAwayError, _AWAY)):
        for sign, what in table:
            if said.upper().startswith(sign) if isinstance(sign, str) else isinstance(error, sign):
                return kind(f"store {address}: {what} ({said})")
    return StoreRefusedError(f"store {address}: it failed ({said})")


def _check_file(path: str) -> None:
    try:
        with open(path, "rb"):  # noqa: PTH123 - just whether it can be
            pass
    except OSError as error:
        raise ConfigError(f"a file for TLS cannot be read ({error})") from error
