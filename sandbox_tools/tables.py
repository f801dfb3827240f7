"""Toolsets as YAML: schemas and tables of results, no code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo

from sandbox_tools import schemas, yaml_file
from sandbox_tools.errors import ToolError, ToolsetError
from sandbox_tools.json_values import canonical_text, plain
from sandbox_tools.sandbox import Tool
from sandbox_tools.toolset import (
    DEFAULT_CLOCK,
    Toolset,
    assemble,
    clock_time,
    state_object,
    valid_name,
)
from sandbox_tools.types import Json, ToolSpec
from sandbox_tools.world import World

_REMEDY: Final = "docs/toolsets.md shows every key."


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Outcome(_Model):
    """`return`, with `set` where the call changes the state, or `error`."""

    value: Json = Field(default=None, alias="return")
    error: str | None = None
    writes: dict[str, Json] = Field(default={}, alias="set")
    """New values by JSON Pointer; a pointer that ends in `/-` appends to a list."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if ("value" in self.model_fields_set) == (self.error is not None):
            raise ValueError("either `return` or `error` is needed, not both")
        if self.error is not None and self.writes:
            raise ValueError("a call that ends in `error` changes nothing: `set` cannot apply")
        return self


class _Row(_Outcome):
    when: dict[str, Json]


class _Tool(_Model):
    name: Annotated[str, AfterValidator(valid_name)]
    description: str = Field(min_length=1)
    parameters: dict[str, Json]
    read_only: bool = False
    results: list[_Row] = []
    otherwise: _Outcome = _Outcome(error="There is no result for these arguments.")
    errors: dict[PositiveInt, str] = {}
    """Injected refusals by the number of the call in its episode, from 1."""


class _File(_Model):
    name: Annotated[str, AfterValidator(valid_name)]
    description: str = ""
    clock: Annotated[datetime, BeforeValidator(clock_time)] = clock_time(DEFAULT_CLOCK)
    state: Annotated[dict[str, Json], BeforeValidator(state_object)] = {}
    tools: list[_Tool] = Field(min_length=1)


# The model that reads the keys of an object, by the length of the object's path.
_MODELS: Final[Mapping[int, type[_Model]]] = {0: _File, 2: _Tool, 3: _Outcome, 4: _Row}


def load_yaml(path: Path) -> Toolset:
    """Read a YAML toolset.

    Raises:
        ToolsetError: Not YAML, an unknown key, a wrong schema, a row that no call can match.
    """
    document = _document(path)
    try:
        file = _validated(document.value)
        for fault in _faults(file):
            raise fault
    except _FaultError as fault:
        line = document.line(fault.path)
        raise ToolsetError(fault.message, file=str(path), line=line, remedy=fault.remedy) from None
    return assemble(
        name=file.name,
        description=file.description,
        tools=[_mocked(tool) for tool in file.tools],
        state=file.state,
        now=file.clock,
        behavior=document.value["tools"],
    )


class _FaultError(Exception):
    def __init__(self, path: yaml_file.Path, message: str, remedy: str) -> None:
        self.path, self.message, self.remedy = path, message, remedy
        super().__init__(message)


def _document(path: Path) -> yaml_file.Document:
    try:
        return yaml_file.read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        remedy = "Save it as readable UTF-8 text."
        raise ToolsetError(f"cannot be read: {error}", file=str(path), remedy=remedy) from None
    except yaml_file.YamlError as fault:
        remedy = "Mend the YAML."
        raise ToolsetError(fault.message, file=str(path), line=fault.line, remedy=remedy) from None


def _validated(value: Json) -> _File:
    if not isinstance(value, dict):
        found = "it is empty" if value is None else "it is no mapping"
        raise _FaultError((), f"{found}, and so no toolset", _REMEDY)
    try:
        return _File.model_validate(value)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        path, message = fault["loc"], fault["msg"].removeprefix("Value error, ")
        name = path[-1] if path else "the file"
        place = "/".join(map(str, path)) or name
        if fault["type"] == "extra_forbidden":
            keys = [field.alias or key for key, field in _fields(len(path) - 1)]
            remedy = f"The keys here are {', '.join(keys)}."
            raise _FaultError(path, f"`{name}` is no key that is known", remedy) from None
        if fault["type"] == "missing":
            raise _FaultError(path, f"`{name}` is missing", f"Add `{name}`.") from None
        raise _FaultError(path, f"`{place}` is wrong: {message}", _REMEDY) from None


def _fields(depth: int) -> Iterator[tuple[str, FieldInfo]]:
    yield from _MODELS[depth].model_fields.items()


def _faults(file: _File) -> Iterator[_FaultError]:
    names: set[str] = set()
    for index, tool in enumerate(file.tools):
        path: yaml_file.Path = ("tools", index)
        if tool.name in names:
            yield _FaultError((*path, "name"), f"`{tool.name}` is declared twice", "Rename one.")
        names.add(tool.name)
        if wrong := schemas.schema_fault(tool.parameters):
            place = (*path, "parameters", *wrong.path)
            yield _FaultError(place, f"invalid JSON Schema: {wrong.message}", "Mend the schema.")
        yield from _row_faults(tool, path)
        yield from _write_faults(tool, file.state, path)


def _row_faults(tool: _Tool, path: yaml_file.Path) -> Iterator[_FaultError]:
    seen: set[str] = set()
    for index, row in enumerate(tool.results):
        place = (*path, "results", index, "when")
        arguments = schemas.with_defaults(tool.parameters, row.when)
        if wrong := schemas.arguments_fault(tool.parameters, arguments):
            message = f"no valid call matches this row: {wrong.message}"
            remedy = "`when` gives all required parameters values that `parameters` allows."
            yield _FaultError((*place, *wrong.path), message, remedy)
        key = canonical_text(arguments)
        if key in seen:
            yield _FaultError(
                place, "an earlier row has the same arguments", "Remove one of the rows."
            )
        seen.add(key)


def _write_faults(tool: _Tool, state: Json, path: yaml_file.Path) -> Iterator[_FaultError]:
    outcomes = [((*path, "results", index), row) for index, row in enumerate(tool.results)]
    for place, outcome in [*outcomes, ((*path, "otherwise"), tool.otherwise)]:
        for pointer, value in outcome.writes.items():
            where = (*place, "set", pointer)
            if tool.read_only:
                yield _FaultError(
                    where, "a `read_only` tool cannot write", "Remove one of the two."
                )
            try:
                _put(plain(state), pointer, value)
            except (LookupError, TypeError, ValueError):
                remedy = "It is a JSON Pointer such as /orders/W9 whose parent is in `state`."
                yield _FaultError(where, f"`{pointer}` leads nowhere", remedy)


def _mocked(tool: _Tool) -> Tool:
    spec = ToolSpec(tool.name, tool.description, tool.parameters, tool.read_only)
    rows: dict[str, _Outcome] = {
        canonical_text(schemas.with_defaults(tool.parameters, row.when)): row
        for row in tool.results
    }

    def call(arguments: dict[str, Json], world: World) -> Json:
        if world.attempt in tool.errors:
            raise ToolError(tool.errors[world.attempt])
        key = canonical_text(schemas.with_defaults(tool.parameters, arguments))
        outcome = rows.get(key, tool.otherwise)
        if outcome.error is not None:
            raise ToolError(outcome.error)
        for pointer, value in outcome.writes.items():
            _put(world.state, pointer, value)
        return outcome.value

    writes = any(outcome.writes for outcome in [*tool.results, tool.otherwise])
    return Tool(spec, call, uses_state=writes)


def _put(state: Json, pointer: str, value: Json) -> None:
    """Set one member or item. Source: RFC 6901; `-` is the item after the last, as in RFC 6902."""
    root, *tokens = (token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/"))
    if root or not tokens:
        raise ValueError("a pointer starts with /")
    for token in tokens[:-1]:
        state = state[int(token)] if isinstance(state, list) else state[token]
    if isinstance(state, list) and tokens[-1] == "-":
        state.append(plain(value))
    elif isinstance(state, list):
        state[int(tokens[-1])] = plain(value)
    else:
        state[tokens[-1]] = plain(value)
