"""Concept drift: one stream gives way to another, at once or little by little."""

from __future__ import annotations

import math

import numpy as np

from streamadapt.connectors.generator import RowGenerator, checked_seed, first_seed
from streamadapt.connectors.generator_kernels import choose_streams, merge_rows
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import CorruptStateError, ParameterError, StateError, checked, whole
from streamadapt.state import State, Value

__all__ = ["ConceptDrift"]

_MOST = 2**31 - 1


class ConceptDrift(RowGenerator):
    """Rows of one stream, and with rising probability rows of another one.

    Row n (from 1) comes from the stream after the drift with probability
    ``1 / (1 + exp(-4 (n - position) / width))``.  A width of 1 is an abrupt drift, a larger one a
    gradual one; a drift of a drift brings a concept back.  The rows are those of MOA's
    ``ConceptDriftStream``: each stream goes on only when one of its rows is taken.  (Java leaves
    the last bit of an exponential to the machine; it decides one row in 1e15.)

    Parameters
    ----------
    before, after
        The streams; rows and classes of one must mean the same as of the other.  They are part of
        this stream: take no rows from them.
    position
        The row at which both are as probable.
    width
        Over how many rows the drift stretches.
    alpha
        If not 0: the slope of the probability at `position` as an angle in degrees, at most 45;
        then `width` is that of this angle.
    seed
        Chooses between the streams (MOA's ``randomSeed``).

    Raises
    ------
    ParameterError
        If the streams do not fit together.

    References
    ----------
    A. Bifet, G. Holmes, B. Pfahringer, R. Kirkby and R. Gavalda (2009): New ensemble methods for
    evolving data streams. KDD, 139-148.

    Examples
    --------
    >>> from streamadapt.connectors.generator_concepts import STAGGER
    >>> stream = ConceptDrift(STAGGER(1), STAGGER(3), position=500, width=1)
    >>> X, y = stream.rows(1000)
    >>> is_third = (X[:, 0] > 0) == (y == 1)
    >>> bool(is_third[:498].all()), bool(is_third[502:].all())
    (False, True)
    """

    kind = "concept_drift"

    def __init__(
        self,
        before: RowGenerator,
        after: RowGenerator,
        position: int = 0,
        width: int = 1000,
        alpha: float = 0.0,
        seed: int = 1,
    ) -> None:
        _check_fit(before, after)
        self.before, self.after = before, after
        self.names, self.class_names = before.names, before.class_names
        self.nominal = before.nominal
        self.position = whole("position", position, -_MOST, _MOST)
        self.alpha = float(checked("alpha", alpha, 0.0, 45.0))
        slope = math.tan(self.alpha * math.pi / 180)
        self.width = whole("width", int(1 / slope) if slope else width, 1, _MOST)
        self.seed = checked_seed("seed", seed)
        self._rng = first_seed(self.seed)
        self._rng[1] = 0  # rows given so far

    def _fill(self, X: FloatArray, y: IntArray) -> None:
        is_after = np.empty(len(y), np.bool_)
        choose_streams(is_after, self._rng, self.position, self.width)
        n = len(y) - int(np.count_nonzero(is_after))
        is_mixed = 0 < n < len(y)
        X_both, y_both = (np.empty_like(X), np.empty_like(y)) if is_mixed else (X, y)
        for stream, part in ((self.before, slice(0, n)), (self.after, slice(n, None))):
            if len(y_both[part]):
                stream._fill(X_both[part], y_both[part])  # noqa: SLF001 - of the same family
        if is_mixed:
            merge_rows(X, y, is_after, X_both, y_both)

    def _values(self) -> dict[str, Value]:
        return {
            "rng": self._rng.copy(),
            "before": self.before.state(),
            "after": self.after.state(),
        }

    def _adopt(self, state: State) -> None:
        rng, mine = state.integers("rng"), self.before.state()
        if rng.shape != self._rng.shape:
            raise CorruptStateError(f"{self.kind}: 'rng' does not fit")
        self.before.restore(state.child("before"))
        try:
            self.after.restore(state.child("after"))
        except StateError:
            self.before.restore(mine)
            raise
        self._rng = rng


def _check_fit(before: RowGenerator, after: RowGenerator) -> None:
    if before is after:
        raise ParameterError("before and after are one stream: make two of them")
    for name in ("names", "class_names", "nominal"):
        a, b = getattr(before, name), getattr(after, name)
        if a != b:
            raise ParameterError(
                f"a {before.kind} cannot drift to a {after.kind}: {name} {a} are not {b}"
            )
