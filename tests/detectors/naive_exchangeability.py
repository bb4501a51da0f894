"""The two gamblers written down plainly: ranks by counting, bets as products."""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import FloatArray
from streamadapt.detectors.exchangeability_kernels import uniform


def capitals(
    xs: FloatArray,
    block_size: int,
    jump: float = 0.01,
    stake: float = 1.0,
    seed: int = 0,
) -> FloatArray:
    """Return both gamblers' capital after each value, float64 [n, 2]; no alarms."""
    found = np.empty((len(xs), 2))
    for copy in range(2):
        block: list[float] = []
        length, k = block_size, 1
        bets = np.full(3, 0.5 / 3)
        for i, x in enumerate(xs.tolist()):
            length = block_size // 2 if copy == 1 and k == 1 else block_size
            if len(block) == length:
                block, k = [], k + 1
                bets = bets + (1 / k - 1 / (k + 1)) / 3
            greater, equal = sum(v > x for v in block), sum(v == x for v in block) + 1
            p = (greater + uniform(seed, 2 * (i + 1) + copy) * equal) / (len(block) + 1)
            bets = (1 - jump) * bets + jump * bets.mean()
            bets = bets * (1 + stake * np.array([-1.0, 0.0, 1.0]) * (p - 0.5))
            block.append(x)
            found[i, copy] = bets.sum() + 1 / (k + 1)
    return found
