"""Reading a pipeline file: ``${VAR}`` from the environment, overrides, and errors that help.

``${VAR}`` and ``${VAR:-default}`` inside a text are replaced from the environment: secrets belong
there, and are never shown again.  ``$${`` stands for ``${`` itself.
``STREAMADAPT__learners__tree__delta=1e-5`` replaces one value of the file, and is shown as if it
stood there; the parts are the path, without regard to case where the file's own key differs only
by it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from pydantic import ValidationError

from streamadapt.config import Config, Origin
from streamadapt.config_errors import Places, explained, listed, shown_text
from streamadapt.config_yaml import MAX_FILE_BYTES, KeyPath, read_yaml
from streamadapt.errors import ConfigError

__all__ = ["ENVIRONMENT_PREFIX", "load_config", "parse_config", "placed", "read_text"]

ENVIRONMENT_PREFIX = "STREAMADAPT__"

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_VARIABLE = re.compile(r"(\w+)(?::-(.*))?", re.DOTALL)
_AT_PATH = re.compile(r"(?P<path>[^:\s]+): (?:(?P<parameter>\w+) = )?")

Tree: TypeAlias = dict[str, Any]


def load_config(path: str | Path, environ: Mapping[str, str]) -> Config:
    """Read a pipeline file.

    Raises
    ------
    ConfigError
        If the file is absent, is no YAML, or holds anything wrong; the text names the file, the
        line, the path inside it, the value, and what is allowed, for every mistake at once.
    """
    return parse_config(read_text(path), environ, str(path))


def read_text(path: str | Path) -> str:
    """Return the text of a pipeline file; raises `ConfigError` if it has none."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: byte {error.start}") from error


def parse_config(
    text: str,
    environ: Mapping[str, str],
    where: str = "pipeline",
    chosen: Mapping[str, Any] = MappingProxyType({}),
) -> Config:
    """Read a pipeline from text; see `load_config`.

    `chosen` are values by dotted path, ``learners.tree.delta``; they replace those of the text and
    of the environment.

    Examples
    --------
    >>> parse_config("{name: demo, task: {kind: regresion, target: y}}", {}, "demo.yaml")
    Traceback (most recent call last):
    streamadapt.errors.ConfigError: demo.yaml: 3 mistakes
      line 1, task.kind = 'regresion': allowed are 'classification', 'regression', 'forecast'; \
did you mean 'regression'?
      record: missing
      learners: missing
    """
    tree, lines = read_yaml(text, where)
    if not isinstance(tree, dict):
        raise ConfigError(f"{where}: a pipeline file is a mapping of names to values")
    overrides = _override(tree, environ) | _choose(tree, chosen)
    places = Places(tree, lines, overrides)
    written = copy.deepcopy(tree)
    texts = [
        text,
        *(value for name, value in environ.items() if name.startswith(ENVIRONMENT_PREFIX)),
    ]
    references = [found.group(1) or "" for each in texts for found in _REFERENCE.finditer(each)]
    named = {m for reference in references for m in _VARIABLE.findall(reference)}
    secrets = {environ[name]: name for name, _ in named if environ.get(name)}
    replaced = {tuple(map(str, path)) for path in overrides}
    at = {".".join(path): line for path, line in lines.items() if path not in replaced}
    origin = Origin(where, written, at, secrets)
    filled = _substituted(tree, environ, (where, places, ()))
    try:
        return Config.model_validate(filled, context=origin)
    except ValidationError as error:
        raise ConfigError(explained(where, error, places)) from None


@contextmanager
def placed(config: Config) -> Iterator[None]:
    """Add file and line to a `ConfigError` about this configuration, hide what is secret.

    Such an error begins with the path it is about, and maybe the parameter, as in
    ``learners.tree: delta = 7 is not in [0, 1]``.
    """
    try:
        yield
    except ConfigError as error:
        found = [_with_line(config.origin, text) for text in error.mistakes]
        if len(found) > 1:
            raise ConfigError(listed(config.origin.file, [text for text, _ in found])) from None
        text, is_placed = found[0]
        raise ConfigError(f"{config.origin.file}: {text}" if is_placed else text) from None


def _with_line(origin: Origin, text: str) -> tuple[str, bool]:
    """Return the text without secrets, and with its line if it is about a place of the file."""
    for secret in sorted(origin.secrets, key=len, reverse=True):  # one may be a part of another
        name = origin.secrets[secret]
        text = text.replace(secret, f"${{{name}}}")
    match = _AT_PATH.match(text)
    if match is None:
        return text, False
    path, parameter = match.group("path", "parameter")
    longest = f"{path}.{parameter}"
    for at in (longest, path):
        if at in origin.lines:
            rest = text[match.end() :] if at == longest else text[len(path) + 2 :]
            joint = " = " if at == longest else ": "
            return f"line {origin.lines[at]}, {at}{joint}{rest}", True
    return text, False


def _override(tree: Tree, environ: Mapping[str, str]) -> dict[KeyPath, str]:
    """Put overrides into the tree; return {path: variable}."""
    found: dict[KeyPath, str] = {}
    for name in sorted(environ):
        if name.startswith(ENVIRONMENT_PREFIX):
            value, _ = read_yaml(environ[name], name)
            parts = name.removeprefix(ENVIRONMENT_PREFIX).split("__")
            found[_put(tree, parts, name, value)] = name
    return found


def _choose(tree: Tree, chosen: Mapping[str, Any]) -> dict[KeyPath, str]:
    """Put values by dotted path into the tree; return {path: how to name it}."""
    return {
        _put(tree, path.split("."), f"--set {path}", copy.deepcopy(value)): "--set"
        for path, value in chosen.items()
    }


def _put(tree: Any, parts: list[str], name: str, value: Any) -> KeyPath:  # noqa: ANN401 - any YAML values
    *parents, last = parts
    path: list[str | int] = []
    for part in parents:
        path.append(_key(tree, part, name))
        tree = _inside(tree, path[-1])
    path.append(_key(tree, last, name))
    tree[path[-1]] = value
    return tuple(path)


def _inside(branch: Any, key: Any) -> Any:  # noqa: ANN401 - any YAML values
    """Return what stands at `key`, made a mapping if it is nothing or the name of a kind."""
    inner = branch[key] if isinstance(branch, list) else branch.get(key)
    if inner is None or isinstance(inner, str):
        inner = branch[key] = {} if inner is None else {"kind": inner}
    return inner


def _key(branch: Any, part: str, name: str) -> str | int:  # noqa: ANN401 - any YAML value
    """Return the key that `part` means: the file's own, maybe in another case, or a new one."""
    if isinstance(branch, list) and part.isdecimal() and int(part) < len(branch):
        return int(part)
    if not isinstance(branch, dict) or not part:
        raise ConfigError(f"{name}: there is no {part!r} to replace in the pipeline file")
    if part in branch:
        return part
    same = [key for key in branch if str(key).lower() == part.lower()]
    if len(same) == 1:
        return str(same[0])
    return part.lower() if part.isupper() else part


def _substituted(value: Any, environ: Mapping[str, str], at: tuple[str, Places, KeyPath]) -> Any:  # noqa: ANN401 - any YAML value
    where, places, path = at
    if isinstance(value, dict):
        return {k: _substituted(v, environ, (where, places, (*path, k))) for k, v in value.items()}
    if isinstance(value, list):
        return [_substituted(v, environ, (where, places, (*path, i))) for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value

    def found(reference: re.Match[str]) -> str:
        if reference.group() == "$${":
            return "${"
        variable = _VARIABLE.fullmatch(reference.group(1)) if reference.group(2) else None
        if variable is None:
            raise ConfigError(
                f"{where}: {places.at(path)} = {shown_text(value)}: write ${{NAME}} or "
                "${NAME:-default}, or $${ for these two signs themselves"
            )
        name, default = variable.groups()
        if name not in environ and default is None:
            raise ConfigError(
                f"{where}: {places.at(path)} = {shown_text(value)}: {name} is not set in the "
                f"environment; set it, or write ${{{name}:-default}}"
            )
        return environ.get(name, default or "")

    return _REFERENCE.sub(found, value)
