"""Folders of test sessions, and the servers of sessions that were killed before they could stop."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from streamadapt.ops.services.locks import locked
from streamadapt.ops.services.owned_process import OwnedProcess, started_at

__all__ = ["session_folder"]

OWNER = "session.json"


def session_folder(parent: Path) -> Path:
    """Return a new folder for the servers of this process, in `parent`.

    Folders of sessions that are over go, and servers that still run in them are ended: so the
    logs of a session stay until the next one begins.
    """
    with locked(parent):
        for folder in sorted(parent.glob("session-*")):
            if not _in_use(folder):
                _remove(folder)
        folder = Path(tempfile.mkdtemp(dir=parent, prefix="session-"))
        pid = os.getpid()
        (folder / OWNER).write_text(json.dumps({"pid": pid, "started": started_at(pid)}))
    return folder


def _in_use(folder: Path) -> bool:
    try:
        owner = json.loads((folder / OWNER).read_text())
    except (OSError, ValueError):  # it died before it wrote: nothing was started there
        return False
    return bool(started_at(owner["pid"]) == owner["started"])


def _remove(folder: Path) -> None:
    for record in sorted(folder.rglob(OwnedProcess.RECORD)):
        OwnedProcess(record.parent).kill()
    shutil.rmtree(folder)
