"""Generators of digits on a seven-segment display."""

from __future__ import annotations

import numpy as np

from streamadapt.connectors.generator import ArrayGenerator, checked_seed, first_seed
from streamadapt.connectors.generator_kernels import led_rows
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import whole

__all__ = ["LED", "LEDDrift"]

N_SEGMENTS, N_IRRELEVANT = 7, 17


class LED(ArrayGenerator):
    """The seven segments of a digit, each wrong at times, and 17 irrelevant bits.

    The rows are those of MOA's ``LEDGenerator``.

    Parameters
    ----------
    seed
        MOA's ``instanceRandomSeed``.
    noise_percentage
        Of the segments that are the wrong way around, 0 to 100; MOA's default is 10.
    suppress_irrelevant_attributes
        Leave out the irrelevant bits.

    References
    ----------
    L. Breiman, J. Friedman, R. Olshen and C. Stone (1984): Classification and regression trees.
    Wadsworth, 43-49.

    Examples
    --------
    >>> X, y = LED(noise_percentage=0, suppress_irrelevant_attributes=True).rows(1000)
    >>> X[y == 1][0].astype(int).tolist(), bool((X[y == 8] == 1).all())
    ([0, 0, 1, 0, 0, 1, 0], True)
    """

    kind = "led"
    class_names = tuple("0123456789")

    def __init__(
        self,
        seed: int = 1,
        noise_percentage: int = 10,
        suppress_irrelevant_attributes: bool = False,
    ) -> None:
        self.seed = checked_seed("seed", seed)
        self.noise_percentage = whole("noise_percentage", noise_percentage, 0, 100)
        self.suppress_irrelevant_attributes = bool(suppress_irrelevant_attributes)
        n = N_SEGMENTS + (0 if suppress_irrelevant_attributes else N_IRRELEVANT)
        self.names = tuple(f"att{i}" for i in range(1, n + 1))
        self.nominal = dict.fromkeys(range(n), ("0", "1"))
        self._order = np.arange(n)
        self._arrays = {"rng": first_seed(self.seed)}

    def _fill(self, X: FloatArray, y: IntArray) -> None:
        led_rows(X, y, self._arrays["rng"], self._order, self.noise_percentage)


class LEDDrift(LED):
    """`LED` with the first segments in the columns of irrelevant bits, and these in theirs.

    The rows are those of MOA's ``LEDGeneratorDrift``.  It is another concept, not one that moves:
    put it behind `LED` in a `ConceptDrift`.

    Parameters
    ----------
    seed
        MOA's ``instanceRandomSeed``.
    noise_percentage
        Of the segments that are the wrong way around, 0 to 100.
    suppress_irrelevant_attributes
        Leave out the irrelevant bits; then nothing changes places.
    n_drift_features
        Columns i and 7 + i change places, for i below this number (0 to 7).

    Examples
    --------
    >>> plain, y = LED(seed=5).rows(100)
    >>> moved, _ = LEDDrift(seed=5, n_drift_features=2).rows(100)
    >>> bool((moved[:, [7, 8, 2, 3, 4, 5, 6, 0, 1]] == plain[:, :9]).all())
    True
    """

    kind = "led_drift"

    def __init__(
        self,
        seed: int = 1,
        noise_percentage: int = 10,
        suppress_irrelevant_attributes: bool = False,
        n_drift_features: int = 1,
    ) -> None:
        super().__init__(seed, noise_percentage, suppress_irrelevant_attributes)
        self.n_drift_features = whole("n_drift_features", n_drift_features, 0, 7)
        if not suppress_irrelevant_attributes:
            moved = np.arange(self.n_drift_features)
            self._order[moved], self._order[moved + N_SEGMENTS] = moved + N_SEGMENTS, moved
