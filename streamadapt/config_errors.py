"""What is wrong in a pipeline file, said as a person would: line, path, value, what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from streamadapt.config import Config
from streamadapt.config_yaml import KeyPath, Lines

__all__ = ["Places", "allowed_names", "explained", "listed", "shown_text"]

_SHOWN = 80  # characters of a wrong value in a message
_QUOTED = re.compile(r"'([^']*)'")
_KEY = "[key]"  # how pydantic marks that the key itself is wrong
_MISSING = object()
_SUBJECT = re.compile(r"^(?:Input|String|Tuple|List|Dictionary|Value) ")
_AT_PATH = re.compile(r"([^:\s]+): ")
_PASSWORD = re.compile(r"(://[^:/\s]*:)(?!\$\{).*@")  # in a URL, and no reference
_TEXT_WANTED = "should be text: put it in quotes, as it stands in the data"
_WANTED = {
    "bool_parsing": "should be true or false",
    "bool_type": "should be true or false",
    "dict_type": "should be a mapping of names to values",
    "list_type": "should be a list, as in [a, b]",
    "model_type": "should be a mapping of names to values",
    "string_type": _TEXT_WANTED,
    "tuple_type": "should be a list, as in [a, b]",
}
"""Where pydantic's own words would speak of Python's types."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a value stands: in a line of the file, or in a variable that overrides it."""

    tree: Any
    """The file's tree, with overrides, before ``${VAR}`` was replaced: fit to be shown."""
    lines: Lines
    overrides: Mapping[KeyPath, str]

    def at(self, path: KeyPath) -> str:
        """Return e.g. ``line 7, learners.tree.delta``."""
        name = ".".join(map(str, path))
        for end in range(len(path), 0, -1):
            variable = next((v for p, v in self.overrides.items() if p[:end] == path[:end]), None)
            line = self.lines.get(tuple(map(str, path[:end])))
            if variable is not None and (line is None or end == len(path)):
                return f"{variable}, {name}"
            if line is not None:
                return f"line {line}, {name}"
        return name

    def value(self, path: KeyPath) -> Any:  # noqa: ANN401 - any YAML value
        """Return what is written at `path`, or `_MISSING`."""
        value = self.tree
        for part in path:
            if not _holds(value, part):
                return _MISSING
            value = value[part]
        return value

    def shown(self, path: KeyPath) -> str:
        """Return `` = value``, or nothing if there is none, or too much of it."""
        value = self.value(path)
        if value is _MISSING or isinstance(value, dict | list):
            return ""
        text = shown_text(value)
        return f" = {text}" if len(text) <= _SHOWN else f" = {text[:_SHOWN]}..."


def shown_text(value: object) -> str:
    """Return a value as it is written, but for the password in a URL.

    >>> print(shown_text("redis://:hunter2@db.example/0"))
    'redis://:***@db.example/0'
    """
    return _PASSWORD.sub(r"\1***@", repr(value))


def explained(where: str, error: ValidationError, places: Places) -> str:
    """Return the text for all mistakes at once; of a value that fits no form, one line."""
    problems: dict[str, list[str]] = {}
    for mistake in error.errors(include_url=False):
        path, problem = _problem(mistake, places)
        problems.setdefault(path, []).append(problem)
    lines = [f"{path}: {' or '.join(dict.fromkeys(found))}" for path, found in problems.items()]
    return listed(where, [line.removeprefix(": ") for line in lines])


def listed(where: str, lines: list[str]) -> str:
    """Return the text for mistakes of a file, one a line."""
    return "\n  ".join([f"{where}: {len(lines)} mistake{'s' * (len(lines) > 1)}", *lines])


def _problem(mistake: Any, places: Places) -> tuple[str, str]:  # noqa: ANN401 - pydantic's ErrorDetails
    """Return (line, path and value; what is wrong)."""
    kind, context = mistake["type"], mistake.get("ctx", {})
    path = _in_file(mistake["loc"], places.tree)
    if kind == "missing":
        return places.at((*path, mistake["loc"][-1])), "missing"
    if kind == "value_error" and (match := _AT_PATH.match(str(context["error"]))):
        inner = tuple(match.group(1).split("."))  # a check of the whole says itself where
        return places.at(inner) + places.shown(inner), str(context["error"])[match.end() :]
    if mistake["loc"][-1:] == (_KEY,):
        return places.at(path), _bad_name(path, kind, context)
    if kind == "union_tag_invalid" and not isinstance(places.value(path), str):
        path = (*path, "kind")
    return places.at(path) + places.shown(path), _said(mistake, path)


def _said(mistake: Any, path: KeyPath) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    context = mistake.get("ctx", {})
    said = _SUBJECT.sub("", str(mistake["msg"]))
    match mistake["type"]:
        case "extra_forbidden":
            names = allowed_names(Config, mistake["loc"][:-1])
            said = f"unknown name; {_offer(str(path[-1]), names)}"
        case "literal_error" | "enum" | "union_tag_invalid":
            expected = _QUOTED.findall(context.get("expected", context.get("expected_tags")))
            said = _offer(context.get("tag", mistake["input"]), expected) if expected else said
        case "union_tag_not_found":
            said = "`kind` is missing"
        case "string_type" if isinstance(mistake["input"], dict | list | None):
            pass
        case kind if kind in _WANTED:
            said = _WANTED[kind]
        case "value_error":
            said = str(context["error"])
    return said


def _bad_name(path: KeyPath, kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        return f"the name {path[-1]!r} should match {context['pattern']}"
    return f"the name {path[-1]!r} {_TEXT_WANTED}"


def _offer(given: Any, names: list[str]) -> str:  # noqa: ANN401 - any YAML value
    """Return what is allowed, and which of it may be meant."""
    close = difflib.get_close_matches(str(given), names, 1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"allowed are {', '.join(map(repr, names))}{meant}"


def _in_file(loc: KeyPath, tree: Any) -> KeyPath:  # noqa: ANN401 - any YAML value
    """Drop the parts of a pydantic path that are no keys of the file (kinds, forms of a union)."""
    kept: list[str | int] = []
    told = False  # whether the kind of this part of the tree has been named
    for part in loc:
        if isinstance(tree, dict) and not told and part == _kind(tree):
            told = True
        elif _holds(tree, part):
            kept.append(part)
            tree, told = tree[part], False
    return tuple(kept)


def _holds(tree: Any, part: str | int) -> bool:  # noqa: ANN401 - any YAML value
    if isinstance(tree, list):
        return isinstance(part, int) and part < len(tree)
    return isinstance(tree, dict) and part in tree


def _kind(tree: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any YAML value
    return tree.get("kind", "python" if "python" in tree else None)


def allowed_names(annotation: Any, loc: KeyPath) -> list[str]:  # noqa: ANN401 - any type
    """Return the names that may stand at `loc`, a pydantic path, inside a type.

    >>> from streamadapt.config import Config
    >>> allowed_names(Config, ("labels", "delay"))
    ['events', 'seconds']
    """
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        if not loc:
            return list(fields)
        return allowed_names(fields[str(loc[0])].annotation, loc[1:]) if loc[0] in fields else []
    arguments = get_args(annotation)
    match get_origin(annotation):
        case _ if get_origin(annotation) is Annotated:
            return allowed_names(arguments[0], loc)
        case _ if get_origin(annotation) in (Union, UnionType):
            return _allowed_in_union(arguments, loc)
        case container if container in (dict, tuple, list) and loc:
            return allowed_names(arguments[1 if container is dict else 0], loc[1:])
    return []


def _allowed_in_union(members: tuple[Any, ...], loc: KeyPath) -> list[str]:
    tagged = [member for member in members if loc and _tag(member) == loc[0]]
    if tagged:
        return allowed_names(tagged[0], loc[1:])
    names = [name for member in members for name in allowed_names(member, loc)]
    return list(dict.fromkeys(names))


def _tag(member: Any) -> str | None:  # noqa: ANN401 - any type
    """Return the ``kind`` of a member of a union that is told apart by it."""
    if get_origin(member) is Annotated:
        member = get_args(member)[0]
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return None
    kind = member.model_fields.get("kind")
    is_constant = kind is not None and get_origin(kind.annotation) is Literal
    return str(get_args(kind.annotation)[0]) if kind is not None and is_constant else None
