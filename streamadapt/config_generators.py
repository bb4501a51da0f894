"""Generated streams in a pipeline file: a generator, how many rows, and the drifts on the way."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, Literal, TypeAlias, Union, get_type_hints

from pydantic import Field, create_model

from streamadapt.config_kinds import Component, ConfigModel, shortened
from streamadapt.connectors.generator import RowGenerator
from streamadapt.connectors.generators import GENERATORS, ConceptDrift
from streamadapt.errors import ConfigError, ParameterError

__all__ = ["DriftConfig", "GeneratedStream", "GeneratorConfig", "Generators"]


class GeneratorConfig(Component):
    """A stream generator; its parameters are the options of MOA's."""


def _model(kind: str, generator: type) -> type[GeneratorConfig]:
    hints = get_type_hints(generator.__init__)  # type: ignore[misc]
    given = inspect.signature(generator).parameters
    fields: dict[str, Any] = {name: (hints[name], p.default) for name, p in given.items()}
    fields["kind"] = (Literal[kind], ...)
    return create_model(
        f"{generator.__name__}Config",
        __base__=GeneratorConfig,
        __doc__=generator.__doc__,
        **fields,
    )


_MODELS: Any = Union[tuple(_model(kind, g) for kind, g in GENERATORS.items())]  # noqa: UP007 - made at run time

Generators: TypeAlias = shortened(  # type: ignore[valid-type]
    Annotated[_MODELS, Field(discriminator="kind")], *GENERATORS
)


class DriftConfig(ConfigModel):
    """A drift to another concept: abrupt if `width` is 1, else gradual.

    Parameters
    ----------
    to
        The generator whose rows come more and more often.
    position
        The row at which they come every other time.
    width
        Over how many rows the drift stretches.
    seed
        Chooses between the streams.
    """

    to: Generators
    position: int = Field(ge=0)
    width: int = Field(1, ge=1)
    seed: int = 1


class GeneratedStream(ConfigModel):
    """A stream that a generator makes.

    Parameters
    ----------
    generator
        What the rows come from at first.
    rows
        How many there are.
    drifts
        Drifts to other concepts, in order; one that names the first generator again is recurring.
    """

    generator: Generators
    rows: int = Field(ge=1)
    drifts: tuple[DriftConfig, ...] = ()

    def make(self) -> RowGenerator:
        """Return the stream at its start; each drift is MOA's ConceptDriftStream around the last.

        Raises
        ------
        ConfigError
            If a generator refuses its parameters, or does not fit the others.
        """
        stream = _made(self.generator, "source.generator")
        for i, drift in enumerate(self.drifts):
            where = f"source.drifts.{i}"
            after = _made(drift.to, f"{where}.to")
            try:
                stream = ConceptDrift(stream, after, drift.position, drift.width, seed=drift.seed)
            except ParameterError as error:
                raise ConfigError(f"{where}: {error}") from error
        return stream


def _made(config: GeneratorConfig, where: str) -> RowGenerator:
    try:
        return GENERATORS[config.kind](**config.given())
    except ParameterError as error:
        raise ConfigError(f"{where}: {error}") from error
