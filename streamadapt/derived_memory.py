"""Derived features for which a key remembers a few numbers: weights, rates, counts, scales."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Count", "ExponentiallyWeighted", "Rate", "Remembered", "Scale", "TimeSinceLast"]

Unit = Literal["rows", "seconds"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExponentiallyWeighted(_Model):
    """Mean and spread of a column over the past of its key, older rows counting for less.

    Weights are normalised from the first value on, so that it counts no more than any other
    (unlike in the recursion that starts with it); the variance divides by the sum of weights.
    Rows without a value age the others and leave the statistics as they are; NaN before the first
    value (Finch, "Incremental calculation of weighted mean and variance", 2009).

    Parameters
    ----------
    of
        Numeric or boolean feature, or the numeric target.
    half_life
        After so many rows of the key, or seconds of event time, a value counts half.
    unit
        Of the half-life: ``rows`` or ``seconds``.
    statistics
        What to tell.
    """

    kind: Literal["ewm"] = "ewm"
    of: str
    half_life: float = Field(ge=1e-6, le=1e12)
    unit: Unit = "rows"
    statistics: tuple[Literal["mean", "std", "var"], ...] = Field(("mean", "std"), min_length=1)

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        length = _length(self.half_life, self.unit)
        return tuple(f"{self.of}_ewm_{length}_{name}" for name in self.statistics)


class Rate(_Model):
    """Events of the key per second of event time, this one included, older ones counting for less.

    It starts from 0.0, as if none had come before the first.  An event older than the key's newest
    one counts as if it came with that one; without a time it is not counted and has no rate.

    Parameters
    ----------
    half_life_s
        After so many seconds an event counts half.
    """

    kind: Literal["rate"] = "rate"
    half_life_s: float = Field(ge=1e-6, le=1e12)

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        return (f"rate_{_length(self.half_life_s, 'seconds')}",)


class TimeSinceLast(_Model):
    """Seconds of event time since the key's newest event, 0.0 for an older one.

    NaN at the first event of a key, and where a row has no time.
    """

    kind: Literal["time_since_last"] = "time_since_last"

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        return ("time_since_last_s",)


class Count(_Model):
    """How many rows of the key are among the stream's last rows, or seconds, this one included.

    An event older than the key's newest one counts as if it came with that one; without a time it
    is not counted in seconds, and its count is NaN.

    Parameters
    ----------
    window
        Length of the window: the last so many rows of all keys, or seconds of event time.
    unit
        Of the window: ``rows`` or ``seconds``.
    most
        The count goes no further: a key remembers so many of its rows (8 bytes each).
    """

    kind: Literal["count"] = "count"
    window: float = Field(ge=1e-6, le=1e12)
    unit: Unit = "seconds"
    most: int = Field(256, ge=1, le=65_536)

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        return (f"count_{_length(self.window, self.unit)}",)


class Scale(_Model):
    """A column, scaled by what was seen of it so far, this row included.

    ``standard`` takes off the mean and divides by the standard deviation; ``min_max`` maps the
    smallest and largest value so far to 0 and 1; ``robust`` takes off the median and divides by
    the interquartile range, both by the P2 estimator (Jain and Chlamtac, "The P2 algorithm for
    dynamic calculation of quantiles and histograms without storing observations", CACM 28(10),
    1985).  0.0 where nothing has been spread yet.

    Parameters
    ----------
    of
        Numeric or boolean feature.
    method
        ``standard``, ``min_max`` or ``robust``.
    per_key
        Whether each key is scaled by its own past, or all by the stream's.
    """

    kind: Literal["scale"] = "scale"
    of: str
    method: Literal["standard", "min_max", "robust"] = "standard"
    per_key: bool = False

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        return (f"{self.of}_{self.method}" + ("_of_key" if self.per_key else ""),)


Remembered: TypeAlias = ExponentiallyWeighted | Rate | TimeSinceLast | Count | Scale
"""A feature that `streamadapt.memory_features` computes."""


def _length(value: float, unit: Unit) -> str:
    return f"{value:.12g}" + ("s" if unit == "seconds" else "")
