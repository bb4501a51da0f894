"""Who runs in `drift_streams`: learners of ours, of MOA and of River, by the same names.

Settings are MOA's defaults, but for River's Hoeffding trees, which have the same, and its forests,
which are given them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
from drift_streams_data import Stream
from moa_loop import MOALoop
from numpy.typing import NDArray
from river import drift, ensemble, forest, tree

from streamadapt.models import LEARNERS
from streamadapt.state import State

__all__ = ["MOAS", "OURS", "RANDOM", "RIVERS", "Run", "run_moa", "run_ours", "run_river"]

ADAPTIVE_FOREST, PATCHES = "AdaptiveRandomForestClassifier", "StreamingRandomPatchesClassifier"
_OURS: dict[str, tuple[str, dict[str, Any]]] = {
    "HT": ("HoeffdingTreeClassifier", {}),
    "HAT": ("HoeffdingAdaptiveTreeClassifier", {}),
    "EFDT": ("ExtremelyFastDecisionTreeClassifier", {}),
    "ARF-10": (ADAPTIVE_FOREST, {}),
    "SRP-10": (PATCHES, {}),
    "LevBag-10": ("LeveragingBaggingClassifier", {}),
    "ARF-100": (ADAPTIVE_FOREST, {"n_models": 100, "max_size": 2048.0}),
    "SRP-100": (PATCHES, {"n_models": 100, "max_size": 2048.0}),
    "LevBag-100": ("LeveragingBaggingClassifier", {"n_models": 100, "max_size": 2048.0}),
    "MoE": ("DriftMoEClassifier", {"variant": "streamadapt"}),
    "MoE-Data": ("DriftMoEClassifier", {"variant": "paper"}),
    "MoE-Task": ("DriftMoEClassifier", {"variant": "paper", "mode": "task"}),
    "NB": ("NaiveBayesClassifier", {}),
    "kNN": ("KNNClassifier", {}),
    "SAM-kNN": ("SAMKNNClassifier", {}),
    "PA": ("PassiveAggressiveClassifier", {}),
    "RVFL": ("RVFLClassifier", {}),
}
_CLASSES = {made.__name__: made for made in LEARNERS.values()}
OURS = {name: known for name, known in _OURS.items() if known[0] in _CLASSES}
"""Class and parameters by name, of those there are."""

MOAS = {
    "HT": "trees.HoeffdingTree",
    "HAT": "trees.HoeffdingAdaptiveTree",
    "EFDT": "trees.EFDT",
    "ARF-10": "meta.AdaptiveRandomForest -s 10",
    "SRP-10": "meta.StreamingRandomPatches -s 10",
    "LevBag-10": "meta.LeveragingBag -s 10",
    "ARF-100": "meta.AdaptiveRandomForest -s 100",
    "SRP-100": "meta.StreamingRandomPatches -s 100",
    "LevBag-100": "meta.LeveragingBag -s 100",
    "NB": "bayes.NaiveBayes",
}
"""MOA's command line by name."""


def _patches(seed: int, **nominal: Any) -> Any:
    return ensemble.SRPClassifier(
        model=tree.HoeffdingTreeClassifier(grace_period=50, delta=0.01, **nominal),
        n_models=10,
        seed=seed,
        drift_detector=drift.ADWIN(delta=1e-5),
        warning_detector=drift.ADWIN(delta=1e-4),
    )


RIVERS: dict[str, Callable[..., Any]] = {
    "HT": lambda _, **nominal: tree.HoeffdingTreeClassifier(**nominal),
    "HAT": lambda seed, **nominal: tree.HoeffdingAdaptiveTreeClassifier(seed=seed, **nominal),
    "ARF-10": lambda seed, **nominal: forest.ARFClassifier(
        n_models=10, max_features=0.6, seed=seed, **nominal
    ),
    "SRP-10": _patches,
    "LevBag-10": lambda seed, **nominal: ensemble.LeveragingBaggingClassifier(
        tree.HoeffdingTreeClassifier(**nominal), n_models=10, seed=seed
    ),
}
"""What makes River's model of a seed, by name."""

RANDOM = {name for name in OURS | MOAS if name.startswith(("ARF", "SRP", "LevBag", "MoE"))}
"""Learners that draw random numbers which matter: their seeds are worth more than one run."""


@dataclass(frozen=True)
class Run:
    """The class predicted for each row, seconds of CPU time, bytes of the learner at the end."""

    predicted: NDArray[np.uint8]
    cpu_s: float
    n_bytes: int


def run_ours(name: str, stream: Stream, seed: int) -> Run:
    class_name, given = OURS[name]
    made, sizes = _CLASSES[class_name], (len(stream.n_values), stream.n_classes)
    fitting = {"nominal_features": stream.nominal, "seed": seed}
    taken = {p: v for p, v in fitting.items() if p in signature(made).parameters}
    for X, y in stream.blocks():  # compiles
        made(*sizes, **given, **taken).test_then_train(X[:50], y[:50])
        break
    learner, ns, predicted = made(*sizes, **given, **taken), 0, []
    for X, y in stream.blocks():
        start = time.process_time_ns()
        P = learner.test_then_train(X, y)
        ns += time.process_time_ns() - start
        predicted.append(P.argmax(axis=1).astype(np.uint8))
    return Run(np.concatenate(predicted), ns / 1e9, _n_bytes(learner.state()))


def run_moa(name: str, stream: Stream, seed: int, loop: MOALoop) -> Run:
    found = loop.run(stream.path, MOAS[name], 1, seed=seed, with_bytes=True)
    return Run(found.predicted, found.cpu_ns[0] / 1e9, found.n_bytes or 0)


def run_river(name: str, stream: Stream, seed: int, n_rows: int) -> Run:
    nominal = {"nominal_attributes": list(stream.nominal)} if stream.nominal else {}
    model, ns, predicted = RIVERS[name](seed, **nominal), 0, list[int]()
    for X, y in stream.blocks():
        left = n_rows - len(predicted)
        rows, labels = [dict(enumerate(x)) for x in X[:left].tolist()], y[:left].tolist()
        start = time.process_time_ns()
        for x, label in zip(rows, labels, strict=True):
            predicted.append(model.predict_one(x) or 0)
            model.learn_one(x, label)
        ns += time.process_time_ns() - start
    return Run(np.array(predicted, np.uint8), ns / 1e9, model._raw_memory_usage)


def _n_bytes(state: State) -> int:
    """Bytes of all arrays of a state."""
    return sum(
        _n_bytes(value) if isinstance(value, State) else getattr(value, "nbytes", 0)
        for value in state.values.values()
    )
