"""The same request gets the same bytes, whatever was asked before."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from verifier_service.local import LocalVerifier

TOOLS = [
    {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "object"}}}},
    {"name": "g", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}},
]
OBJECTS = ['{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"a": 1.0, "b": 2}', '{"a": true, "b": 2}']
COMPLETIONS = [
    *(f'{{"name": "f", "arguments": {{"x": {one}}}}}' for one in OBJECTS),
    *(f'<think>{n} it is.</think>{{"name": "g", "arguments": {{"n": {n}}}}}' for n in (1, 1.0)),
    '<tool_call>\n{"name": "g", "arguments": {"n": "1"}}\n</tool_call>',
    "Which x do you mean?",
    '{"name": "f", "arguments": {"x": {"a": 1,',
]
TRUTHS = [f'[{{"name": "f", "arguments": {{"x": {one}}}}}]' for one in OBJECTS]


def requests() -> list[dict[str, Any]]:
    return [
        {"tools": TOOLS, "items": [{"completion": said, "ground_truth": json.loads(truth)}]}
        for said in COMPLETIONS
        for truth in TRUTHS
    ]


def answers(order: list[int]) -> dict[int, str]:
    verifier, asked = LocalVerifier(), requests()
    return {at: json.dumps(verifier.score(asked[at])) for at in order}


@pytest.mark.parametrize("seed", range(5))
def test_no_answer_depends_on_what_was_asked_before(seed: int) -> None:
    order = list(range(len(requests())))
    shuffled = random.Random(seed).sample(order, len(order))
    assert answers(shuffled) == answers(order)
