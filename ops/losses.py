"""Losses of a run's learners out of its predictions, block by block, and runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import SourceError

__all__ = ["LossBlock", "class_codes", "loss_blocks", "side_by_side"]

_BLOCK_ROWS = 1 << 16
_BUFFER_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class LossBlock:
    """Rows of a run: ``position`` int64 [n] rises, ``losses`` are float64 [n, learners].

    A loss is NaN where there is no prediction or no label.
    """

    position: IntArray
    losses: FloatArray

    def until(self, position: int) -> tuple[LossBlock, LossBlock]:
        """Return the rows up to a position, and those after it."""
        i = int(np.searchsorted(self.position, position, side="right"))
        return (
            LossBlock(self.position[:i], self.losses[:i]),
            LossBlock(self.position[i:], self.losses[i:]),
        )


def loss_blocks(
    path: Path, lanes: Sequence[str], classes: Sequence[str], rows: int = _BLOCK_ROWS
) -> Iterator[LossBlock]:
    """Read the losses of learners from ``predictions.parquet``, `rows` at a time.

    A loss is 1 for a wrong class, or the absolute error.

    Raises
    ------
    SourceError
        If the file is damaged, lacks a learner, or its positions do not rise.
    """
    last = -1
    try:
        # Buffered ahead, the columns of the whole file would be in memory.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            labels = [_label_of(lane) for lane in lanes]
            columns = ["position", *lanes, *dict.fromkeys(labels)]
            for batch in file.iter_batches(rows, columns=columns, use_threads=False):
                position: IntArray = batch["position"].to_numpy()
                if len(position) and (position[0] <= last or (np.diff(position) <= 0).any()):
                    raise SourceError(f"{path}: positions do not rise, so rows cannot be paired")
                last = int(position[-1]) if len(position) else last
                pairs = [
                    (batch[said], batch[truth]) for said, truth in zip(lanes, labels, strict=True)
                ]
                yield LossBlock(position, _losses(pairs, classes))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise SourceError(f"{path}: {error}") from error


def side_by_side(
    one: Iterator[LossBlock], other: Iterator[LossBlock]
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Return the losses of both on the positions that both have; two blocks are held at a time."""
    a, b = next(one, None), next(other, None)
    while a is not None and b is not None:
        if len(a.position) and len(b.position):
            end = min(int(a.position[-1]), int(b.position[-1]))
            (now, a), (then, b) = a.until(end), b.until(end)
            _, i, j = np.intersect1d(
                now.position, then.position, assume_unique=True, return_indices=True
            )
            yield now.losses[i], then.losses[j]
        if not len(a.position):
            a = next(one, None)
        if not len(b.position):
            b = next(other, None)


def class_codes(names: pa.DictionaryArray, classes: Sequence[str]) -> IntArray:
    """Return indices of classes [n], -1 for none."""
    known = names.dictionary.to_pylist()
    own = np.array([classes.index(name) for name in known] + [-1], np.int64)
    codes: IntArray = own[names.indices.fill_null(len(known)).to_numpy(zero_copy_only=False)]
    return codes


def _label_of(lane: str) -> str:
    _, at, horizon = lane.partition("@")
    return f"label{at}{horizon}"


def _losses(pairs: Sequence[tuple[pa.Array, pa.Array]], classes: Sequence[str]) -> FloatArray:
    return np.stack([_loss(said, truth, classes) for said, truth in pairs], axis=1)


def _loss(said: pa.Array, truth: pa.Array, classes: Sequence[str]) -> FloatArray:
    if not classes:
        a, b = (column.to_numpy(zero_copy_only=False) for column in (said, truth))
        error: FloatArray = np.abs(a - b)
        return error
    i, j = class_codes(said, classes), class_codes(truth, classes)
    return np.where((i >= 0) & (j >= 0), (i != j).astype(np.float64), np.nan)
