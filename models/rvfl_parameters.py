"""The parameters that functional-link classifiers and regressors share, checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.errors import ParameterError, checked, whole
from streamadapt.models.rvfl_nodes import draw_grouped_nodes, draw_nodes

__all__ = ["RVFLParameters"]

_ACTIVATIONS = {"sigmoid": 0.0, "tanh": 1.0, "relu": 2.0}
_VARIANTS = ("stable", "paper")
_WHOLE = {
    "n_hidden": (1, 4096),
    "scaling_window": (10, 10**9),
    "group_size": (1, 4096),
    "n_init": (1, 100_000),
    "seed": (0, 2**63 - 1),
}
_CLIP, _CLIP_ERROR = 5.0, 10.0
_FAST_WINDOW, _LEAST_FAST_WINDOW, _SLOWER = 2.0, 100.0, 20.0


@dataclass(frozen=True)
class RVFLParameters:
    """See `RVFLClassifier`."""

    n_features: int
    n_hidden: int
    forgetting_factor: float
    drift_speedup: float
    l2: float
    activation: str
    scaling_window: int
    variant: str
    group_size: int
    n_init: int
    seed: int

    def __post_init__(self) -> None:
        for name, (low, high) in _WHOLE.items():
            object.__setattr__(self, name, whole(name, getattr(self, name), low, high))
        checked("forgetting_factor", self.forgetting_factor, 0.5, 1.0 - 1e-6)
        checked("drift_speedup", self.drift_speedup, 1.0, 1e6)
        checked("l2", self.l2, 1e-6, 1e6)
        _one_of("activation", self.activation, tuple(_ACTIVATIONS))
        _one_of("variant", self.variant, _VARIANTS)
        if self.is_paper and self.n_hidden % self.group_size:
            raise ParameterError(
                f"n_hidden = {self.n_hidden} is no multiple of group_size = {self.group_size}"
            )

    @property
    def is_paper(self) -> bool:
        """Whether this is the published form."""
        return self.variant == "paper"

    @property
    def n_used(self) -> int:
        """Number m of features that weights belong to: inputs, nodes, but for the paper a 1."""
        return self.n_features + self.n_hidden + (not self.is_paper)

    def nodes(self) -> tuple[FloatArray, FloatArray]:
        """Return weights [d, n_hidden] and biases [n_hidden] of the random nodes."""
        if self.is_paper:
            return draw_grouped_nodes(self.n_features, self.n_hidden, self.group_size, self.seed)
        return draw_nodes(self.n_features, self.n_hidden, self.seed)

    def settings(self, classifies: bool) -> FloatArray:
        """Return what the kernels take, in their order."""
        largest = self.forgetting_factor
        window = max(_FAST_WINDOW * self.n_used, _LEAST_FAST_WINDOW)  # of errors, in rows
        least = max(0.5, 1.0 - self.drift_speedup * (1.0 - largest))
        stable = not self.is_paper
        return np.array([
            largest,
            min(least, largest) if stable else largest,
            self.l2,
            stable,
            (1.0 - 1.0 / self.scaling_window) * stable,
            _CLIP if stable else np.inf,
            _CLIP_ERROR if stable else np.inf,
            _ACTIVATIONS[self.activation],
            classifies,
            stable,
            1.0 - 1.0 / window,
            1.0 - 1.0 / (_SLOWER * window),
        ], np.float64)  # fmt: skip


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ParameterError(f"{name} = {value!r} is not one of {', '.join(allowed)}")
