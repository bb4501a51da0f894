"""What a search tries: values by path of the pipeline file, as a grid or at random."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, TypeAlias

import numpy as np

from streamadapt.config_yaml import read_yaml
from streamadapt.errors import ConfigError

__all__ = ["MAX_TRIALS", "Axis", "Values", "grid", "random_values", "read_axes"]

MAX_TRIALS = 10_000

Values: TypeAlias = dict[str, Any]
"""{path: value} of one trial, in the order of the axes."""

_INTEGERS = re.compile(r"([-+]?\d+)\.\.([-+]?\d+)")
_RANGE = re.compile(r"(uniform|log)\(([^,()]+),([^,()]+)\)")
_DRAWS_FOR_EACH = 100  # of a small space, the last new point is hard to meet

# The rest says which rows are predicted and how they are graded: trials must agree on it.
_TUNABLE = re.compile(
    r"(learners|derived)\..+|reaction_block|seed|record\.features\..+\.(encoding|buckets)"
)


@dataclass(frozen=True, slots=True)
class Axis:
    """A path and its values: those listed, or the ends of a range (both may be drawn)."""

    path: str
    kind: Literal["list", "integers", "uniform", "log"]
    values: tuple[Any, ...]

    def draw(self, rng: np.random.Generator) -> Any:  # noqa: ANN401 - any YAML value
        """Return one value at random."""
        if self.kind == "list":
            return self.values[int(rng.integers(len(self.values)))]
        low, high = self.values
        if self.kind == "integers":
            return int(rng.integers(low, high, endpoint=True))
        if self.kind == "uniform":
            return float(rng.uniform(low, high))
        return min(max(math.exp(rng.uniform(math.log(low), math.log(high))), low), high)


def read_axes(texts: Sequence[str]) -> list[Axis]:
    """Read ``path=values``: ``50,100``, ``1..10``, ``uniform(0,1)`` or ``log(1e-9,1e-2)``.

    Listed values are YAML, so ``{kind: adwin, delta: 0.01}`` is one of them.

    Raises
    ------
    ConfigError
        Saying all that is wrong.

    Examples
    --------
    >>> read_axes(["learners.tree.delta=log(1e-9, 1e-2)", "learners.tree.leaf_prediction=nb, nba"])
    [Axis(path='learners.tree.delta', kind='log', values=(1e-09, 0.01)), \
Axis(path='learners.tree.leaf_prediction', kind='list', values=('nb', 'nba'))]
    """
    axes: list[Axis] = []
    problems: list[str] = []
    for text in texts:
        try:
            axes.append(_axis(text, [axis.path for axis in axes]))
        except ConfigError as error:
            problems.append(str(error))
    if problems or not axes:
        raise ConfigError("\n  ".join(problems) or "nothing to search: give --set PATH=VALUES")
    return axes


def grid(axes: Sequence[Axis]) -> list[Values]:
    """Return all combinations of listed values, the last axis fastest.

    Examples
    --------
    >>> grid(read_axes(["seed=1,2", "reaction_block=64"]))
    [{'seed': 1, 'reaction_block': 64}, {'seed': 2, 'reaction_block': 64}]
    """
    ranges = [axis.path for axis in axes if axis.kind != "list"]
    if ranges:
        raise ConfigError(f"--set {ranges[0]}: a range is drawn from: give --random N, or a list")
    n = math.prod(len(axis.values) for axis in axes)
    if n > MAX_TRIALS:
        raise ConfigError(f"{n} combinations, {MAX_TRIALS} are the most: give --random N")
    return [_values(axes, found) for found in product(*(axis.values for axis in axes))]


def random_values(axes: Sequence[Axis], n: int, seed: int) -> list[Values]:
    """Return up to `n` different combinations, drawn independently; fewer if there are no more.

    Examples
    --------
    >>> random_values(read_axes(["seed=1..3"]), 2, seed=0)
    [{'seed': 3}, {'seed': 2}]
    """
    if not 1 <= n <= MAX_TRIALS:
        raise ConfigError(f"--random {n}: 1 to {MAX_TRIALS} trials")
    rng = np.random.default_rng(seed)
    found: dict[str, Values] = {}
    for _ in range(n * _DRAWS_FOR_EACH):
        drawn = _values(axes, [axis.draw(rng) for axis in axes])
        found.setdefault(repr(drawn), drawn)
        if len(found) == n:
            break
    return list(found.values())


def _axis(text: str, taken: Sequence[str]) -> Axis:
    path, equals, written = text.partition("=")
    path, written = path.strip(), written.strip()
    if not (path and equals and written):
        raise ConfigError(f"--set {text}: write PATH=VALUES, as in learners.tree.delta=1e-5,1e-7")
    if path in taken:
        raise ConfigError(f"--set {path}: given twice")
    if not _TUNABLE.fullmatch(path):
        raise ConfigError(
            f"--set {path}: it decides what is predicted or how it is graded, so that trials could "
            "not be compared; what can be searched are learners.*, derived.*, reaction_block, "
            "seed, and encoding and buckets of a feature"
        )
    if integers := _INTEGERS.fullmatch(written):
        return _range(path, "integers", int(integers.group(1)), int(integers.group(2)))
    if match := _RANGE.fullmatch(written):
        low, high = (_number(path, end) for end in match.groups()[1:])
        return _range(path, "log" if match.group(1) == "log" else "uniform", low, high)
    return Axis(path, "list", _listed(path, written))


def _range(path: str, kind: Literal["integers", "uniform", "log"], low: float, high: float) -> Axis:
    is_wrong = not low < high or not math.isfinite(high - low) or (kind == "log" and low <= 0)
    if is_wrong:
        bound = "0 < low < high" if kind == "log" else "low < high"
        raise ConfigError(f"--set {path}: from {low} to {high}: write {bound}, both finite")
    return Axis(path, kind, (low, high))


def _number(path: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"--set {path}: {text.strip()!r} is no number") from None


def _listed(path: str, written: str) -> tuple[Any, ...]:
    values, _ = read_yaml(f"[{written}]", f"--set {path}")
    if not isinstance(values, list) or not values:
        raise ConfigError(f"--set {path}: no values in {written!r}")
    if len({repr(value) for value in values}) < len(values):
        raise ConfigError(f"--set {path}: a value stands twice in {written!r}")
    return tuple(values)


def _values(axes: Sequence[Axis], values: Sequence[Any]) -> Values:
    return {axis.path: value for axis, value in zip(axes, values, strict=True)}
