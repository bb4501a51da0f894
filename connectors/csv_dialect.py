"""How a CSV file is written: what stands between cells, around them, and where numbers break."""

from __future__ import annotations

import codecs

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = ["NA_VALUES", "USUAL", "WHITESPACE", "CSVDialect"]

NA_VALUES = ("", "NA", "N/A", "null", "NULL", "None", "?")
"""Cells that mean "missing"; the empty cell always does."""

WHITESPACE = "whitespace"
"""The delimiter of files whose cells are lined up with blanks: any run of spaces and tabs."""


class CSVDialect(BaseModel):
    r"""How a CSV file is written, where that is not as usual.

    Parameters
    ----------
    delimiter
        One ASCII character between cells, or ``whitespace`` for any run of blanks.
    quote
        One ASCII character around cells that hold delimiters; empty: there is none.
    decimal
        ``.`` or ``,``.
    header
        Whether the first line names the columns.
    names
        Names of the columns, instead of those of the header.  Without header and names they are
        ``c1``, ``c2``, ...
    comment
        Lines that begin with this character are no records, not even inside a quoted cell.
    skip_lines
        So many lines at the start are not looked at.
    na_values
        Cells that mean "missing".
    encoding
        A text encoding that Python knows.

    Examples
    --------
    >>> CSVDialect(delimiter=";", decimal=",").delimiter
    ';'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: str = ","
    quote: str = '"'
    decimal: str = Field(".", pattern=r"^[.,]$")
    header: bool = True
    names: tuple[str, ...] = ()
    comment: str = ""
    skip_lines: int = Field(0, ge=0, le=1_000_000)
    na_values: tuple[str, ...] = NA_VALUES
    encoding: str = "utf-8"

    @field_validator("delimiter", "quote", "comment")
    @classmethod
    def _one_character(cls, value: str) -> str:
        if value in ("", WHITESPACE):
            return value
        if len(value) != 1 or not value.isascii() or value in "\r\n\0":
            raise ValueError(f"{value!r} is not one ASCII character")
        return value

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            "".encode(value)
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"{value!r} is no text encoding that Python knows") from None

    @model_validator(mode="after")
    def _distinct(self) -> CSVDialect:
        marks = [mark for mark in (self.delimiter, self.quote, self.comment) if mark]
        if not self.delimiter or WHITESPACE in (self.quote, self.comment):
            raise ValueError("delimiter, quote and comment are one ASCII character each")
        if len(set(marks)) < len(marks) or self.decimal == self.delimiter:
            raise ValueError("delimiter, quote, comment and decimal must differ")
        if len(set(self.names)) < len(self.names):
            raise ValueError("`names` holds a name twice")
        return self

    @property
    def cell_delimiter(self) -> str:
        """What stands between cells once lines have been rewritten."""
        return "\t" if self.delimiter == WHITESPACE else self.delimiter

    @property
    def cell_quote(self) -> str:
        """What stands around cells once lines have been rewritten."""
        return "" if self.delimiter == WHITESPACE else self.quote


USUAL = CSVDialect()
"""Commas, a header, UTF-8."""
