"""River estimators by name, for pipelines that are described by text."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from streamadapt.errors import ParameterError

__all__ = ["river_model"]


def river_model(model: str, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
    """Make a River estimator from its name.

    Parameters
    ----------
    model
        Path of a class, such as ``"river.tree.HoeffdingTreeClassifier"``; or several joined by
        ``" | "``, which make a pipeline.
    params
        Parameters of the (last) class.  A value ``{"model": ..., "params": ...}`` is a model too.

    Raises
    ------
    ParameterError
        If there is no such class in River, or it does not take these parameters.

    Examples
    --------
    >>> river_model("river.preprocessing.StandardScaler | river.linear_model.LogisticRegression")
    Pipeline (
    ...
    """
    *first, last = [part.strip() for part in model.split("|")]
    steps = [_instance(name, {}) for name in first]
    steps.append(_instance(last, {name: _nested(value) for name, value in (params or {}).items()}))
    if not first:
        return steps[0]
    return importlib.import_module("river.compose").Pipeline(*steps)


def _nested(value: object) -> object:
    if isinstance(value, Mapping) and "model" in value:
        return river_model(value["model"], value.get("params"))
    return value


def _instance(name: str, params: Mapping[str, Any]) -> Any:  # noqa: ANN401
    module, _, cls = name.replace(":", ".").rpartition(".")
    try:
        if module.split(".")[0] != "river":
            raise ImportError("not in river")  # noqa: TRY301 - one message for both
        made = getattr(importlib.import_module(module), cls)
    except (ImportError, AttributeError) as error:
        raise ParameterError(
            f"model = {name!r} is no class of River, such as 'river.tree.HoeffdingTreeClassifier'"
        ) from error
    try:
        return made(**params)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} does not take params = {dict(params)!r}: {error}") from error
