"""Kinds: what is built by name, with the parameters of its constructor as fields of the file.

A component that is added to a registry appears in pipeline files and in their schema by itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    create_model,
)

__all__ = ["Component", "ConfigModel", "kinds_of", "parameters", "shortened"]

# Told by the pipeline, or secret: never in the file.
_NOT_IN_FILE = frozenset(
    {"n_features", "n_classes", "feature_names", "nominal_features", "signing_key"}
)


class ConfigModel(BaseModel):
    """A part of the file: names it does not know are errors, and it never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Component(ConfigModel):
    """Something built by name: its kind and the parameters given for it."""

    kind: str

    def given(self) -> dict[str, Any]:
        """Return the parameters that stand in the file."""
        own = {"kind", "watch", "robust", "python"}
        return {name: getattr(self, name) for name in self.model_fields_set if name not in own}


class _Python:
    """Your own, by the name of what makes it.

    Parameters
    ----------
    python
        ``package.module:factory``; called with the `params`, and told what it asks for by name:
        ``n_features``, ``n_classes``, ``seed``, ``feature_names``.
    params
        Its parameters.
    """


_PYTHON_FIELDS: dict[str, Any] = {
    "kind": (Literal["python"], "python"),
    "python": (str, Field(pattern=r"^[\w.]+:[\w.]+$")),
    "params": (dict[str, Any], {}),
}


def parameters(component: type) -> dict[str, tuple[Any, Any]]:
    """Return {name: (type, default)} of the constructor parameters that may stand in a file.

    >>> from streamadapt.detectors import ADWIN
    >>> parameters(ADWIN)["clock"]
    (<class 'int'>, 32)
    """
    hints = get_type_hints(component.__init__)  # type: ignore[misc]
    return {
        name: (hints.get(name, Any), ... if p.default is p.empty else p.default)
        for name, p in inspect.signature(component).parameters.items()
        if name not in _NOT_IN_FILE
    }


def kinds_of(base: type[Component], registry: Mapping[str, type]) -> Any:  # noqa: ANN401 - a type made at run time
    """Return the union over a registry, told apart by ``kind``, with one for the user's own.

    ``adwin`` is short for ``{kind: adwin}``, and ``python:`` alone for ``kind: python``.
    """
    models = {kind: _model(base, kind, component) for kind, component in registry.items()}
    models["python"] = create_model(
        f"Python{base.__name__}",
        __base__=base,
        __doc__=_Python.__doc__,
        **_PYTHON_FIELDS,
    )
    tagged = tuple(Annotated[model, Tag(kind)] for kind, model in models.items())
    union: Any = Annotated[Union[tagged], Discriminator(_kind)]  # noqa: UP007 - made at run time
    return shortened(union, *(kind for kind, model in models.items() if _needs_nothing(model)))


def shortened(union: Any, *kinds: str) -> Any:  # noqa: ANN401 - a type made at run time
    """Return the type of which ``kind`` alone may stand for ``{kind: ...}``."""
    written: Any = Literal[kinds] | union if kinds else union
    return Annotated[union, BeforeValidator(_named, json_schema_input_type=written)]


def _model(base: type[Component], kind: str, component: type) -> type[Component]:
    fields: dict[str, Any] = {"kind": (Literal[kind], ...), **parameters(component)}
    name = f"{component.__name__}Config"
    return create_model(name, __base__=base, __doc__=component.__doc__, **fields)


def _needs_nothing(model: type[Component]) -> bool:
    return all(name == "kind" or not f.is_required() for name, f in model.model_fields.items())


def _named(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a YAML file
    if isinstance(value, str):
        return {"kind": value}
    if isinstance(value, dict) and "kind" not in value and "python" in value:
        return {**value, "kind": "python"}
    return value


def _kind(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a YAML file
    return value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
