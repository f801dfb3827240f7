"""The JSON Schema of a tool's arguments: whether it is one, and which arguments it allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from sandbox_tools.types import Json

Path = tuple[str | int, ...]

# Beside one of these a schema may allow properties that `properties` does not name.
_APPLICATORS: Final = {"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "dependentSchemas"}
# Retrieves nothing: no schema refers to another one.
_NO_OTHERS: Final[Registry[Any]] = Registry()
_CLOSING: Final = {"additionalProperties", "unevaluatedProperties"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where inside the value that was looked at."""

    path: Path
    message: str


def schema_fault(schema: Mapping[str, Json]) -> Fault | None:
    """Why this cannot be the schema of an arguments object; None where it can."""
    if not isinstance(schema.get("$schema", ""), str):
        return Fault(("$schema",), "`$schema` is a URI")
    try:
        validator_for(schema, default=Draft202012Validator).check_schema(dict(schema))
    except SchemaError as error:
        return Fault(tuple(error.absolute_path), error.message[:200])
    if schema.get("type") != "object":
        return Fault((), "the root of a parameters schema has `type: object`")
    return next(_dangling(schema), None)


def arguments_fault(schema: Mapping[str, Json], arguments: Mapping[str, Json]) -> Fault | None:
    """Why a call with these arguments breaks the schema; None where it does not."""
    try:
        error = best_match(_validator(schema).iter_errors(arguments))
    except RecursionError:
        return Fault((), "the schema refers to itself without end")
    return Fault(tuple(error.absolute_path), error.message[:200]) if error else None


def with_defaults(schema: Mapping[str, Json], arguments: Mapping[str, Json]) -> dict[str, Json]:
    """The arguments, and the declared default of each that was left out."""
    defaults = {
        name: property_["default"]
        for name, property_ in schema.get("properties", {}).items()
        if isinstance(property_, dict) and "default" in property_
    }
    return defaults | dict(arguments)


def without_titles(schema: Any) -> Any:
    """The schema less every `title` that pydantic derived from a name."""
    if isinstance(schema, list):
        return [without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        keyword: _VALUES.get(keyword, without_titles)(value)
        for keyword, value in schema.items()
        if keyword != "title"
    }


def _named(schemas: Any) -> Any:
    return {name: without_titles(schema) for name, schema in schemas.items()}


def _verbatim(value: Any) -> Any:
    return value


# Under these keywords a key is a name, or the value is data: neither is a keyword `title`.
_VALUES: Final = {
    **dict.fromkeys(("properties", "patternProperties", "$defs", "dependentSchemas"), _named),
    **dict.fromkeys(("default", "const", "enum", "examples", "mapping"), _verbatim),
}


def _validator(schema: Mapping[str, Json]) -> Validator:
    kind = validator_for(schema, default=Draft202012Validator)
    if not (_APPLICATORS | _CLOSING) & schema.keys():
        schema = {**schema, "additionalProperties": False}
    return kind(schema, format_checker=kind.FORMAT_CHECKER, registry=_NO_OTHERS)


def _dangling(schema: Mapping[str, Json]) -> Iterator[Fault]:
    """References that lead nowhere. Schemas with an `$id` inside have bases of their own."""
    found = list(_members(schema, ()))
    if any(name == "$id" for path, _ in found for name in path[-1:]):
        return
    resolver = _NO_OTHERS.with_resource("", DRAFT202012.create_resource(schema)).resolver()
    for path, reference in found:
        if path[-1] == "$ref" and isinstance(reference, str):
            try:
                resolver.lookup(reference)
            except Unresolvable:
                yield Fault(path, f"`{reference}` is not in this schema; no other is ever fetched")


def _members(value: Json, path: Path) -> Iterator[tuple[Path, Json]]:
    pairs: Sequence[tuple[str | int, Json]] = ()
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    for name, member in pairs:
        yield (*path, name), member
        yield from _members(member, (*path, name))
