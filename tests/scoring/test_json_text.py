"""Strict JSON: what is refused, by which code, and that nothing else escapes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier_service.scoring.codes import Code
from verifier_service.scoring.json_text import WINDOW, JsonFault, check, decode, decode_at
from verifier_service.scoring.types import Limits

LIMITS = Limits()


def code_of(text: str, limits: Limits = LIMITS) -> Code:
    with pytest.raises(JsonFault) as caught:
        decode(text, limits)
    return caught.value.code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a": 1, "a": 1}', Code.DUPLICATE_KEY),
        ('[{"a": {"b": 1, "b": 2}}]', Code.DUPLICATE_KEY),
        ("NaN", Code.NONFINITE_NUMBER),
        ("[-Infinity]", Code.NONFINITE_NUMBER),
        ("1e999", Code.NONFINITE_NUMBER),
        ("9" * 401, Code.LIMIT_DIGITS),
        ("9" * 10_000, Code.LIMIT_DIGITS),
        ("-" + "9" * 401, Code.LIMIT_DIGITS),
        ("0." + "1" * 400, Code.LIMIT_DIGITS),
        ("[" * 65 + "]" * 65, Code.LIMIT_NESTING),
        ("[" * 100_000, Code.LIMIT_NESTING),
        ('{"a":' * 100_000, Code.LIMIT_NESTING),
        ('"\\ud800"', Code.LONE_SURROGATE),
        ('"\\udc00\\ud800"', Code.LONE_SURROGATE),
        ('{"\\ud800": 1}', Code.LONE_SURROGATE),
        ('"\ud800"', Code.LONE_SURROGATE),
        ('"a\nb"', Code.CONTROL_CHARACTER),
        ('"a\x00b"', Code.CONTROL_CHARACTER),
        ("1 2", Code.TRAILING_DATA),
        ("{}}", Code.TRAILING_DATA),
        ("{'a': 1}", Code.BAD_JSON),
        ('{"a": 1,}', Code.BAD_JSON),
        ("[1,]", Code.BAD_JSON),
        ('"\\d"', Code.BAD_JSON),
        ("hello", Code.BAD_JSON),
        ("[01]", Code.BAD_JSON),
        ("\u00a01", Code.BAD_JSON),
    ],
)
def test_what_is_not_strict_json_is_refused(text: str, code: Code) -> None:
    assert code_of(text) is code


@pytest.mark.parametrize(
    "text", ['{"a": [1, -2.5e3, true, null, "x\\u00e9\\n"]}', '"\\ud83c\\udfd4 é"']
)
def test_every_cut_of_a_value_is_truncated(text: str) -> None:
    assert {code_of(text[:end]) for end in range(len(text))} == {Code.TRUNCATED}


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": NaN}', '{"a": "x\ny"}', '"\\ud800"'])
def test_the_end_of_a_value_with_sound_syntax_is_known(text: str) -> None:
    with pytest.raises(JsonFault) as caught:
        decode_at(f"..{text} tail", 2, LIMITS)
    assert caught.value.end == 2 + len(text)


def test_blanks_and_byte_order_marks_around_a_value_are_no_part_of_it() -> None:
    assert decode("\ufeff \r\n\t[1]\n\ufeff", LIMITS) == [1]


@pytest.mark.parametrize("text", ["9007199254740993", "9" * 400, "-" + "9" * 400])
def test_integers_are_exact(text: str) -> None:
    assert decode(text, LIMITS) == int(text)


def test_a_limit_above_that_of_python_raises_nothing_else() -> None:
    assert code_of("9" * 5000, Limits(digits=10_000)) is Code.LIMIT_DIGITS


def test_sixty_four_levels_are_accepted() -> None:
    assert decode("[" * 64 + "]" * 64, LIMITS)


def test_brackets_in_strings_are_no_nesting() -> None:
    assert decode(json.dumps(["[{" * 1000, '\\"[']), LIMITS) == ["[{" * 1000, '\\"[']


@pytest.mark.parametrize("size", [WINDOW - 1, WINDOW, WINDOW + 1, 5 * WINDOW])
@pytest.mark.parametrize("wrap", ['"{}"', '["{}", 1]', '{{"{}": -1.5e3}}'])
def test_a_value_may_be_longer_than_the_first_window(size: int, wrap: str) -> None:
    text = wrap.format("x" * size)
    assert decode_at(text + " tail" * WINDOW, 0, LIMITS) == (json.loads(text), len(text))


@pytest.mark.parametrize(
    "literal", ["12345", "1.5", "1e5", "true", "null", "-0.25", '"\\ud83c\\udfd4"']
)
def test_a_window_may_end_anywhere(literal: str) -> None:
    for shift in range(len(literal) + 2):
        text = '["' + "x" * (WINDOW - 5 - shift) + '",' + literal + "]"
        assert decode_at(text + "  " * WINDOW, 0, LIMITS)[0] == json.loads(text)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.booleans())
def test_json_comes_back_to_the_type(value: Any, ensure_ascii: bool) -> None:
    decoded = decode(json.dumps(value, ensure_ascii=ensure_ascii), LIMITS)
    assert json.dumps(decoded, sort_keys=True) == json.dumps(value, sort_keys=True)


@given(st.text(alphabet='{}[]",:\\ \n01eE+-.tfnNIu\ud800d8é', max_size=60))
def test_any_text_is_json_or_a_fault_within_it(text: str) -> None:
    position = len(text)
    try:
        decode(text, LIMITS)
    except JsonFault as fault:
        position = fault.position
    assert 0 <= position <= len(text)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"a": float("nan")}, Code.NONFINITE_NUMBER),
        ([float("inf")], Code.NONFINITE_NUMBER),
        ({"a": "\ud800"}, Code.LONE_SURROGATE),
        ({"\ud800": 1}, Code.LONE_SURROGATE),
        ([10**400], Code.LIMIT_DIGITS),
        (json.loads("[" * 65 + "]" * 65), Code.LIMIT_NESTING),
    ],
)
def test_a_decoded_value_is_held_to_the_same_rules(value: Any, code: Code) -> None:
    with pytest.raises(JsonFault) as caught:
        check(value, LIMITS)
    assert caught.value.code is code


@given(JSON)
def test_a_decoded_value_within_the_limits_is_accepted(value: Any) -> None:
    check(value, Limits(nesting=1000, digits=1000))
