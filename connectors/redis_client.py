"""A client of Redis whose every call is bounded in time, and whose errors say what to look at."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel

from streamadapt.connectors.redis_address import PASSWORD_VARIABLE, RedisAddress
from streamadapt.errors import ConfigError, StoreAwayError, StoreError, StoreRefusedError

__all__ = ["Timeouts", "client_of", "explained", "tried"]

T = TypeVar("T")


class Timeouts(NamedTuple):
    """How long to wait for the next bytes of an answer, and for a connection."""

    answer_s: float = 2.0
    connect_s: float = 1.0


_PAUSES = ExponentialWithJitterBackoff(base=0.01, cap=0.2)
_TRIED_AGAIN = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.ClusterError,
    redis.exceptions.RedisClusterException,
    OSError,
)


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

    It makes one attempt at anything: its own retries are nested, those of a command around those
    of a connection, and would take nine times ``answer_s`` where `tried` takes three.

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
        "retry": Retry(NoBackoff(), 0),
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


def tried(address: RedisAddress, action: Callable[[], T], retries: int) -> T:
    """Return what `action` returns, which may be done again; errors become a `StoreError`.

    Where the server was not reached or did not answer, so many attempts follow, with short random
    pauses.
    """
    for failures in range(1, retries + 2):
        try:
            return action()
        except (redis.RedisError, OSError) as error:
            problem = explained(address, error)
            again = isinstance(problem, StoreAwayError) and isinstance(error, _TRIED_AGAIN)
            if failures > retries or not again:
                raise problem from None
        time.sleep(_PAUSES.compute(failures))
    raise AssertionError


def explained(address: RedisAddress, error: Exception) -> StoreError:
    """Return the error that says what to look at.

    It does not name `error` as its cause: a traceback may show what a client was made with.

    Examples
    --------
    >>> from streamadapt.connectors.redis_address import parse_address
    >>> error = redis.ResponseError("OOM command not allowed when used memory > 'maxmemory'.")
    >>> print(str(explained(parse_address("redis://:secret@db"), error))[:61])
    store redis://db:6379: it is full: raise maxmemory, or delete
    """
    said = str(error).rpartition(" of pipeline caused error: ")[2]  # before it, a command's values
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
