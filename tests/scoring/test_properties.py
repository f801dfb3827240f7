"""What must hold for every completion, whatever it says."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox_tools.types import Json
from verifier_service.engine import EngineConfig
from verifier_service.jobs import Job, Task
from verifier_service.local import LocalVerifier
from verifier_service.scoring.codes import Code

EXAMPLES = Path(__file__).parents[2] / "examples" / "completions.jsonl"
PROFILES = ("tiered", "graded", "additive", "binary", "toolrl")
VERIFIER = LocalVerifier()
PRICE = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
REVENUE = {"name": "get_revenue", "arguments": {"company": "Apple", "fiscal_year": 2024}}
ORDER = {"name": "place_order", "arguments": {"ticker": "AAPL", "quantity": 3, "side": "buy"}}
TRUTHS: list[Json] = [
    {"behavior": "execute", "calls": [PRICE]},
    {"behavior": "clarify", "missing": ["date"]},
    {"behavior": "refuse"},
    {"behavior": "no_call"},
]


def score(truth: Json, *completions: Json, profile: str = "tiered") -> list[dict[str, Json]]:
    item = {"ground_truth": truth, "completions": list(completions)}
    answer = VERIFIER.score({"toolset": "finance", "profile": profile, "items": [item]})
    verdicts: list[dict[str, Json]] = answer["verdicts"]
    return verdicts


def reward(truth: Json, completion: Json, profile: str = "tiered") -> float:
    verdict = score(truth, completion, profile=profile)[0]
    assert verdict["outcome"] == "scored"
    return float(verdict["reward"])


def hermes(*calls: Json) -> str:
    return "\n".join(f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in calls)


MARKERS = ("<tool_call>", "</tool_call>", "<TOOLCALL>", "</TOOLCALL>", "<think>", "</think>", "```")
PIECES = st.sampled_from(
    [
        *MARKERS,
        *'{}[]"\\`\n',
        '{"name": "get_stock_price", ',
        '"arguments": ',
        json.dumps(PRICE),
        json.dumps(ORDER),
        "Which date?",
        "I can't help with that.",
    ]
)
TEXTS = st.one_of(
    st.text(), st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=12).map("".join)
)


@given(completion=TEXTS, truth=st.sampled_from(TRUTHS), profile=st.sampled_from(PROFILES))
def test_any_text_gets_a_verdict(completion: str, truth: Json, profile: str) -> None:
    (verdict,) = score(truth, completion, profile=profile)
    assert verdict["outcome"] == "scored"
    low, high = (-3, 4) if profile == "toolrl" else (0, 1)
    assert low <= verdict["reward"] <= high
    assert (verdict["tier"] == "full") is (verdict["reward"] == high)
    assert (verdict["tier"] == "none") is (verdict["reward"] == low)
    assert verdict["tier"] == "full" or verdict["failures"]
    assert {failure["code"] for failure in verdict["failures"]} <= {code.value for code in Code}


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    arguments=JSON,
    name=st.sampled_from(["get_stock_price", "place_order", "x", ""]) | JSON,
    truth=st.sampled_from(TRUTHS),
)
def test_any_structured_call_gets_a_verdict(arguments: Json, name: Json, truth: Json) -> None:
    function = {"name": name, "arguments": arguments}
    message = {"role": "assistant", "tool_calls": [{"type": "function", "function": function}]}
    (verdict,) = score(truth, message)
    assert verdict["outcome"] == "scored"


@given(raw=JSON)
def test_any_ground_truth_is_scored_or_refused_with_its_field(raw: Json) -> None:
    if raw is None:
        return
    (verdict,) = score(raw, "Hello.")
    assert verdict["outcome"] in {"scored", "invalid_task"}
    if verdict["outcome"] == "invalid_task":
        assert verdict["reward"] is None
        assert verdict["failures"][0]["path"].startswith("/ground_truth")


@settings(max_examples=50)
@given(completions=st.lists(TEXTS, min_size=1, max_size=5), truth=st.sampled_from(TRUTHS))
def test_the_same_request_gives_the_same_bytes(completions: list[str], truth: Json) -> None:
    item = {"id": "x", "ground_truth": truth, "completions": completions}
    body = orjson.dumps({"toolset": "finance", "items": [item]})

    class Silent:
        def working_on(self, index: int) -> None: ...
        def finished(self, piece: bytes) -> None: ...

    handle = VERIFIER._handler
    first = handle(Job(Task.SCORE, body), Silent()).body
    assert handle(Job(Task.SCORE, body), Silent()).body == first
    assert LocalVerifier()._handler(Job(Task.SCORE, body), Silent()).body == first


@given(completions=st.lists(TEXTS, min_size=2, max_size=6), data=st.data())
def test_the_order_of_a_batch_changes_no_reward(
    completions: list[str], data: st.DataObject
) -> None:
    permuted = data.draw(st.permutations(completions))
    before = {
        c: v["reward"] for c, v in zip(completions, score(TRUTHS[0], *completions), strict=True)
    }
    after = {c: v["reward"] for c, v in zip(permuted, score(TRUTHS[0], *permuted), strict=True)}
    assert before == after


NEAR = {"name": "get_stock_price", "arguments": {"ticker": "MSFT", "date": "2025-01-03"}}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "calls", [[PRICE, REVENUE, ORDER], [NEAR, PRICE, ORDER], [PRICE, PRICE, NEAR]]
)
def test_permuting_parallel_calls_changes_no_reward(calls: list[Json], profile: str) -> None:
    truth = {"behavior": "execute", "calls": [PRICE, ORDER, REVENUE]}
    rewards = {reward(truth, hermes(*order), profile) for order in itertools.permutations(calls)}
    assert len(rewards) == 1


@pytest.mark.parametrize("profile", PROFILES)
def test_permuting_the_expected_calls_changes_no_reward(profile: str) -> None:
    completion = hermes(NEAR, ORDER, REVENUE)
    rewards = {
        reward({"behavior": "execute", "calls": list(calls)}, completion, profile)
        for calls in itertools.permutations([PRICE, ORDER, REVENUE])
    }
    assert len(rewards) == 1


def test_permuting_the_keys_of_a_call_changes_no_reward() -> None:
    swapped = {"arguments": {"date": "2025-01-03", "ticker": "AAPL"}, "name": "get_stock_price"}
    assert reward(TRUTHS[0], hermes(swapped)) == reward(TRUTHS[0], hermes(PRICE)) == 1.0


def test_of_two_writes_to_one_place_the_last_must_be_the_expected_one(tmp_path: Path) -> None:
    file = tmp_path / "store.py"
    file.write_text(STORE)
    verifier = LocalVerifier(EngineConfig(toolsets=(file,)))
    first, last = ({"name": "put", "arguments": {"key": "q", "value": n}} for n in (1, 2))
    other = {"name": "put", "arguments": {"key": "r", "value": 3}}
    read = {"name": "get", "arguments": {"key": "q"}}

    def rewards(calls: list[Json], *orders: list[Json]) -> list[float | None]:
        item = {"ground_truth": calls, "completions": [json.dumps(order) for order in orders]}
        rewards: list[float | None] = verifier.score({"toolset": "store", "items": [item]})[
            "rewards"
        ]
        return rewards

    assert rewards([first, last], [first, last], [last, first]) == [1.0, 0.5]
    assert rewards([first, read], [first, read], [read, first]) == [1.0, 0.5]
    assert rewards([first, other], [first, other], [other, first]) == [1.0, 1.0]


STORE = '''
"""A store of numbers."""

from sandbox_tools import ToolError, World, tool

STATE = {"numbers": {}}


@tool
def put(world: World, key: str, value: int) -> None:
    """Keep a number.

    Args:
        key: Its name.
        value: The number.
    """
    world.state["numbers"][key] = value


@tool(read_only=True)
def get(world: World, key: str) -> int:
    """The number of a name.

    Args:
        key: Its name.
    """
    if key not in world.state["numbers"]:
        raise ToolError("no such number")
    return world.state["numbers"][key]
'''
