"""The peer of ``replay.py``: the usual loop over River's objects, from a CSV file to metrics.

    python benchmarks/replay_river.py STREAM.csv

A Hoeffding tree and River's two trivial classifiers, accuracy and Cohen's kappa of each; our
replay works out the log loss as well, and makes checkpoints.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

from river import dummy, metrics, stream, tree

sys.path.insert(0, str(Path(__file__).parent))
from replay_streams import FEATURES, TARGET

__all__ = ["Graded", "loop"]


class Graded(NamedTuple):
    """A model and its metrics."""

    model: Any
    accuracy: metrics.Accuracy
    kappa: metrics.CohenKappa


def loop(path: Path) -> dict[str, Graded]:
    models = {
        "tree": tree.HoeffdingTreeClassifier(),
        "majority": dummy.PriorClassifier(),
        "no_change": dummy.NoChangeClassifier(),
    }
    graded = {
        name: Graded(model, metrics.Accuracy(), metrics.CohenKappa())
        for name, model in models.items()
    }
    converters = {**dict.fromkeys(FEATURES, float), TARGET: int}
    for x, y in stream.iter_csv(str(path), target=TARGET, converters=converters):
        for model, accuracy, kappa in graded.values():
            predicted = model.predict_one(x)
            if predicted is not None:  # before the first label
                accuracy.update(y, predicted)
                kappa.update(y, predicted)
            model.learn_one(x, y)
    return graded


if __name__ == "__main__":
    for name, (_, accuracy, kappa) in loop(Path(sys.argv[1])).items():
        print(f"{name:12} {accuracy.get():.4f} {kappa.get():.4f}")
