"""Hashes of what trees and forests predict and become: run it before and after a change for speed.

    python benchmarks/tree_digests.py [--rows 20000] > before
    python benchmarks/tree_digests.py [--rows 20000] | diff before -

Each learner of ``forests.py`` and the plain tree run over Electricity (if it is there), SEA, RBF
and LED, once as they are and once with missing values, weights and labels that cannot be.  The C
library's logarithms count: hashes compare on one machine only.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from functools import partial
from pathlib import Path

import numpy as np

from streamadapt.contracts import FloatArray, IntArray
from streamadapt.models import HoeffdingTreeClassifier

sys.path.insert(0, str(Path(__file__).parent))
from forests import LEARNERS, cases


def spoilt(X: FloatArray, y: IntArray) -> tuple[FloatArray, IntArray, FloatArray]:
    """Return rows, labels and weights that are hard to learn."""
    random = np.random.default_rng(3)
    X = np.where(random.random(X.shape) < 0.05, np.nan, X)
    y = np.where(random.random(y.shape) < 0.02, -1, y)
    return X, y, random.uniform(0.5, 2.0, len(y))


def main() -> None:
    parser = argparse.ArgumentParser(description="Hashes of predictions and states of trees.")
    parser.add_argument("--rows", type=int, default=20_000, help="of the generated streams")
    options = parser.parse_args()
    makers = {"HT": HoeffdingTreeClassifier}
    makers |= {name: partial(learner[0], seed=1) for name, learner in LEARNERS.items()}
    for case in cases(options.rows):
        nominal = {j: v for j, v in enumerate(case.n_values) if v}
        streams = {"plain": (case.X, case.y, np.ones(len(case.y)))}
        streams["hard"] = spoilt(case.X[: options.rows], case.y[: options.rows])
        for name, make in makers.items():
            for kind, (X, y, w) in streams.items():
                learner = make(case.X.shape[1], case.n_classes, nominal_features=nominal)
                predicted = hashlib.sha256(learner.test_then_train(X, y, w).tobytes()).hexdigest()
                print(case.name, name, kind, predicted[:16], learner.state().digest()[:16])


if __name__ == "__main__":
    main()
