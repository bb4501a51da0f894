"""The store that a pipeline file names is opened as the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamadapt.connectors import redis
from streamadapt.errors import ConfigError
from streamadapt.open_store import open_store
from tests.streams import CLASSIFY, config


@pytest.mark.parametrize(
    "url",
    [
        "redis://:${PASSWORD}@db:6379/1",
        "rediss://db?ca=/etc/ca.pem",
        "redis+sentinel://a,b/main",
        "rediss+sentinel://a,b/main",
        "redis+cluster://a:7000,b:7000",
        "rediss+cluster://a,b",
        "unix:///run/redis.sock",
    ],
)
def test_every_redis_that_the_store_knows_may_stand_in_a_file(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    monkeypatch.setattr(redis, "RedisStore", lambda *given, **named: opened.append((given, named)))
    url = url.replace("${PASSWORD}", "pw")
    open_store(config(CLASSIFY, store__url=url, store__prefix="a.b", store__check_server="false"))
    assert opened == [((url, "a.b"), {"check_server": False})]


def test_a_file_is_opened(tmp_path: Path) -> None:
    open_store(config(CLASSIFY, store__url=f"sqlite:{tmp_path}/a/state.sqlite")).close()
    assert (tmp_path / "a" / "state.sqlite").exists()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:",
        "sqlite::memory:",  # it would forget all at every start
        "http://:hidden@db",
        "redis://:hidden@db/zero",
        "redis://:12#hidden@db",
        "redis+cluster://:hidden@a,b/1",
    ],
)
def test_what_is_no_store_is_said_when_the_file_is_checked(url: str) -> None:
    with pytest.raises(ConfigError, match=r"store\.url") as caught:
        config(CLASSIFY, store__url=f'"{url}"')
    assert "hidden" not in str(caught.value)


def test_a_prefix_that_redis_would_refuse_is_refused_in_the_file() -> None:
    with pytest.raises(ConfigError, match=r"store\.prefix"):
        config(CLASSIFY, store__prefix="h\u00e4user")
