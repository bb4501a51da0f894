"""Streams whose first rows MOA made, as MOA's command and as ours.

``python benchmarks/generators_moa_rows.py --write`` makes ``reference.json`` with MOA.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamadapt.connectors.generators import GENERATORS, ConceptDrift, RowGenerator

REFERENCE = Path(__file__).parent / "reference.json"

Spec = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A stream: MOA's command, and what to make here."""

    name: str
    moa: str
    spec: Spec
    facts: dict[str, Any] = field(default_factory=dict)


def made(spec: Spec) -> RowGenerator:
    """Return the generator of a specification; ``before`` and ``after`` are specifications."""
    given = dict(spec)
    kind = given.pop("kind")
    if kind != "concept_drift":
        return GENERATORS[kind](**given)
    before, after = made(given.pop("before")), made(given.pop("after"))
    return ConceptDrift(before, after, **given)


def _sea(function: int, seed: int = 1) -> Spec:
    return {"kind": "sea", "function": function, "seed": seed}


def _drift(before: Spec, after: Spec, **given: Any) -> Spec:
    return {"kind": "concept_drift", "before": before, "after": after, **given}


_G = "generators."
_SEAS = "-s generators.SEAGenerator -d (generators.SEAGenerator -f 4 -i 9)"
_ABRUPT = _drift(_sea(1), _sea(4, 9), position=5000, width=1)
_BACK = f"(ConceptDriftStream {_SEAS} -p 3000 -w 500 -r 5)"

_COMMANDS: dict[str, tuple[str, Spec]] = {
    "led": ("LEDGenerator", {"kind": "led"}),
    "led_relevant": (
        "LEDGenerator -i 42 -n 25 -s",
        {
            "kind": "led",
            "seed": 42,
            "noise_percentage": 25,
            "suppress_irrelevant_attributes": True,
        },
    ),
    "led_drift": ("LEDGeneratorDrift", {"kind": "led_drift"}),
    "led_drift_5": (
        "LEDGeneratorDrift -i -3 -n 0 -d 5",
        {"kind": "led_drift", "seed": -3, "noise_percentage": 0, "n_drift_features": 5},
    ),
    "led_drift_none": (
        "LEDGeneratorDrift -s -d 3",
        {"kind": "led_drift", "suppress_irrelevant_attributes": True, "n_drift_features": 3},
    ),
    **{f"sea_{f}": (f"SEAGenerator -f {f} -i {f}", _sea(f, f)) for f in range(1, 5)},
    "sea_balanced": (
        "SEAGenerator -b -p 0 -f 2",
        {"kind": "sea", "balance_classes": True, "noise_percentage": 0, "function": 2},
    ),
    "random_rbf": ("RandomRBFGenerator", {"kind": "random_rbf"}),
    "random_rbf_odd": (
        "RandomRBFGenerator -r 7 -i 8 -c 5 -a 3 -n 17",
        {
            "kind": "random_rbf",
            "seed_model": 7,
            "seed": 8,
            "n_classes": 5,
            "n_features": 3,
            "n_centroids": 17,
        },
    ),
    "random_rbf_one": (
        "RandomRBFGenerator -a 1 -n 1",
        {"kind": "random_rbf", "n_features": 1, "n_centroids": 1},
    ),
    "random_rbf_16": ("RandomRBFGenerator -a 16", {"kind": "random_rbf", "n_features": 16}),
    "random_rbf_wide": (
        "RandomRBFGenerator -a 53 -n 300",
        {"kind": "random_rbf", "n_features": 53, "n_centroids": 300},
    ),
    "random_rbf_drift": (
        "RandomRBFGeneratorDrift -s 0.001",
        {"kind": "random_rbf_drift", "change_speed": 0.001},
    ),
    "random_rbf_drift_some": (
        "RandomRBFGeneratorDrift -s 0.1 -k 9 -a 5 -n 20 -c 4 -r -1",
        {
            "kind": "random_rbf_drift",
            "change_speed": 0.1,
            "n_drift_centroids": 9,
            "n_features": 5,
            "n_centroids": 20,
            "n_classes": 4,
            "seed_model": -1,
        },
    ),
    "random_rbf_drift_wild": (
        "RandomRBFGeneratorDrift -s 3 -n 4 -a 2",
        {"kind": "random_rbf_drift", "change_speed": 3.0, "n_centroids": 4, "n_features": 2},
    ),
    "hyperplane": ("HyperplaneGenerator", {"kind": "hyperplane"}),
    "hyperplane_moving": (
        "HyperplaneGenerator -a 7 -k 7 -t 0.01 -n 0 -s 30 -i 3",
        {
            "kind": "hyperplane",
            "n_features": 7,
            "n_drift_features": 7,
            "mag_change": 0.01,
            "noise_percentage": 0,
            "sigma_percentage": 30,
            "seed": 3,
        },
    ),
    **{
        f"agrawal_{f}": (f"AgrawalGenerator -f {f}", {"kind": "agrawal", "function": f})
        for f in range(1, 11)
    },
    "agrawal_plain": (
        "AgrawalGenerator -p 0 -i 5",
        {"kind": "agrawal", "perturbation": 0.0, "seed": 5},
    ),
    "agrawal_balanced": (
        "AgrawalGenerator -f 3 -p 1 -b",
        {"kind": "agrawal", "function": 3, "perturbation": 1.0, "balance_classes": True},
    ),
    **{
        f"sine_{f}": (f"SineGenerator -f {f}", {"kind": "sine", "function": f}) for f in range(1, 5)
    },
    "sine_balanced": (
        "SineGenerator -f 3 -s -b -i 2147483647",
        {
            "kind": "sine",
            "function": 3,
            "suppress_irrelevant_attributes": True,
            "balance_classes": True,
            "seed": 2147483647,
        },
    ),
    **{
        f"stagger_{f}": (f"STAGGERGenerator -f {f}", {"kind": "stagger", "function": f})
        for f in range(1, 4)
    },
    "stagger_balanced": (
        "STAGGERGenerator -b -i -2147483648",
        {"kind": "stagger", "balance_classes": True, "seed": -2147483648},
    ),
}
_DRIFTS: dict[str, tuple[str, Spec]] = {
    "abrupt": (f"{_SEAS} -p 5000 -w 1", _ABRUPT),
    "gradual": (
        f"{_SEAS} -p 5000 -w 3000 -r 77",
        _drift(_sea(1), _sea(4, 9), position=5000, width=3000, seed=77),
    ),
    "by_angle": (
        f"{_SEAS} -p 5000 -a 0.05",
        _drift(_sea(1), _sea(4, 9), position=5000, alpha=0.05),
    ),
    "at_once": (f"{_SEAS} -w 5", _drift(_sea(1), _sea(4, 9), width=5)),
    "recurring": (
        f"-s {_BACK} -d (generators.SEAGenerator -i 33) -p 7000 -w 300",
        _drift(
            _drift(_sea(1), _sea(4, 9), position=3000, width=500, seed=5),
            _sea(1, 33),
            position=7000,
            width=300,
        ),
    ),
    "chained": (
        f"-s (generators.SEAGenerator -f 3) -d {_BACK} -p 2000 -w 800",
        _drift(
            _sea(3),
            _drift(_sea(1), _sea(4, 9), position=3000, width=500, seed=5),
            position=2000,
            width=800,
        ),
    ),
    "led_moves": (
        "-s generators.LEDGenerator -d (generators.LEDGeneratorDrift -d 7) -p 5000 -w 500",
        _drift(
            {"kind": "led"},
            {"kind": "led_drift", "n_drift_features": 7},
            position=5000,
            width=500,
        ),
    ),
    "rbf_then_moving": (
        "-s generators.RandomRBFGenerator -d (generators.RandomRBFGeneratorDrift -s 0.001 -k 10)"
        " -p 5000 -w 2000",
        _drift(
            {"kind": "random_rbf"},
            {"kind": "random_rbf_drift", "change_speed": 0.001, "n_drift_centroids": 10},
            position=5000,
            width=2000,
        ),
    ),
}


def cases() -> list[Case]:
    """Return all cases, with what the reference file says of them."""
    facts = json.loads(REFERENCE.read_text()) if REFERENCE.is_file() else {}
    plain = [(name, _G + command, spec) for name, (command, spec) in _COMMANDS.items()]
    drifts = [
        (f"drift_{name}", f"ConceptDriftStream {command}", spec)
        for name, (command, spec) in _DRIFTS.items()
    ]
    return [Case(*case, facts=facts.get(case[0], {})) for case in plain + drifts]
