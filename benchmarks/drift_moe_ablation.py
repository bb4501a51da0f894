"""What each part of DriftMoE brings: test-then-train accuracy on six generated streams.

    python benchmarks/drift_moe_ablation.py [--rows 200000] [--seed 1] [--only streamadapt,...]

First the published model, and departures from it one after the other, each on top of those before
it; then this package's mixture, whole, and with one part left out or put in.  The streams are those
of the paper (arXiv 2507.18464; RBF has two classes, as there), their drifts moved to the same
shares of fewer rows.  Accuracies are those over all rows.  Prints a table, a line as each stream is
done, and writes ``benchmarks/results/drift_moe_ablation.json``.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from streamadapt.connectors.generators import (
    SEA,
    ConceptDrift,
    LEDDrift,
    RandomRBFDrift,
    RowGenerator,
)
from streamadapt.models import (
    AdaptiveRandomForestClassifier,
    DriftMoEClassifier,
    StreamingRandomPatchesClassifier,
)
from streamadapt.models.drift_moe_kernels import (
    BALANCE,
    N_RULES,
    NEEDS_TRAINING,
    RESET_DELTA,
    RESPONSIBILITY,
    SCALING,
    SOFT_VOTE,
)

sys.path.insert(0, str(Path(__file__).parent))
from bench import Row, row, versions, write_results

ABRUPT = (249_975, 499_975, 749_975), 50
GRADUAL = (225_000, 475_000, 725_000), 50_000
MILLION = 1_000_000


def drifting(make: Callable[[int], RowGenerator], concepts: list[int], how: Any, n: int) -> Any:
    """Return concept after concept, with drifts at the same shares of n rows as of a million."""
    positions, width = how
    if how is GRADUAL:
        width = max(1, width * n // MILLION)
    stream = make(concepts[0])
    for concept, position in zip(concepts[1:], positions, strict=True):
        stream = ConceptDrift(stream, make(concept), position * n // MILLION, width)
    return stream


def rbf(speed: float, seed: int) -> RandomRBFDrift:
    return RandomRBFDrift(
        n_features=10, n_classes=2, seed_model=seed, seed=seed, n_centroids=50,
        change_speed=speed, n_drift_centroids=50,
    )  # fmt: skip


def streams(n: int, seed: int) -> dict[str, RowGenerator]:
    def sea(function: int) -> RowGenerator:
        return SEA(function=function, seed=seed)

    def led(n_swapped: int) -> RowGenerator:
        return LEDDrift(seed=seed, n_drift_features=n_swapped)

    return {
        "RBF_f": rbf(1e-3, seed),
        "RBF_m": rbf(1e-4, seed),
        "SEA_a": drifting(sea, [1, 2, 4, 1], ABRUPT, n),
        "SEA_g": drifting(sea, [1, 2, 4, 1], GRADUAL, n),
        "LED_a": drifting(led, [1, 3, 5, 7], ABRUPT, n),
        "LED_g": drifting(led, [1, 3, 5, 7], GRADUAL, n),
    }


PAPER_STEPS: dict[str, tuple[dict[int, float], int]] = {
    "paper MoE-Data": ({}, 256),
    "+ scaled router inputs": ({SCALING: 1.0}, 256),
    "+ no credit to untrained trees": ({NEEDS_TRAINING: 1.0}, 256),
    "+ load balance": ({BALANCE: 5.0}, 256),
    "+ a router step each 16 rows": ({}, 16),
    "+ soft vote": ({SOFT_VOTE: 1.0}, 16),
    "+ training by responsibility": ({RESPONSIBILITY: 1.0}, 16),
    "+ trees start over on drift": ({RESET_DELTA: 0.002}, 16),
}
"""Rules that are added, and the router's batch."""

PARTS: dict[str, dict[str, Any]] = {
    "streamadapt": {},
    "- router's trust": {"trust": 0.0},
    "- weights by loss": {"sharpness": 0.0},
    "- the router's own vote": {"has_head": False},
    "- soft vote": {"votes_softly": False},
    "- scaled router inputs": {"scales": False},
    "- frequent router steps (256)": {"batch_size": 256},
    "- nearest neighbours": {"companions": ("naive_bayes",)},
    "- naive Bayes": {"companions": ("knn",)},
    "- all but trees": {"companions": (), "has_head": False},
    "+ RVFL": {"companions": ("knn", "naive_bayes", "rvfl")},
    "+ turnover (TAME)": {"turnover": True},
}
"""The mixture, and what its plan is in which a part is missing or added."""


def models(d: int, k: int, nominal: dict[int, int], seed: int) -> Iterator[tuple[str, Any]]:
    def moe(**parameters: Any) -> DriftMoEClassifier:
        return DriftMoEClassifier(d, k, nominal_features=nominal, seed=seed, **parameters)

    yield "ARF-10", AdaptiveRandomForestClassifier(d, k, nominal_features=nominal, seed=seed)
    yield "SRP-10", StreamingRandomPatchesClassifier(d, k, nominal_features=nominal, seed=seed)
    yield "paper MoE-Task", moe(variant="paper", mode="task")
    rules = [0.0] * N_RULES
    for name, (more, batch) in PAPER_STEPS.items():
        for place, value in more.items():
            rules[place] = value
        plan: Any = moe(variant="paper").plan
        yield name, DriftMoEClassifier.of_plan(plan._replace(rules=tuple(rules), batch=batch))
    for name, changes in PARTS.items():
        mixture: Any = moe().plan
        yield name, DriftMoEClassifier.of_plan(mixture._replace(**changes))


def main() -> None:
    parser = argparse.ArgumentParser(description="What each part of DriftMoE brings.")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--streams", default="RBF_f,RBF_m,SEA_a,SEA_g,LED_a,LED_g")
    parser.add_argument("--only", default="", help="names of models, by comma")
    parser.add_argument("--results", default="drift_moe_ablation")
    options = parser.parse_args()
    wanted, rows = options.only.split(","), list[Row]()
    for name in options.streams.split(","):
        stream = streams(options.rows, options.seed)[name]
        X, y = (np.array(part) for part in stream.rows(options.rows))
        nominal = {j: len(values) for j, values in stream.nominal.items()}
        sizes = X.shape[1], len(stream.class_names)
        for system, model in models(*sizes, nominal, options.seed):
            if options.only and system not in wanted:
                continue
            start = time.process_time()
            hit = model.test_then_train(X, y).argmax(axis=1) == y
            us = (time.process_time() - start) / len(y) * 1e6
            rows.append(row(name, system, "accuracy", float(hit.mean()), "share of rows"))
            print(f"{name:6} {system:32} {100 * hit.mean():6.2f} {us:6.1f} us/row", flush=True)
        facts = {"stream rows": str(options.rows), "seed": str(options.seed)}
        write_results(options.results, versions() | facts, rows)


if __name__ == "__main__":
    main()
