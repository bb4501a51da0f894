"""The stream generators by kind; the rows of each are the very ones of MOA for the same seeds.

Their parameters are MOA's options: seeds default to 1, functions count from 1, and noise is in
percent.  (River's classes of the same names count functions from 0 and draw other rows.)
"""

from __future__ import annotations

from typing import Final

from streamadapt.connectors.generator import ArrayGenerator, RowGenerator
from streamadapt.connectors.generator_concepts import SEA, STAGGER, Agrawal, Sine
from streamadapt.connectors.generator_drift import ConceptDrift
from streamadapt.connectors.generator_led import LED, LEDDrift
from streamadapt.connectors.generator_moving import Hyperplane, RandomRBF, RandomRBFDrift

__all__ = [
    "GENERATORS",
    "LED",
    "SEA",
    "STAGGER",
    "Agrawal",
    "ConceptDrift",
    "Hyperplane",
    "LEDDrift",
    "RandomRBF",
    "RandomRBFDrift",
    "RowGenerator",
    "Sine",
]

GENERATORS: Final[dict[str, type[ArrayGenerator]]] = {
    "agrawal": Agrawal,
    "hyperplane": Hyperplane,
    "led": LED,
    "led_drift": LEDDrift,
    "random_rbf": RandomRBF,
    "random_rbf_drift": RandomRBFDrift,
    "sea": SEA,
    "sine": Sine,
    "stagger": STAGGER,
}
"""Class by kind, the name in a pipeline file; `ConceptDrift` is made of any two of them."""
