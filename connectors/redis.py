"""A store on a Redis server, Sentinels or a Cluster: state that outlives the worker's machine."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from types import TracebackType
from typing import Any, TypeVar

import msgspec
import redis
import xxhash

from streamadapt.connectors.redis_address import parse_address
from streamadapt.connectors.redis_client import Timeouts, client_of, tried
from streamadapt.errors import (
    ParameterError,
    StoreAwayError,
    StoreError,
    StoreRefusedError,
    checked,
)

__all__ = ["RedisStore"]

T = TypeVar("T")

CHUNK_BYTES = 1 << 20
"""Larger values block the server for longer than their share; one is never over 512 MB."""

_OLDEST = (6, 0)
_BATCH_CHUNKS = 8  # read in one round trip
_PREFIX = re.compile(r"[A-Za-z0-9._:-]+")
_ESCAPED = str.maketrans({c: f"%{ord(c):02X}" for c in "%{}"})


class _Manifest(msgspec.Struct, frozen=True):
    """What is written last, and makes a blob be there."""

    n_bytes: int
    n_chunks: int
    content: str  # XXH3-128 of the blob; part of the key of its chunks


class RedisStore:
    """Keeps blobs on a Redis server, whole or not at all; use it from one thread at a time.

    Keys, with ``clicks-0`` the first part of the names ``clicks-0/...``:

    - ``{streamadapt:clicks-0}:blobs``: a hash from name to manifest (length, number of chunks,
      digest).  It is written last, in one transaction, and is all that decides what is there.
    - ``{streamadapt:clicks-0}:chunks:NAME:DIGEST``: a hash of chunks of a mebibyte.  Its key holds
      what it holds, so it never changes.
    - ``streamadapt:identity``: a random text, by which a server that was wiped is noticed.

    In a Cluster all keys of one first part are in one slot, and so on one server: no manifest
    outlives its chunks in a failover.  Nothing expires.  An answer of `put` means that the server
    has the blob in memory; how much of that survives its crash is its configuration's (AOF).

    Parameters
    ----------
    url
        ``redis://[user:password@]host:port/db``, ``rediss://`` with TLS (files as options ``ca``,
        ``cert``, ``key``), ``unix:///path``, ``redis+sentinel://h1,h2/service``,
        ``redis+cluster://h1,h2``.  Without a password in it, ``STREAMADAPT_REDIS_PASSWORD`` counts.
    prefix
        What all keys begin with: letters, digits, and ``._:-``.
    timeout_s
        How long to wait for the next bytes of an answer.
    connect_timeout_s
        How long to wait for a connection.
    retries
        How many attempts follow one that failed.
    check_server
        Ask the server for its version and whether it may evict keys; False for one that allows
        nobody to ask, which then is yours to look after.

    Raises
    ------
    ConfigError
        If the URL or a parameter is wrong.
    StoreAwayError
        If the server does not answer, is full or takes no writes.
    StoreRefusedError
        If it needs another password, is too old, or may evict keys that do not expire.
    """

    def __init__(
        self,
        url: str,
        prefix: str = "streamadapt",
        timeout_s: float = 2.0,
        connect_timeout_s: float = 1.0,
        retries: int = 2,
        *,
        check_server: bool = True,
    ) -> None:
        if not _PREFIX.fullmatch(prefix):
            raise ParameterError(f"prefix = {prefix!r} holds others than letters, digits, ._:-")
        checked("timeout_s", timeout_s, 0.01, 600.0)
        checked("connect_timeout_s", connect_timeout_s, 0.01, 600.0)
        checked("retries", retries, 0, 20)
        self.address = parse_address(url)
        self.prefix = prefix
        self._retries = retries
        timeouts = Timeouts(timeout_s, connect_timeout_s)
        self._client = self._tried(lambda: client_of(self.address, timeouts))
        try:
            self._tried(self._client.ping)
            if check_server:
                self._check_server()
        except StoreError:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"RedisStore({str(self.address)!r}, prefix={self.prefix!r})"

    def put(self, name: str, blob: bytes) -> None:
        """Write `blob` under `name`: chunks first, then what makes them be there."""
        self._tried(lambda: self._put(name, memoryview(bytes(blob))))

    def get(self, name: str) -> bytes | None:
        """Return the blob; None if it is not there, or not all of it."""
        return self._tried(lambda: self._get(name))

    def delete(self, names: Sequence[str]) -> None:
        """Remove blobs; absent ones are no error."""
        for place, some in self._by_place(names):
            self._tried(partial(self._delete, place, some))

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that start with `prefix`, sorted by code points.

        Without a ``/`` in `prefix`, all keys of the server are looked through.
        """
        return self._tried(lambda: self._names(prefix))

    def holds(self, names: Collection[str]) -> set[str]:
        """Return those of `names` whose blob is there with all its chunks."""
        held: set[str] = set()
        for place, some in self._by_place(names):
            held |= self._tried(partial(self._held, place, some))
        return held

    def identity(self) -> str | None:
        """Return what changes when blobs may have been lost; None if that cannot be told.

        It is made of a key that a wipe takes with it, and of the server's ``run_id``, which changes
        at every start and after a failover.  If it changed, ask `holds`.
        """
        return self._tried(self._identity)

    def age_s(self, name: str) -> float | None:
        """Return seconds since the blob was last written or read; None if unknown or not there."""
        return self._tried(lambda: self._age_s(name))

    def sweep(self, grace_s: float) -> int:
        """Delete chunks that no manifest names, untouched for `grace_s`; return of how many blobs.

        They are left by a writer that died before its manifest, or by a delete that died after it.
        Give it many times what a `put` may take.  Looks through all keys of the server.
        """
        checked("grace_s", grace_s, 0.0, float("inf"))
        return self._tried(lambda: sum(self._swept(key, grace_s) for key in self._chunk_keys()))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> RedisStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _tried(self, action: Callable[[], T]) -> T:
        return tried(self.address, action, self._retries)

    def _check_server(self) -> None:
        try:
            infos = self._tried(self._infos)
        except StoreRefusedError as error:
            raise StoreRefusedError(
                f"{error}; without INFO it cannot be told whether this server keeps what it is "
                "given: if you know, say check_server: false"
            ) from None
        for info in infos:
            oldest = ".".join(str(n) for n in _OLDEST)
            version = str(info.get("redis_version", "0"))
            if tuple(int(n) for n in re.findall(r"\d+", version)[:2]) < _OLDEST:
                raise StoreRefusedError(
                    f"store {self.address}: version {version} is below {oldest}"
                )
            policy = info.get("maxmemory_policy", "unknown")
            # volatile-* evict only what expires, and nothing of ours does.
            if policy != "noeviction" and not str(policy).startswith("volatile-"):
                raise StoreRefusedError(
                    f"store {self.address}: its maxmemory-policy is {policy}, which deletes state "
                    "when memory is short: CONFIG SET maxmemory-policy noeviction"
                )

    def _infos(self) -> list[dict[str, Any]]:
        """Return what each primary says of itself."""
        if self.address.kind != "cluster":
            return [self._client.info("server") | self._client.info("memory")]
        nodes = self._client.get_primaries()
        return [
            self._client.info("server", target_nodes=node)
            | self._client.info("memory", target_nodes=node)
            for node in nodes
        ]

    def _identity(self) -> str | None:
        key = f"{self.prefix}:identity"
        self._client.set(key, uuid.uuid4().hex, nx=True)
        marker = self._client.get(key)
        if marker is None:  # wiped between the two
            return None
        try:
            runs = sorted(str(info.get("run_id", "")) for info in self._infos())
        except redis.exceptions.NoPermissionError:
            runs = []
        return ":".join([marker.decode(), *runs])

    def _place(self, name: str) -> str:
        return f"{{{self.prefix}:{name.partition('/')[0].translate(_ESCAPED)}}}"

    def _by_place(self, names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
        for place, some in groupby(sorted(names, key=self._place), self._place):
            yield place, list(some)

    def _put(self, name: str, blob: memoryview) -> None:
        place = self._place(name)
        content: str = xxhash.xxh3_128_hexdigest(blob)
        key = _chunk_key(place, name, content)
        starts = range(0, max(len(blob), 1), CHUNK_BYTES)
        for i, start in enumerate(starts):
            self._client.hset(key, str(i), blob[start : start + CHUNK_BYTES])
        manifest = msgspec.json.encode(_Manifest(len(blob), len(starts), content))
        with self._client.pipeline(transaction=True) as together:
            together.hlen(key)
            together.hget(_manifests(place), name)
            together.hset(_manifests(place), name, manifest)
            n_chunks, before, _ = together.execute()
        if n_chunks != len(starts):
            raise StoreAwayError(f"store {self.address}: it lost chunks of {name} while written")
        old = _manifest(before)
        if old is not None and old.content != content:
            self._client.unlink(_chunk_key(place, name, old.content))

    def _get(self, name: str) -> bytes | None:
        place, before = self._place(name), None
        while (raw := self._client.hget(_manifests(place), name)) != before:
            manifest = _manifest(raw)
            if manifest is None:
                return None
            blob = self._read(_chunk_key(place, name, manifest.content), manifest)
            if blob is not None:
                return blob
            before = raw  # replaced while we read: look again
        return None

    def _read(self, key: str, manifest: _Manifest) -> bytes | None:
        chunks: list[bytes] = []
        for start in range(0, manifest.n_chunks, _BATCH_CHUNKS):
            stop = min(start + _BATCH_CHUNKS, manifest.n_chunks)
            batch = self._client.hmget(key, [str(i) for i in range(start, stop)])
            if None in batch:
                return None
            chunks += batch
        blob = b"".join(chunks)
        return blob if len(blob) == manifest.n_bytes else None

    def _delete(self, place: str, names: list[str]) -> None:
        found = self._manifests_of(place, names)
        if found:
            with self._client.pipeline(transaction=True) as together:
                together.hdel(_manifests(place), *found)
                for name, manifest in found.items():
                    together.unlink(_chunk_key(place, name, manifest.content))
                together.execute()

    def _held(self, place: str, names: list[str]) -> set[str]:
        found = self._manifests_of(place, names)
        with self._client.pipeline(transaction=False) as together:
            for name, manifest in found.items():
                together.hlen(_chunk_key(place, name, manifest.content))
            counts = together.execute()
        pairs = zip(found.items(), counts, strict=True)
        return {name for (name, manifest), n in pairs if n == manifest.n_chunks}

    def _manifests_of(self, place: str, names: list[str]) -> dict[str, _Manifest]:
        found = map(_manifest, self._client.hmget(_manifests(place), names))
        return {name: m for name, m in zip(names, found, strict=True) if m is not None}

    def _names(self, prefix: str) -> list[str]:
        if "/" in prefix:
            keys: Iterable[Any] = [_manifests(self._place(prefix))]
        else:
            keys = sorted(set(self._scan(":blobs")))  # a scan may tell a key twice
        # What is no UTF-8 is another's, and no name of ours: it must not hide those that are.
        names = (name.decode(errors="replace") for key in keys for name in self._client.hkeys(key))
        return sorted(name for name in names if name.startswith(prefix))

    def _scan(self, ending: str) -> Iterator[Any]:
        pattern = f"{{{self.prefix}:*}}{ending}"
        return iter(self._client.scan_iter(match=pattern, count=1000, _type="hash"))

    def _chunk_keys(self) -> list[str]:
        return sorted({key.decode(errors="replace") for key in self._scan(":chunks:*")})

    def _swept(self, key: str, grace_s: float) -> bool:
        place, _, rest = key.partition("}")
        name, _, content = rest.removeprefix(":chunks:").rpartition(":")
        manifest = _manifest(self._client.hget(_manifests(place + "}"), name))
        if manifest is not None and manifest.content == content:
            return False
        idle_s = self._idle_s(key)
        return idle_s is not None and idle_s > grace_s and bool(self._client.unlink(key))

    def _age_s(self, name: str) -> float | None:
        place = self._place(name)
        manifest = _manifest(self._client.hget(_manifests(place), name))
        if manifest is None:
            return None
        return self._idle_s(_chunk_key(place, name, manifest.content))

    def _idle_s(self, key: str) -> float | None:
        try:
            found = self._client.object("idletime", key)
        except redis.ResponseError:  # gone, not allowed, or a policy that counts otherwise
            return None
        return None if found is None else float(found)


def _manifests(place: str) -> str:
    return f"{place}:blobs"


def _chunk_key(place: str, name: str, content: str) -> str:
    return f"{place}:chunks:{name}:{content}"


def _manifest(raw: bytes | None) -> _Manifest | None:
    """Return what was written last; None if it is not there, or not ours."""
    try:
        return None if raw is None else msgspec.json.decode(raw, type=_Manifest)
    except msgspec.MsgspecError:
        return None
