"""Room 2: the arguments of a call against its tool's JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from jsonschema.exceptions import ValidationError
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from sandbox_tools.types import Json, ToolSpec
from verifier_service.scoring.codes import Code
from verifier_service.scoring.errors import BadTask
from verifier_service.scoring.schema_compiled import Check, compiled
from verifier_service.scoring.schema_keywords import (
    DEFAULT_DRAFT,
    DRAFTS,
    Schema,
    Validator,
    declares,
    evaluated_names,
    for_one,
    in_place,
    validator_of,
)
from verifier_service.scoring.schema_messages import (
    NOUNS,
    failure,
    quote,
    sentence,
    unknown_argument,
)
from verifier_service.scoring.schema_patterns import LONGEST_READ
from verifier_service.scoring.types import Failure
from verifier_service.scoring.values import pointer

NO_ARGUMENTS: Final[Schema] = {"type": "object", "properties": {}}

MOST_TOLD: Final = 200
"""Schemas that all must hold may tell of one value again, twice as often at each level."""

CERTAIN: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "allOf"})
"""Keywords whose subschemas hold whenever the schema holds."""

OPENING: Final = frozenset({"additionalProperties", "unevaluatedProperties"})
"""With one of these a schema says itself which further members it allows."""

SHAPING: Final = OPENING | {
    "properties",
    "patternProperties",
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "dependentSchemas",
    "dependencies",
}
SCHEMA_WORDS: Final = frozenset({"type", "description", "enum", "$ref", "anyOf", "items"})


@dataclass(frozen=True, slots=True)
class ArgumentsSchema:
    """The JSON Schema of a tool's arguments, compiled.

    An object root is closed unless it has `additionalProperties` or `unevaluatedProperties`. Known
    arguments are those that the root declares in `properties`, `patternProperties` or `required`;
    where it is composed (`$ref`, `allOf`, `anyOf`, `if`, …) and holds, those that its subschemas
    evaluate, as with `unevaluatedProperties: false`, in every draft. While a composed root fails,
    only a name that none of its subschemas declares is unknown: one mistake is not reported twice.
    """

    properties: tuple[str, ...]
    """Every argument that the root or a subschema of it declares, in order of declaration."""
    required: tuple[str, ...]
    """Arguments that every call needs."""
    defaults: Mapping[str, Json]
    """By argument, where its schema declares one."""
    path: str
    """JSON Pointer of the schema in the task."""
    _validator: Validator
    _roots: tuple[Schema, ...]
    """The root and every subschema that may apply to the arguments object itself."""
    _compiled: Check | None
    """Says yes only where the validator does, and at once."""

    def accepts(self, arguments: Mapping[str, Json]) -> bool:
        """Whether the arguments certainly hold; if not, `violations` tells, and may find none.

        Raises:
            BadTask: As `is_valid`.
        """
        if self._compiled is None:
            return self.is_valid(arguments)
        return self._compiled(arguments) and self._closed_to(arguments)

    def is_valid(self, arguments: Mapping[str, Json]) -> bool:
        """Whether the arguments hold against the schema: `violations` is then empty.

        Raises:
            BadTask: The schema has a reference that leads nowhere, or recurses without end.
        """
        validator = for_one(self._validator)
        with _schema_at(self.path):
            holds = bool(validator.is_valid(arguments))
            return holds and not self._unknown(validator, arguments, holds=True)

    def violations(self, arguments: Mapping[str, Json], path: str) -> tuple[Failure, ...]:
        """Every violation, or so many that no one reads more, sorted by path and keyword.

        Args:
            path: JSON Pointer of the arguments, such as `/calls/0/arguments`.

        Raises:
            BadTask: The schema has a reference that leads nowhere, or recurses without end.
        """
        validator = for_one(self._validator)
        with _schema_at(self.path):
            found = [
                (tuple(error.absolute_path), failure(error, path))
                for error in islice(validator.iter_errors(arguments), MOST_TOLD)
            ]
            unknown = self._unknown(validator, arguments, holds=not found)
        found.extend(((), unknown_argument(name, path)) for name in unknown)
        found.sort(key=lambda one: (one[0], one[1].code, one[1].message))
        return tuple(one for _, one in found)

    def _unknown(
        self, validator: Validator, arguments: Mapping[str, Json], *, holds: bool
    ) -> list[str]:
        root = self._roots[0]
        if not isinstance(arguments, dict) or OPENING & root.keys():
            return []
        if len(self._roots) > 1 and holds:
            known = evaluated_names(validator, arguments).union(self.required)
            return [name for name in arguments if name not in known]
        if any(OPENING & schema.keys() for schema in self._roots):
            return []
        return [name for name in arguments if not self._declares(name)]

    def _closed_to(self, arguments: Mapping[str, Json]) -> bool:
        """Whether it is certain without a closer look that no argument is unknown."""
        root = self._roots[0]
        return bool(OPENING & root.keys()) or (
            len(self._roots) == 1 and all(map(self._declares, arguments))
        )

    def _declares(self, name: str) -> bool:
        return name in self.required or any(declares(schema, name) for schema in self._roots)


def compile_schema(spec: ToolSpec) -> ArgumentsSchema:
    """The tool's schema, checked and ready.

    Raises:
        BadTask: The schema is invalid, refers to what is not in it, or allows no object.
    """
    path = pointer("tools", spec.name, "parameters")
    schema = spec.parameters or NO_ARGUMENTS
    if not isinstance(schema, Mapping):
        raise _bad(path, "the parameters are not a JSON Schema object; write an object")
    _refuse_bare_properties(schema, path)
    draft = _draft(schema, path)
    with _schema_at(path):
        _check(schema, draft, path)
        validator = validator_of(schema, draft)
        _check_references(validator, draft)
        roots = list(_roots(validator))
        defaults = _defaults(roots)
        if not _allows_objects(validator):
            raise _bad(path, 'the schema allows no object; the root needs "type": "object"')
        for_one(validator).is_valid({})
    schemas = tuple(root.schema for root, _ in roots)
    return ArgumentsSchema(
        properties=_distinct(name for schema in schemas for name in _declared(schema)),
        required=_distinct(
            name for root, certain in roots if certain for name in root.schema.get("required", ())
        ),
        defaults=MappingProxyType(defaults),
        path=path,
        _validator=validator,
        _roots=schemas,
        _compiled=compiled(schema) if draft == DEFAULT_DRAFT else None,
    )


@contextmanager
def _schema_at(path: str) -> Iterator[None]:
    try:
        yield
    except Unresolvable as error:
        raise _bad(
            path,
            f'"$ref" {str(error.ref)[:100]!r} leads nowhere in this schema; remote references are '
            "refused, so copy what it means under $defs",
        ) from error
    except RecursionError as error:
        raise _bad(path, "the schema recurses without end or is nested too deep") from error


def _bad(path: str, message: str) -> BadTask:
    return BadTask(Code.TASK_TOOLS, path, message)


def _draft(schema: Schema, path: str) -> str:
    declared = schema.get("$schema", "https://" + DEFAULT_DRAFT)
    if isinstance(declared, str):
        draft = declared.removeprefix("http://").removeprefix("https://").rstrip("#")
        if draft in DRAFTS:
            return draft
    raise _bad(
        path + "/$schema",
        f"{str(declared)[:100]!r} is no draft that is known; "
        'leave "$schema" out for draft 2020-12, or name draft 4, 6, 7, 2019-09 or 2020-12',
    )


def _refuse_bare_properties(schema: Schema, path: str) -> None:
    if SHAPING & schema.keys():
        return
    for name, value in schema.items():
        is_property = isinstance(value, Mapping) and not SCHEMA_WORDS.isdisjoint(value)
        if is_property and name not in ("$defs", "definitions", "not") and name[:2] != "x-":
            raise _bad(
                path + pointer(name),
                f"{name[:60]!r} looks like an argument beside the schema's keywords; "
                'wrap the arguments: {"type": "object", "properties": {...}}',
            )


def _check(schema: Schema, draft: str, path: str) -> None:
    # Not by the library's own classes: which of several faults they name differs between processes.
    metaschema = for_one(validator_of(DRAFTS[draft].META_SCHEMA, draft))
    for error in metaschema.iter_errors(dict(schema)):
        raise _bad(path + pointer(*error.absolute_path), _schema_fault(error))


def _schema_fault(error: ValidationError) -> str:
    last = error.absolute_path[-1] if error.absolute_path else ""
    if last == "type" and isinstance(error.instance, str):
        known = ", ".join(NOUNS)
        return f"{error.instance[:60]!r} is no JSON Schema type; use one of {known}"
    pattern = _unreadable_pattern(error)
    if pattern is not None:
        return f"the pattern {quote(pattern)} {_pattern_fault(pattern)}"
    return f"not a valid JSON Schema: {sentence(error)}"


def _unreadable_pattern(error: ValidationError) -> str | None:
    match error.validator, error.validator_value:
        case "format", "regex":
            return str(error.instance)
        case "propertyNames", {"format": "regex"}:
            return error.message  # the name
    return None


def _pattern_fault(pattern: str) -> str:
    if len(pattern) > LONGEST_READ:
        return f"has {len(pattern):,} characters; at most {LONGEST_READ:,} are read"
    return "cannot be read; write a regular expression of ECMA-262"


def _check_references(validator: Validator, draft: str) -> None:
    """Follow every reference that can be seen from the root once."""
    dialect = specification_with(DRAFTS[draft].META_SCHEMA.get("$schema"))
    pending = [(dialect.create_resource(validator.schema), validator._resolver)]
    seen: set[int] = set()
    while pending:
        resource, resolver = pending.pop()
        if not isinstance(resource.contents, Mapping) or id(resource.contents) in seen:
            continue
        seen.add(id(resource.contents))
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(reference := resource.contents.get(keyword), str):
                found = _looked_up(resolver, reference)
                pending.append((dialect.create_resource(found.contents), found.resolver))
        pending.extend((sub, resolver.in_subresource(sub)) for sub in resource.subresources())


def _looked_up(resolver: Any, reference: str) -> Any:
    try:
        return resolver.lookup(reference)
    except (ValueError, LookupError, TypeError) as error:  # no URI, or no pointer into this
        raise Unresolvable(ref=reference) from error


def _roots(validator: Validator, *, certain: bool = True) -> Iterator[tuple[Validator, bool]]:
    """The schema and those that may apply to the same instance, and whether they always do."""
    if isinstance(validator.schema, Mapping):
        yield validator, certain
        for keyword, _, branch in in_place(validator):
            yield from _roots(branch, certain=certain and keyword in CERTAIN)


def _declared(schema: Schema) -> Iterator[str]:
    yield from schema.get("properties", ())
    yield from schema.get("required", ())


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _defaults(roots: Iterable[tuple[Validator, bool]]) -> dict[str, Json]:
    defaults: dict[str, Json] = {}
    for root, _ in roots:
        for name, schema in root.schema.get("properties", {}).items():
            for declared, certain in _roots(root.evolve(schema=schema)):
                if certain and "default" in declared.schema:
                    defaults.setdefault(name, declared.schema["default"])
    return defaults


def _allows_objects(validator: Validator) -> bool:
    if not isinstance(validator.schema, Mapping):
        return bool(validator.schema)
    branches: dict[str, list[bool]] = {}
    for keyword, _, branch in in_place(validator):
        branches.setdefault(keyword, []).append(_allows_objects(branch))
    return (
        _allows_object_here(validator.schema)
        and all(all(branches.get(keyword, ())) for keyword in CERTAIN)
        and all(any(branches.get(keyword, [True])) for keyword in ("anyOf", "oneOf"))
    )


def _allows_object_here(schema: Schema) -> bool:
    types = schema.get("type", "object")
    values = schema.get("enum", [schema.get("const", {})])
    return ("object" in types if isinstance(types, list) else types == "object") and any(
        isinstance(value, Mapping) for value in values
    )
