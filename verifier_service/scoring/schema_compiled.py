"""A compiled check for the schemas that most tools have: yes in a third of a microsecond.

Only a yes is taken from it. A no is looked into by the validator that explains it, and decided
there; so this one may be stricter, but never laxer. That holds for the keywords that are listed
here, and a test holds both to it on the official suite; a schema with any other is not compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import jsonschema_rs

from sandbox_tools.types import Json
from verifier_service.scoring.schema_formats import FORMATS

Check = Callable[[Json], bool]

_PLAIN: Final = frozenset(
    {
        "type", "required", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
        "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly",
        "$comment",
    }
)  # fmt: skip
_OF_SCHEMAS: Final = frozenset({"anyOf", "oneOf", "allOf"})
_OF_NAMED_SCHEMAS: Final = frozenset({"properties"})
_OF_ONE_SCHEMA: Final = frozenset({"items", "additionalProperties"})
_EXACT: Final = 2**53


def compiled(schema: Mapping[str, Json]) -> Check | None:
    """Whether a value holds against a draft 2020-12 schema; None where that is not compiled.

    The check says yes only where the schema holds.
    """
    bare = {keyword: value for keyword, value in schema.items() if keyword != "$schema"}
    if not all(map(_is_known, _subschemas(bare))):
        return None
    try:
        validator = jsonschema_rs.Draft202012Validator(
            bare, validate_formats=True, formats=_FORMATS
        )
    except ValueError:
        return None
    return validator.is_valid


def _subschemas(schema: Json) -> Iterator[Json]:
    """The schema and everything that stands in it where a schema may."""
    pending = [schema]
    while pending:
        one = pending.pop()
        yield one
        if isinstance(one, Mapping):
            pending.extend(_within(one))


def _within(schema: Mapping[str, Json]) -> Iterator[Json]:
    for keyword, value in schema.items():
        if keyword in _OF_ONE_SCHEMA:
            yield value
        elif keyword in _OF_SCHEMAS:
            yield from value
        elif keyword in _OF_NAMED_SCHEMAS:
            yield from value.values()


def _is_known(schema: Json) -> bool:
    if isinstance(schema, bool):
        return True
    known = _PLAIN | _OF_SCHEMAS | _OF_NAMED_SCHEMAS | _OF_ONE_SCHEMA
    return all(
        keyword in known
        or (keyword == "enum" and all(map(_is_exact, value)))
        or (keyword == "const" and _is_exact(value))
        or (keyword == "format" and value in _FORMATS)
        for keyword, value in schema.items()
    )


def _is_exact(value: Json) -> bool:
    """Whether no two readers disagree about which values equal this one."""
    if isinstance(value, bool | str) or value is None:
        return True
    return isinstance(value, int) and abs(value) < _EXACT


def _format(name: str) -> Callable[[str], bool]:
    def conforms(text: str) -> bool:
        return FORMATS.conforms(text, name)

    return conforms


_FORMATS: Final[dict[str, Any]] = {name: _format(name) for name in FORMATS.checkers}
