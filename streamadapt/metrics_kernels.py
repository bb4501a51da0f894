"""Kernels that hold a prediction until its label is there, then grade it.

What was graded is kept as sums, in the rows of one array: ``NOW`` is the window under way, ``PAST``
all windows before it, ``FADED`` all rows so far, each weighing ``fading`` times the next one; from
``POINTS`` on there are the windows that have ended.  So a graded row is added twice, not three
times: all rows together are ``PAST`` and ``NOW``.

Fading by a growing weight: instead of making all sums smaller at each row, each row weighs
1/fading times the last one, and now and then all is divided by that weight.  It is the same number
(Gama, Sebastiao and Rodrigues, "On evaluating stream learning algorithms", Machine Learning 90(3),
2013), but for rounding, and does not touch the sums of classes that did not come.

When there are more than MAX_POINTS windows, each two become one, and those to come are twice as
long.  All of this depends on the number of graded rows only, never on how they are cut into calls.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import math

import numpy as np

from streamadapt.jit import kernel

MAX_POINTS = 1_000
"""Most windows kept."""

# Rows of the sums.
NOW, PAST, FADED, POINTS = 0, 1, 2, 3

# Columns of any task.  END: the last row of a window; in the row FADED it is the WEIGHT of the next
# graded row.  AUC is that of the rolling window at END.  MEAN and SPREAD (sum of squares around the
# mean) are of labels that are numbers.
END, AUC, N, MEAN, SPREAD, SUMS = 0, 1, 2, 3, 4, 5
WEIGHT = END
# Columns of a classification: sums, then by class: hits, truths, said.
LOG_LOSS, BRIER, NO_CHANGE, MAJORITY, TABLE = 5, 6, 7, 8, 9
# Columns of a regression.
ABSOLUTE, SQUARED, RELATIVE, PINBALL, NUMBER_COLUMNS = 5, 6, 7, 8, 9

# Places of the cursor: the last class graded, the most frequent one, labels without prediction,
# windows that have ended, graded rows in a window, rows ever put into the rolling window.
LAST, TOP, UNGRADED, N_POINTS, SPAN, N_RECENT, CURSORS = 0, 1, 2, 3, 4, 5, 6

# Probabilities of 0 cost as much as this one; River's cross entropy clips the same way.
_EPS = 1e-15
# Labels and errors beyond this would make sums of squares infinite; they are not graded.
_HUGE = 1e100
# The weight that brings the faded sums back to size: small, for its rounding errors add up.
_HEAVY = 16.0


@kernel
def absorb(into, row):
    """Let sums become those of their own rows and of `row`'s, which came later.

    Means and spreads are merged as by Chan, Golub and LeVeque (The American Statistician 37(3),
    1983), all else is added; END and AUC are those of the later rows.
    """
    into[END] = row[END]
    into[AUC] = row[AUC]
    n = into[N] + row[N]
    if n > 0.0:
        delta = row[MEAN] - into[MEAN]
        share = row[N] / n
        into[SPREAD] += row[SPREAD] + delta * delta * into[N] * share
        into[MEAN] += delta * share
        into[N] = n
        for j in range(SUMS, len(into)):
            into[j] += row[j]


@kernel
def end_window(sums, cursor):
    """Keep the window under way and begin another one; or let it go on, twice as long."""
    now = sums[NOW]
    n = cursor[N_POINTS]
    if n == MAX_POINTS:
        for j in range(n // 2):
            a, b = sums[POINTS + 2 * j], sums[POINTS + 2 * j + 1]
            absorb(a, b)
            for c in range(len(a)):
                sums[POINTS + j, c] = a[c]
        for j in range(n // 2, n):
            for c in range(len(now)):
                sums[POINTS + j, c] = 0.0
        cursor[N_POINTS] = n // 2
        cursor[SPAN] *= 2
        return
    absorb(sums[PAST], now)
    for c in range(len(now)):
        sums[POINTS + n, c] = now[c]
        now[c] = 0.0
    cursor[N_POINTS] += 1


@kernel
def lighten(faded):
    """Divide the faded sums by the weight of the next row; ratios of them stay as they are."""
    scale = 1.0 / faded[WEIGHT]
    faded[WEIGHT] = 1.0
    faded[N] *= scale
    for c in range(SPREAD, len(faded)):
        faded[c] *= scale


@kernel
def settle_classes(
    op, slot, y, graded, P, held, confusion, sums, cursor, recent, growth, first_row,
    begin, n, loss, row,
):  # fmt: skip
    """Keep predictions by slot; grade those whose label came.

    ``confusion`` is [k, k] (true class, predicted class); ``recent`` [S, 2] holds truth and score
    of the last S graded rows, S is 0 if nobody asks.  ``loss[i]`` becomes 0 or 1 for the i-th
    graded row, ``row[i]`` its place; ``first_row + i`` is the i-th op's row in the pipeline.

    Goes from op `begin` on, with `n` rows graded before, to the end, or, if ``recent`` is kept,
    to the end of a window; returns the op to go on with and the number of graded rows.
    """
    classes = P.shape[1]
    hits, truths, said = TABLE, TABLE + classes, TABLE + 2 * classes
    now, past, faded = sums[NOW], sums[PAST], sums[FADED]
    for i in range(begin, len(op)):
        s = slot[i]
        if op[i] & 1:
            for c in range(classes):
                held[s, c] = P[i, c]
        if not (op[i] & 2 and graded[i]):
            continue
        if held[s, 0] != held[s, 0]:
            cursor[UNGRADED] += 1
            continue
        truth = np.int64(y[i])
        best = 0
        brier = 0.0
        for c in range(classes):
            p = held[s, c]
            if p > held[s, best]:
                best = c
            p = p if p > 0.0 else 0.0
            p = p if p < 1.0 else 1.0
            off = p - (1.0 if c == truth else 0.0)
            brier += off * off
        p = held[s, truth]
        p = p if p > _EPS else _EPS
        log_loss = -math.log(min(p, 1.0 - _EPS))
        w = faded[WEIGHT]

        confusion[truth, best] += 1
        now[END] = first_row + i
        now[N] += 1.0
        now[LOG_LOSS] += log_loss
        now[BRIER] += brier
        now[truths + truth] += 1.0
        now[said + best] += 1.0
        faded[N] += w
        faded[LOG_LOSS] += w * log_loss
        faded[BRIER] += w * brier
        faded[truths + truth] += w
        faded[said + best] += w
        if best == truth:
            now[hits + truth] += 1.0
            faded[hits + truth] += w

        # The baselines, as in MOA: the majority counts this label too; of equals the first class.
        top = cursor[TOP]
        mine = past[truths + truth] + now[truths + truth]
        most = past[truths + top] + now[truths + top]
        if mine > most or (mine == most and truth < top):
            top = truth
            cursor[TOP] = truth
        if top == truth:
            now[MAJORITY] += 1.0
            faded[MAJORITY] += w
        if cursor[LAST] == truth:
            now[NO_CHANGE] += 1.0
            faded[NO_CHANGE] += w
        cursor[LAST] = truth

        w *= growth
        faded[WEIGHT] = w
        if w > _HEAVY:
            lighten(faded)
        loss[n] = 0.0 if best == truth else 1.0
        row[n] = i
        n += 1
        if len(recent):
            at = cursor[N_RECENT] % len(recent)
            p = held[s, 1]
            recent[at, 0] = truth
            recent[at, 1] = p if p == p else 0.0
            cursor[N_RECENT] += 1
        if now[N] >= cursor[SPAN]:
            end_window(sums, cursor)
            if len(recent):
                return i + 1, n
    return len(op), n


@kernel
def _add_number(into, w, x, error, relative, pinball):
    into[N] += w
    into[ABSOLUTE] += w * error
    into[SQUARED] += w * (error * error)
    into[RELATIVE] += w * relative
    into[PINBALL] += w * pinball
    delta = x - into[MEAN]
    into[MEAN] += w / into[N] * delta
    into[SPREAD] += w * delta * (x - into[MEAN])


@kernel
def settle_numbers(
    op, slot, y, graded, P, held, sums, cursor, quantile, growth, first_row, loss, row
):
    """Like `settle_classes` for numbers: ``loss[i]`` is the i-th absolute error; return how many.

    Mean and spread of the labels grow by River's steps, in their order (West, "Updating mean and
    variance estimates: an improved method", Communications of the ACM 22(9), 1979).
    """
    n = 0
    now, faded = sums[NOW], sums[FADED]
    for i in range(len(op)):
        s = slot[i]
        if op[i] & 1:
            held[s, 0] = P[i, 0]
        if not (op[i] & 2 and graded[i]):
            continue
        x = y[i]
        miss = x - held[s, 0]
        error = abs(miss)
        if not (error < _HUGE and abs(x) < _HUGE):
            cursor[UNGRADED] += 1
            continue
        relative = min(error / abs(x), _HUGE) if x != 0.0 else 0.0
        pinball = miss * (quantile - 1.0) if miss < 0.0 else miss * quantile
        now[END] = first_row + i
        _add_number(now, 1.0, x, error, relative, pinball)
        _add_number(faded, faded[WEIGHT], x, error, relative, pinball)
        faded[WEIGHT] *= growth
        if faded[WEIGHT] > _HEAVY:
            lighten(faded)
        loss[n] = error
        row[n] = i
        n += 1
        if now[N] >= cursor[SPAN]:
            end_window(sums, cursor)
    return n
