"""A block of records decoded into columns, of which any stretch can be given out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from streamadapt.connectors.decode import CellError
from streamadapt.connectors.time_columns import column_times_us
from streamadapt.connectors.times import in_range
from streamadapt.contracts import BoolArray, FloatArray, IntArray
from streamadapt.events import MISSING_TIME, Records, Reject, TimeField

__all__ = ["BlockBuilder", "DecodedBlock", "merged"]

T = TypeVar("T")
U = TypeVar("U")
S = TypeVar("S", bound=np.generic)


@dataclass(frozen=True, slots=True)
class DecodedBlock:
    """n good rows and the rejects among them, by position."""

    positions: IntArray
    places: IntArray
    """int64 [n]: the place of each row in what the block was decoded from."""
    numbers: dict[str, FloatArray]
    texts: dict[str, list[str | None]]
    times_us: IntArray | None
    n_missing: IntArray
    """int64 [n]: missing values of each row; likewise `n_nan`."""
    n_nan: IntArray
    original: Callable[[int], bytes]
    rejects: list[Reject]

    def between(self, first: int, stop: int) -> Records:
        """Return the rows and rejects with positions in [first, stop)."""
        a, b = np.searchsorted(self.positions, (first, stop)).tolist()
        ra, rb = (bisect_left(self.rejects, p, key=lambda r: r.position) for p in (first, stop))
        counts = {"missing": int(self.n_missing[a:b].sum()), "nan": int(self.n_nan[a:b].sum())}
        return Records(
            positions=self.positions[a:b],
            numbers={name: column[a:b] for name, column in self.numbers.items()},
            texts={name: column[a:b] for name, column in self.texts.items()},
            times_us=None if self.times_us is None else self.times_us[a:b],
            original=lambda index: self.original(int(self.places[a + index])),
            rejects=self.rejects[ra:rb],
            counts={name: n for name, n in counts.items() if n},
        )

    def with_rejects(self, rejects: list[Reject]) -> DecodedBlock:
        """Return the same rows, but these rejects."""
        return replace(self, rejects=rejects)

    def moved(
        self, positions: IntArray, places: IntArray, original: Callable[[int], bytes]
    ) -> DecodedBlock:
        """Return the same rows and rejects, of which the i-th record decoded is now elsewhere.

        Parameters
        ----------
        positions, places
            int64 [records decoded]: of each one, by its present position, which is its index.
        original
            Returns a record as it came, by its new place.
        """
        rejects = [
            replace(
                reject,
                position=int(positions[reject.position]),
                original=original(int(places[reject.position])),
            )
            for reject in self.rejects
        ]
        return replace(
            self,
            positions=positions[self.positions],
            places=places[self.positions],
            original=original,
            rejects=rejects,
        )


def merged(one: DecodedBlock, other: DecodedBlock) -> DecodedBlock:
    """Return the rows and rejects of two blocks, decoded from the same records, by position."""
    positions = np.concatenate([one.positions, other.positions])
    order = np.argsort(positions, kind="stable")
    places = order.tolist()

    def column(first: NDArray[S], second: NDArray[S]) -> NDArray[S]:
        return np.concatenate([first, second])[order]

    def texts(name: str) -> list[str | None]:
        both = one.texts[name] + other.texts[name]
        return [both[place] for place in places]

    has_times = one.times_us is not None and other.times_us is not None
    return DecodedBlock(
        positions=positions[order],
        places=column(one.places, other.places),
        numbers={name: column(values, other.numbers[name]) for name, values in one.numbers.items()},
        texts={name: texts(name) for name in one.texts},
        times_us=column(one.times_us, other.times_us) if has_times else None,  # type: ignore[arg-type]
        n_missing=column(one.n_missing, other.n_missing),
        n_nan=column(one.n_nan, other.n_nan),
        original=one.original,
        rejects=sorted([*one.rejects, *other.rejects], key=lambda reject: reject.position),
    )


class BlockBuilder:
    """Takes the columns of n rows, and leaves out the rows of which a value is unusable.

    Of a row with several such values the first column given counts.
    """

    def __init__(self, n_rows: int) -> None:
        self._n_rows = n_rows
        self._numbers: dict[str, FloatArray] = {}
        self._texts: dict[str, list[str | None]] = {}
        self._times_us: IntArray | None = None
        self._n_missing = np.zeros(n_rows, np.int64)
        self._n_nan = np.zeros(n_rows, np.int64)
        self._bad: dict[int, tuple[str, str]] = {}

    def add_numbers(self, name: str, values: FloatArray, is_missing: BoolArray) -> None:
        """Add float64 [n] with NaN where `is_missing`; another NaN is one that was written."""
        self._numbers[name] = values
        self._n_missing += is_missing
        self._n_nan += np.isnan(values) & ~is_missing

    def convert_numbers(
        self, name: str, values: Sequence[T | None], convert: Callable[[T], float | None]
    ) -> None:
        """Add numbers or truth values; `convert` returns None for missing or raises `CellError`."""
        found = self._converted(name, values, convert)
        is_missing = np.array([value is None for value in found], np.bool_)
        self.add_numbers(name, np.array(found, np.float64), is_missing)

    def add_texts(self, name: str, values: list[str | None]) -> None:
        """Add texts, None where missing."""
        self._texts[name] = values
        if None in values:
            self._n_missing += np.array([value is None for value in values], np.bool_)

    def convert_texts(
        self, name: str, values: Sequence[T | None], convert: Callable[[T], str | None]
    ) -> None:
        """Add texts; `convert` returns None for missing or raises `CellError`."""
        self.add_texts(name, self._converted(name, values, convert))

    def convert_times(
        self, field: TimeField, values: Sequence[T | None], convert: Callable[[T], int | None]
    ) -> None:
        """Add times, at once if they are all alike, else by `convert`, which is as above."""
        times = column_times_us(values, field.format)
        if times is None:
            found = self._converted(field.column, values, convert)
            times = np.array([MISSING_TIME if t is None else t for t in found], np.int64)
        self.add_times(field.column, times)

    def add_times(self, name: str, times_us: IntArray) -> None:
        """Add int64 [n] microseconds, `MISSING_TIME` where missing."""
        self._times_us = times_us
        self._n_missing += times_us == MISSING_TIME
        for index in np.flatnonzero(~in_range(times_us)).tolist():
            self.reject(index, "bad_time", name)

    def reject(self, index: int, reason: str, where: str) -> None:
        """Leave out a row, unless it is left out already."""
        self._bad.setdefault(index, (reason, where))

    def finish(
        self,
        positions: IntArray,
        places: IntArray,
        original: Callable[[int], bytes],
        rejects: Sequence[Reject] = (),
    ) -> DecodedBlock:
        """Return the block; `rejects` are the records between the rows that are no rows at all.

        Parameters
        ----------
        positions, places
            int64 [n]: position of each row, ascending, and what to call `original` with.
        original
            Returns a record as it came.
        rejects
            By position.
        """
        late = [
            Reject(int(positions[i]), *self._bad[i], original(int(places[i])))
            for i in sorted(self._bad)
        ]
        all_rejects = sorted([*rejects, *late], key=lambda reject: reject.position)
        good = np.ones(self._n_rows, np.bool_)
        good[sorted(self._bad)] = False
        return DecodedBlock(
            positions=positions[good],
            places=places[good],
            numbers={name: column[good] for name, column in self._numbers.items()},
            texts={n: list(compress(column, good)) for n, column in self._texts.items()},
            times_us=None if self._times_us is None else self._times_us[good],
            n_missing=self._n_missing[good],
            n_nan=self._n_nan[good],
            original=original,
            rejects=all_rejects,
        )

    def _converted(
        self, name: str, values: Sequence[T | None], convert: Callable[[T], U | None]
    ) -> list[U | None]:
        try:
            return [None if value is None else convert(value) for value in values]
        except CellError:
            return [self._one(name, index, value, convert) for index, value in enumerate(values)]

    def _one(
        self, name: str, index: int, value: T | None, convert: Callable[[T], U | None]
    ) -> U | None:
        try:
            return None if value is None else convert(value)
        except CellError as error:
            self.reject(index, str(error), name)
            return None
