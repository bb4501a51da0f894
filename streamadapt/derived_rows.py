"""Derived features of one row alone: products, hashed texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations, combinations_with_replacement
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from streamadapt.encoding import text_hash

__all__ = ["Hashed", "Polynomial"]

_WORD = re.compile(r"\w+")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Polynomial(_Model):
    """Products of two of the named columns, be they of the record or derived.

    A product beyond the range of float64 is NaN, and so is one with a missing factor.

    Parameters
    ----------
    of
        Columns of the learners' rows; a categorical one by the names of its columns
        (``colour=red``), so that it crosses the others.
    squares
        Whether a column is also multiplied with itself.
    """

    kind: Literal["polynomial"] = "polynomial"
    of: tuple[str, ...] = Field(min_length=1, max_length=64)
    squares: bool = True

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the factors of each output column."""
        pairs = combinations_with_replacement if self.squares else combinations
        return tuple(pairs(self.of, 2))

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        return tuple(f"{a}^2" if a == b else f"{a}*{b}" for a, b in self.pairs())


class Hashed(_Model):
    """Texts, counted in columns chosen by a hash that is the same on every machine.

    (Weinberger, Dasgupta, Langford, Smola and Attenberg, "Feature hashing for large scale
    multitask learning", ICML 2009.)  A missing text counts nowhere.

    Parameters
    ----------
    of
        Text columns: categorical features, the key or the id.
    width
        Number of output columns.
    tokens
        What is counted: ``values``, the whole text of each column; ``words``, each word of the
        texts in lower case; ``cross``, the combination of all columns' texts as one.
    signed
        Whether half of all tokens count -1, so that those that meet in a column cancel out on
        average.
    """

    kind: Literal["hash"] = "hash"
    of: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    width: int = Field(32, ge=1, le=65_536)
    tokens: Literal["values", "words", "cross"] = "values"
    signed: bool = False

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        label = f"{'+'.join(self.of)}_{self.tokens}"
        return tuple(f"{label}#{bucket}" for bucket in range(self.width))

    def words(self, text: str) -> list[str]:
        """Return the words of a text.

        Examples
        --------
        >>> Hashed(of=("note",)).words("Link down, link UP")
        ['link', 'down', 'link', 'up']
        """
        return _WORD.findall(text.lower())

    def place(self, column: str) -> Callable[[str], int]:
        """Return what gives, of a token of `column`, twice its place, plus 1 if it counts -1."""

        def code(token: str) -> int:
            digest = text_hash(f"{column}\0{token}")
            # The sign takes a bit of its own, so that it tells nothing of the place.
            return (digest >> 1) % self.width * 2 + (digest & 1 if self.signed else 0)

        return code
