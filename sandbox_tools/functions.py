"""How a typed function becomes a tool: its schema, and the call from JSON to Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter, Signature
from types import FunctionType
from typing import Annotated, Any, Final, get_args, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind
from pydantic_core import PydanticSerializationError, to_json

from sandbox_tools import docstrings, schemas
from sandbox_tools.decorator import is_read_only
from sandbox_tools.errors import ToolError
from sandbox_tools.sandbox import Tool
from sandbox_tools.types import Json, ToolSpec
from sandbox_tools.world import World


class ToolFunctionError(Exception):
    """A function cannot be a tool: what is wrong with it, and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        self.message, self.remedy = message, remedy
        super().__init__(f"{message}. {remedy}")


_NAMED: Final = {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}


def from_function(function: Callable[..., Json]) -> Tool:
    """The tool that a marked function describes.

    Raises:
        ToolFunctionError: The function lacks a docstring or a type, or a type has no schema.
    """
    text = inspect.getdoc(function)
    if not text:
        raise ToolFunctionError("has no docstring", "Say in one what it does: a model reads it.")
    if not isinstance(function, FunctionType) or _is_deferred(inspect.unwrap(function)):
        raise ToolFunctionError("is no plain function", "Use `def`: no class, cache or `async`.")
    doc = docstrings.parse(text)
    parameters = list(_typed_parameters(function))
    adapter = _adapter([_described(p, doc) for p in parameters if p.annotation is not World])
    _refuse_unknown(doc.parameters, parameters)
    spec = ToolSpec(
        name=function.__name__,
        description=doc.description,
        parameters=_parameters_schema(adapter),
        read_only=is_read_only(function),
    )
    worlds = tuple(p.name for p in parameters if p.annotation is World)
    return Tool(spec, _mock(function, adapter, worlds), uses_state=bool(worlds))


def _mock(
    function: Callable[..., Json], adapter: TypeAdapter[dict[str, Any]], worlds: tuple[str, ...]
) -> Callable[[dict[str, Json], World], Json]:
    def call(arguments: dict[str, Json], world: World) -> Json:
        try:
            # As JSON text, because strict validation then knows a date, but no "5" for a 5.
            typed = adapter.validate_json(to_json(arguments), strict=True)
        except ValidationError as error:
            raise ToolError(_refusal(error)) from None
        except PydanticSerializationError:
            raise ToolError("The arguments are not JSON.") from None
        return function(**typed, **dict.fromkeys(worlds, world))

    return call


def _refusal(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"])) or "arguments"
    return f"{place:.100}: {first['msg']:.200}"


def _typed_parameters(function: Callable[..., Json]) -> Iterator[Parameter]:
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as error:
        raise ToolFunctionError(
            f"has an annotation that cannot be read ({error})", "Import what it names."
        ) from error
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in _NAMED:
            raise ToolFunctionError(
                f"has the parameter `{parameter}`, which JSON arguments cannot fill",
                "Give every parameter a name: no `*args`, `**kwargs` or `/`.",
            )
        if name not in hints:
            raise ToolFunctionError(
                f"does not annotate its parameter `{name}`", f"Write `{name}: <type>`."
            )
        yield parameter.replace(annotation=hints[name])


def _described(parameter: Parameter, doc: docstrings.Docstring) -> Parameter:
    description = doc.parameters.get(parameter.name)
    kind = parameter.replace(kind=Parameter.KEYWORD_ONLY)
    if description is None:
        return kind
    # The docstring's text comes first, so that a `Field(description=...)` goes before it.
    base, *extras = get_args(kind.annotation) if _is_annotated(kind) else (kind.annotation,)
    return kind.replace(annotation=Annotated[(base, Field(description=description), *extras)])


def _adapter(parameters: list[Parameter]) -> TypeAdapter[dict[str, Any]]:
    """A validator from a JSON object to keyword arguments, defaults filled in."""

    def arguments(**typed: Any) -> dict[str, Any]:
        return typed

    arguments.__annotations__ = {p.name: p.annotation for p in parameters}
    vars(arguments)["__signature__"] = Signature(parameters)
    # Mypy knows no call signature as a type; pydantic does.
    signature: Any = arguments
    try:
        return TypeAdapter(signature, config=ConfigDict(allow_inf_nan=False))
    except Exception as error:
        raise ToolFunctionError(
            f"has a type that pydantic refuses ({_line(error)})", "Use JSON types."
        ) from error


def _parameters_schema(adapter: TypeAdapter[dict[str, Any]]) -> dict[str, Json]:
    try:
        titled = adapter.json_schema(schema_generator=_Schema)
    except Exception as error:
        raise ToolFunctionError(
            f"has a type without JSON Schema ({_line(error)})", "Use JSON types."
        ) from error
    schema: dict[str, Json] = schemas.without_titles(titled)
    if fault := schemas.schema_fault(schema):
        raise ToolFunctionError(
            f"has parameters with a wrong schema: {fault.message}", "Mend the annotation."
        )
    return schema


class _Schema(GenerateJsonSchema):
    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        raise TypeError(f"{kind}: {detail}")


def _refuse_unknown(described: Mapping[str, str], parameters: list[Parameter]) -> None:
    for name in sorted(described.keys() - {p.name for p in parameters}):
        raise ToolFunctionError(
            f"describes `{name}`, which is no parameter", "Correct its `Args:` section."
        )


def _is_annotated(parameter: Parameter) -> bool:
    return hasattr(parameter.annotation, "__metadata__")


def _is_deferred(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function)


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
