"""Small streams and pipelines for tests, made anew from a seed."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from streamadapt.config import Config
from streamadapt.config_file import parse_config

__all__ = ["CLASSIFY", "FORECAST", "config", "write_classes", "write_series"]

CLASSIFY = """
name: demo
task: {kind: classification, target: label, classes: ["no", "yes"]}
record:
  id: id
  key: sensor
  time: {column: at, format: unix_s}
  features:
    a: numeric
    b: numeric
    color: {kind: categorical, encoding: one_hot, values: [red, green]}
derived:
  - {kind: lag, of: a, steps: [1, 2]}
  - {kind: rolling, of: b, window: 5, statistics: [mean, max]}
learners:
  tree:
    kind: hoeffding_tree
    grace_period: 50
    max_size: 1.0
    watch:
      drift: {kind: adwin, delta: 0.01}
      warning: {kind: adwin, delta: 0.2}
      on_drift: [alert, swap]
  logistic:
    kind: logistic
    watch:
      drift: {kind: page_hinkley, threshold: 10.0}
      on_drift: [{kind: forget, factor: 0.2}]
"""

FORECAST = """
name: load
task: {kind: forecast, target: load, horizons: [1, 3]}
record:
  key: link
  features: {load: numeric}
derived:
  - {kind: lag, of: load, steps: [1]}
learners:
  linear: {kind: linear}
"""


def config(text: str, **changes: str) -> Config:
    """Return the pipeline of `text`, with values replaced as the environment would."""
    environ = {f"STREAMADAPT__{path}": value for path, value in changes.items()}
    return parse_config(text, environ)


def write_classes(path: Path, n: int = 3000, seed: int = 1, dirty: bool = True) -> Path:
    """Write a CSV stream whose concept turns around in the middle; some rows are damaged."""
    rng = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "sensor", "at", "a", "b", "color", "label"])
        for i in range(n):
            a, b = rng.normal(size=2)
            color = ["red", "green", "blue"][rng.integers(3)]
            yes = (a + (color == "red") > 0) != (i > n // 2)
            row = [f"e{i}", f"s{rng.integers(4)}", 1_000 + i, f"{a:.6f}", f"{b:.6f}", color]
            row.append("yes" if yes else "no")
            if dirty and rng.random() < 0.05:
                row[rng.integers(len(row))] = ["", "inf", "nan", "oops", "1e99"][rng.integers(5)]
            writer.writerow(row if not dirty or rng.random() > 0.01 else row[:4])
    return path


def write_series(path: Path, n: int = 2000, seed: int = 2, links: int = 3) -> Path:
    """Write a CSV of several random walks, their rows interleaved at random."""
    rng = np.random.default_rng(seed)
    load = rng.uniform(10, 20, links)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["link", "load"])
        for _ in range(n):
            i = rng.integers(links)
            load[i] = 0.9 * load[i] + 1.5 + rng.normal()
            writer.writerow([f"l{i}", f"{load[i]:.5f}"])
    return path
