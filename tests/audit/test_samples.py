"""Arguments out of nothing hold against the schema, and other values are others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox_tools import shipped
from sandbox_tools.types import ABSENT, Json
from verifier_service.audit import offered
from verifier_service.audit.samples import flipped, recased, retyped, sample_arguments
from verifier_service.scoring.tools import read_tools

SCHEMAS: list[dict[str, Any]] = [
    {"enum": ["x", "y"]},
    {"const": 7},
    {"type": "integer", "minimum": 5},
    {"type": "integer", "maximum": -5},
    {"type": "number", "exclusiveMinimum": 3},
    {"type": "string", "minLength": 12},
    {"type": "string", "maxLength": 2.0},
    {"anyOf": [True]},
    {"type": "string", "format": "date"},
    {"type": ["null", "string"]},
    {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3},
    {"type": "object", "properties": {"k": {"type": "boolean"}}, "required": ["k"]},
    {"$ref": "#/$defs/d"},
    {},
]


def sampled(schema: dict[str, Any]) -> Json:
    parameters = {
        "type": "object",
        "properties": {"a": schema},
        "required": ["a"],
        "$defs": {"d": {"type": "boolean"}},
    }
    return sample_arguments("f", offered(read_tools([{"name": "f", "parameters": parameters}])))


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_samples_are_found_for_common_schemas(schema: dict[str, Any]) -> None:
    assert sampled(schema) is not None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "[0-9]{4}"},
        {"type": "integer", "multipleOf": 7},
        {"$ref": "#"},
        {"type": "array", "minItems": 2, "uniqueItems": True},
        {"type": "array", "minItems": 10**12},
        {"type": "string", "minLength": 10**12},
        False,
    ],
    ids=json.dumps,
)
def test_no_sample_is_better_than_an_invalid_one(schema: dict[str, Any]) -> None:
    assert sampled(schema) is None


@pytest.mark.parametrize("toolset", shipped())
def test_every_shipped_tool_has_a_sample(toolset: str) -> None:
    offer = offered(shipped()[toolset].specs)
    assert all(sample_arguments(name, offer) is not None for name in offer.tools)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@given(VALUES)
def test_a_flipped_value_is_another_of_the_same_type(value: Json) -> None:
    other = flipped(value, {})
    if other is not ABSENT:
        assert isinstance(other, type(value)) or isinstance(value, int | float)
        assert json.dumps(other) != json.dumps(value)


@given(VALUES)
def test_a_retyped_value_is_of_another_type(value: Json) -> None:
    assert type(retyped(value)) is not type(value)


@pytest.mark.parametrize(
    ("value", "schema", "other"),
    [
        (3, {}, 4),
        (0.5, {}, 1.5),
        (1e22, {}, 5e21),
        (True, {}, False),
        ("2025-01-31", {}, "2025-02-01"),
        ("AAPL", {}, "AAPLx"),
        ("buy", {"enum": ["buy", "sell"]}, "sell"),
        ("buy", {"enum": ["buy"]}, ABSENT),
        ([1, 2], {}, [1]),
        ([1], {}, [1, 1]),
        ([], {}, ABSENT),
        ({"k": 1}, {}, {"k": 2}),
        (None, {}, ABSENT),
    ],
    ids=str,
)
def test_values_are_flipped_by_type(value: Json, schema: Json, other: Json) -> None:
    assert flipped(value, schema) == other


def test_what_has_no_letters_has_no_other_case() -> None:
    assert recased("12") is ABSENT
    assert recased("Ab") == "aB"
