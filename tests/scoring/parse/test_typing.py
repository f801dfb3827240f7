"""Raw text becomes a value of the type that the tool's schema declares, or stays text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox_tools.types import Json, ToolSpec
from verifier_service.scoring.codes import Code
from verifier_service.scoring.parse.records import Context, Sentinel
from verifier_service.scoring.parse.typing import call_of, typed
from verifier_service.scoring.types import Failure, Limits, Options, ToolCall

REF = {"$ref": "#/$defs/n"}


def context(schema: Json) -> Context:
    root = {"type": "object", "properties": {"p": schema}, "$defs": {"n": {"type": "integer"}}}
    return context_of(root)


def context_of(root: Json) -> Context:
    return Context({"f": ToolSpec("f", "", root)}, Options(), Limits())


def of(*names: str) -> Json:
    return {"type": names[0] if len(names) == 1 else list(names)}


def any_of(*schemas: Json) -> Json:
    return {"anyOf": list(schemas)}


VALUES: list[tuple[str, Json, Json]] = [
    *((text, of("string"), text) for text in ("007", "true", "null", '"x"', " a ", "", "{}")),
    *((text, of("integer"), value) for text, value in (("5", 5), (" 4 ", 4), ("-12", -12))),
    *((text, of("integer"), value) for text, value in (("3.0", 3), ("-3.00", -3), ("1e3", 1000))),
    ("9007199254740993", of("integer"), 9007199254740993),
    ("9007199254740993.0", of("integer"), 9007199254740993),
    *((text, of("integer"), text) for text in ("3.5", "007", "five", "", "1_000", "true", "1e300")),
    *((text, of("number"), value) for text, value in (("5", 5), ("1e3", 1000.0), ("-0.5", -0.5))),
    ("9007199254740993", of("number"), 9007199254740993),
    *((text, of("number"), text) for text in ("NaN", "Infinity", "1e999", "٣", "0x10", '"5"')),
    *((text, of("boolean"), True) for text in ("true", "True", "TRUE", " true\n")),
    ("False", of("boolean"), False),
    *((text, of("boolean"), text) for text in ("1", "0", "yes", "on", "")),
    ("null", of("null"), None),
    *((text, of("null"), text) for text in ("None", "NULL", "")),
    ('{"k": [1]}', of("object"), {"k": [1]}),
    *((text, of("object"), text) for text in ("{'k': 1}", "[1]", '{"k": 1', '{"k":1,"k":2}')),
    ("[1, true]", of("array"), [1, True]),
    *((text, of("array"), text) for text in ("{}", "1, 2", "[1,]")),
    ("null", of("string", "null"), None),
    ("null", of("null", "string"), None),
    ("nil", of("string", "null"), "nil"),
    ("5", of("string", "integer"), 5),
    ("5", any_of(of("string"), of("integer")), 5),
    ("five", any_of(of("integer"), of("string")), "five"),
    ("3.0", of("integer", "number"), 3),
    ("3.0", of("number", "integer"), 3.0),
    ("3.5", of("integer", "number"), 3.5),
    ("5", {"oneOf": [of("null"), of("integer")]}, 5),
    ("5", {"allOf": [of("integer"), {"minimum": 1}]}, 5),
    ("5", REF, 5),
    ("5", any_of(REF, of("null")), 5),
    ("2", {"enum": [1, 2]}, 2),
    ("2", {"enum": ["1", "2"]}, "2"),
    ("1", {"enum": ["1", 1]}, "1"),
    ("true", {"const": True}, True),
    ("null", {"enum": ["a", None]}, None),
    ("7", {}, "7"),
    ("7", True, "7"),
    ("7", {"description": "a number"}, "7"),
    ("[1]", {"items": {}}, [1]),
    ("{}", {"properties": {}}, {}),
    ("7", {"type": "int"}, "7"),
    ("7", {"type": [["integer"]]}, "7"),
    ("7", {"$ref": "#"}, "7"),
    ("7", {"$ref": "#/$defs/nowhere"}, "7"),
    ("7", {"$ref": "https://example.com/n"}, "7"),
    ("1" * 401, of("integer"), "1" * 401),
    ("[" * 100 + "]" * 100, of("array"), "[" * 100 + "]" * 100),
]


@pytest.mark.parametrize(("text", "schema", "value"), VALUES)
def test_a_text_is_typed_by_its_schema(text: str, schema: Json, value: Json) -> None:
    assert json.dumps(typed(text, "f", "p", context(schema))) == json.dumps(value)


def test_a_text_stays_where_no_schema_speaks_of_it() -> None:
    known = context(of("integer"))
    assert typed("7", "f", "other", known) == "7"
    assert typed("7", "g", "p", known) == "7"
    assert typed("7", "f", "p", Context({}, Options(), Limits())) == "7"


@pytest.mark.parametrize(
    "root",
    [
        {"additionalProperties": of("integer")},
        {"type": "object", "allOf": [{"properties": {"p": of("integer")}}]},
        {"$ref": "#/$defs/all", "$defs": {"all": {"properties": {"p": of("integer")}}}},
    ],
)
def test_a_parameter_is_found_wherever_the_schema_declares_it(root: Json) -> None:
    assert typed("7", "f", "p", context_of(root)) == 7


def test_references_in_a_circle_end() -> None:
    root = {"properties": {"p": {"$ref": "#/properties/p", "anyOf": [{"$ref": "#"}]}}}
    assert typed("7", "f", "p", context_of(root)) == "7"


JSON_TYPES = {"integer": int, "number": (int, float), "object": dict, "array": list}


@given(st.sampled_from([*JSON_TYPES, "boolean", "null"]), st.text(max_size=20))
def test_what_fits_no_type_stays_text(name: str, text: str) -> None:
    value: Any = typed(text, "f", "p", context(of(name)))
    fits = {"boolean": bool, "null": type(None), **JSON_TYPES}[name]
    assert value == text or isinstance(value, fits)


def test_a_call_says_no_call_by_its_name_unless_a_tool_has_it() -> None:
    assert isinstance(call_of("no_call", {}, context({})), Sentinel)
    assert call_of("f", {}, context({})) == ToolCall("f", {})
    assert call_of("no_call", {"a": 1}, context({})) == ToolCall("no_call", {"a": 1})


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        (" ", {}, Code.BAD_NAME),
        ("f", {"a": "\ud800"}, Code.LONE_SURROGATE),
        ("f\ud800", {}, Code.LONE_SURROGATE),
    ],
)
def test_a_call_that_no_response_can_carry_fails(name: str, arguments: Json, code: Code) -> None:
    item = call_of(name, arguments, context({}))
    assert isinstance(item, Failure)
    assert item.code is code
