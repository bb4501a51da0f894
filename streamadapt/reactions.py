"""What a pipeline does about a drift or a warning: configured, not coded."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Alert", "Forget", "Reaction", "Reset", "Swap"]


class _Reaction(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reset(_Reaction):
    """Begin again with a learner that has seen nothing."""

    kind: Literal["reset"] = "reset"


class Forget(_Reaction):
    """Let all evidence so far count `factor` times as much from now on."""

    kind: Literal["forget"] = "forget"
    factor: float = Field(0.5, gt=0, lt=1)


class Swap(_Reaction):
    """Go on with the learner trained in the background since the warning.

    A lane with this reaction starts a fresh background learner at each warning.  If no warning
    came before the drift, a learner that has seen nothing takes over.
    """

    kind: Literal["swap"] = "swap"


class Alert(_Reaction):
    """Tell people: a line in the alert sink and in the log."""

    kind: Literal["alert"] = "alert"


def _named(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a YAML file
    return {"kind": value} if isinstance(value, str) else value


Reaction: TypeAlias = Annotated[
    Reset | Forget | Swap | Alert, Field(discriminator="kind"), BeforeValidator(_named)
]
