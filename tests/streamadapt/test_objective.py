"""Which metric of which learner decides, and which trial is best by it."""

from __future__ import annotations

import pytest

from streamadapt.errors import ConfigError
from streamadapt.objective import Objective
from tests.streams import CLASSIFY, FORECAST, config


@pytest.mark.parametrize(
    ("metric", "scores", "ranking"),
    [
        ("kappa", [0.1, None, 0.3, 0.3], [2, 3, 0]),
        ("log_loss", [0.1, None, 0.3, 0.1], [0, 3, 2]),
        ("accuracy", [None, None], []),
    ],
)
def test_trials_are_ranked_best_first_and_the_first_of_equals_first(
    metric: str, scores: list[float | None], ranking: list[int]
) -> None:
    objective = Objective.chosen(config(CLASSIFY), "tree", metric, [])
    assert objective.ranked(scores) == ranking
    assert objective.best(scores) == (ranking[0] if ranking else None)


def test_the_learner_whose_values_are_searched_is_meant() -> None:
    paths = ["learners.logistic.l2", "seed"]
    assert Objective.chosen(config(CLASSIFY), None, None, paths).learner == "logistic"


def test_the_only_learner_is_meant() -> None:
    found = Objective.chosen(config(FORECAST), None, None, ["seed"])
    assert (found.learner, found.metric, found.is_more_better) == ("linear", "mae", False)


def test_f1_is_for_two_classes() -> None:
    three = CLASSIFY.replace('["no", "yes"]', '["no", "yes", "maybe"]')
    assert Objective.chosen(config(CLASSIFY), "tree", "f1", []).is_more_better
    with pytest.raises(ConfigError, match="--metric f1: allowed are accuracy"):
        Objective.chosen(config(three), "tree", "f1", [])
