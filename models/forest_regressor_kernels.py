"""Kernels of forests of regression trees: one tree over a block of rows, and the forest's mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, LevelArray, OpArray
from streamadapt.detectors.adwin_kernels import adwin_run
from streamadapt.java_random_kernels import settled
from streamadapt.jit import kernel
from streamadapt.models.hoeffding_tree_regressor_kernels import (
    MAX_WEIGHT,
    Tree,
    learn_one_row,
    learn_scales,
    predict_at,
)
from streamadapt.models.poisson_kernels import next_poisson
from streamadapt.models.quantizer_kernels import MAX_VALUE
from streamadapt.models.tree_kernels import leaf_of

__all__ = ["DRIFT", "MEAN_VOTE", "MEDIAN_VOTE", "N_MEMBER", "WARNING", "add_up", "run_member"]

# Places in `member`, int64 [N_MEMBER]: of the numbers of times a row is learned, the seed and what
# takes it from row to row; whether a tree grows in the background; rows not learned.
SEED, STEP, STRIDE, HAS_BEHIND, N_SKIPPED = range(5)
N_MEMBER = 5

WARNING, DRIFT = 1, 2
MEAN_VOTE, MEDIAN_VOTE = 0, 1

_DEVIATIONS = 3.0  # of the target, that an error of 1 means; larger ones are 1 too
_DIRECTION = 4  # place in an alarm's row


@kernel
def run_member(
    start: int, ops: OpArray, X: FloatArray, y: FloatArray, w: FloatArray, votes: FloatArray,
    front: Tree, behind: Tree, member: IntArray, table: FloatArray,
    warning_params: FloatArray, warning_counts: IntArray, warning_sums: FloatArray,
    warning_buckets: FloatArray, drift_params: FloatArray, drift_counts: IntArray,
    drift_sums: FloatArray, drift_buckets: FloatArray, alarm: FloatArray, level: LevelArray,
    target_column: NDArray[np.void], target_scale: NDArray[np.void],
) -> tuple[int, int]:  # fmt: skip
    """Let one tree predict and learn rows from `start` until its error has risen.

    Returns the row to go on with, and what rose: `WARNING`, `DRIFT`, both added up, or 0 at the
    end of the rows.  ``alarm`` float64 [1, fields] and ``level`` are scratch.
    """
    targets = y.reshape(len(y), 1)
    error = np.zeros(1)
    for r in range(start, len(ops)):
        learns = ops[r] & LEARN != 0 and w[r] != 0.0
        if learns and not (abs(y[r]) <= MAX_VALUE and 0.0 < w[r] <= MAX_WEIGHT):
            member[N_SKIPPED] += 1
            learns = False
        predicts = ops[r] & PREDICT != 0
        if not (predicts or learns):
            continue
        predicted = predict_at(leaf_of(X, r, front.nodes, 0, 0.0), X, r, front)
        if predicts:
            votes[r] = predicted
        if not learns:
            continue
        times = next_poisson(member[SEED], table)[1]
        member[SEED] = settled(member[SEED] * member[STEP] + member[STRIDE])
        learn_scales(targets, r, w[r], target_column, target_scale)
        if times == 0:
            continue
        weight = min(w[r] * times, MAX_WEIGHT)
        learn_one_row(X, r, y[r], weight, front)
        if member[HAS_BEHIND]:
            learn_one_row(X, r, y[r], weight, behind)
        miss = abs(y[r] - predicted) * target_scale[0].per_deviation / _DEVIATIONS
        error[0] = min(miss, 1.0)
        risen = 0
        if adwin_run(
            error, level, alarm, warning_params, warning_counts, warning_sums, warning_buckets
        ):
            risen += WARNING * int(alarm[0, _DIRECTION] > 0.0)
        if adwin_run(error, level, alarm, drift_params, drift_counts, drift_sums, drift_buckets):
            risen += DRIFT * int(alarm[0, _DIRECTION] > 0.0)
        if risen:
            return r + 1, risen
    return len(ops), 0


@kernel
def add_up(
    ops: OpArray, votes: FloatArray, kind: int, sorted_votes: FloatArray, P: FloatArray
) -> None:
    """Fill P float64 [n, 1] with the mean or the median of votes float64 [m, n] of each row."""
    m = votes.shape[0]
    for i in range(len(ops)):
        if ops[i] & PREDICT == 0:
            continue
        total = 0.0
        for j in range(m):
            vote, at = votes[j, i], j
            total += vote
            while at > 0 and sorted_votes[at - 1] > vote:
                sorted_votes[at] = sorted_votes[at - 1]
                at -= 1
            sorted_votes[at] = vote
        middle = 0.5 * (sorted_votes[(m - 1) // 2] + sorted_votes[m // 2])
        P[i, 0] = middle if kind == MEDIAN_VOTE else total / m
