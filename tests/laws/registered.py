"""Everything that is registered, in a small configuration: a new component needs one line here."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from streamadapt import connectors
from streamadapt.contracts import Detector, Learner, Sink, Store
from streamadapt.detectors import DDM, PageHinkley
from streamadapt.detectors import registry as detector_registry
from streamadapt.events import Source
from streamadapt.laws import contract_members, sized
from streamadapt.models import DriftMoEClassifier, LinearRegression, LogisticRegression
from streamadapt.models import registry as learner_registry
from streamadapt.models.change import learning_changes
from streamadapt.models.robust import learning_robustly
from streamadapt.storage_laws import Read
from tests.laws.many_in_one import OneFeature, OneKey
from tests.laws.source_files import (
    RIVER_SCHEMA,
    SCHEMA,
    SVMLIGHT_SCHEMA,
    WRITERS,
    write_svmlight,
)
from tests.redis_server import shared_server


def _change(n_features: int) -> Learner:
    """Return the wrapper that learns changes, around a learner that forgets."""
    return learning_changes(lambda: LinearRegression(n_features), 0)


def _robust(n_features: int, n_classes: int) -> Learner:
    """Return the wrapper that leaves rows of large loss out, around a learner that forgets."""
    return learning_robustly(lambda: LogisticRegression(n_features, n_classes), 50)


LEARNER_CLASSES: dict[str, Any] = {
    **learner_registry.LEARNERS,
    "change": _change,
    "robust": _robust,
    "drift_moe_paper": DriftMoEClassifier,
    "drift_moe_task": DriftMoEClassifier,
}
DETECTOR_CLASSES: dict[str, Any] = {
    **detector_registry.DETECTORS,
    "bank_of_ddm": lambda: OneKey(DDM()),
    "bank_of_page_hinkley": lambda: OneKey(PageHinkley(threshold=10.0)),
    "kernel_two_sample": OneFeature,
}
"""Those on many keys, or on rows, as a stream of numbers hears them."""

RIVER_KEY = b"a key for tests only"

LEARNERS: dict[str, dict[str, Any]] = {
    "adaptive_random_forest": {
        "n_models": 3,
        "grace_period": 20,
        "max_size": 0.008,
        "warning_delta": 0.1,
        "drift_delta": 0.01,
    },
    "adaptive_random_forest_regressor": {
        "n_models": 3,
        "grace_period": 30,
        "max_size": 0.3,
        "n_bins": 16,
        "warning_delta": 0.3,
        "drift_delta": 0.1,
    },
    "extremely_fast_decision_tree": {
        "grace_period": 20,
        "min_samples_reevaluate": 50,
        "delta": 0.3,
        "max_size": 0.01,
    },
    "gradient_boosting": {"n_models": 2, "grace_period": 50, "n_bins": 16, "max_size": 0.15},
    "gradient_boosting_regressor": {
        "n_models": 2,
        "grace_period": 50,
        "n_bins": 16,
        "max_size": 0.05,
        "drift_threshold": 3.0,
    },
    "drift_moe": {
        "n_models": 6,
        "max_size": 0.02,
        "turnover": True,
        "rewiring_rate": 0.5,
    },
    "drift_moe_paper": {"variant": "paper", "n_models": 3, "top_k": 2, "max_size": 0.03},
    "drift_moe_task": {"variant": "paper", "mode": "task"},
    "knn": {"window_size": 60},
    "hoeffding_adaptive_tree": {
        "grace_period": 20,
        "delta": 0.3,
        "max_size": 0.05,
        "adwin_delta": 0.3,
        "drift_window_threshold": 40,
        "switch_significance": 0.5,
    },
    "hoeffding_adaptive_tree_regressor": {
        "grace_period": 50,
        "delta": 1e-2,
        "max_size": 0.03,
        "drift_threshold": 3.0,
        "alternate_period": 30,
        "alternate_lifetime": 200,
    },
    "hoeffding_tree": {"grace_period": 20, "delta": 0.3, "max_size": 0.01},
    "hoeffding_tree_regressor": {"grace_period": 50, "delta": 1e-2, "max_size": 0.03},
    "leveraging_bagging": {
        "n_models": 3,
        "grace_period": 50,
        "delta": 0.3,
        "max_size": 0.01,
        "adwin_delta": 0.1,
    },
    "streaming_random_patches": {
        "n_models": 3,
        "grace_period": 20,
        "max_size": 0.008,
        "warning_delta": 0.1,
        "drift_delta": 0.01,
    },
    "change": {},
    "linear": {},
    "logistic": {},
    "majority": {},
    "naive_bayes": {},
    "no_change": {},
    "passive_aggressive": {},
    "passive_aggressive_regressor": {},
    "persistence": {},
    "river_classifier": {"model": "river.linear_model.SoftmaxRegression", "signing_key": RIVER_KEY},
    "river_regressor": {"model": "river.linear_model.LinearRegression", "signing_key": RIVER_KEY},
    "robust": {},
    "running_mean": {},
    "rvfl": {"n_hidden": 20, "forgetting_factor": 0.99},
    "rvfl_regressor": {"n_hidden": 20, "forgetting_factor": 0.99},
    "sam_knn": {"max_window_size": 60, "min_window_size": 10, "delta": 0.3},
    "seasonal_persistence": {"period": 7},
}
"""Parameters by kind, beside sizes; bounds are such that 10,000 rows reach them."""

DETECTORS: dict[str, dict[str, Any]] = {
    "adwin": {},
    "bank_of_ddm": {},
    "bank_of_page_hinkley": {},
    "bocpd": {"max_runs": 40},
    "cusum": {"mode": "both"},
    "ddm": {},
    "ecdd": {},
    "eddm": {},
    "exchangeability_martingale": {"block_size": 300},
    "fhddm": {"short_window_size": 20},
    "geometric_moving_average": {"mode": "both"},
    "hddm_a": {"two_sided_test": True},
    "hddm_w": {"two_sided_test": True},
    "kernel_two_sample": {"reference_size": 200, "window_size": 40},
    "kswin": {},
    "page_hinkley": {},
    "rddm": {"min_stable_size": 200, "max_concept_size": 500, "warning_limit": 50},
    "seed": {"max_blocks": 60},
    "stepd": {},
}
SOURCES: dict[str, str] = {
    "ARFFSource": "a.arff",
    "CSVSource": "a.csv",
    "FilesSource": "folder",
    "JSONLSource": "a.jsonl",
    "ParquetSource": "a.parquet",
    "ReadAhead": "a.csv",
}
"""Names of files with the records of `source_files`, by class."""

OTHER_SOURCES: dict[str, Callable[[Path], Source]] = {
    "RiverSource": lambda folder: connectors.RiverSource("river:Phishing", RIVER_SCHEMA),
    "SvmlightSource": lambda folder: connectors.SvmlightSource(
        folder / "a.svmlight", SVMLIGHT_SCHEMA
    ),
}
"""What opens those that cannot hold these records."""

STORES: dict[str, str | None] = {
    "MemoryStore": None,
    "RedisStore": "a real server",
    "SQLiteStore": "a.sqlite",
}
SINKS: dict[str, str | None] = {"JSONLSink": "a.jsonl", "MemorySink": None}
"""Names of files by class, None for memory."""


def learner(kind: str) -> Callable[[], Learner]:
    """Return a factory of equal learners of this kind."""
    return sized(partial(LEARNER_CLASSES[kind], **LEARNERS[kind]))


def detector(kind: str) -> Callable[[], Detector]:
    """Return a factory of equal detectors of this kind."""
    return sized(partial(DETECTOR_CLASSES[kind], **DETECTORS[kind]))


def make_source(kind: str, folder: Path) -> Callable[[], Source]:
    """Write the records of `source_files` in the way of this class; return what opens them."""
    if kind in OTHER_SOURCES:
        write_svmlight(folder / "a.svmlight")
        return lambda: OTHER_SOURCES[kind](folder)
    path = folder / SOURCES[kind]
    WRITERS[SOURCES[kind]](path)
    if kind == "ReadAhead":
        return lambda: connectors.ReadAhead(connectors.open_source(path, SCHEMA), depth=2)
    return lambda: connectors.open_source(path, SCHEMA)


def make_store(kind: str, folder: Path) -> Callable[[], Store]:
    """Return what opens one place of this class again and again."""
    name = STORES[kind]
    place: Any = {} if name is None else folder / name
    if kind == "RedisStore":
        place = shared_server().url
    return lambda: getattr(connectors, kind)(place)


def make_sink(kind: str, folder: Path) -> tuple[Callable[[], Sink], Read]:
    """Return what opens one place of this class again and again, and what reads it."""
    name = SINKS[kind]
    if name is None:
        records: list[dict[str, object]] = []
        return lambda: getattr(connectors, kind)(records), lambda: list(records)
    path = folder / name
    return lambda: getattr(connectors, kind)(path), lambda: read_lines(path)


def read_lines(path: Path) -> list[dict[str, object]]:
    """Return the records of a JSON Lines file, none if it is not there."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def exported(contract: type) -> set[str]:
    """Return the names of all classes that connectors export and that keep this contract."""
    members = contract_members(contract)
    exports = {name: getattr(connectors, name) for name in connectors.__all__}
    return {
        name
        for name, value in exports.items()
        if inspect.isclass(value) and all(hasattr(value, member) for member in members)
    }
