"""CapyMOA's Hoeffding tree, run by Python as its users do: over arrays, and over an ARFF file.

With rows in memory each goes from Python to Java, to predict and to learn.  CapyMOA's own
``prequential_evaluation`` of an ARFF stream keeps all of that in Java; reading the file and its
metrics are part of it.  Parameters are MOA's defaults, which are not those of CapyMOA.
"""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import FloatArray, IntArray

__all__ = ["evaluated", "is_installed", "looped", "write_arff"]

Timed = tuple[float, NDArray[np.integer]]
"""Nanoseconds per event, and the predicted classes."""

_MOAS_DEFAULTS = {"confidence": 1e-7, "stop_mem_management": False, "disable_prepruning": False}


def is_installed() -> bool:
    return find_spec("capymoa") is not None


def looped(X: FloatArray, y: IntArray, n_classes: int, n_values: list[int]) -> Timed:
    """Predict, then train, row by row."""
    from capymoa.classifier import HoeffdingTree
    from capymoa.core import LabeledInstance
    from capymoa.stream import Schema

    names = [f"x{j}" for j in range(len(n_values))]
    categories = {n: list(map(str, range(v))) for n, v in zip(names, n_values, strict=True) if v}
    categories["class"] = list(map(str, range(n_classes)))
    schema = Schema.from_custom([*names, "class"], "class", categories)
    tree = HoeffdingTree(schema, **_MOAS_DEFAULTS)
    predicted = np.zeros(len(y), np.int64)
    labels = y.tolist()
    start = time.perf_counter()
    for i, label in enumerate(labels):
        instance = LabeledInstance.from_array(schema, X[i], label)
        predicted[i] = tree.predict(instance) or 0
        tree.train(instance)
    return (time.perf_counter() - start) / len(y) * 1e9, predicted


def evaluated(arff: Path) -> Timed:
    """CapyMOA's test-then-train over a file."""
    from capymoa.classifier import HoeffdingTree
    from capymoa.evaluation import prequential_evaluation
    from capymoa.stream import ARFFStream

    stream = ARFFStream(str(arff))
    tree = HoeffdingTree(stream.get_schema(), **_MOAS_DEFAULTS)
    start = time.perf_counter()
    found: Any = prequential_evaluation(stream, tree, store_predictions=True)
    ns = (time.perf_counter() - start) * 1e9
    predicted = np.array([0 if p is None else p for p in found.predictions()], np.int64)
    return ns / len(predicted), predicted


def write_arff(path: Path, X: FloatArray, y: IntArray, n_classes: int, n_values: list[int]) -> None:
    kinds = [_names(v) if v else "numeric" for v in n_values]
    with path.open("w") as file:
        file.write("@relation stream\n")
        file.writelines(f"@attribute x{j} {kind}\n" for j, kind in enumerate(kinds))
        file.write(f"@attribute class {_names(n_classes)}\n@data\n")
        cells = [
            [str(int(x)) for x in X[:, j]] if v else map(repr, X[:, j].tolist())
            for j, v in enumerate(n_values)
        ]
        file.writelines(f"{','.join(row)}\n" for row in zip(*cells, map(str, y), strict=True))


def _names(n: int) -> str:
    return "{" + ",".join(map(str, range(n))) + "}"
