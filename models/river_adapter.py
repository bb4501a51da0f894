"""Any River classifier or regressor as a learner of this package.

What these promise less than other learners: River itself decides whether predicting changes a
model and how much memory it takes, and a row that makes River's ``learn_one`` raise may have been
learned in part.  River is imported when the first adapter is made, not before.
"""

from __future__ import annotations

import math
from typing import Any

from streamadapt.contracts import FloatArray
from streamadapt.errors import ParameterError
from streamadapt.models.learner import ArrayClassifier, ArrayRegressor
from streamadapt.models.river_learner import HUGE, RiverLearner

__all__ = ["RiverClassifier", "RiverRegressor"]


class RiverClassifier(RiverLearner, ArrayClassifier):
    """A River classifier as a learner.

    Rows become dicts by name, without what is missing, infinite or above 1e100; labels become
    ints, or bools for a binary model.  Rows without any value, with a bad label or weight, or at
    which River raises are counted in ``n_skipped``.  Where River cannot predict, all classes are
    equally probable, counted in ``n_failed_predictions`` (which is no part of the state).  Weights
    reach only models whose ``learn_one`` takes ``w``.

    Equal models have equal digests, but not ``river.rules.AMRules``, which names its rules by their
    addresses, nor after a prediction ``river.linear_model.BayesianLinearRegression``, which keeps
    what it works out there: their ``digest_is_canonical`` is False.

    Parameters
    ----------
    n_features
        Width d of a row.
    n_classes
        Number k of classes; 2 for a model that River calls binary.
    model
        Name of a class (see `river_model`), or a River classifier, which is copied.
    params
        Parameters for the named class.
    feature_names
        d names, x0, x1, ... if left out.
    signing_key
        At least 16 secret bytes; without it there is no state.

    Examples
    --------
    >>> key = b"0123456789abcdef"
    >>> model = RiverClassifier(1, 2, "river.naive_bayes.GaussianNB", signing_key=key)
    >>> model.learn([[0.0], [0.1], [5.0], [5.1]], [0, 0, 1, 1])
    >>> other = RiverClassifier(1, 2, "river.naive_bayes.GaussianNB", signing_key=key)
    >>> other.restore(model.state())
    >>> other.predict([[0.05], [5.05]]).argmax(axis=1).tolist()
    [0, 1]
    """

    kind = "river_classifier"
    river_base = "Classifier"

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        model: str | Any = "river.tree.HoeffdingTreeClassifier",  # noqa: ANN401 - or any River classifier
        params: dict[str, Any] | None = None,
        feature_names: tuple[str, ...] | None = None,
        signing_key: bytes | None = None,
    ) -> None:
        ArrayClassifier.__init__(self, n_features, n_classes)
        self._wrap(model, params, feature_names, signing_key)
        self._binary = not getattr(self._model, "_multiclass", True)
        if self._binary and self.n_outputs != 2:
            raise ParameterError(f"n_classes = {n_classes}, but {model!r} is for 2 classes")

    def _fill(self, x: dict[str, float], out: FloatArray) -> None:
        try:
            shares = self._model.predict_proba_one(x)
        except NotImplementedError:
            shares = {self._model.predict_one(x): 1.0}
        for c in range(self.n_outputs):
            share = float(shares.get(c, 0.0) or 0.0)
            out[c] = share if 0.0 < share <= HUGE else 0.0
        total = math.fsum(out)
        if total > 0.0:
            out /= total
        else:
            self._fill_unknown(out)

    def _fill_unknown(self, out: FloatArray) -> None:
        out[:] = 1.0 / self.n_outputs

    def _is_label(self, label: float) -> bool:
        return 0 <= label < self.n_outputs

    def _label(self, label: float) -> object:
        return bool(label) if self._binary else int(label)


class RiverRegressor(RiverLearner, ArrayRegressor):
    """A River regressor as a learner; see `RiverClassifier`.

    Where River cannot predict, or predicts no finite number, the prediction is 0.

    Parameters
    ----------
    n_features
        Width d of a row.
    model
        Name of a class (see `river_model`), or a River regressor, which is copied.
    params
        Parameters for the named class.
    feature_names
        d names, x0, x1, ... if left out.
    signing_key
        At least 16 secret bytes; without it there is no state.

    Examples
    --------
    >>> model = RiverRegressor(1, "river.dummy.StatisticRegressor",
    ...                        {"statistic": {"model": "river.stats.Mean"}})
    >>> model.test_then_train([[0.0], [0.0], [0.0]], [1.0, 3.0, 5.0])[:, 0].tolist()
    [0.0, 1.0, 2.0]
    """

    kind = "river_regressor"
    river_base = "Regressor"

    def __init__(
        self,
        n_features: int,
        model: str | Any = "river.tree.HoeffdingTreeRegressor",  # noqa: ANN401 - or any River regressor
        params: dict[str, Any] | None = None,
        feature_names: tuple[str, ...] | None = None,
        signing_key: bytes | None = None,
    ) -> None:
        ArrayRegressor.__init__(self, n_features)
        self._wrap(model, params, feature_names, signing_key)

    def _fill(self, x: dict[str, float], out: FloatArray) -> None:
        value = float(self._model.predict_one(x))
        out[0] = value if math.isfinite(value) else 0.0

    def _fill_unknown(self, out: FloatArray) -> None:
        out[0] = 0.0

    def _is_label(self, label: float) -> bool:
        return abs(label) <= HUGE

    def _label(self, label: float) -> object:
        return float(label)
