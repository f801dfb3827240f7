"""The client's JSON: exact, and the same with orjson and without it."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum, IntEnum
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier_service.client import encoding
from verifier_service.client.encoding import decode, encode


class Side(Enum):
    BUY = "buy"


class Count(IntEnum):
    TWO = 2


class Point(NamedTuple):
    x: int


@dataclass
class Record:
    name: str


def outcome(work: Callable[..., Any], *arguments: Any) -> Any:
    """What comes back, or the error that is raised."""
    try:
        return work(*arguments)
    except (ValueError, RecursionError) as error:
        return repr(error)


def without_orjson(work: Callable[..., Any], *arguments: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "orjson", None)
        return outcome(work, *arguments)


def read(sent: Any) -> str:
    """What a text says, with types and digits, however it is spelled."""
    return ascii(json.loads(sent) if isinstance(sent, bytes) else sent)


texts = st.text(st.characters(exclude_categories=()), max_size=9)
numbers = st.integers() | st.integers(2**63 - 2, 2**64 + 2) | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_a_value_is_sent_as_the_standard_library_would(value: Any) -> None:
    sent = outcome(encode, value, "it")
    assert read(sent) == read(without_orjson(encode, value, "it"))


@given(values)
def test_a_text_is_read_as_the_standard_library_would(value: Any) -> None:
    text = json.dumps(value).encode()
    assert ascii(decode(text)) == ascii(json.loads(text))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(2**64, b"18446744073709551616", id="an integer beyond 64 bits"),
        pytest.param("\ud83d", b'"\\ud83d"', id="half a surrogate pair"),
        pytest.param({1: None}, b'{"1":null}', id="a key that is a number"),
        pytest.param(Point(1), b"[1]", id="a named tuple"),
        pytest.param(OrderedDict(a=1), b'{"a":1}', id="another mapping"),
        pytest.param(Side.BUY, b'"buy"', id="a member of an enumeration"),
        pytest.param(Count.TWO, b"2", id="a number of an enumeration"),
        pytest.param(UUID(int=0), b'"00000000-0000-0000-0000-000000000000"', id="a UUID"),
    ],
)
def test_what_python_has_besides_json_is_sent_alike(value: Any, text: bytes) -> None:
    assert encode(value, "it") == without_orjson(encode, value, "it") == text


circular: list[Any] = []
circular.append(circular)


@pytest.mark.parametrize(
    "value",
    [math.nan, -math.inf, object(), {1, 2}, b"x", date(2025, 1, 2), Record("x"), circular],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_json_is_refused_alike(value: Any) -> None:
    refused = outcome(encode, {"completion": "null", "x": [value]}, "it")
    assert refused.startswith("ValueError('it is not JSON: ")
    assert refused == without_orjson(encode, {"completion": "null", "x": [value]}, "it")


@pytest.mark.parametrize(
    "text",
    [
        b"18446744073709551616",
        b"-9223372036854775809",
        b'["\\ud83d"]',
        b"NaN",
        b"1e400",
        b"\xef\xbb\xbf1",
        b"\xff",
        b"[1,]",
        b"",
        b"[" * 100_000,
    ],
    ids=lambda text: ascii(text[:24]),
)
def test_an_odd_answer_is_read_or_refused_alike(text: bytes) -> None:
    assert ascii(outcome(decode, text)) == ascii(without_orjson(decode, text))
