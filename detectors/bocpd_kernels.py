"""The inner loop of Bayesian online change-point detection: a posterior over run lengths."""

from __future__ import annotations

import math

from streamadapt.contracts import FloatArray, IntArray, LevelArray
from streamadapt.detectors.detector_kernels import (
    ALARM,
    ALARM_NOW,
    ALARMED,
    LIMIT,
    N_COMMON,
    N_SEEN,
    N_SKIPPED,
    NO_ALARM,
    UNDEFINED,
    note_alarm,
)
from streamadapt.jit import kernel

__all__ = ["N_COUNTS", "N_FIELDS_OF_RUN", "PROBABILITY", "RUNS", "N", "bocpd_run"]

# Places in the counters after the common ones: runs kept, values since the start of the first.
RUNS, N = N_COMMON, N_COMMON + 1
N_COUNTS = N_COMMON + 2

# Fields of a run, oldest run first: its probability; its length; mean and beta of the posterior of
# mean and variance; log of Gamma(alpha + 1/2) / Gamma(alpha) of that.
PROBABILITY, LENGTH, MEAN, BETA, LOG_RATIO = 0, 1, 2, 3, 4
N_FIELDS_OF_RUN = 5

# Places in the parameters; of the prior: its mean, what it weighs in values, shape and scale.
HAZARD, THRESHOLD, LEAST_LENGTH, LEAST_PROBABILITY, MEAN_0, KAPPA_0, ALPHA_0, BETA_0 = range(8)


@kernel
def bocpd_run(
    xs: FloatArray,
    levels: LevelArray,
    rows: FloatArray,
    params: FloatArray,
    counts: IntArray,
    sums: FloatArray,
    runs: FloatArray,
) -> int:
    """Take `xs` in order; `sums`: of all values since the first run began; `runs` [most, 5]."""
    n_alarms, state = 0, counts[ALARM]
    for i in range(xs.size):
        state = NO_ALARM
        if not abs(xs[i]) <= LIMIT:
            counts[N_SKIPPED] += 1
            continue
        counts[N_SEEN] += 1
        if counts[RUNS] == 0:
            _begin_run(runs, 0, 1.0, params)
            counts[RUNS] = 1
        _weigh(xs[i], counts, runs, params)
        counts[N] += 1
        sums[0] += xs[i]
        changed, best = _changed(counts, runs, params[LEAST_LENGTH])
        if changed > params[THRESHOLD]:
            n_alarms = _note(rows, n_alarms, i, changed, runs[best], counts, sums, params)
            state, levels[i] = ALARM_NOW, ALARMED
            _keep_only(best, counts, sums, runs, params)
    counts[ALARM] = state
    return n_alarms


@kernel
def _begin_run(runs: FloatArray, place: int, probability: float, params: FloatArray) -> None:
    alpha = params[ALPHA_0]
    runs[place, PROBABILITY], runs[place, LENGTH] = probability, 0.0
    runs[place, MEAN], runs[place, BETA] = params[MEAN_0], params[BETA_0]
    runs[place, LOG_RATIO] = math.lgamma(alpha + 0.5) - math.lgamma(alpha)


@kernel
def _weigh(x: float, counts: IntArray, runs: FloatArray, params: FloatArray) -> None:
    """Let each run predict x, and grow or end; drop those that are improbable now."""
    n, most, total = counts[RUNS], -math.inf, 0.0
    for j in range(n):
        # The log density stands in the probability's place until all are known.
        runs[j, PROBABILITY] = math.log(runs[j, PROBABILITY]) + _grown(x, runs[j], params)
        most = max(most, runs[j, PROBABILITY])
    for j in range(n):
        runs[j, PROBABILITY] = math.exp(runs[j, PROBABILITY] - most)
        total += runs[j, PROBABILITY]
    scale = (1.0 - params[HAZARD]) / total
    kept, mass, least = 0, params[HAZARD], 0
    for j in range(n):
        probability = runs[j, PROBABILITY] * scale
        if probability < params[LEAST_PROBABILITY]:
            continue
        runs[kept] = runs[j]
        runs[kept, PROBABILITY] = probability
        mass += probability
        if probability < runs[least, PROBABILITY]:
            least = kept
        kept += 1
    if kept == runs.shape[0]:
        mass -= runs[least, PROBABILITY]
        for j in range(least + 1, kept):
            runs[j - 1] = runs[j]
        kept -= 1
    _begin_run(runs, kept, params[HAZARD], params)
    counts[RUNS] = kept + 1
    for j in range(kept + 1):
        runs[j, PROBABILITY] /= mass


@kernel
def _grown(x: float, run: FloatArray, params: FloatArray) -> float:
    """Return the log density of x, Student's, after the values of a run; take x into the run."""
    kappa, alpha = params[KAPPA_0] + run[LENGTH], params[ALPHA_0] + 0.5 * run[LENGTH]
    gap, spread = x - run[MEAN], 2.0 * run[BETA] * (kappa + 1.0) / kappa
    density = run[LOG_RATIO] - 0.5 * math.log(math.pi * spread)
    density -= (alpha + 0.5) * math.log1p(gap * gap / spread)
    run[LENGTH] += 1.0
    run[MEAN] += gap / (kappa + 1.0)
    run[BETA] += 0.5 * gap * gap * kappa / (kappa + 1.0)
    run[LOG_RATIO] = math.log(alpha) - run[LOG_RATIO]
    return float(density)


@kernel
def _changed(counts: IntArray, runs: FloatArray, least_length: float) -> tuple[float, int]:
    """Return how probable it is that another run than the first goes on; the most probable one."""
    changed, best = 0.0, -1
    for j in range(counts[RUNS]):
        if runs[j, LENGTH] < least_length or runs[j, LENGTH] == counts[N]:
            continue
        changed += runs[j, PROBABILITY]
        if best < 0 or runs[j, PROBABILITY] > runs[best, PROBABILITY]:
            best = j
    return changed, best


@kernel
def _mean(run: FloatArray, params: FloatArray) -> float:
    """Return the mean of a run's values, without the prior's share."""
    weight = params[KAPPA_0]
    return float(run[MEAN] + (run[MEAN] - params[MEAN_0]) * weight / run[LENGTH])


@kernel
def _note(
    rows: FloatArray,
    n: int,
    i: int,
    changed: float,
    run: FloatArray,
    counts: IntArray,
    sums: FloatArray,
    params: FloatArray,
) -> int:
    new, length = _mean(run, params), run[LENGTH]
    size = new - (sums[0] - new * length) / (counts[N] - length)
    direction = 0 if size == 0.0 else (1 if size > 0.0 else -1)
    return int(
        note_alarm(
            rows, n, i, min(changed, 1.0), params[THRESHOLD], size, direction, length, UNDEFINED
        )
    )


@kernel
def _keep_only(
    best: int, counts: IntArray, sums: FloatArray, runs: FloatArray, params: FloatArray
) -> None:
    """Go on with the run that the alarm is about as the first."""
    runs[0] = runs[best]
    runs[0, PROBABILITY] = 1.0
    counts[RUNS], counts[N] = 1, int(runs[0, LENGTH])
    sums[0] = _mean(runs[0], params) * runs[0, LENGTH]
