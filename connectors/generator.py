"""What all stream generators share: rows in blocks, names of columns, and their state."""

from __future__ import annotations

import abc
import inspect
from collections.abc import Callable, Mapping
from typing import ClassVar, TypeAlias

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import CorruptStateError, IncompatibleStateError, ParameterError, whole
from streamadapt.events import CategoricalField, Encoding, FeatureField, NumericField, RecordSchema
from streamadapt.java_random_kernels import MASK, MULTIPLIER
from streamadapt.state import State, Value

__all__ = ["CLASS_COLUMN", "ArrayGenerator", "Fill", "RowGenerator", "checked_seed", "first_seed"]

CLASS_COLUMN = "class"
"""Name of the column with the label, wherever rows become records."""

Fill: TypeAlias = Callable[[FloatArray, IntArray], None]


def checked_seed(name: str, seed: int) -> int:
    """Return `seed` if Java has such a number, else raise `ParameterError`."""
    return whole(name, seed, -(2**63), 2**63 - 1)


def first_seed(seed: int) -> IntArray:
    """Return what kernels take as `rng`: Java's state for a seed, and class 1 as the next one."""
    return np.array([(seed ^ MULTIPLIER) & MASK, 1], np.int64)


class RowGenerator(abc.ABC):
    """An endless stream of labelled rows that depends on nothing but its parameters.

    However rows are cut into calls, they are the same; ``restore(state())`` goes on with the very
    row that would have come next.

    Attributes
    ----------
    names
        Of the d features.
    class_names
        Of the k classes, in the order of their indices.
    nominal
        {place of a feature: names of its values}; in rows stand the places of the values.
    """

    kind: ClassVar[str]
    state_version: ClassVar[int] = 1
    names: tuple[str, ...]
    class_names: tuple[str, ...]
    nominal: Mapping[int, tuple[str, ...]]

    @property
    def n_features(self) -> int:
        """Width d of a row."""
        return len(self.names)

    @property
    def n_classes(self) -> int:
        """Number k of classes."""
        return len(self.class_names)

    def rows(self, n: int) -> tuple[FloatArray, IntArray]:
        """Return the next n rows float64 [n, d] and their labels int64 [n], in 0..k-1.

        Raises
        ------
        ParameterError
            If `n` is negative.
        """
        if n < 0:
            raise ParameterError(f"n = {n!r} is not at least 0")
        X, y = np.empty((n, self.n_features)), np.empty(n, np.int64)
        if n:
            self._fill(X, y)
        return X, y

    def schema(self) -> RecordSchema:
        """Return a schema of these rows as records: numbers, and categories by index."""
        features: dict[str, FeatureField] = {
            name: CategoricalField(encoding=Encoding.INDEX, values=self.nominal[j])
            if j in self.nominal
            else NumericField()
            for j, name in enumerate(self.names)
        }
        return RecordSchema(features=features, target=CLASS_COLUMN, classes=self.class_names)

    def state(self) -> State:
        """Return parameters, seeds and what moves, as copies."""
        return State(
            self.kind, self.state_version, {"parameters": self._parameters(), **self._values()}
        )

    def restore(self, state: State) -> None:
        """Become what `state` describes, or raise `StateError` and stay unchanged."""
        state.expect(self.kind, self.state_version)
        mine, theirs = self._parameters(), state.child("parameters")
        if theirs.digest() != mine.digest():
            raise IncompatibleStateError(
                f"{self.kind}: state of {dict(theirs.values)} cannot restore {dict(mine.values)}"
            )
        self._adopt(state)

    @abc.abstractmethod
    def _fill(self, X: FloatArray, y: IntArray) -> None:
        """Write the next rows; there is at least one."""

    @abc.abstractmethod
    def _values(self) -> dict[str, Value]:
        """Return what changes with the rows given, as copies."""

    @abc.abstractmethod
    def _adopt(self, state: State) -> None:
        """Take over the values of a `state` of the same parameters, after checking them."""

    def _parameters(self) -> State:
        values = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        own = {name: value for name, value in values.items() if not isinstance(value, RowGenerator)}
        return State("parameters", 1, own)


class ArrayGenerator(RowGenerator):
    """A generator whose changing parts are a few arrays, which a kernel takes on.

    Subclasses fill ``_arrays`` with those parts by name.
    """

    _arrays: dict[str, IntArray | FloatArray]

    def _values(self) -> dict[str, Value]:
        return {name: array.copy() for name, array in self._arrays.items()}

    def _adopt(self, state: State) -> None:
        found = {name: state.array(name) for name in self._arrays}
        for name, array in found.items():
            mine = self._arrays[name]
            if (array.shape, array.dtype) != (mine.shape, mine.dtype):
                raise CorruptStateError(f"{self.kind}: {name!r} does not fit")
        for name, array in found.items():  # in place, since kernels hold on to the arrays
            self._arrays[name][...] = array
