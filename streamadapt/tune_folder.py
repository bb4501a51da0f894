"""The folder of a search: what it is of, and one durable line for each trial that is done."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from streamadapt.connectors import JSONLSink
from streamadapt.connectors.append_file import put_in_place
from streamadapt.errors import ConfigError, IncompatibleStateError
from streamadapt.folder_lock import locked

__all__ = ["BEST_FILE", "RESULTS_FILE", "TRIALS_FILE", "TuneFolder"]

TRIALS_FILE = "trials.jsonl"
RESULTS_FILE = "tune.json"
BEST_FILE = "best.yaml"
_SEARCH_FILE = "search.json"


class TuneFolder:
    """Holds the folder's lock until it is closed.

    ``trials`` are {trial: its line}; ``records`` says how many the stream has, once that is known.

    Parameters
    ----------
    out
        The folder.
    described
        {part: what it is}; all must be equal for a search to be resumed.
    resume, fresh
        Go on with a search that has not ended, or lose it.

    Raises
    ------
    ConfigError
        If a search has not ended and neither is asked for.
    IncompatibleStateError
        If the search to be resumed was another one.
    """

    def __init__(
        self, out: Path, described: Mapping[str, Any], *, resume: bool, fresh: bool
    ) -> None:
        self._out = out
        self._parts = {name: _digest(part) for name, part in described.items()}
        self.trials: dict[int, dict[str, Any]] = {}
        self.records: int | None = None
        with ExitStack() as stack:
            stack.callback(locked(out).close)
            self._begin(resume, fresh)
            self._sink = JSONLSink(out / TRIALS_FILE)
            stack.callback(self._sink.close)
            self._opened = stack.pop_all()

    def add(self, line: Mapping[str, Any]) -> None:
        """Note that a trial is done; a crash after that does not lose it."""
        # As it will be read again: a resumed search gives the very results of one in one go.
        kept: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(line))
        self._sink.write([kept])
        self._sink.flush()
        self.trials[kept["trial"]] = kept

    def keep_records(self, n: int) -> None:
        """Remember the length of the stream, so that a resumed search cuts it where it was cut."""
        self.records = n
        self._write_search()

    def close(self) -> None:
        """Release the folder."""
        self._opened.close()

    def _begin(self, resume: bool, fresh: bool) -> None:
        path = self._out / _SEARCH_FILE
        is_there = path.exists() and not fresh
        is_done = (self._out / RESULTS_FILE).exists()
        if is_there and not is_done and not resume:
            raise ConfigError(
                f"{self._out} holds a search that has not ended: give --resume to go on with it, "
                "or --fresh to begin again and lose it"
            )
        if is_there and resume:
            self._resume(path)
        else:
            (self._out / TRIALS_FILE).unlink(missing_ok=True)
        for name in (RESULTS_FILE, BEST_FILE):  # those of an earlier run
            (self._out / name).unlink(missing_ok=True)
        self._write_search()

    def _resume(self, path: Path) -> None:
        try:
            before = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise ConfigError(f"{path}: {error}; give --fresh to begin again") from error
        parts = before.get("parts", {})
        changed = sorted(name for name, digest in self._parts.items() if parts.get(name) != digest)
        if changed:
            raise IncompatibleStateError(
                f"{self._out}: cannot resume, changed since: {', '.join(changed)}; "
                "--fresh begins the whole search again"
            )
        self.records = before.get("records")
        trials = self._out / TRIALS_FILE
        for line in trials.read_bytes().splitlines() if trials.exists() else ():
            self._take(line)

    def _take(self, line: bytes) -> None:
        """Take the line of a trial; one that a crash left in two is as if it were not there."""
        try:
            found = msgspec.json.decode(line, type=dict[str, Any])
            self.trials[int(found["trial"])] = found
        except (msgspec.DecodeError, KeyError, ValueError, TypeError):
            return

    def _write_search(self) -> None:
        data = msgspec.json.encode({"parts": self._parts, "records": self.records})
        path = self._out / _SEARCH_FILE
        new = path.with_suffix(".json.new")
        new.write_bytes(data + b"\n")
        put_in_place(new, path)


def _digest(part: object) -> str:
    return sha256(msgspec.json.encode(part, order="sorted")).hexdigest()[:16]
