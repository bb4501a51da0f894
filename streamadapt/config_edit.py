"""Other values in the text of a pipeline file, whose comments and layout stay."""

from __future__ import annotations

from typing import Any, TypeAlias

import yaml

from streamadapt.config_yaml import composed, dumped, read_yaml
from streamadapt.errors import ConfigError

__all__ = ["edited"]

_MISSING = object()

Edit: TypeAlias = tuple[int, int, str]
"""From where to where, and what stands there instead."""


def edited(text: str, wanted: Any) -> str:  # noqa: ANN401 - any YAML value
    r"""Return `text` changed so that it reads as the tree `wanted`.

    Values are replaced, and new ones put in, where they stand.  Where that cannot be done (a key
    is gone, or a value stands behind an alias), the whole is written anew, without comments.

    Examples
    --------
    >>> edited("a: {b: 1}  # why\nc:\n", {"a": {"b": 2}, "c": {"kind": "tree", "d": 1}})
    'a: {b: 2}  # why\nc: {kind: tree, d: 1}\n'
    """
    node = composed(text)
    edits = sorted(_edits(node, wanted)) if node is not None else []
    changed = text
    for start, end, new in reversed(edits):
        changed = changed[:start] + new + changed[end:]
    try:
        if read_yaml(changed, "edited")[0] == wanted:
            return changed
    except ConfigError:
        pass
    return dumped(wanted)


def _edits(node: yaml.Node, wanted: Any) -> list[Edit]:  # noqa: ANN401 - any YAML value
    if isinstance(node, yaml.MappingNode) and isinstance(wanted, dict) and node.value:
        return _in_mapping(node, wanted)
    if isinstance(node, yaml.SequenceNode) and isinstance(wanted, list):
        both = zip(node.value, wanted, strict=False)  # another length is found out at the end
        return [edit for inner, value in both for edit in _edits(inner, value)]
    start, end = node.start_mark.index, node.end_mark.index
    if _value(node) == wanted:
        return []
    space = " " if start == end else ""  # nothing stands there, right behind a colon
    return [(start, end, space + dumped(wanted, inline=True))]


def _in_mapping(node: yaml.MappingNode, wanted: dict[str, Any]) -> list[Edit]:
    edits: list[Edit] = []
    known = {str(key.value): value for key, value in node.value}
    first = node.value[0][0].start_mark
    for key, value in wanted.items():
        if key in known:
            edits += _edits(known[key], value)
            continue
        line = f"{dumped(key, inline=True)}: {dumped(value, inline=True)}"
        behind = ", " if node.flow_style else "\n" + " " * first.column
        edits.append((first.index, first.index, line + behind))
    return edits


def _value(node: yaml.Node) -> Any:  # noqa: ANN401 - any YAML value
    """Return what a node reads as; nothing that any value equals if it is no scalar."""
    if not isinstance(node, yaml.ScalarNode):
        return _MISSING
    if node.style in ("'", '"', "|", ">"):
        return node.value
    return read_yaml(node.value, "edited")[0]
