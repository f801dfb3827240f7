"""A JSON Schema violation as data, with a plain sentence for people beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from heapq import nsmallest
from typing import Any, Final

from jsonschema.exceptions import relevance

from sandbox_tools.types import Json
from verifier_service.scoring.codes import Code
from verifier_service.scoring.schema_keywords import NoBranch
from verifier_service.scoring.types import Failure
from verifier_service.scoring.values import abridged, pointer

Violation = Any
"""A `ValidationError` or `SchemaError`; the stubs call every field of one possibly unset."""

LONGEST_QUOTE: Final = 60

NOUNS: Final = {
    "null": "null",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}

CODES: Final = {code.value: code for code in Code}
CODE_NAMES: Final = {None: "false", "minContains": "contains", "maxContains": "contains"}
"""Keywords whose code has another name; None is the schema `false`."""

WANTED_MEMBERS: Final = frozenset({"required", "dependentRequired", "dependencies"})
SURPLUS_MEMBERS: Final = frozenset(
    {"additionalProperties", "unevaluatedProperties", "propertyNames"}
)
"""Keywords that speak of one member: the error's message is its name, its path the object's."""


def failure(error: Violation, path: str) -> Failure:
    """One violation as data.

    The path is that of the value at fault; where a member is missing or should not be there, that
    of the object that lacks or has it, with the member's name as `expected` or `actual`.

    Args:
        path: JSON Pointer of the arguments object.
    """
    keyword = error.validator
    expected, actual = error.validator_value, error.instance
    if keyword in WANTED_MEMBERS:
        expected, actual = error.message, None
    elif keyword in SURPLUS_MEMBERS:
        actual = error.message
    return Failure(
        CODES[f"schema.{CODE_NAMES.get(keyword, keyword)}"],
        path + pointer(*error.absolute_path),
        sentence(error),
        abridged(expected),
        abridged(actual),
    )


def unknown_argument(name: str, path: str) -> Failure:
    """The violation of a closed root by one argument that its schema does not declare."""
    return Failure(
        Code.SCHEMA_ADDITIONAL_PROPERTIES,
        path,
        f"{quote(name)} is not an argument of this tool",
        expected=False,
        actual=abridged(name),
    )


_WRITER: Final = json.JSONEncoder(ensure_ascii=False)


def sentence(error: Violation) -> str:
    """What is wrong, in one sentence of bounded length."""
    subject = _subject(error.absolute_path)
    describe = SENTENCES.get(error.validator)
    return describe(subject, error) if describe else f"{subject} is not allowed"


def quote(value: Json) -> str:
    """The value as JSON, or the beginning of it."""
    shown = abridged(value)
    if shown is not value and not isinstance(value, str):
        return str(shown)
    text = _WRITER.encode(shown)
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


def kind(value: Json) -> str:
    """The JSON type of a value, with its article."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a boolean"
    types = {int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return NOUNS[types[type(value)]]


def _subject(path: Sequence[str | int]) -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    text = steps.removeprefix(".") or "the arguments object"
    return text if len(text) <= LONGEST_QUOTE else "…" + text[-LONGEST_QUOTE:]


def _inside(subject: str, error: Violation) -> str:
    return f" in {subject}" if error.absolute_path else ""


def _wrong_type(subject: str, error: Violation) -> str:
    return f"{subject} is {kind(error.instance)} where {_one_of_types(error)} is required"


def _one_of_types(*errors: Violation) -> str:
    listed = [e.validator_value for e in errors]
    names = [name for one in listed for name in ([one] if isinstance(one, str) else one)]
    return " or ".join(dict.fromkeys(NOUNS.get(name, name) for name in names))


def _missing(subject: str, error: Violation) -> str:
    return f"{quote(error.message)} is required{_inside(subject, error)} and missing"


def _needed(subject: str, error: Violation) -> str:
    return f"{quote(error.message)} is needed by another member{_inside(subject, error)}"


def _surplus(subject: str, error: Violation) -> str:
    return f"{quote(error.message)} is not allowed in {subject}"


def _enumerated(subject: str, error: Violation) -> str:
    return f"{subject} is {quote(error.instance)} where {_any_of(error)} is required"


def _any_of(error: Violation) -> str:
    allowed = error.validator_value
    return quote(allowed) if error.validator == "const" else f"one of {quote(allowed)}"


def _no_format(subject: str, error: Violation) -> str:
    return f"{subject} is {quote(error.instance)}, which is not a valid {error.validator_value}"


def _no_match(subject: str, error: Violation) -> str:
    return f"{subject} is {quote(error.instance)}, which does not match {_limit(error)}"


def _limit(error: Violation) -> str:
    return quote(error.validator_value)


def _number(words: str) -> Callable[[str, Violation], str]:
    return lambda subject, error: f"{subject} is {quote(error.instance)}, {words} {_limit(error)}"


def _count(noun: str, words: str) -> Callable[[str, Violation], str]:
    return lambda subject, error: (
        f"{subject} has {len(error.instance)} {noun} where {words} {_limit(error)} are allowed"
    )


def _plain(words: str) -> Callable[[str, Violation], str]:
    return lambda subject, _: f"{subject} {words}"


def _no_branch(subject: str, error: Violation) -> str:
    if not isinstance(error, NoBranch):
        return f"{subject} fits more than one of the forms of which exactly one may hold"
    branches = error.branches()
    on_type = [branch for branch in branches if branch.validator == "type"]
    if len(on_type) == len(branches) and not any(branch.path for branch in on_type):
        return f"{subject} is {kind(error.instance)} where {_one_of_types(*on_type)} is required"
    nearest = _nearest(error)
    hint = "" if nearest is error else f"; nearest: {sentence(nearest)}"
    return f"{subject} fits none of the allowed forms{hint}"


def _nearest(error: Violation) -> Violation:
    """The least error of the branches, and of its branches, unless two are equally near.

    Source: `jsonschema.exceptions.best_match`.
    """
    while isinstance(error, NoBranch):
        nearest = nsmallest(2, error.branches(), key=relevance)
        if len(nearest) == 2 and relevance(nearest[0]) == relevance(nearest[1]):
            break
        error = nearest[0]
    return error


SENTENCES: Final[Mapping[str, Callable[[str, Violation], str]]] = {
    "type": _wrong_type,
    "required": _missing,
    "dependentRequired": _needed,
    "dependencies": _needed,
    "additionalProperties": _surplus,
    "unevaluatedProperties": _surplus,
    "propertyNames": _surplus,
    "enum": _enumerated,
    "const": _enumerated,
    "format": _no_format,
    "pattern": _no_match,
    "minimum": _number("below the minimum of"),
    "maximum": _number("above the maximum of"),
    "exclusiveMinimum": _number("which must be above"),
    "exclusiveMaximum": _number("which must be below"),
    "multipleOf": _number("not a multiple of"),
    "minLength": _count("characters", "no fewer than"),
    "maxLength": _count("characters", "no more than"),
    "minItems": _count("items", "no fewer than"),
    "maxItems": _count("items", "no more than"),
    "minProperties": _count("members", "no fewer than"),
    "maxProperties": _count("members", "no more than"),
    "uniqueItems": _plain("repeats an item"),
    "items": _plain("has an item too many"),
    "additionalItems": _plain("has an item too many"),
    "unevaluatedItems": _plain("has an item that its schema does not allow"),
    "contains": _plain("lacks an item that is required"),
    "minContains": _plain("has too few of the items that are required"),
    "maxContains": _plain("has too many of the items that are counted"),
    "anyOf": _no_branch,
    "oneOf": _no_branch,
    "not": _plain("has a form that is forbidden"),
}
