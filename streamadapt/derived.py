"""Derived features, described: of the past, of the calendar, of texts, functions of your own."""

from __future__ import annotations

from typing import Annotated, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.derived_calendar import Calendar, Fourier, calendar_part
from streamadapt.derived_memory import Count, ExponentiallyWeighted, Rate, Scale, TimeSinceLast
from streamadapt.derived_rows import Hashed, Polynomial
from streamadapt.events import Records
from streamadapt.state import State

__all__ = [
    "MAX_LENGTH",
    "Calendar",
    "Derived",
    "DerivedSpec",
    "Difference",
    "FeatureFunction",
    "Lag",
    "PythonFeature",
    "Rolling",
    "TargetMean",
    "calendar_part",
]

MAX_LENGTH = 65_536
"""Longest lag or window, in rows of a key."""

Statistic = Literal["mean", "std", "min", "max", "sum"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lag(_Model):
    """What a column was 1, 2, ... rows of the same key ago; NaN before the first row.

    Parameters
    ----------
    of
        Numeric or boolean feature, or the numeric target.
    steps
        How many rows ago.
    """

    kind: Literal["lag"] = "lag"
    of: str
    steps: tuple[Annotated[int, Field(ge=1, le=MAX_LENGTH)], ...] = Field(min_length=1)

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        return tuple(f"{self.of}_lag_{step}" for step in self.steps)


class Difference(_Model):
    """How much a column has changed since some rows of the same key ago; NaN before.

    Parameters
    ----------
    of
        Numeric or boolean feature; the numeric target only in a forecast.
    step
        How many rows ago.
    relative
        Whether the change is divided by the size of the value it started from (NaN if that is 0).
    """

    kind: Literal["difference"] = "difference"
    of: str
    step: int = Field(1, ge=1, le=MAX_LENGTH)
    relative: bool = False

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        return (f"{self.of}_{'change' if self.relative else 'difference'}_{self.step}",)


class Rolling(_Model):
    """Statistics of a column over the last `window` rows of the same key.

    The current row is among them if its value is known when it is predicted: always for a
    feature, for the target only in a forecast.  Missing values are skipped; a statistic of no
    value, or one beyond the range of float64, is NaN.  ``std`` divides by the number of values
    (0.0 for one value).

    Parameters
    ----------
    of
        Numeric or boolean feature, or the numeric target.
    window
        Rows of the key.
    statistics
        What to tell.
    """

    kind: Literal["rolling"] = "rolling"
    of: str
    window: int = Field(ge=1, le=MAX_LENGTH)
    statistics: tuple[Statistic, ...] = Field(("mean", "std"), min_length=1)

    def names(self) -> tuple[str, ...]:
        """Output columns."""
        return tuple(f"{self.of}_rolling_{self.window}_{name}" for name in self.statistics)


class TargetMean(_Model):
    """The mean of the target over the rows of a category, from the labels that have arrived.

    Of classes: the share of each class (of two, only the second one's).  Rare categories are drawn
    to the mean m of all labels: ``(n * mean + smoothing * m) / (n + smoothing)`` (Micci-Barreca,
    "A preprocessing scheme for high-cardinality categorical attributes", SIGKDD Explorations 3(1),
    2001).  NaN before the first label.  A missing text is a category of its own.

    Parameters
    ----------
    of
        Text column: a categorical feature or the key.
    smoothing
        Weight of the mean of all labels, in rows.
    """

    kind: Literal["target_mean"] = "target_mean"
    of: str
    smoothing: float = Field(20.0, ge=1e-6, le=1e9)

    def names(self, classes: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Output columns."""
        told = classes[1:] if len(classes) == 2 else classes
        return tuple(f"{self.of}_target_{name}" for name in told or ("mean",))


class PythonFeature(_Model):
    """A `FeatureFunction` of your own, by the name of what builds it.

    Parameters
    ----------
    factory
        ``package.module:factory``.
    """

    kind: Literal["python"] = "python"
    factory: str = Field(pattern=r"^[\w.]+:\w+$")


_Own: TypeAlias = (
    Lag | Difference | Rolling | ExponentiallyWeighted | Rate | TimeSinceLast | Count | Scale
    | Calendar | Fourier | Polynomial | Hashed | TargetMean
)  # fmt: skip

DerivedSpec: TypeAlias = Annotated[_Own | PythonFeature, Field(discriminator="kind")]
"""A derived feature as it stands in a pipeline file."""


@runtime_checkable
class FeatureFunction(Protocol):
    """Computes columns of your own from decoded rows, in the order they came.

    It must keep the laws: the same rows give the same bits however they are cut into calls, a
    row's columns depend on no later row, memory is bounded, no value raises.  The target's column
    is not among the records it sees, unless the target is known when a row is predicted.
    """

    names: tuple[str, ...]
    """Output columns."""

    def transform(self, records: Records, rows: IntArray) -> FloatArray:
        """Return float64 [n, len(names)] for the rows with indices int64 `rows` [n]."""
        ...

    def state(self) -> State:
        """Return all that is needed to go on, as data."""
        ...

    def restore(self, state: State) -> None:
        """Become what `state` describes."""
        ...


Derived: TypeAlias = _Own | FeatureFunction
"""A derived feature that is ready to be computed."""
