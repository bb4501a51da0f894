"""Generators whose concept can move with every row: hyperplane and radial basis functions."""

from __future__ import annotations

import numpy as np

from streamadapt.connectors.generator import ArrayGenerator, checked_seed, first_seed
from streamadapt.connectors.generator_kernels import hyperplane_rows, start_hyperplane
from streamadapt.connectors.generator_rbf_kernels import place_centroids, rbf_rows
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import ParameterError, checked, whole

__all__ = ["Hyperplane", "RandomRBF", "RandomRBFDrift"]

_MOST = 100_000  # features, centroids and classes


def _numbered(name: str, n: int) -> tuple[str, ...]:
    return tuple(f"{name}{i}" for i in range(1, n + 1))


class Hyperplane(ArrayGenerator):
    """Points of the unit cube, on one side of a hyperplane or the other, which can turn.

    The rows are those of MOA's ``HyperplaneGenerator``.  Its labels are always two, whatever its
    option ``numClasses`` says, so that there is no such parameter here.

    Parameters
    ----------
    n_features
        Width of a row.
    seed
        MOA's ``instanceRandomSeed``; it gives the weights as well as the rows.
    n_drift_features
        How many weights change, the first ones (MOA's ``numDriftAtts``).
    mag_change
        By how much they change with every row; 0 for a hyperplane that stays.
    noise_percentage
        Of the labels that are the wrong one, 0 to 100.
    sigma_percentage
        How probable it is that a change turns around after a row, 0 to 100.

    References
    ----------
    G. Hulten, L. Spencer and P. Domingos (2001): Mining time-changing data streams. KDD, 97-106.

    Examples
    --------
    >>> still, moving = Hyperplane(3, n_drift_features=1), Hyperplane(3, 1, 1, mag_change=0.01)
    >>> (X, y), (X2, y2) = still.rows(1000), moving.rows(1000)
    >>> bool((X == X2).all()), bool((y == y2).all())
    (True, False)
    """

    kind = "hyperplane"
    class_names = ("class1", "class2")
    nominal = {}  # noqa: RUF012 - read only

    def __init__(
        self,
        n_features: int = 10,
        seed: int = 1,
        n_drift_features: int = 2,
        mag_change: float = 0.0,
        noise_percentage: int = 5,
        sigma_percentage: int = 10,
    ) -> None:
        self.names = _numbered("att", whole("n_features", n_features, 1, _MOST))
        self.seed = checked_seed("seed", seed)
        self.n_drift_features = whole("n_drift_features", n_drift_features, 0, n_features)
        self.mag_change = float(checked("mag_change", mag_change, 0.0, 1.0))
        self.noise_percentage = whole("noise_percentage", noise_percentage, 0, 100)
        self.sigma_percentage = whole("sigma_percentage", sigma_percentage, 0, 100)
        rng, weights = first_seed(self.seed), np.empty(self.n_features)
        start_hyperplane(rng, weights)
        steps = np.full(self.n_drift_features, self.mag_change)
        self._arrays = {"rng": rng, "weights": weights, "steps": steps}

    def _fill(self, X: FloatArray, y: IntArray) -> None:
        noise, sigma = self.noise_percentage, self.sigma_percentage
        hyperplane_rows(X, y, *self._arrays.values(), noise, sigma)


class RandomRBF(ArrayGenerator):
    """Rows scattered around centroids of random place, class, weight and spread.

    The rows are those of MOA's ``RandomRBFGenerator``.

    Parameters
    ----------
    n_features
        Width of a row.
    n_classes
        Number of classes; one may have no centroid.
    seed_model
        Gives the centroids (MOA's ``modelRandomSeed``).
    seed
        Gives the rows (MOA's ``instanceRandomSeed``).
    n_centroids
        Number of centroids.

    References
    ----------
    A. Bifet, G. Holmes, B. Pfahringer, R. Kirkby and R. Gavalda (2009): New ensemble methods for
    evolving data streams. KDD, 139-148.

    Examples
    --------
    >>> X, y = RandomRBF(n_features=4, n_classes=3, n_centroids=5).rows(100)
    >>> X.shape, sorted(set(y.tolist())), bool((abs(X) < 5).all())
    ((100, 4), [0, 1, 2], True)
    """

    kind = "random_rbf"
    nominal = {}  # noqa: RUF012 - read only

    def __init__(
        self,
        n_features: int = 10,
        n_classes: int = 2,
        seed_model: int = 1,
        seed: int = 1,
        n_centroids: int = 50,
    ) -> None:
        self.names = _numbered("att", whole("n_features", n_features, 1, _MOST))
        self.class_names = _numbered("class", whole("n_classes", n_classes, 2, _MOST))
        self.seed_model = checked_seed("seed_model", seed_model)
        self.seed = checked_seed("seed", seed)
        self.n_centroids = whole("n_centroids", n_centroids, 1, _MOST)
        self._place(0, 0.0)

    def _place(self, n_moving: int, change: float) -> None:
        d = self.n_features
        if d * self.n_centroids > 10**7:
            raise ParameterError(
                f"n_centroids = {self.n_centroids!r} are too many for {d} features"
            )
        centres, steps = np.empty((self.n_centroids, d)), np.empty((n_moving, d))
        self._facts = np.empty((3, self.n_centroids))
        place_centroids(centres, self._facts, steps, self.seed_model, self.n_classes, change)
        self._arrays = {
            "rng": first_seed(self.seed),
            "centres": centres,
            "steps": steps,
            "gaussian": np.zeros(2),
        }

    def _fill(self, X: FloatArray, y: IntArray) -> None:
        rng, centres, steps, gaussian = self._arrays.values()
        rbf_rows(X, y, rng, centres, self._facts, steps, gaussian)


class RandomRBFDrift(RandomRBF):
    """`RandomRBF` with centroids that move with every row, and turn around at 0 and 1.

    The rows are those of MOA's ``RandomRBFGeneratorDrift``.

    Parameters
    ----------
    n_features
        Width of a row.
    n_classes
        Number of classes.
    seed_model
        Gives the centroids, and the directions they move in.
    seed
        Gives the rows.
    n_centroids
        Number of centroids.
    change_speed
        How far a centroid moves with each row (MOA's ``speedChange``).
    n_drift_centroids
        How many of them move, the first ones.

    Examples
    --------
    >>> fast = RandomRBFDrift(n_features=2, change_speed=0.01)
    >>> X, _ = fast.rows(10)
    >>> bool((X[0] == RandomRBF(n_features=2).rows(1)[0][0]).all())  # it moves before each row
    False
    """

    kind = "random_rbf_drift"

    def __init__(  # noqa: PLR0913, PLR0917 - MOA's own options
        self,
        n_features: int = 10,
        n_classes: int = 2,
        seed_model: int = 1,
        seed: int = 1,
        n_centroids: int = 50,
        change_speed: float = 0.0,
        n_drift_centroids: int = 50,
    ) -> None:
        super().__init__(n_features, n_classes, seed_model, seed, n_centroids)
        self.change_speed = float(checked("change_speed", change_speed, 0.0, 1e9))
        self.n_drift_centroids = whole("n_drift_centroids", n_drift_centroids, 0, _MOST)
        self._place(min(self.n_drift_centroids, self.n_centroids), self.change_speed)
