"""One writer in a folder of results at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import BinaryIO

from streamadapt.errors import ConfigError

__all__ = ["LOCK_FILE", "locked"]

LOCK_FILE = "lock"


def locked(out: Path) -> BinaryIO:
    """Make the folder and lock it for as long as the file that is returned stays open.

    Raises
    ------
    ConfigError
        If the folder cannot be made, or another process holds the lock.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with locked(folder):  # doctest: +ELLIPSIS
    ...     locked(folder)
    Traceback (most recent call last):
    streamadapt.errors.ConfigError: --out ...: another process is writing into this folder
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = (out / LOCK_FILE).open("wb")
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise ConfigError(f"--out {out}: another process is writing into this folder") from error
    return file
