"""The store's own thread: checkpoints are written while the worker goes on, and none waits for it.

A store that does not answer is asked again once in a while; until it does, nothing else is handed
to it, so that time-outs do not queue up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from streamadapt.contracts import Reporter, Store
from streamadapt.errors import RetryableError

__all__ = ["StoreThread"]

T = TypeVar("T")


class StoreThread:
    """Runs jobs on a store, one after the other, in a thread of its own.

    Parameters
    ----------
    connect
        Opens the store; called again while it raises `RetryableError`.
    reporter
        Is told when the store goes away (``store_away``) and when it is back.
    retry_s
        How often a store that is away is asked again.
    """

    def __init__(
        self, connect: Callable[[], Store], reporter: Reporter, retry_s: float = 1.0
    ) -> None:
        self._connect = connect
        self._reporter = reporter
        self._retry_s = retry_s
        self._thread = ThreadPoolExecutor(1, "store")
        self._store: Store | None = None
        self._asked: Future[None] | None = None
        self._asked_s = 0.0
        self._away_since_s: float | None = None

    @property
    def is_away(self) -> bool:
        """Whether the last job found the store away."""
        return self._away_since_s is not None

    def submit(self, job: Callable[[Store], T]) -> Future[T]:
        """Run a job when its turn comes."""
        return self._thread.submit(self._run, job)

    def ask(self) -> None:
        """Look, not too often, whether a store that is away is back."""
        due = time.monotonic() - self._asked_s >= self._retry_s
        if self.is_away and due and (self._asked is None or self._asked.done()):
            self._asked_s = time.monotonic()
            self._asked = self.submit(_answer)

    def close(self) -> None:
        """Finish what was handed over, if the store answers; then let go."""
        if not self.is_away:
            self._thread.submit(self._close)
        self._thread.shutdown(wait=not self.is_away, cancel_futures=self.is_away)

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()

    def _run(self, job: Callable[[Store], T]) -> T:
        try:
            if self._store is None:
                self._store = self._connect()
            result = job(self._store)
        except RetryableError as error:
            if self._away_since_s is None:
                self._away_since_s = time.monotonic()
                self._reporter.note("store_away", {"problem": str(error)})
                self._reporter.gauge("store_is_away", 1)
            raise
        if self._away_since_s is not None:
            away_s = round(time.monotonic() - self._away_since_s, 1)
            self._away_since_s = None
            self._reporter.note("store_back", {"away_s": away_s})
            self._reporter.gauge("store_is_away", 0)
        return result


def _answer(store: Store) -> None:
    store.get("streamadapt/is-there-anybody")
