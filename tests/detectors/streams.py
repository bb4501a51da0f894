"""Streams of numbers, each with something that detectors stumble over."""

from __future__ import annotations

import numpy as np

from streamadapt.contracts import FloatArray

KINDS = (
    "still",
    "sudden",
    "gradual",
    "constant",
    "huge",
    "tiny",
    "binary",
    "alternating",
    "far_from_zero",
    "outliers",
    "zeros",
)


def stream(kind: str, n: int, seed: int) -> FloatArray:
    """Return `n` values of that kind."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=n)
    step = np.arange(n) // max(1, n // 5) % 2
    slope = np.linspace(0.0, 3.0, n)
    error_rate = np.where(step == 1, 0.6, 0.1)
    kinds = {
        "still": noise,
        "sudden": noise + 2.0 * step,
        "gradual": noise + slope,
        "constant": np.full(n, 0.1),
        "huge": 1e12 * (noise + step),
        "tiny": 1e-12 * (noise + step),
        "binary": (rng.random(n) < error_rate).astype(np.float64),
        "alternating": (np.arange(n) % 2).astype(np.float64),
        "far_from_zero": 1e9 + noise + step,
        "outliers": np.where(rng.random(n) < 0.01, 1e6 * noise, noise + step),
        "zeros": np.zeros(n),
    }
    return kinds[kind]


BIT_KINDS = ("even", "sudden", "gradual", "none", "all", "often", "better", "alternating")


def bits(kind: str, n: int, seed: int) -> FloatArray:
    """Return `n` errors, 0 or 1, of that kind."""
    t = np.arange(n)
    rates = {
        "even": np.full(n, 0.2),
        "sudden": np.where(t // max(1, n // 5) % 2 == 1, 0.6, 0.1),
        "gradual": np.linspace(0.05, 0.9, n),
        "none": np.zeros(n),
        "all": np.ones(n),
        "often": np.where(t // 300 % 2 == 1, 0.95, 0.05),
        "better": np.where(t < n // 2, 0.5, 0.05),
        "alternating": t % 2.0,
    }
    return (np.random.default_rng(seed).random(n) < rates[kind]).astype(np.float64)
