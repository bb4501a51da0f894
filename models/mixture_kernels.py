"""How the experts of a mixture are weighed, row by row: by how they fared lately, and by a router.

Experts have predicted the rows of a block before: ``votes`` float64 [m, n, k] are their
probabilities, all 0 where an expert has learned nothing.  The last expert is the router's network
itself, which has k further outputs, one for each class.

An expert's weight is ``skill ** sharpness * exp(trust * logit + shift)``, made to sum to 1: its
fading accuracy, the router's logit that it is right about this row, and what rewiring adds to it.
"""

from __future__ import annotations

import math

from streamadapt.contracts import LEARN, PREDICT, FloatArray, IntArray, OpArray
from streamadapt.jit import kernel
from streamadapt.models.drift_moe_kernels import (
    IN_BATCH,
    N_LEARNED,
    N_SKIPPED,
    fill_inputs,
    slope_of,
    take_step,
)
from streamadapt.models.hoeffding_tree_kernels import MAX_WEIGHT
from streamadapt.models.linear_kernels import any_usable, observe_row
from streamadapt.models.router_kernels import SLOPE, UNIT, Layer, backward, forward

__all__ = ["ALLOWANCE", "N_SETTINGS", "rewire", "run_mixture"]

# Places in `settings`, float64 [N_SETTINGS].
SHARPNESS, TRUST, FADING, RATE, BATCH, SOFT, SCALED, HEAD = range(8)
N_SETTINGS = 8

ALLOWANCE = 10.0
"""Errors that rewiring may add, beside one in `_ROWS_PER_ERROR` rows learned."""

_ROWS_PER_ERROR = 1000.0
_SHIFT_FADING = 0.99  # of what rewiring added, with each row learned
_MOST_SHIFT = 3.0
_SURE = 0.7  # least probability of a class that counts as the label in rewiring
_CLIP = 5.0
_LEAST = 0.01  # skill


@kernel
def weigh_experts(
    i: int, votes: FloatArray, own: FloatArray, settings: FloatArray, skills: FloatArray,
    shifts: FloatArray, is_shifted: bool, units: Layer, out: int, weights: FloatArray,
) -> None:  # fmt: skip
    """Fill `weights` [m]; 0 for those that know nothing."""
    m_all, k = weights.shape[0], own.shape[0]
    highest = -math.inf
    for m in range(m_all):
        known = 0.0
        for c in range(k):
            known += votes[m, i, c] if m < m_all - 1 else own[c]
        weights[m] = -math.inf
        if known > 0.0:
            weights[m] = settings[TRUST] * units[UNIT, out + m]
            weights[m] += shifts[m] if is_shifted else 0.0
            weights[m] += settings[SHARPNESS] * math.log(max(skills[m], _LEAST))
            highest = max(highest, weights[m])
    total = 0.0
    for m in range(m_all):
        weights[m] = math.exp(weights[m] - highest) if weights[m] > -math.inf else 0.0
        if settings[SOFT] == 0.0:
            weights[m] = 1.0 if weights[m] == 1.0 and total == 0.0 else 0.0
        total += weights[m]
    for m in range(m_all):
        weights[m] = weights[m] / total if total > 0.0 else 0.0


@kernel
def fill_own(units: Layer, at: int, is_known: bool, own: FloatArray) -> None:
    """Fill `own` [k] with what the router itself says; nothing before its first step."""
    highest, total = -math.inf, 0.0
    for c in range(own.shape[0]):
        highest = max(highest, units[UNIT, at + c])
    for c in range(own.shape[0]):
        own[c] = math.exp(units[UNIT, at + c] - highest)
        total += own[c]
    for c in range(own.shape[0]):
        own[c] = own[c] / total if is_known else 0.0


@kernel
def mix(i: int, votes: FloatArray, own: FloatArray, weights: FloatArray, p: FloatArray) -> int:
    """Fill p [k] with the weighted votes; return the class."""
    k, last = own.shape[0], weights.shape[0] - 1
    total, best = 0.0, 0
    for c in range(k):
        p[c] = weights[last] * own[c]
        for m in range(last):
            p[c] += weights[m] * votes[m, i, c]
        total += p[c]
        if p[c] > p[best]:
            best = c
    for c in range(k):
        p[c] = p[c] / total if total > 0.0 else 1.0 / k
    return best


@kernel
def run_mixture(
    ops: OpArray, X: FloatArray, y: IntArray, w: FloatArray, P: FloatArray, votes: FloatArray,
    settings: FloatArray, counters: IntArray, skills: FloatArray, shifts: FloatArray,
    credit: FloatArray, segment: FloatArray, moments: FloatArray, z: FloatArray, own: FloatArray,
    p: FloatArray, weights: FloatArray, first: Layer, second: Layer, third: Layer, units: Layer,
    inputs: Layer, kept: Layer,
) -> None:  # fmt: skip
    """Predict by the experts' weighted votes, and learn how to weigh them, rows in order.

    ``segment`` float64 [m + 1] takes the errors of the experts and, last, of the mixture.
    """
    k, m_all = P.shape[1], weights.shape[0]
    out = first.shape[2] + second.shape[2]
    for i in range(ops.shape[0]):
        predicts, learns = (ops[i] & PREDICT) != 0, (ops[i] & LEARN) != 0 and w[i] != 0.0
        if learns and not (0 <= y[i] < k and 0.0 < w[i] <= MAX_WEIGHT):
            counters[N_SKIPPED] += 1
            learns = False
        if not (predicts or learns):
            continue
        fill_inputs(X, i, settings[SCALED] != 0.0, moments, z, inputs)
        forward(inputs, kept, first, second, third, units)
        fill_own(units, out + m_all, counters[N_LEARNED] > 0 and settings[HEAD] != 0.0, own)
        weigh_experts(i, votes, own, settings, skills, shifts, True, units, out, weights)
        said = mix(i, votes, own, weights, p)
        for c in range(k if predicts else 0):
            P[i, c] = p[c]
        if not learns:
            continue
        counters[N_LEARNED] += 1
        segment[m_all] += int(said != y[i])
        settle_credit(
            i, y[i], said, votes, own, settings, skills, shifts, credit, units, out, weights, p
        )
        for m in range(m_all):
            best, highest = 0, 0.0
            for c in range(k):
                vote = votes[m, i, c] if m < m_all - 1 else own[c]
                if vote > highest:
                    best, highest = c, vote
            right = 1.0 if highest > 0.0 and best == y[i] else 0.0
            units[SLOPE, out + m] = slope_of(units[UNIT, out + m], right) / m_all
            skills[m] += settings[FADING] * (right - skills[m])
            segment[m] += 1.0 - right
        for c in range(k):
            units[SLOPE, out + m_all + c] = 0.0
        if settings[HEAD] != 0.0:
            fill_own(units, out + m_all, True, own)
            for c in range(k):
                units[SLOPE, out + m_all + c] = own[c] - (1.0 if c == y[i] else 0.0)
        backward(inputs, kept, first, second, third, units)
        counters[IN_BATCH] += 1
        if counters[IN_BATCH] == int(settings[BATCH]):
            take_step(first, second, third, settings[RATE], counters, 1.0 / settings[BATCH])
        if any_usable(X[i]):
            observe_row(X[i], 1.0, 1.0, _CLIP, moments)


@kernel
def settle_credit(
    i: int, label: int, said: int, votes: FloatArray, own: FloatArray, settings: FloatArray,
    skills: FloatArray, shifts: FloatArray, credit: FloatArray, units: Layer, out: int,
    weights: FloatArray, p: FloatArray,
) -> None:  # fmt: skip
    """Compare with what would have been said without rewiring; end it where credit ends."""
    credit[0] = min(credit[0] + 1.0 / _ROWS_PER_ERROR, ALLOWANCE)
    is_shifted = False
    for m in range(shifts.shape[0]):
        is_shifted |= shifts[m] != 0.0
    if not is_shifted:
        return
    weigh_experts(i, votes, own, settings, skills, shifts, False, units, out, weights)
    before = mix(i, votes, own, weights, p)
    credit[0] = min(credit[0] + int(before != label) - int(said != label), ALLOWANCE)
    for m in range(shifts.shape[0]):
        shifts[m] *= _SHIFT_FADING
        if abs(shifts[m]) < 1e-3 or credit[0] <= 0.0:
            shifts[m] = 0.0


@kernel
def rewire(
    X: FloatArray, votes: FloatArray, rate: float, settings: FloatArray, counters: IntArray,
    skills: FloatArray, shifts: FloatArray, credit: FloatArray, moments: FloatArray, z: FloatArray,
    own: FloatArray, p: FloatArray, weights: FloatArray, first: Layer, second: Layer, third: Layer,
    units: Layer, inputs: Layer, kept: Layer,
) -> None:  # fmt: skip
    """Move the experts' shifts towards those that agree with a sure mixture, row by row.

    A step up the log of the probability of the mixture's own class, in the shifts alone: those of
    an expert rises by what it has in this class, less what it has in the mixture.
    """
    m_all, out = weights.shape[0], first.shape[2] + second.shape[2]
    for i in range(X.shape[0]):
        if credit[0] < 1.0 or not any_usable(X[i]):
            continue
        fill_inputs(X, i, settings[SCALED] != 0.0, moments, z, inputs)
        forward(inputs, kept, first, second, third, units)
        fill_own(units, out + m_all, counters[N_LEARNED] > 0 and settings[HEAD] != 0.0, own)
        weigh_experts(i, votes, own, settings, skills, shifts, True, units, out, weights)
        said = mix(i, votes, own, weights, p)
        if p[said] < _SURE:
            continue
        for m in range(m_all):
            vote = votes[m, i, said] if m < m_all - 1 else own[said]
            moved = shifts[m] + rate * weights[m] * (vote / p[said] - 1.0)
            shifts[m] = min(max(moved, -_MOST_SHIFT), _MOST_SHIFT)
