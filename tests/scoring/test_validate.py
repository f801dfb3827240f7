"""Room 2: which arguments hold against a tool's schema, and what is said of those that do not."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox_tools.types import Json, ToolSpec
from verifier_service.scoring.codes import Code
from verifier_service.scoring.errors import BadTask
from verifier_service.scoring.schema_keywords import DRAFTS
from verifier_service.scoring.schema_messages import CODE_NAMES, CODES, SENTENCES
from verifier_service.scoring.types import Failure
from verifier_service.scoring.validate import MOST_TOLD, ArgumentsSchema, compile_schema

Schema = Mapping[str, Json]

AT = "/calls/0/arguments"
STATISTICS: Schema = {
    "type": "object",
    "properties": {
        "numbers": {"type": "array", "items": {"type": "number"}},
        "unit": {"anyOf": [{"type": "string", "enum": ["m", "km"]}, {"type": "null"}]},
        "digits": {"type": "integer", "minimum": 0, "default": 2},
    },
    "required": ["numbers"],
}
DRAFT_7 = {"$schema": "http://json-schema.org/draft-07/schema#"}


def compiled(schema: Schema) -> ArgumentsSchema:
    return compile_schema(ToolSpec("tool", "", schema))


def found(schema: Schema, arguments: Any) -> list[tuple[str, str]]:
    return [(one.code.value, one.path) for one in compiled(schema).violations(arguments, AT)]


def only(schema: Schema, arguments: Json) -> Failure:
    [failure] = compiled(schema).violations(arguments, AT)
    return failure


def of_value(schema: Json) -> Schema:
    return {"type": "object", "properties": {"x": schema}}


# What a failure says


def test_a_string_for_an_array_is_told_by_path_types_and_a_sentence() -> None:
    assert only(STATISTICS, {"numbers": "10, 20, 30"}) == Failure(
        Code.SCHEMA_TYPE,
        AT + "/numbers",
        "numbers is a string where an array is required",
        expected="array",
        actual="10, 20, 30",
    )


def test_every_violation_is_listed_sorted_by_path() -> None:
    arguments = {"digits": -1, "numbers": [1, True, "x"], "a/b": 1, "unit": "mile"}
    assert found(STATISTICS, arguments) == [
        ("schema.additionalProperties", AT),
        ("schema.minimum", AT + "/digits"),
        ("schema.type", AT + "/numbers/1"),
        ("schema.type", AT + "/numbers/2"),
        ("schema.anyOf", AT + "/unit"),
    ]


def test_each_missing_member_is_a_failure_of_its_object() -> None:
    schema = of_value({"type": "object", "required": ["b", "a"]})
    failures = compiled(schema).violations({"x": {}}, AT)
    assert [(one.code, one.path, one.expected) for one in failures] == [
        (Code.SCHEMA_REQUIRED, AT + "/x", "a"),
        (Code.SCHEMA_REQUIRED, AT + "/x", "b"),
    ]


@pytest.mark.parametrize("keyword", ["additionalProperties", "unevaluatedProperties"])
def test_each_surplus_member_is_a_failure_of_its_object(keyword: str) -> None:
    schema = of_value({"properties": {"a": {}}, keyword: False})
    failures = compiled(schema).violations({"x": {"a": 1, "c": 1, "b": 1}}, AT)
    assert [(one.code, one.path, one.actual) for one in failures] == [
        (f"schema.{keyword}", AT + "/x", "b"),
        (f"schema.{keyword}", AT + "/x", "c"),
    ]


def test_a_path_escapes_member_names() -> None:
    schema = of_value({"properties": {"a/b~c": {"type": "string"}}})
    assert only(schema, {"x": {"a/b~c": 1}}).path == AT + "/x/a~1b~0c"


def test_a_union_of_types_fails_once_and_names_them() -> None:
    schema = of_value({"anyOf": [{"type": "array"}, {"type": "null"}]})
    failure = only(schema, {"x": "1"})
    assert failure.code is Code.SCHEMA_ANY_OF
    assert failure.message == "x is a string where an array or null is required"


def test_a_union_tells_the_nearest_branch() -> None:
    assert (
        'nearest: unit is "mile" where one of'
        in only(STATISTICS, {"numbers": [], "unit": "mile"}).message
    )


def test_one_of_that_holds_twice_is_a_failure() -> None:
    schema = of_value({"oneOf": [{"type": "number"}, {"minimum": 0}]})
    assert only(schema, {"x": 1}).code is Code.SCHEMA_ONE_OF


def test_huge_values_are_abridged_in_failures() -> None:
    failure = only(STATISTICS, {"numbers": "1, " * 20_000})
    assert len(failure.actual) < 300
    assert len(failure.message) < 300


@pytest.mark.parametrize("draft", DRAFTS.values(), ids=DRAFTS.keys())
def test_every_keyword_that_can_fail_has_a_code(draft: Any) -> None:
    applicators = {"$ref", "$dynamicRef", "$recursiveRef", "properties", "patternProperties"} | {
        "prefixItems",
        "allOf",
        "if",
        "dependentSchemas",
    }
    for keyword in draft.VALIDATORS.keys() - applicators:
        assert f"schema.{CODE_NAMES.get(keyword, keyword)}" in CODES
        assert keyword in SENTENCES


VIOLATIONS = {
    "type": ({"type": "integer"}, 2.5),
    "required": ({"required": ["a"]}, {}),
    "additionalProperties": ({"additionalProperties": False}, {"a": 1}),
    "propertyNames": ({"propertyNames": {"maxLength": 1}}, {"ab": 1}),
    "minProperties": ({"minProperties": 1}, {}),
    "maxProperties": ({"maxProperties": 0}, {"a": 1}),
    "dependentRequired": ({"dependentRequired": {"a": ["b"]}}, {"a": 1}),
    "dependencies": ({"dependencies": {"a": ["b"]}}, {"a": 1}),
    "enum": ({"enum": [1]}, True),
    "const": ({"const": 0}, False),
    "pattern": ({"pattern": "^[A-Z]+$"}, "AAPL\n"),
    "format": ({"format": "date"}, "03/01/2025"),
    "minLength": ({"minLength": 2}, "é"),
    "maxLength": ({"maxLength": 1}, "ab"),
    "minimum": ({"minimum": 1}, 0.5),
    "maximum": ({"maximum": 1}, 10**400),
    "exclusiveMinimum": ({"exclusiveMinimum": 1}, 1),
    "exclusiveMaximum": ({"exclusiveMaximum": 1}, 1.0),
    "multipleOf": ({"multipleOf": 0.01}, 19.995),
    "items": ({"prefixItems": [{}], "items": False}, [1, 2]),
    "unevaluatedItems": ({"prefixItems": [{}], "unevaluatedItems": False}, [1, 2]),
    "contains": ({"contains": {"type": "string"}}, [1]),
    "minItems": ({"minItems": 1}, []),
    "maxItems": ({"maxItems": 0}, [1]),
    "uniqueItems": ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1.0}]),
    "not": ({"not": {"type": "string"}}, "a"),
    "false": (False, 1),
}


@pytest.mark.parametrize("keyword", VIOLATIONS)
def test_a_keyword_fails_under_its_own_code(keyword: str) -> None:
    schema, value = VIOLATIONS[keyword]
    assert found(of_value(schema), {"x": value}) == [(f"schema.{keyword}", AT + "/x")]


# Which values hold

HOLDING = {
    "an integral float is an integer": ({"type": "integer"}, 2024.0),
    "an integer is a number": ({"type": "number"}, 1),
    "a price is a multiple of a cent": ({"multipleOf": 0.01}, 19.99),
    "a large integer is a multiple of a tenth": ({"multipleOf": 0.1}, 10**400),
    "one and true are two items": ({"uniqueItems": True}, [[1], [True], 1, True, "1"]),
    "a format nobody knows asserts nothing": ({"format": "YYYY-MM-DD"}, "tomorrow"),
    "a format asserts nothing of a number": ({"format": "date"}, 5),
    "an enum member by value": ({"enum": [2]}, 2.0),
}
FAILING = {
    "a boolean is no number": ({"type": "number"}, True),
    "a boolean is no integer": ({"type": "integer"}, False),
    "a number is no boolean": ({"type": "boolean"}, 1),
    "a digit string is no number": ({"type": "number"}, "5"),
    "null is no string": ({"type": "string"}, None),
    "an infinite fraction is no multiple": ({"multipleOf": 3}, 10**400),
}
FORMATS = {
    "date": ("2025-01-03", "2025-02-30"),
    "date-time": ("2025-01-03T10:00:00Z", "2025-01-03T10:00:00Z\n"),
    "time": ("10:00:00+01:00", "25:00:00Z"),
    "duration": ("P1DT2H", "1 day"),
    "email": ("ada@example.com", "ada@"),
    "idn-email": ("añá@exämple.com", "exämple.com"),
    "hostname": ("example.com", "exa mple"),
    "ipv4": ("127.0.0.1", "127.0.0.256"),
    "ipv6": ("::1", "::g"),
    "uri": ("https://example.com/a?b#c", "not a uri"),
    "uri-reference": ("/a/b", "\\\\a"),
    "iri": ("https://exämple.com/ä", "ä b"),
    "uuid": ("2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08aa9811eab4aa73b441d16380"),
    "json-pointer": ("/a/0", "a"),
    "relative-json-pointer": ("1/a", "²"),
    "regex": ("^a$", "("),
}


@pytest.mark.parametrize(("schema", "value"), HOLDING.values(), ids=HOLDING.keys())
def test_the_value_holds(schema: Json, value: Json) -> None:
    assert compiled(of_value(schema)).is_valid({"x": value})


@pytest.mark.parametrize(("schema", "value"), FAILING.values(), ids=FAILING.keys())
def test_the_value_fails(schema: Json, value: Json) -> None:
    assert not compiled(of_value(schema)).is_valid({"x": value})


@pytest.mark.parametrize("dialect", [{}, DRAFT_7], ids=["draft 2020-12", "draft 7"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_asserted_in_every_draft(name: str, dialect: Schema) -> None:
    right, wrong = FORMATS[name]
    schema = compiled({**dialect, **of_value({"format": name})})
    assert schema.is_valid({"x": right})
    assert not schema.is_valid({"x": wrong})


@pytest.mark.parametrize("name", sorted({*FORMATS, "uri-template", "iri-reference"} - {"regex"}))
@given(text=st.text())
def test_no_text_makes_a_format_raise(name: str, text: str) -> None:
    compiled_formats[name].is_valid({"x": text})


compiled_formats = {
    name: compiled(of_value({"format": name}))
    for name in {*FORMATS, "uri-template", "iri-reference"}
}


@pytest.mark.parametrize("draft", DRAFTS)
def test_each_draft_knows_integral_floats_and_closes_the_root(draft: str) -> None:
    schema = {"$schema": f"http://{draft}#", **of_value({"type": "integer"})}
    assert compiled(schema).is_valid({"x": 1.0})
    assert found(schema, {"y": 1}) == [("schema.additionalProperties", AT)]


# Which roots are closed

BASE = {"type": "object", "properties": {"a": {"type": "string"}}}
CLOSED = {
    "no schema at all": {},
    "an object without properties": {"type": "object"},
    "properties alone": {"properties": {"a": {}}},
    "patterns that do not match": {"type": "object", "patternProperties": {"^x-": {}}},
    "a reference": {"$ref": "#/$defs/base", "$defs": {"base": BASE}},
    "a reference in draft 7": {
        **DRAFT_7,
        "$ref": "#/definitions/base",
        "definitions": {"base": BASE},
    },
    "all of two": {"allOf": [BASE, {"properties": {"b": {}}}]},
    "any of two": {"anyOf": [BASE, {"properties": {"b": {}}}]},
    "a condition": {"if": BASE, "then": {"properties": {"b": {}}}},
    "said so itself": {**BASE, "additionalProperties": False},
}
OPEN = {
    "additionalProperties true": {**BASE, "additionalProperties": True},
    "additionalProperties a schema": {**BASE, "additionalProperties": {"type": "integer"}},
    "unevaluatedProperties true": {**BASE, "unevaluatedProperties": True},
    "a pattern that matches": {**BASE, "patternProperties": {"^unk": {}}},
    "an open subschema": {"allOf": [BASE, {"additionalProperties": True}]},
    "an open reference": {
        "$ref": "#/$defs/base",
        "$defs": {"base": {**BASE, "additionalProperties": True}},
    },
}


@pytest.mark.parametrize("schema", CLOSED.values(), ids=CLOSED.keys())
def test_a_closed_root_refuses_an_unknown_argument(schema: Schema) -> None:
    failure = only(schema, {"unknown": 1})
    assert (failure.code, failure.path) == (Code.SCHEMA_ADDITIONAL_PROPERTIES, AT)
    assert failure.actual == "unknown"


@pytest.mark.parametrize("schema", OPEN.values(), ids=OPEN.keys())
def test_an_open_root_takes_an_unknown_argument(schema: Schema) -> None:
    assert compiled(schema).is_valid({"unknown": 1})


def test_objects_below_the_root_are_open() -> None:
    assert compiled(of_value(BASE)).is_valid({"x": {"unknown": 1}})


def test_a_required_argument_is_a_known_one() -> None:
    assert compiled({"type": "object", "required": ["a"]}).is_valid({"a": 1})


def test_the_branch_that_holds_decides_which_arguments_are_known() -> None:
    branches = [
        {"properties": {"by": {"const": "id"}, "id": {}}, "required": ["by"]},
        {"properties": {"by": {"const": "name"}, "name": {}}, "required": ["by"]},
    ]
    for schema in ({"oneOf": branches}, {**DRAFT_7, "oneOf": branches}):
        assert compiled(schema).is_valid({"by": "id", "id": 1})
        assert found(schema, {"by": "id", "name": 1}) == [("schema.additionalProperties", AT)]


def test_a_wrong_value_does_not_make_its_argument_unknown() -> None:
    assert found({"allOf": [BASE]}, {"a": 1}) == [("schema.type", AT + "/a")]


# What the other rooms learn from a schema


def test_arguments_of_a_composed_root_are_seen_with_requirements_and_defaults() -> None:
    schema = compiled(
        {
            "$ref": "#/$defs/base",
            "$defs": {
                "base": {
                    "allOf": [
                        {"properties": {"a": {"$ref": "#/$defs/unit"}}, "required": ["a"]},
                        {"properties": {"b": {"type": ["null", "string"], "default": None}}},
                    ],
                    "anyOf": [{"properties": {"c": {}}, "required": ["c"]}, {}],
                },
                "unit": {"type": "string", "default": "m"},
            },
        }
    )
    assert schema.properties == ("a", "b", "c")
    assert schema.required == ("a",)
    assert schema.defaults == {"a": "m", "b": None}


# Schemas that are wrong

WRONG = {
    "an unknown type": ({"type": "dict"}, "/type", "use one of"),
    "a type of another language": (of_value({"type": "float"}), "/properties/x/type", "number"),
    "draft 3's required": (of_value({"required": True}), "/properties/x/required", "an array"),
    "an unreadable pattern": (
        of_value({"pattern": "("}),
        "/properties/x/pattern",
        'the pattern "(" cannot be read; write',
    ),
    "a pattern that is too long": (
        of_value({"pattern": "a" * 4097}),
        "/properties/x/pattern",
        "has 4,097 characters; at most 4,096 are read",
    ),
    "an unknown dialect": ({"$schema": "https://a.b/c"}, "/$schema", "draft"),
    "draft 3": ({"$schema": "http://json-schema.org/draft-03/schema#"}, "/$schema", "draft"),
    "a bare property map": ({"ticker": {"type": "string"}}, "/ticker", '"properties"'),
    "properties beside the keywords": (
        {"type": "object", "ticker": {"type": "string"}},
        "/ticker",
        '"properties"',
    ),
    "a root that is no object": ({"type": "string"}, "", "object"),
    "a root that may be other things only": ({"type": ["array", "null"]}, "", "object"),
    "branches that are no objects": (
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "",
        "object",
    ),
    "a reference to no object": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"enum": [1]}}},
        "",
        "object",
    ),
    "a remote reference": (of_value({"$ref": "https://example.com/s.json"}), "", "remote"),
    "a remote reference out of sight": (
        {**of_value({"$ref": "#/definitions/a"}), "definitions": {"a": {"$ref": "other.json"}}},
        "",
        "other.json",
    ),
    "a local reference to nothing": (of_value({"$ref": "#/$defs/a"}), "", "$defs/a"),
    "a reference to itself": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        "",
        "end",
    ),
    "a root that is a list": ([{"type": "string"}], "", "object"),
    "a type in a list that is none": (
        of_value({"type": ["string", "text"]}),
        "/properties/x/type",
        'x.type[1] is "text" where one of',
    ),
    "items that are text": (
        {**DRAFT_7, **of_value({"items": "string"})},
        "/properties/x/items",
        "is a string where an object or a boolean or an array is required",
    ),
    "a name that is a pattern which cannot be read": (
        of_value({"patternProperties": {"(": {}}}),
        "/properties/x/patternProperties",
        'the pattern "(" cannot be read',
    ),
}


@pytest.mark.parametrize(("schema", "path", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_schema_is_the_callers_fault(schema: Schema, path: str, words: str) -> None:
    with pytest.raises(BadTask) as fault:
        compiled(schema)
    assert fault.value.code is Code.TASK_TOOLS
    assert fault.value.path == "/tools/tool/parameters" + path
    assert words in fault.value.message


def test_references_within_the_schema_are_followed() -> None:
    schema = compiled(
        {
            "$id": "https://example.com/root.json",
            **of_value({"$ref": "inner.json#/$defs/short"}),
            "$defs": {
                "inner": {"$id": "inner.json", "$defs": {"short": {"type": "string"}}},
            },
        }
    )
    assert schema.is_valid({"x": "a"})
    assert not schema.is_valid({"x": 1})


def test_a_reference_to_a_metaschema_needs_no_network() -> None:
    schema = of_value({"$ref": "https://json-schema.org/draft/2020-12/schema"})
    assert compiled(schema).is_valid({"x": {"type": "string"}})
    assert not compiled(schema).is_valid({"x": {"type": "dict"}})


# Any arguments at all

RECURSIVE: Schema = {
    "type": "object",
    "properties": {"x": {"$ref": "#/$defs/node"}},
    "$defs": {
        "node": {
            "anyOf": [
                {"type": "string"},
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/node"}},
                {"type": "array", "items": {"$ref": "#/$defs/node"}},
            ]
        }
    },
}
SCHEMAS: list[Schema] = [
    STATISTICS,
    RECURSIVE,
    {"oneOf": [STATISTICS, {"properties": {"x": {"type": "string"}}}]},
    {**DRAFT_7, **STATISTICS},
]
COMPILED = [compiled(schema) for schema in SCHEMAS]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
names = st.sampled_from(["numbers", "unit", "digits", "x", "a"])
some_arguments = st.dictionaries(names, values, max_size=4)


@given(some_arguments)
def test_there_are_no_violations_exactly_where_the_arguments_are_valid(
    arguments: dict[str, Json],
) -> None:
    for schema in COMPILED:
        assert schema.is_valid(arguments) == (not schema.violations(arguments, AT))


@given(some_arguments, st.randoms())
def test_the_order_of_members_changes_no_failure(
    arguments: dict[str, Json], random: Random
) -> None:
    order = list(arguments)
    random.shuffle(order)
    permuted = {name: arguments[name] for name in order}
    for schema in COMPILED:
        assert schema.violations(arguments, AT) == schema.violations(permuted, AT)


@given(some_arguments)
def test_sentences_are_bounded_however_hostile_the_arguments(arguments: dict[str, Json]) -> None:
    hostile = {name * 200: value for name, value in arguments.items()} | {"numbers": "9" * 9999}
    for schema in COMPILED:
        assert all(len(one.message) < 400 for one in schema.violations(hostile, AT))


def test_arguments_nested_to_the_limit_are_validated() -> None:
    value: Json = "x"
    for _ in range(62):
        value = {"a": value}
    assert compiled(RECURSIVE).is_valid({"x": value})


def test_twenty_thousand_unknown_arguments_are_listed() -> None:
    arguments = {f"argument_{i}": i for i in range(20_000)}
    assert len(compiled({}).violations(arguments, AT)) == 20_000


def recursive_filter() -> dict[str, Json]:
    """Conditions of a query language, nested in each other; what is told apart stands last."""

    def joined(operator: str) -> dict[str, Json]:
        arguments = {"type": "array", "items": {"$ref": "#/$defs/Filter"}}
        properties = {"arguments": arguments, "operator": {"const": operator}}
        return {"type": "object", "properties": properties, "required": ["operator"]}

    leaf = {"type": "object", "properties": {"field": {"type": "string"}}, "required": ["field"]}
    branches = [joined("and"), joined("or"), leaf]
    return {
        "type": "object",
        "properties": {"filter": {"$ref": "#/$defs/Filter"}},
        "$defs": {"Filter": {"anyOf": branches}},
    }


@pytest.mark.parametrize(("leaf", "holds"), [({"field": "a"}, True), ({"field": 1}, False)])
def test_branches_that_recurse_are_each_tried_once(leaf: dict[str, Json], holds: bool) -> None:
    condition = leaf
    for _ in range(31):
        condition = {"operator": "or", "arguments": [condition]}
    compiled = compile_schema(ToolSpec("f", "", recursive_filter()))
    assert compiled.is_valid({"filter": condition}) is holds
    assert (compiled.violations({"filter": condition}, "") == ()) is holds


def test_schemas_that_all_must_hold_tell_of_a_bounded_number_of_violations() -> None:
    again = {"properties": {"a": {"$ref": "#/$defs/Node"}}}
    node = {"type": "object", "allOf": [again, again]}
    compiled = compile_schema(
        ToolSpec("f", "", {"type": "object", **again, "$defs": {"Node": node}})
    )
    value: Json = 3
    for _ in range(40):
        value = {"a": value}
    assert 0 < len(compiled.violations(value, "")) <= MOST_TOLD


def test_of_several_faults_of_a_schema_the_first_is_named_in_every_process() -> None:
    properties = {f"argument_{n}": {"type": f"kind_{n}"} for n in range(40)}
    with pytest.raises(BadTask) as fault:
        compiled({"type": "object", "properties": properties})
    assert fault.value.path == "/tools/tool/parameters/properties/argument_0/type"
