"""The JSON Schema of pipeline files, for editors: what may stand where, and what it means.

What a field means stands once, in the ``Parameters`` section of its class's docstring; a learner's
constructor parameters are described by the learner's own.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from streamadapt.config import Config

__all__ = ["DIALECT", "json_schema", "parameter_texts"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}$|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^(\w+)[^\n]*\n((?:[ \t]+[^\n]*\n?|\n)+)", re.MULTILINE)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a pipeline file.

    >>> schema = json_schema()
    >>> schema["properties"]["seed"]["default"], "ADWINConfig" in schema["$defs"]
    (0, True)
    """
    schema = Config.model_json_schema(schema_generator=_Described)
    return {"$schema": DIALECT, **schema, "title": "StreamAdapt pipeline"}


def parameter_texts(docstring: str | None) -> dict[str, str]:
    r"""Return {name: text} of the ``Parameters`` section of a numpydoc docstring.

    >>> parameter_texts("Sum.\n\nParameters\n----------\na\n    First\n    line.\nb : int\n    B.")
    {'a': 'First line.', 'b': 'B.'}
    """
    section = _SECTION.search(inspect.cleandoc(docstring or "") + "\n")
    entries = _ENTRY.findall(section.group(1)) if section else []
    return {name: " ".join(text.split()) for name, text in entries}


class _Described(GenerateJsonSchema):
    """Takes descriptions from docstrings, and wants the ``kind`` that tells kinds apart."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        json = super().model_schema(schema)
        docstring = schema["cls"].__doc__
        if docstring:
            json["description"] = _paragraph(docstring)
        texts = parameter_texts(docstring)
        for name, field in json.get("properties", {}).items():
            field.pop("title", None)
            if name in texts:
                field.setdefault("description", texts[name])
        _ask_for_kind(json)
        return json


def _paragraph(docstring: str) -> str:
    return " ".join(inspect.cleandoc(docstring).split("\n\n")[0].split())


def _ask_for_kind(json: JsonSchemaValue) -> None:
    """Without ``kind`` it would fit several kinds; but `python:` tells its own."""
    fields = json.get("properties", {})
    if "const" in fields.get("kind", {}) and "python" not in fields:
        fields["kind"].pop("default", None)
        json["required"] = sorted({"kind", *json.get("required", [])})
