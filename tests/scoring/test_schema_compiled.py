"""The compiled check is never laxer than the validator that explains."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox_tools import shipped
from sandbox_tools.types import ToolSpec
from tests.scoring.test_schema_suite import DRAFTS, EXCLUDED_TESTS, SUITE, groups
from verifier_service.scoring.schema_compiled import compiled
from verifier_service.scoring.schema_keywords import DEFAULT_DRAFT, validator_of
from verifier_service.scoring.validate import compile_schema

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["2025-01-03", "2025-02-30", "2025-1-3", "a@b.c", "a", "é", "é"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
BOUNDS = st.integers(-3, 3) | st.floats(-3, 3)
SIZES = st.integers(0, 3)
TYPES = st.sampled_from(["string", "number", "integer", "boolean", "null", "array", "object"])
PLAIN = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(SCALARS, min_size=1, max_size=3),
        "const": SCALARS,
        "format": st.sampled_from(["date", "email", "uuid", "time", "no-such-format"]),
        "minimum": BOUNDS,
        "exclusiveMaximum": BOUNDS,
        "minLength": SIZES,
        "maxLength": SIZES,
        "maxItems": SIZES,
        "minProperties": SIZES,
        "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        "pattern": st.just("^a"),
    },
)
SCHEMAS = st.recursive(
    PLAIN,
    lambda inner: st.builds(
        lambda plain, more: {**plain, **more},
        PLAIN,
        st.fixed_dictionaries(
            {},
            optional={
                "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
                "additionalProperties": st.booleans() | inner,
                "items": inner,
                "anyOf": st.lists(inner, min_size=1, max_size=2),
                "oneOf": st.lists(inner, min_size=1, max_size=2),
                "allOf": st.lists(inner, min_size=1, max_size=2),
            },
        ),
    ),
    max_leaves=6,
)


def is_laxer(schema: dict[str, Any], value: object) -> bool:
    check = compiled(schema)
    if check is None or not check(value):
        return False
    return not validator_of(schema, DEFAULT_DRAFT).is_valid(value)


@given(SCHEMAS, VALUES)
def test_any_value_that_it_accepts_holds(schema: dict[str, Any], value: object) -> None:
    assert not is_laxer(schema, value)


@pytest.mark.skipif(not SUITE.is_dir(), reason="set JSON_SCHEMA_TEST_SUITE to a checkout")
def test_it_accepts_nothing_that_the_official_suite_refuses() -> None:
    n_compiled, wrong = 0, []
    for name, group in groups(next(iter(DRAFTS))):
        if not isinstance(group["schema"], dict) or (check := compiled(group["schema"])) is None:
            continue
        n_compiled += 1
        wrong += [
            f"{name}: {group['description']}: {test['description']}"
            for test in group["tests"]
            if test["description"] not in EXCLUDED_TESTS
            and check(test["data"])
            and not test["valid"]
        ]
    assert n_compiled > 50
    assert not wrong


@pytest.mark.parametrize(
    "spec",
    [spec for toolset in shipped().values() for spec in toolset.specs.values()],
    ids=lambda spec: spec.name,
)
def test_the_schemas_of_shipped_tools_are_compiled(spec: ToolSpec) -> None:
    assert compile_schema(spec)._compiled is not None


@pytest.mark.parametrize(
    "keyword",
    ["pattern", "patternProperties", "multipleOf", "uniqueItems", "$ref", "if", "not", "x-own"],
)
def test_a_keyword_that_is_not_vouched_for_is_left_to_the_validator(keyword: str) -> None:
    assert compiled({"type": "object", "properties": {"a": {keyword: True}}}) is None
