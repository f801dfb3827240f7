"""Reading YAML as JSON values, each with the line on which it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sandbox_tools.errors import SandboxError
from sandbox_tools.json_values import plain
from sandbox_tools.types import Json

Path = tuple[str | int, ...]

_TAG: Final = "tag:yaml.org,2002:"
_RESOLVED: Final = {
    "null": r"|~|null|Null|NULL",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"-?(?:0|[1-9][0-9]*)",
    "float": r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?",
}


class YamlError(Exception):
    """The text is not YAML of JSON values: what is wrong, and on which line where known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.message, self.line = message, line
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML document as JSON."""

    value: Json
    lines: dict[Path, int]
    """1-based lines by path of names and indices."""

    def line(self, path: Path) -> int:
        """The line of the value at a path, or of the nearest value around it."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def read(text: str) -> Document:
    """Read one document; plain scalars are what JSON would make of them.

    So `no`, `2025-01-03`, `12:30` and `007` are strings, which YAML 1.1 turns into a boolean, a
    date and numbers; keys are always strings.

    Raises:
        YamlError: Not YAML, a key given twice, or a value that JSON does not have.
    """
    try:
        loader = _Loader(text)
        lines: dict[Path, int] = {(): 1}
        root = loader.get_single_node()
        return Document(_value(loader, root, (), lines) if root else None, lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(error.problem or "not YAML", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise YamlError(str(error).partition("\n")[0]) from None
    except RecursionError:
        raise YamlError("it nests too deep, or an anchor contains itself") from None


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 as the base class has it


for _name, _pattern in _RESOLVED.items():
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), None)


def _value(loader: _Loader, node: Node, path: Path, lines: dict[Path, int]) -> Json:
    lines[path] = node.start_mark.line + 1
    if isinstance(node, SequenceNode):
        items = enumerate(node.value)
        return [_value(loader, item, (*path, index), lines) for index, item in items]
    if isinstance(node, MappingNode):
        return _object(loader, node, path, lines)
    try:
        return plain(loader.construct_object(node))
    except (SandboxError, ValueError) as fault:
        raise YamlError(str(fault), lines[path]) from None


def _object(
    loader: _Loader, node: MappingNode, path: Path, lines: dict[Path, int]
) -> dict[str, Json]:
    members: dict[str, Json] = {}
    for key, member in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            raise YamlError("a key is no plain text", line)
        if key.value == "<<" and key.style is None:
            raise YamlError("merge keys (`<<`) are not supported", line)
        if key.value in members:
            raise YamlError(f"the key `{key.value}` stands twice", line)
        members[key.value] = _value(loader, member, (*path, key.value), lines)
        lines[(*path, key.value)] = line
    return members
