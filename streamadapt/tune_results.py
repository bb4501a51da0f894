"""What is told of a search: the best trial and the file as it is, on the head and on the tail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from streamadapt.comparison import Difference, paired_difference
from streamadapt.objective import Objective
from streamadapt.trial import Scores

__all__ = ["told"]


def told(
    objective: Objective,
    trials: Sequence[Mapping[str, Any]],
    best: int,
    tails: Mapping[int, Scores],
) -> dict[str, Any]:
    """Return scores of head and tail, the paired difference of losses, and the verdict on it.

    Parameters
    ----------
    objective
        What the scores are of.
    trials
        The line of each trial; trial 0 is the file as it is.
    best
        The best of them on the head.
    tails
        Scores on the tail, of the best and of the file as it is.
    """
    differences = _differences(objective, tails[best], tails[0]) if best else {}
    return {
        "best": _scored(objective, trials[best], tails[best]),
        "as_written": _scored(objective, trials[0], tails[0]),
        "loss": objective.loss,
        "differences": {
            lane: {
                "mean": d.mean, "low": d.low, "high": d.high, "level": d.level, "rows": d.n,
                "is_real": d.is_real,
            } for lane, d in differences.items()
        },
        "verdict": _verdict(differences),
    }  # fmt: skip


def _scored(objective: Objective, trial: Mapping[str, Any], tail: Scores) -> dict[str, Any]:
    return {
        "trial": trial["trial"],
        "values": trial["values"],
        "head": trial.get("score"),
        "tail": objective.score(tail.metrics),
        "tail_metrics": tail.metrics,
    }


def _differences(objective: Objective, best: Scores, other: Scores) -> dict[str, Difference]:
    """Compare losses on the rows of the tail that both were graded on."""
    found: dict[str, Difference] = {}
    for lane in objective.lanes(best.losses):
        (rows, losses), (others_rows, others) = best.losses[lane], other.losses[lane]
        _, i, j = np.intersect1d(rows, others_rows, assume_unique=True, return_indices=True)
        if len(i) >= 2:
            found[lane] = paired_difference(losses[i], others[j])
    return found


def _verdict(differences: Mapping[str, Difference]) -> str:
    if not differences:
        return "as it is"
    if any(d.is_real and d.mean > 0 for d in differences.values()):
        return "worse"
    return "better" if all(d.is_real for d in differences.values()) else "not told"
