"""Opens the store that a pipeline file names."""

from __future__ import annotations

import os
from pathlib import Path

from streamadapt.config import Config
from streamadapt.connectors.sqlite import SQLiteStore
from streamadapt.contracts import Store

__all__ = ["open_store"]


def open_store(config: Config) -> Store:
    """Return the store of ``store.url``.

    Raises
    ------
    RetryableError
        If it does not answer.
    ConfigError
        If it can be no store.
    """
    url = config.store.url
    if url.startswith("sqlite:"):
        return SQLiteStore(Path(os.path.expandvars(url.removeprefix("sqlite:"))))
    from streamadapt.connectors.redis import RedisStore

    return RedisStore(url, config.store.prefix, check_server=config.store.check_server)
