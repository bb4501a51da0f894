"""YAML without surprises: no key twice, no bombs, no tags, lines remembered, ``no`` is a text.

Scalars are those of YAML 1.2's core schema: ``yes``, ``on``, ``12:30``, ``010`` and ``2024-01-31``
are texts, ``1e-5`` is a number.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, TypeAlias

import yaml

from streamadapt.errors import ConfigError

__all__ = [
    "MAX_DEPTH",
    "MAX_FILE_BYTES",
    "MAX_VALUES",
    "KeyPath",
    "Lines",
    "composed",
    "dumped",
    "read_yaml",
    "scalar_text",
]

MAX_FILE_BYTES = 1 << 20
MAX_DEPTH = 50
MAX_VALUES = 20_000
"""Values and keys in a file, each counted as often as aliases repeat it."""

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and places in lists, from the top of a file down."""

Lines: TypeAlias = dict[tuple[str, ...], int]
"""Lines, from 1, by paths whose places in lists are texts too."""

_PLAIN = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - as in PyYAML; filled below

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            _refuse(f"nested more than {MAX_DEPTH} deep", self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen:
                _refuse(f"key {key.value!r} stands twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def _keep_only_plain_types() -> None:
    plain = ("null", "bool", "int", "float", "str", "seq", "map")
    known = yaml.SafeLoader.yaml_constructors
    _Loader.yaml_constructors = {_TAG + name: known[_TAG + name] for name in plain} | {
        None: known[None]
    }
    for name, pattern, first in (
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        ("int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", list("-+0123456789")),
        (
            "float",
            r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
            list("-+0123456789."),
        ),
        ("merge", r"<<", ["<"]),
    ):
        _Loader.add_implicit_resolver(_TAG + name, re.compile(rf"^(?:{pattern})\Z"), first)


_keep_only_plain_types()


def read_yaml(text: str, where: str) -> tuple[Any, Lines]:
    """Return the tree in `text`, and {path: line} of everything in it, lines from 1.

    Nothing in the tree is shared, even where aliases stand in the text.

    Raises
    ------
    ConfigError
        If the text is no YAML, or larger, deeper or more than allowed; begins with `where`.

    Examples
    --------
    >>> read_yaml("a: [no, 1e-3]", "demo.yaml")
    ({'a': ['no', 0.001]}, {('a',): 1, ('a', '0'): 1, ('a', '1'): 1})
    """
    if len(text.encode("utf-8", "replace")) > MAX_FILE_BYTES:
        raise ConfigError(f"{where}: larger than {MAX_FILE_BYTES} bytes, which is the most")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, {}
        _count(node, {}, 0)
        tree = loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ConfigError(f"{where}: {_said(error)}") from None
    except ValueError as error:  # a number of many thousand digits
        raise ConfigError(f"{where}: {error}") from None
    return _unshared(tree), dict(_lines(node, ()))


def _refuse(problem: str, mark: yaml.Mark | None) -> None:
    raise yaml.constructor.ConstructorError(None, None, problem, mark)


def _said(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        return f"line {mark.line + 1}, column {mark.column + 1}: {said}"
    return " ".join(str(error).split())


def _count(node: yaml.Node, counted: dict[int, int], so_far: int) -> int:
    """Return the values below `node`, aliases in full; a bomb is counted, not unpacked."""
    if id(node) in counted:
        size = counted[id(node)]
        if size == 0:
            _refuse("an alias stands inside what it names", node.start_mark)
        return size
    counted[id(node)] = 0  # not finished
    size = 1
    for child in _children(node):
        size += _count(child, counted, so_far + size)
        if so_far + size > MAX_VALUES:
            _refuse(f"more than {MAX_VALUES} values, aliases counted in full", node.start_mark)
    counted[id(node)] = size
    return size


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _lines(node: yaml.Node, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], int]]:
    found: list[tuple[tuple[str, ...], int]] = []
    if isinstance(node, yaml.MappingNode):
        inner = [((*path, str(key.value)), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        inner = [((*path, str(place)), value, value) for place, value in enumerate(node.value)]
    else:
        inner = []
    for where, marked, value in inner:
        found += [(where, marked.start_mark.line + 1), *_lines(value, where)]
    return found


def _unshared(tree: Any) -> Any:  # noqa: ANN401 - any YAML value
    if isinstance(tree, dict):
        return {key: _unshared(value) for key, value in tree.items()}
    return [_unshared(value) for value in tree] if isinstance(tree, list) else tree


def composed(text: str) -> yaml.Node | None:
    """Return the nodes of a text that `read_yaml` has read: where in it each value stands."""
    return _Loader(text).get_single_node()


class _Dumper(yaml.SafeDumper):
    """Quotes what `read_yaml` would not take for a text."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401 - any YAML value
        return True


_Dumper.yaml_implicit_resolvers = dict(_Loader.yaml_implicit_resolvers)


def dumped(tree: Any, inline: bool = False) -> str:  # noqa: ANN401 - any YAML value
    """Return a text that `read_yaml` reads as `tree`.

    >>> dumped({"a": ["no", "1e-3", 1e-05]}, inline=True)
    "{a: [no, '1e-3', 1.0e-05]}"
    """
    style: dict[str, Any] = {"default_flow_style": True, "width": float("inf")} if inline else {}
    text = str(yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **style))
    return text.removesuffix("\n").removesuffix("\n...") if inline else text


def scalar_text(text: str) -> str:
    """Return a text as YAML of any version: bare if it can be, else quoted, always on one line."""
    if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text == read_yaml(text, "")[0]:
        return text
    quoted: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**9)
    return quoted.strip()
