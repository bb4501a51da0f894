"""Where a Redis is, from one URL; it can be shown to anyone, since it hides the password."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal, NoReturn, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

from streamadapt.errors import ConfigError

__all__ = ["PASSWORD_VARIABLE", "RedisAddress", "parse_address"]

PASSWORD_VARIABLE = "STREAMADAPT_REDIS_PASSWORD"  # noqa: S105 - the name of a variable
"""Environment variable with the password, for URLs without one."""

_Kind: TypeAlias = Literal["server", "unix", "sentinel", "cluster"]

_SCHEMES: dict[str, _Kind] = {
    "redis": "server",
    "rediss": "server",
    "unix": "unix",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
_TLS = {"ca": "ssl_ca_certs", "cert": "ssl_certfile", "key": "ssl_keyfile"}
_TLS |= {name: name for name in _TLS.values()}  # the client's own names, in URLs for it
_FORMS = (
    "redis://host:6379/0, rediss://host (TLS), unix:///path/of/socket, "
    "redis+sentinel://host1:26379,host2/service or redis+cluster://host1,host2"
)


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One server, a socket's path, or several of which any tells where the rest is."""

    kind: _Kind
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    service: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    tls_options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the address without user, password and options."""
        if self.kind == "unix":
            return f"unix://{self.path}"
        scheme = "rediss" if self.tls else "redis"
        more = "" if self.kind == "server" else f"+{self.kind}"
        hosts = ",".join(f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p in self.hosts)
        end = self.service or (str(self.db) if self.db else "")
        return f"{scheme}{more}://{hosts}/{end}".rstrip("/")


def parse_address(url: str) -> RedisAddress:
    """Return what a URL says; options are ``db``, and for TLS the files ``ca``, ``cert``, ``key``.

    Raises
    ------
    ConfigError
        If it is no such URL; the message does not repeat it, for it may hold a password.

    Examples
    --------
    >>> address = parse_address("rediss://ann:secret@db.example/3?ca=/etc/ca.pem")
    >>> print(address, address.username, address.tls_options)
    rediss://db.example:6379/3 ann {'ssl_ca_certs': '/etc/ca.pem'}
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        _wrong("it cannot be read")
    if parts.scheme not in _SCHEMES:
        _wrong("it begins with another scheme")
    if "#" in url:  # what comes after it would be left out: the host, say
        _wrong(f"it has a #: in a password write %23, or set {PASSWORD_VARIABLE}")
    kind, tls = _SCHEMES[parts.scheme], parts.scheme.startswith("rediss")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if options.keys() - ({"db", *_TLS} if tls else {"db"}):
        _wrong("its options are not db, or with TLS ca, cert and key")
    user, _, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":")
    path = unquote(parts.path)
    if kind == "server" and "," in hosts:
        _wrong("it names several hosts: that is for Sentinels and Clusters")
    if kind == "cluster" and (path.strip("/") or "db" in options):
        _wrong("a Cluster has no databases to choose from")
    return RedisAddress(
        kind=kind,
        hosts=() if kind == "unix" else tuple(_host(h, kind) for h in hosts.split(",")),
        path=path if kind == "unix" else "",
        service=path.strip("/") or _wrong("it names no service") if kind == "sentinel" else "",
        db=_db(options.get("db") or (path.strip("/") if kind == "server" else "")),
        username=unquote(username) or None,
        password=unquote(password) or os.environ.get(PASSWORD_VARIABLE) or None,
        tls=tls,
        tls_options={_TLS[name]: value for name, value in options.items() if name in _TLS},
    )


def _host(text: str, kind: _Kind) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text or 'localhost'}")
        port = parts.port
    except ValueError:
        _wrong("a port is not a number")
    return parts.hostname or "localhost", port or (26379 if kind == "sentinel" else 6379)


def _db(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        _wrong("its database is not a number")
    return int(text or 0)


def _wrong(why: str) -> NoReturn:
    raise ConfigError(f"wrong Redis URL: {why}; it is one of {_FORMS}") from None
