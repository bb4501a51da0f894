"""What a search is after: a metric of one learner, and which way is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streamadapt.config import Config
from streamadapt.errors import ConfigError

__all__ = ["Objective"]

_OF_CLASSES = {
    "accuracy": True, "balanced_accuracy": True, "kappa": True, "kappa_m": True,
    "kappa_temporal": True, "f1": True, "f1_macro": True, "log_loss": False, "brier": False,
}  # fmt: skip
_OF_NUMBERS = {
    "mae": False, "rmse": False, "nrmse": False, "mape": False, "pinball": False, "r2": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Objective:
    """The learner and the metric; ``loss`` says what the paired comparison is of."""

    learner: str
    metric: str
    is_more_better: bool
    loss: str

    @classmethod
    def chosen(
        cls, config: Config, learner: str | None, metric: str | None, paths: Sequence[str]
    ) -> Objective:
        """Return what was asked for, or what goes without saying.

        Raises
        ------
        ConfigError
            If there is no such learner or metric, or it is not clear which learner is meant.
        """
        metrics = dict(_OF_CLASSES if config.task.classes else _OF_NUMBERS)
        if len(config.task.classes) > 2:
            del metrics["f1"]
        metric = metric or next(iter(metrics))
        if metric not in metrics:
            raise ConfigError(f"--metric {metric}: allowed are {', '.join(metrics)}")
        learner = learner or _meant(config, paths)
        if learner not in config.learners:
            raise ConfigError(f"--learner {learner}: there are {', '.join(config.learners)}")
        loss = "share of wrong classes" if config.task.classes else "absolute error"
        return cls(learner, metric, metrics[metric], loss)

    def lanes(self, lanes: Iterable[str]) -> list[str]:
        """Return those of the learner: one, or one for each horizon."""
        return [lane for lane in lanes if lane.split("@")[0] == self.learner]

    def score(self, metrics: Mapping[str, Mapping[str, float]]) -> float:
        """Return the metric, the mean of it over horizons.

        >>> Objective("tree", "mae", False, "").score({"tree@1": {"mae": 1}, "tree@2": {"mae": 2}})
        1.5
        """
        values = [metrics[lane][self.metric] for lane in self.lanes(metrics)]
        return float(sum(values) / len(values))

    def ranked(self, scores: Sequence[float | None]) -> list[int]:
        """Return the places of the scores there are, best first, of equals the first first."""
        sign = -1.0 if self.is_more_better else 1.0
        known = [(sign * score, i) for i, score in enumerate(scores) if score is not None]
        return [i for _, i in sorted(known)]

    def best(self, scores: Sequence[float | None]) -> int | None:
        """Return the place of the best score, None if there is none."""
        return next(iter(self.ranked(scores)), None)


def _meant(config: Config, paths: Sequence[str]) -> str:
    searched = {path.split(".")[1] for path in paths if path.startswith("learners.")}
    for names in (list(config.learners), sorted(searched)):
        if len(names) == 1:
            return names[0]
    raise ConfigError(
        f"whose metric is to decide? give --learner, one of {', '.join(config.learners)}"
    )
