"""The errors of the package, branching by what the caller can do about them.

::

    StreamAdaptError
    |-- RetryableError          try again later: a broker or a store is away for now
    |   `-- StoreAwayError      a state store is: its address, and what to look at
    |-- BadRecordError          skip this record: dead letter, count it, go on
    `-- FatalError              stop, and let a person decide
        |-- ConfigError         the pipeline file or an argument is wrong
        |   `-- ParameterError  one parameter of a component is wrong (also a ValueError)
        |-- StateError          a checkpoint cannot be used as it is
        |   |-- CorruptStateError     its bytes are damaged
        |   |-- IncompatibleStateError  it belongs to another configuration or version
        |   `-- MissingStateError     it is named, but not there
        |-- StoreRefusedError   a state store lets us not in, or is not fit to hold state
        |-- SourceError         an input cannot be opened or read at all
        `-- LawError            a component breaks one of the promises of its contract

Both errors of stores are a ``StoreError`` as well.
"""

from __future__ import annotations

from numbers import Real

__all__ = [
    "SMALLEST",
    "BadRecordError",
    "ConfigError",
    "CorruptStateError",
    "FatalError",
    "IncompatibleStateError",
    "LawError",
    "MissingStateError",
    "ParameterError",
    "RetryableError",
    "SourceError",
    "StateError",
    "StoreAwayError",
    "StoreError",
    "StoreRefusedError",
    "StreamAdaptError",
    "checked",
    "whole",
]

SMALLEST = 5e-324
"""The smallest float64 above 0: as a lower limit, it leaves out 0 alone."""


class StreamAdaptError(Exception):
    """Root of all errors raised on purpose; its text is fit to be shown to a person."""


class RetryableError(StreamAdaptError):
    """Something outside is away for now; for ``try`` blocks that wait and try again."""


class BadRecordError(StreamAdaptError):
    """One record is unusable; for ``try`` blocks that dead-letter it and go on."""


class FatalError(StreamAdaptError):
    """Going on would be wrong; for the outermost ``try``, which reports and exits."""


class ConfigError(FatalError):
    """A pipeline file or a command's argument is wrong; says where, what, and what is allowed."""

    @property
    def mistakes(self) -> tuple[str, ...]:
        """What is wrong, one text for each mistake."""
        return tuple(map(str, self.args))

    def __str__(self) -> str:
        """Return all of it, a line for each mistake."""
        return "\n".join(self.mistakes)


class ParameterError(ConfigError, ValueError):
    """One parameter of a component is outside what its docstring allows."""


class StateError(FatalError):
    """A checkpoint cannot be used as it is; for ``try`` blocks that fall back to an older one."""


class CorruptStateError(StateError):
    """A checkpoint's bytes do not match its digest or its format."""


class IncompatibleStateError(StateError):
    """A checkpoint belongs to another component, version or configuration."""


class MissingStateError(StateError):
    """A checkpoint is named, but its store does not hold it."""


class StoreError(StreamAdaptError):
    """A state store failed; says its address, never a password, and what to look at."""


class StoreAwayError(StoreError, RetryableError):
    """A state store does not answer, is full, or takes no writes for now."""


class StoreRefusedError(StoreError, FatalError):
    """A state store needs another password or right, or another configuration of its server."""


class SourceError(FatalError):
    """An input cannot be opened, or can be read no further."""


class LawError(FatalError):
    """A component breaks a law of its contract; raised by ``streamadapt check``."""


def checked(name: str, value: float, low: float, high: float) -> float:
    """Return `value` if low <= value <= high, else raise `ParameterError` naming all four.

    >>> checked("delta", 2.0, SMALLEST, 1.0)
    Traceback (most recent call last):
    streamadapt.errors.ParameterError: delta = 2.0 is not in (0, 1.0]
    """
    if not (isinstance(value, Real) and low <= value <= high):
        lowest = "(0" if low == SMALLEST else f"[{low}"
        raise ParameterError(f"{name} = {value!r} is not in {lowest}, {high}]")
    return value


def whole(name: str, value: float, low: int, high: int) -> int:
    """Return `value` as an int if it is a whole number in [low, high], else raise `ParameterError`.

    >>> whole("n_models", 2.0, 1, 10)
    2
    """
    if checked(name, value, low, high) % 1 != 0:
        raise ParameterError(f"{name} = {value!r} is not a whole number")
    return int(value)
