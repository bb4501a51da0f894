"""Bayesian online change-point detection written down plainly: all run lengths, all values kept."""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from streamadapt.contracts import FloatArray


def posteriors(
    xs: FloatArray,
    mean_run_length: float = 1000.0,
    prior: tuple[float, float, float, float] = (0.0, 1.0, 1.0, 1.0),
) -> list[FloatArray]:
    """Return after each of n values the probabilities of the run lengths 0..n."""
    h, log_p, found = 1.0 / mean_run_length, np.zeros(1), []
    for t, x in enumerate(xs.tolist()):
        densities = [log_density(x, xs[t - r : t], *prior) for r in range(t + 1)]
        joint = log_p + np.array(densities)
        log_p = np.r_[special.logsumexp(joint) + np.log(h), joint + np.log1p(-h)]
        log_p -= special.logsumexp(log_p)
        found.append(np.exp(log_p))
    return found


def log_density(
    x: float, run: FloatArray, mean: float, kappa: float, alpha: float, beta: float
) -> float:
    """Return the log density of x after the values of a run, by the conjugate formulas."""
    n = len(run)
    if n:
        gap = run.mean() - mean
        beta = beta + 0.5 * ((run - run.mean()) ** 2).sum() + kappa * n * gap**2 / (kappa + n) / 2
        mean = (kappa * mean + n * run.mean()) / (kappa + n)
        kappa, alpha = kappa + n, alpha + n / 2
    scale = np.sqrt(beta * (kappa + 1) / (alpha * kappa))
    return float(stats.t.logpdf(x, 2 * alpha, mean, scale))
