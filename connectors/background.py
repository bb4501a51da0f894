"""Work that is done in order by a thread of its own, while whoever asks for it goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import TypeAlias

from streamadapt.errors import whole

__all__ = ["Background"]

Work: TypeAlias = Callable[[], None]


class Background:
    """Does pieces of work one after another, in the order in which they came.

    What breaks is raised again where the next piece is handed in, or waited for; what was handed in
    behind it is not done, nor anything later: a file with a hole would be worse than a short one.
    The thread starts with the first piece.

    Parameters
    ----------
    depth
        So many pieces wait at most; whoever brings more waits for room, so that memory is bounded.

    Examples
    --------
    >>> done = []
    >>> background = Background()
    >>> for i in range(9):
    ...     background.do(lambda i=i: done.append(i))
    >>> background.wait()
    >>> done
    [0, 1, 2, 3, 4, 5, 6, 7, 8]
    >>> background.close()
    """

    def __init__(self, depth: int = 4) -> None:
        self.depth = whole("depth", depth, 1, 1024)
        self._pieces: deque[Work] = deque()  # the first one is under way
        self._changed = Condition()
        self._error: BaseException | None = None
        self._thread: Thread | None = None
        self._is_closed = False

    def do(self, piece: Work) -> None:
        """Hand in a piece of work; wait for room if there is none."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._pieces) < self.depth)
            self._raise()
            self._pieces.append(piece)
            self._changed.notify_all()
        if self._thread is None:
            self._thread = Thread(target=self._run, name="background", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Wait until all that was handed in is done."""
        with self._changed:
            self._changed.wait_for(lambda: not self._pieces)
            self._raise()

    def close(self) -> None:
        """Finish what was handed in and end the thread; raises nothing that was not asked for."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (piece := self._next()) is not None:
            try:
                if self._error is None:
                    piece()
            except BaseException as error:  # whatever it is, it is raised again where it belongs
                self._error = error
            with self._changed:
                self._pieces.popleft()
                self._changed.notify_all()

    def _next(self) -> Work | None:
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._is_closed)
            return self._pieces[0] if self._pieces else None
