"""One value of a file or message becomes a number, a truth value or a text; or says why not.

Texts (CSV cells) and typed values (JSON, Parquet) have the same rules where both can occur.
"""

from __future__ import annotations

import re

from streamadapt.errors import BadRecordError

__all__ = [
    "BLANKS",
    "CellError",
    "boolean",
    "canonical_text",
    "number_from_text",
    "number_from_value",
]

BLANKS = " \t"
"""What may stand around a number, truth value or time."""

# Python's float() would also take 1_000 and digits of other scripts.
_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|nan|inf|infinity)", re.IGNORECASE
)
_TRUE, _FALSE = ("true", "t", "yes", "y", "on", "1"), ("false", "f", "no", "n", "off", "0")
_BOOLEANS = dict.fromkeys(_TRUE, 1.0) | dict.fromkeys(_FALSE, 0.0)

# Above it not every whole number is a float64, so that writing all digits would feign exactness.
_EXACT_LIMIT = 2.0**53


class CellError(BadRecordError):
    """A value cannot be used; its text is the reason, one word."""


def number_from_text(text: str) -> float:
    """Return the float64 nearest to a decimal number; blanks may stand around it.

    ``nan``, ``inf`` and ``infinity`` count as numbers, in any case and with a sign.

    Raises
    ------
    CellError
        With reason ``wrong_type``, for anything else, e.g. ``1_000``, ``0x10`` or ``1,5``.

    Examples
    --------
    >>> number_from_text(" -1.5e3 "), number_from_text("+.5"), number_from_text("7.")
    (-1500.0, 0.5, 7.0)
    """
    bare = text.strip(BLANKS)
    if _NUMBER.fullmatch(bare) is None:
        raise CellError("wrong_type")
    return float(bare)


def number_from_value(value: object) -> float:
    """Return an int or float as float64, raise `CellError` for others (a truth value is no number).

    >>> number_from_value(3)
    3.0
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CellError("wrong_type")
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def boolean(value: object) -> float | None:
    """Return 1.0 or 0.0 for a truth value, the number 0 or 1, or a word of `BooleanField`.

    NaN is missing (None).

    Raises
    ------
    CellError
        With reason ``wrong_type``, for anything else.

    Examples
    --------
    >>> boolean("Yes"), boolean(False), boolean(1.0), boolean(" off ")
    (1.0, 0.0, 1.0, 0.0)
    """
    if isinstance(value, str):
        truth = _BOOLEANS.get(value.strip(BLANKS).lower())
        if truth is not None:
            return truth
    elif isinstance(value, int | float):
        if value in (0, 1):
            return float(value)
        if value != value:  # NaN
            return None
    raise CellError("wrong_type")


def canonical_text(value: object) -> str | None:
    """Return the text that names a value: the same for ``1``, ``1.0`` and ``"1"``; NaN is None.

    Raises
    ------
    CellError
        With reason ``wrong_type``, if `value` is no text, number or truth value.

    Examples
    --------
    >>> canonical_text(1), canonical_text(1.0), canonical_text(True), canonical_text(" a")
    ('1', '1', 'true', ' a')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    raise CellError("wrong_type")


def _float_text(value: float) -> str | None:
    if value != value:
        return None
    return str(int(value)) if abs(value) < _EXACT_LIMIT and value.is_integer() else repr(value)
