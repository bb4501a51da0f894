"""Generated streams: as a file (``streamadapt generate``), or as the source of a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from streamadapt.config import Config
from streamadapt.config_errors import Places, explained
from streamadapt.config_generators import GeneratedStream
from streamadapt.config_kinds import ConfigModel
from streamadapt.config_yaml import read_yaml
from streamadapt.connectors.generator_files import write_rows
from streamadapt.connectors.generator_source import GeneratorSource
from streamadapt.errors import ConfigError

__all__ = ["asked_stream", "generated_source", "write_stream"]


class _Asked(ConfigModel):
    source: GeneratedStream  # so that mistakes are said as in a pipeline file


def asked_stream(
    kind: str, parameters: Sequence[str], rows: int, drifts: Sequence[str]
) -> GeneratedStream:
    """Return the stream that options of the command line describe.

    Parameters
    ----------
    kind
        Of the generator.
    parameters
        ``name=value`` each.
    rows
        How many.
    drifts
        YAML mappings, as in a pipeline file: ``{to: {kind: sea, function: 3}, position: 5000}``.

    Raises
    ------
    ConfigError
        Saying all that is wrong.

    Examples
    --------
    >>> asked_stream("sea", ["function=2"], 10, []).make().function
    2
    >>> asked_stream("sea", ["funtion=2"], 10, [])
    Traceback (most recent call last):
    streamadapt.errors.ConfigError: generate: 1 mistake
      source.generator.funtion = 2: unknown name; allowed are 'kind', 'function', 'seed', \
'balance_classes', 'noise_percentage'; did you mean 'function'?
    """
    generator: dict[str, Any] = {"kind": kind}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals:
            raise ConfigError(f"--param {parameter}: write name=value")
        generator[name] = read_yaml(value, f"--param {name}")[0]
    changes = [read_yaml(text, "--drift")[0] for text in drifts]
    tree = {"source": {"generator": generator, "rows": rows, "drifts": changes}}
    try:
        return _Asked.model_validate(tree).source
    except ValidationError as error:
        raise ConfigError(explained("generate", error, Places(tree, {}, {}))) from None


def generated_source(config: Config) -> GeneratorSource | None:
    """Return the generated stream that a pipeline file asks for, or None if it asks for none.

    Raises
    ------
    ConfigError
        If a generator refuses its parameters.
    SourceError
        If the generator lacks a column of the record.
    """
    stream = config.source.generated if config.source else None
    if stream is None:
        return None
    return GeneratorSource(stream.make(), config.schema_of_records(), stream.rows)


def write_stream(stream: GeneratedStream, path: Path) -> None:
    """Write all rows of a stream to a file, in the format that its name says."""
    write_rows(stream.make(), stream.rows, path)
