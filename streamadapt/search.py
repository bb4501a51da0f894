"""What a search is of: where it looks, how many trials it makes, and what they are scored by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streamadapt.errors import ConfigError
from streamadapt.objective import Objective
from streamadapt.search_space import Axis, Values, grid, random_values

__all__ = ["Search"]


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched, and how it is scored.

    Parameters
    ----------
    axes
        Paths and their values.
    random
        So many trials drawn at random; None for all combinations.
    seed
        Of the draws.
    learner
        Whose metric decides; by default the only one, or the one whose values are searched.
    metric
        Which; by default ``accuracy``, or ``mae`` for numbers.
    held_out
        Share of the records, at the end of the stream, that trials do not see.
    """

    axes: tuple[Axis, ...]
    random: int | None = None
    seed: int = 0
    learner: str | None = None
    metric: str | None = None
    held_out: float = 0.3

    def trials(self) -> list[Values]:
        """Return the values of each trial; of trial 0 none: the file as it is always competes."""
        if not 0.01 <= self.held_out <= 0.9:
            raise ConfigError(f"--held-out {self.held_out}: from 0.01 to 0.9 of the records")
        if self.random is None:
            return [{}, *grid(self.axes)]
        return [{}, *random_values(self.axes, self.random, self.seed)]

    def described(self, objective: Objective) -> dict[str, Any]:
        """Return what tells this search from another."""
        axes = {axis.path: {axis.kind: list(axis.values)} for axis in self.axes}
        return {
            "set": axes,
            "random": self.random,
            "seed": self.seed if self.random is not None else None,
            "learner": objective.learner,
            "metric": objective.metric,
            "held_out": self.held_out,
        }
