"""Toolsets as Python: a module of typed functions, with optional `NAME`, `STATE` and `CLOCK`."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from sandbox_tools.decorator import is_tool
from sandbox_tools.errors import ToolsetError
from sandbox_tools.functions import ToolFunctionError, from_function
from sandbox_tools.json_values import sealed
from sandbox_tools.sandbox import Tool
from sandbox_tools.toolset import (
    DEFAULT_CLOCK,
    Toolset,
    assemble,
    clock_time,
    state_object,
    valid_name,
)
from sandbox_tools.types import Json

T = TypeVar("T")


def load_python(path: Path) -> Toolset:
    """Import a toolset module on its own; the digest covers its source, not what it imports.

    Raises:
        ToolsetError: It is not Python, fails to import, or a function of it cannot be a tool.
    """
    source = _read(path)
    module = _imported(source)
    tools = [_tool(source, function) for function in _marked(module)]
    if not tools:
        raise source.wrong("no function is a tool", None, "Put @tool over the functions to call.")
    return assemble(
        name=_constant(source, module, "NAME", path.stem, valid_name),
        description=inspect.cleandoc(module.__doc__ or ""),
        tools=tools,
        state=_constant(source, module, "STATE", {}, state_object),
        now=_constant(source, module, "CLOCK", DEFAULT_CLOCK, clock_time),
        behavior=source.text,
    )


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    text: str
    tree: ast.Module

    def wrong(self, message: str, line: int | None, remedy: str) -> ToolsetError:
        return ToolsetError(message, file=str(self.path), line=line, remedy=remedy)


class _Loader(SourceLoader):
    """Runs the text that was read, so that digest and code agree whatever bytecode lies about."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002 the base class's signature
        return str(self._source.path)

    def get_data(self, path: str | bytes) -> bytes:  # noqa: ARG002 the base class's signature
        return self._source.text.encode()


def _read(path: Path) -> _Source:
    try:
        text = path.read_text(encoding="utf-8")
        source = _Source(path, text, ast.parse(text))
    except SyntaxError as error:
        remedy = "Mend the syntax."
        raise ToolsetError(error.msg, file=str(path), line=error.lineno, remedy=remedy) from None
    except (OSError, ValueError) as error:
        remedy = "Save it as readable UTF-8 text."
        raise ToolsetError(f"cannot be read: {error}", file=str(path), remedy=remedy) from None
    for line, message, remedy in _faults(source.tree):
        raise source.wrong(message, line, remedy)
    return source


def _faults(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            remedy = "Keep what changes in STATE and take a parameter annotated World."
            yield node.lineno, "`global` shares data between episodes", remedy
    seen: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            if node.name in seen:
                yield node.lineno, f"`{node.name}` is defined twice", "Rename one of them."
            seen.add(node.name)


def _imported(source: _Source) -> ModuleType:
    """A module of its own, whose data no call can change."""
    place = hashlib.sha256(str(source.path.resolve()).encode()).hexdigest()[:12]
    spec = spec_from_loader(f"toolset_{source.path.stem}_{place}", _Loader(source))
    assert spec is not None  # noqa: S101 None is for loaders that cannot load
    module = module_from_spec(spec)
    # Dataclasses and pydantic look up the module of a class there.
    sys.modules[spec.name] = module
    try:
        with redirect_stdout(sys.stderr):
            _Loader(source).exec_module(module)
        names = [name for name in vars(module) if not name.startswith("__")]
        vars(module).update({name: sealed(vars(module)[name]) for name in names})
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        remedy = "A toolset is one file that can be imported on its own."
        message = f"importing it raises {type(error).__name__}: {str(error)[:200]}"
        raise source.wrong(message, _line_in(source, error), remedy) from error
    return module


def _line_in(source: _Source, error: BaseException) -> int | None:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(source.path)]
    return lines[-1] if lines else None


def _marked(module: ModuleType) -> list[Callable[..., Json]]:
    """The module's own tools in order; one imported from elsewhere is not under its digest."""
    return [
        value
        for value in vars(module).values()
        if is_tool(value) and value.__module__ == module.__name__
    ]


def _tool(source: _Source, function: Callable[..., Json]) -> Tool:
    try:
        return from_function(function)
    except ToolFunctionError as fault:
        line = inspect.unwrap(function).__code__.co_firstlineno
        message = f"`{function.__name__}` {fault.message}"
        raise source.wrong(message, line, fault.remedy) from fault


def _constant(
    source: _Source, module: ModuleType, name: str, default: object, read: Callable[[object], T]
) -> T:
    try:
        return read(getattr(module, name, default))
    except ValueError as error:
        remedy = "See docs/toolsets.md for NAME, STATE and CLOCK."
        raise source.wrong(f"{name} is wrong: {error}", _line_of(source, name), remedy) from None


def _line_of(source: _Source, constant: str) -> int | None:
    for node in source.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if any(isinstance(target, ast.Name) and target.id == constant for target in targets):
            return node.lineno
    return None
