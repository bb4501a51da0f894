"""What is said if trees are given less memory than one leaf of each needs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from streamadapt.errors import ParameterError

__all__ = ["NoRoomError", "shared_room"]

_MIB = 2**20


class NoRoomError(ParameterError):
    """A tree's share of the memory does not hold one leaf, which needs so many bytes."""

    def __init__(self, max_bytes: float, needed_bytes: int) -> None:
        super().__init__(
            f"max_size = {max_bytes / _MIB} is too small: one leaf needs {needed_bytes / _MIB} MiB"
        )
        self.needed_bytes = needed_bytes


@contextmanager
def shared_room(max_size: float, n_trees: int) -> Iterator[None]:
    """Let errors about a tree's share speak of `max_size`, which `n_trees` trees share.

    Raises
    ------
    ParameterError
        In place of `NoRoomError`; says which size would do.
    """
    try:
        yield
    except NoRoomError as error:
        enough = (math.floor(n_trees * error.needed_bytes / _MIB * 1e4) + 1) / 1e4
        raise ParameterError(
            f"max_size = {max_size} is too small: {n_trees} trees share it, "
            f"and one leaf of each needs {enough} MiB"
        ) from None
