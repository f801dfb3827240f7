"""What a trainer hands over, as JSON values."""

from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from verifier_service.integrations.plain import plain, written

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


class Call(BaseModel):
    name: str
    arguments: dict[str, Any]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(np.float32(0.5), 0.5, id="a number of numpy"),
        pytest.param(np.array(["a", None], dtype=object), ["a", None], id="an array of objects"),
        pytest.param(np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]], id="a table"),
        pytest.param(Call(name="f", arguments={}), {"name": "f", "arguments": {}}, id="a model"),
        pytest.param({"a": ({1: b"x"},)}, {"a": [{"1": "x"}]}, id="tuples, keys and bytes"),
    ],
)
def test_values_of_other_libraries_become_json(value: Any, expected: Any) -> None:
    assert plain(value) == expected


def test_what_is_no_value_is_named() -> None:
    with pytest.raises(TypeError, match="lock"):
        plain({"a": [threading.Lock()]})


@given(calls=st.lists(ANYTHING, max_size=3), content=st.none() | st.text())
def test_whatever_calls_a_policy_makes_can_be_sent(calls: Any, content: str | None) -> None:
    message = {"role": "assistant", "content": content, "tool_calls": calls}
    json.dumps(written([message]), allow_nan=False)


@given(arguments=st.dictionaries(st.text(), ANYTHING))
def test_arguments_as_text_are_the_same_arguments(arguments: dict[str, Any]) -> None:
    sent = written({"role": "assistant", "tool_calls": [{"function": {"arguments": arguments}}]})
    text = sent["tool_calls"][0]["function"]["arguments"]
    assert json.dumps(json.loads(text)) == json.dumps(arguments)


def test_calls_that_are_models_become_objects() -> None:
    sent = written({"role": "assistant", "tool_calls": [Call(name="f", arguments={"x": 1})]})
    assert sent["tool_calls"] == [{"name": "f", "arguments": '{"x": 1}'}]


def test_text_stays_text() -> None:
    assert written("[TOOL_CALLS]") == "[TOOL_CALLS]"
