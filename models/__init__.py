"""Learners and what wraps learners, one per file: arrays in, arrays out.

The views that make a learner a River estimator are in `streamadapt.models.as_river`, apart,
because they import River, which is slow.
"""

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
from streamadapt.models.learner import ArrayClassifier, ArrayLearner, ArrayRegressor
from streamadapt.models.leveraging_bagging import LeveragingBaggingClassifier
from streamadapt.models.linear import LinearRegression
from streamadapt.models.logistic import LogisticRegression
from streamadapt.models.naive_bayes import NaiveBayesClassifier
from streamadapt.models.passive_aggressive import (
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
)
from streamadapt.models.registry import BASELINES, LEARNERS
from streamadapt.models.river_adapter import RiverClassifier, RiverRegressor
from streamadapt.models.robust import RobustLearner
from streamadapt.models.rvfl import RVFLClassifier, RVFLRegressor
from streamadapt.models.rvfl_bank import RVFLBank
from streamadapt.models.sam_knn import SAMKNNClassifier
from streamadapt.models.streaming_random_patches import StreamingRandomPatchesClassifier

__all__ = [
    "BASELINES",
    "LEARNERS",
    "AdaptiveRandomForestClassifier",
    "AdaptiveRandomForestRegressor",
    "ArrayClassifier",
    "ArrayLearner",
    "ArrayRegressor",
    "DriftMoEClassifier",
    "ExtremelyFastDecisionTreeClassifier",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "HoeffdingAdaptiveTreeClassifier",
    "HoeffdingAdaptiveTreeRegressor",
    "HoeffdingTreeClassifier",
    "HoeffdingTreeRegressor",
    "KNNClassifier",
    "LeveragingBaggingClassifier",
    "LinearRegression",
    "LogisticRegression",
    "MajorityClass",
    "NaiveBayesClassifier",
    "NoChangeClassifier",
    "PassiveAggressiveClassifier",
    "PassiveAggressiveRegressor",
    "Persistence",
    "RVFLBank",
    "RVFLClassifier",
    "RVFLRegressor",
    "RiverClassifier",
    "RiverRegressor",
    "RobustLearner",
    "RunningMean",
    "SAMKNNClassifier",
    "SeasonalPersistence",
    "StreamingRandomPatchesClassifier",
]
