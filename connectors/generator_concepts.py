"""Generators of fixed concepts: SEA, Agrawal, sine and STAGGER."""

from __future__ import annotations

from streamadapt.connectors.generator import ArrayGenerator, checked_seed, first_seed
from streamadapt.connectors.generator_agrawal_kernels import agrawal_rows
from streamadapt.connectors.generator_kernels import sea_rows, sine_rows, stagger_rows
from streamadapt.contracts import FloatArray, IntArray
from streamadapt.errors import checked, whole

__all__ = ["SEA", "STAGGER", "Agrawal", "Sine"]

_GROUPS = ("groupA", "groupB")


class SEA(ArrayGenerator):
    """Three numbers in [0, 10], of which the sum of the first two is above a threshold or not.

    The rows are those of MOA's ``SEAGenerator``.

    Parameters
    ----------
    function
        1 to 4, the threshold: 8, 9, 7 or 9.5.
    seed
        MOA's ``instanceRandomSeed``.
    balance_classes
        Draw rows until the classes alternate (before noise).
    noise_percentage
        Of the labels that are the wrong one, 0 to 100.

    References
    ----------
    W. N. Street and Y. Kim (2001): A streaming ensemble algorithm (SEA) for large-scale
    classification. KDD, 377-382.

    Examples
    --------
    >>> X, y = SEA(function=2, seed=1).rows(2)
    >>> X.round(3).tolist(), y.tolist()
    ([[7.309, 4.101, 2.077], [6.589, 7.107, 1.527]], [1, 1])
    """

    kind = "sea"
    names = ("attrib1", "attrib2", "attrib3")
    class_names = _GROUPS
    nominal = {}  # noqa: RUF012 - read only

    def __init__(
        self,
        function: int = 1,
        seed: int = 1,
        balance_classes: bool = False,
        noise_percentage: int = 10,
    ) -> None:
        self.function = whole("function", function, 1, 4)
        self.seed = checked_seed("seed", seed)
        self.balance_classes = bool(balance_classes)
        self.noise_percentage = whole("noise_percentage", noise_percentage, 0, 100)
        self._arrays = {"rng": first_seed(self.seed)}

    def _fill(self, X: FloatArray, y: IntArray) -> None:
        threshold = (8.0, 9.0, 7.0, 9.5)[self.function - 1]
        sea_rows(X, y, self._arrays["rng"], threshold, self.noise_percentage, self.balance_classes)


class Agrawal(ArrayGenerator):
    """Applicants for a loan: six numbers and three categories, judged by one of ten functions.

    The rows are those of MOA's ``AgrawalGenerator``: noise comes after the judgement, salary and
    commission stay in their ranges, and no house is worth more than 135,000 once there is noise.

    Parameters
    ----------
    function
        1 to 10, in the order of the paper.
    seed
        MOA's ``instanceRandomSeed``.
    perturbation
        Noise on the numbers, as a share of their ranges (MOA's ``peturbFraction``).
    balance_classes
        Draw rows until the classes alternate.

    References
    ----------
    R. Agrawal, T. Imielinski and A. Swami (1993): Database mining: a performance perspective.
    IEEE Transactions on Knowledge and Data Engineering 5 (6), 914-925.

    Examples
    --------
    >>> X, y = Agrawal(function=1, seed=1).rows(1)
    >>> dict(zip(Agrawal.names, X[0].round().tolist()))["age"], y.tolist()
    (54.0, [1])
    """

    kind = "agrawal"
    names = (
        "salary",
        "commission",
        "age",
        "elevel",
        "car",
        "zipcode",
        "hvalue",
        "hyears",
        "loan",
    )
    class_names = _GROUPS
    nominal = {  # noqa: RUF012 - read only
        3: tuple(f"level{i}" for i in range(5)),
        4: tuple(f"car{i}" for i in range(1, 21)),
        5: tuple(f"zipcode{i}" for i in range(1, 10)),
    }

    def __init__(
        self,
        function: int = 1,
        seed: int = 1,
        perturbation: float = 0.05,
        balance_classes: bool = False,
    ) -> None:
        self.function = whole("function", function, 1, 10)
        self.seed = checked_seed("seed", seed)
        self.perturbation = float(checked("perturbation", perturbation, 0.0, 1.0))
        self.balance_classes = bool(balance_classes)
        self._arrays = {"rng": first_seed(self.seed)}

    def _fill(self, X: FloatArray, y: IntArray) -> None:
        rng, fraction = self._arrays["rng"], self.perturbation
        agrawal_rows(X, y, rng, self.function, fraction, self.balance_classes)


class Sine(ArrayGenerator):
    """Points of the unit square, below a sine curve or not, and two irrelevant numbers.

    The rows are those of MOA's ``SineGenerator``.  (Java leaves the last bit of a sine to the
    machine; it matters only to a point within 1e-16 of the curve.)

    Parameters
    ----------
    function
        1: positive below ``sin(x)``; 2: negative there; 3: positive below
        ``0.5 + 0.3 sin(3 pi x)``; 4: negative there.
    seed
        MOA's ``instanceRandomSeed``.
    suppress_irrelevant_attributes
        Leave out the irrelevant numbers.
    balance_classes
        Draw points until the classes alternate.

    References
    ----------
    J. Gama, P. Medas, G. Castillo and P. Rodrigues (2004): Learning with drift detection. SBIA,
    LNCS 3171, 286-295.

    Examples
    --------
    >>> X, y = Sine(function=1, suppress_irrelevant_attributes=True).rows(1000)
    >>> bool((y == (X[:, 1] >= [__import__("math").sin(x) for x in X[:, 0]])).all())
    True
    """

    kind = "sine"
    class_names = ("positive", "negative")
    nominal = {}  # noqa: RUF012 - read only

    def __init__(
        self,
        function: int = 1,
        seed: int = 1,
        suppress_irrelevant_attributes: bool = False,
        balance_classes: bool = False,
    ) -> None:
        self.function = whole("function", function, 1, 4)
        self.seed = checked_seed("seed", seed)
        self.suppress_irrelevant_attributes = bool(suppress_irrelevant_attributes)
        self.balance_classes = bool(balance_classes)
        n = 2 if suppress_irrelevant_attributes else 4
        self.names = tuple(f"att{i}" for i in range(1, n + 1))
        self._arrays = {"rng": first_seed(self.seed)}

    def _fill(self, X: FloatArray, y: IntArray) -> None:
        sine_rows(X, y, self._arrays["rng"], self.function, self.balance_classes)


class STAGGER(ArrayGenerator):
    """Things of a size, a color and a shape, of which a concept is true or false.

    The rows are those of MOA's ``STAGGERGenerator``.

    Parameters
    ----------
    function
        1: small and red; 2: green or a circle; 3: medium or large.
    seed
        MOA's ``instanceRandomSeed``.
    balance_classes
        Draw things until the classes alternate.

    References
    ----------
    J. C. Schlimmer and R. H. Granger (1986): Incremental learning from noisy data. Machine
    Learning 1 (3), 317-354.

    Examples
    --------
    >>> X, y = STAGGER(function=3).rows(1000)
    >>> bool(((X[:, 0] > 0) == (y == 1)).all())
    True
    """

    kind = "stagger"
    names = ("size", "color", "shape")
    class_names = ("false", "true")
    nominal = {  # noqa: RUF012 - read only
        0: ("small", "medium", "large"),
        1: ("red", "blue", "green"),
        2: ("circle", "square", "triangle"),
    }

    def __init__(self, function: int = 1, seed: int = 1, balance_classes: bool = False) -> None:
        self.function = whole("function", function, 1, 3)
        self.seed = checked_seed("seed", seed)
        self.balance_classes = bool(balance_classes)
        self._arrays = {"rng": first_seed(self.seed)}

    def _fill(self, X: FloatArray, y: IntArray) -> None:
        stagger_rows(X, y, self._arrays["rng"], self.function, self.balance_classes)
