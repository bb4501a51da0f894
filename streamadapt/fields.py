"""Raw feature columns of a record: numbers, truth values, categories, free texts."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = [
    "BooleanField",
    "CategoricalField",
    "Encoding",
    "FeatureField",
    "MissingPolicy",
    "NumericField",
    "TextField",
]

MissingPolicy = Literal["keep", "reject"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NumericField(_Model):
    """A number.  Missing values and NaN are kept for the learner to see, or the row is rejected."""

    kind: Literal["numeric"] = "numeric"
    missing: MissingPolicy = "keep"
    max_abs: float = Field(1e15, gt=0, description="larger values are dead letters (reason 'huge')")


class BooleanField(_Model):
    """A truth value, 0.0 or 1.0: true/false, t/f, yes/no, y/n, on/off, 1/0 in any case."""

    kind: Literal["boolean"] = "boolean"
    missing: MissingPolicy = "keep"


class Encoding(StrEnum):
    """How a category becomes numbers."""

    ONE_HOT = "one_hot"
    HASH = "hash"
    INDEX = "index"


class CategoricalField(_Model):
    """One of many names.

    ``one_hot``: a 0/1 column for each of `values` and one for all unknown ones; ``index``: one
    column with the place in `values` (unknown: ``len(values)``), for learners with nominal
    features; ``hash``: one of `buckets` 0/1 columns by a hash that is the same on every machine.
    Missing categories are all zero (``index``: NaN).
    """

    kind: Literal["categorical"] = "categorical"
    encoding: Encoding = Encoding.HASH
    values: tuple[str, ...] = ()
    buckets: int = Field(32, ge=2, le=65536)
    missing: MissingPolicy = "keep"

    @model_validator(mode="after")
    def _values_where_needed(self) -> CategoricalField:
        if self.encoding is not Encoding.HASH and not self.values:
            raise ValueError(f"encoding {self.encoding.value!r} needs `values`")
        if len(set(self.values)) != len(self.values):
            raise ValueError("`values` holds a value twice")
        return self


class TextField(_Model):
    """Free text: its words and short phrases, counted in columns chosen by a hash.

    (Weinberger, Dasgupta, Langford, Smola and Attenberg, "Feature hashing for large scale
    multitask learning", ICML 2009.)  The hash is the same on every machine.  A missing text, and
    one without a word, are all zero.

    Parameters
    ----------
    buckets
        Number of columns; words that meet in one are counted together.
    lowercase
        Whether words that differ in case are one.
    token_pattern
        Regular expression of a word.
    ngrams
        Longest run of words that is counted as a phrase of its own: 1 for single words, 2 for
        those and pairs.
    binary
        Whether a column says only that a word is there (0 or 1), not how often.
    missing
        Whether rows without a text are kept.

    Examples
    --------
    >>> TextField(ngrams=2).tokens("Link down, link UP")
    ['link', 'down', 'link', 'up', 'link down', 'down link', 'link up']
    """

    kind: Literal["text"] = "text"
    buckets: int = Field(256, ge=2, le=65536)
    lowercase: bool = True
    token_pattern: str = Field(r"\w+", min_length=1, max_length=1000)
    ngrams: int = Field(1, ge=1, le=5)
    binary: bool = False
    missing: MissingPolicy = "keep"

    @field_validator("token_pattern")
    @classmethod
    def _is_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"it is no regular expression: {error}") from error
        return pattern

    def tokens(self, text: str) -> list[str]:
        """Return what is counted of a text: words in order, then longer and longer phrases."""
        found = re.finditer(self.token_pattern, text.lower() if self.lowercase else text)
        words = [match[0] for match in found if match[0]]
        starts = [(n, i) for n in range(2, self.ngrams + 1) for i in range(len(words) - n + 1)]
        return words + [" ".join(words[i : i + n]) for n, i in starts]


FeatureField = Annotated[
    NumericField | BooleanField | CategoricalField | TextField, Field(discriminator="kind")
]
