"""Trees keep their bound over streams that never settle; ten million rows: see benchmarks."""

from __future__ import annotations

from typing import Any

import pytest

from streamadapt.connectors.generators import RandomRBF
from streamadapt.models import LEARNERS

MIB = 2**20
ROWS, BLOCK, PERIOD = 300_000, 2_000, 50_000


@pytest.mark.parametrize(
    ("kind", "max_size"),
    [
        ("hoeffding_tree", 0.1),
        ("hoeffding_tree", 1.0),
        ("hoeffding_adaptive_tree", 0.1),
        ("hoeffding_adaptive_tree", 1.0),
        ("extremely_fast_decision_tree", 0.1),
    ],
)
def test_bytes_in_use_never_pass_the_bound(kind: str, max_size: float) -> None:
    stream = RandomRBF()
    make: Any = LEARNERS[kind]
    tree = make(stream.n_features, stream.n_classes, max_size=max_size)
    for start in range(0, ROWS, BLOCK):
        X, y = stream.rows(BLOCK)
        tree.learn(X, 1 - y if start // PERIOD % 2 else y)
        assert tree.n_bytes <= tree.max_bytes <= max_size * MIB
    if max_size < 1.0:
        frozen = getattr(tree, "n_frozen_splits", 0)
        assert tree.n_deactivations + tree.n_splits_refused + frozen > 0  # memory did run out
