"""The learners that a pipeline can name, and the baselines that run beside them."""

from __future__ import annotations

from typing import Final

from streamadapt.contracts import LearningTask
from streamadapt.models.adaptive_random_forest import AdaptiveRandomForestClassifier
from streamadapt.models.adaptive_random_forest_regressor import AdaptiveRandomForestRegressor
from streamadapt.models.baselines import (
    MajorityClass,
    NoChangeClassifier,
    Persistence,
    RunningMean,
    SeasonalPersistence,
)
from streamadapt.models.drift_moe import DriftMoEClassifier
from streamadapt.models.extremely_fast_tree import ExtremelyFastDecisionTreeClassifier
from streamadapt.models.gradient_boosting import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)
from streamadapt.models.hoeffding_adaptive_tree import HoeffdingAdaptiveTreeClassifier
from streamadapt.models.hoeffding_adaptive_tree_regressor import HoeffdingAdaptiveTreeRegressor
from streamadapt.models.hoeffding_tree import HoeffdingTreeClassifier
from streamadapt.models.hoeffding_tree_regressor import HoeffdingTreeRegressor
from streamadapt.models.knn import KNNClassifier
from streamadapt.models.learner import ArrayLearner
from streamadapt.models.leveraging_bagging import LeveragingBaggingClassifier
from streamadapt.models.linear import LinearRegression
from streamadapt.models.logistic import LogisticRegression
from streamadapt.models.naive_bayes import NaiveBayesClassifier
from streamadapt.models.passive_aggressive import (
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
)
from streamadapt.models.river_adapter import RiverClassifier, RiverRegressor
from streamadapt.models.rvfl import RVFLClassifier, RVFLRegressor
from streamadapt.models.sam_knn import SAMKNNClassifier
from streamadapt.models.streaming_random_patches import StreamingRandomPatchesClassifier

__all__ = ["BASELINES", "LEARNERS"]

LEARNERS: Final[dict[str, type[ArrayLearner]]] = {
    "adaptive_random_forest": AdaptiveRandomForestClassifier,
    "adaptive_random_forest_regressor": AdaptiveRandomForestRegressor,
    "extremely_fast_decision_tree": ExtremelyFastDecisionTreeClassifier,
    "gradient_boosting": GradientBoostingClassifier,
    "gradient_boosting_regressor": GradientBoostingRegressor,
    "drift_moe": DriftMoEClassifier,
    "knn": KNNClassifier,
    "hoeffding_adaptive_tree": HoeffdingAdaptiveTreeClassifier,
    "hoeffding_adaptive_tree_regressor": HoeffdingAdaptiveTreeRegressor,
    "leveraging_bagging": LeveragingBaggingClassifier,
    "streaming_random_patches": StreamingRandomPatchesClassifier,
    "hoeffding_tree": HoeffdingTreeClassifier,
    "hoeffding_tree_regressor": HoeffdingTreeRegressor,
    "linear": LinearRegression,
    "logistic": LogisticRegression,
    "majority": MajorityClass,
    "naive_bayes": NaiveBayesClassifier,
    "no_change": NoChangeClassifier,
    "passive_aggressive": PassiveAggressiveClassifier,
    "passive_aggressive_regressor": PassiveAggressiveRegressor,
    "persistence": Persistence,
    "river_classifier": RiverClassifier,
    "river_regressor": RiverRegressor,
    "running_mean": RunningMean,
    "rvfl": RVFLClassifier,
    "rvfl_regressor": RVFLRegressor,
    "sam_knn": SAMKNNClassifier,
    "seasonal_persistence": SeasonalPersistence,
}
"""Class by kind, the name in a pipeline file."""

BASELINES: Final[dict[LearningTask, tuple[str, ...]]] = {
    LearningTask.CLASSIFICATION: ("majority", "no_change"),
    LearningTask.REGRESSION: ("persistence", "running_mean"),
}
"""Kinds to report beside every model, by what it predicts."""
