"""The reward function for the Tinker cookbook."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
from typing import Any

import pytest
from pydantic import BaseModel

from tests.integrations.reference import (
    GARBAGE,
    MEASURES,
    PROMPT,
    RIGHT,
    TASK,
    UNSCORABLE,
    Example,
    assistant,
)
from verifier_service.integrations.connection import Unscored
from verifier_service.integrations.tinker import make_reward_fn


class StandInFunction(BaseModel):
    """`ToolCall.FunctionBody` of the cookbook."""

    name: str
    arguments: str


class StandInToolCall(BaseModel):
    """`ToolCall` of the cookbook's renderers."""

    function: StandInFunction
    id: str | None = None


class StandInUnparsedToolCall(BaseModel):
    """`UnparsedToolCall` of the cookbook's renderers."""

    raw_text: str
    error: str


def called(name: str, arguments: dict[str, Any]) -> StandInToolCall:
    return StandInToolCall(function=StandInFunction(name=name, arguments=json.dumps(arguments)))


RIGHT_CALL = called("get_stock_price", {"ticker": "AAPL", "date": "2025-01-03"})
UNREADABLE = StandInUnparsedToolCall(raw_text="<tool_call>{]</tool_call>", error="Invalid JSON")


async def test_each_episode_gets_the_services_reward(chats: list[Example]) -> None:
    rewarded = [make_reward_fn(each.carrier)(each.messages) for each in chats]
    assert [reward for reward, _ in await asyncio.gather(*rewarded)] == [e.reward for e in chats]


@pytest.mark.parametrize(
    ("message", "reward"),
    [
        pytest.param({"content": "", "tool_calls": [RIGHT_CALL]}, 1.0, id="read"),
        pytest.param({"content": "", "unparsed_tool_calls": [UNREADABLE]}, 0.0, id="unreadable"),
        pytest.param(
            {"content": "", "tool_calls": [RIGHT_CALL], "unparsed_tool_calls": [UNREADABLE]},
            0.0,
            id="one read, one unreadable",
        ),
    ],
)
async def test_calls_are_those_of_the_renderer(message: dict[str, Any], reward: float) -> None:
    found, _ = await make_reward_fn(TASK)([*PROMPT, {"role": "assistant", **message}])
    assert found == reward


async def test_an_unreadable_call_was_attempted() -> None:
    unreadable = {"role": "assistant", "content": "", "unparsed_tool_calls": [UNREADABLE]}
    refusal_due = {**TASK, "ground_truth": {"behavior": "no_call"}}
    assert (await make_reward_fn(refusal_due)([*PROMPT, unreadable]))[0] == 0.0


async def test_what_the_assistant_says_in_the_prompt_is_not_judged() -> None:
    prompt = [*PROMPT, assistant(RIGHT), {"role": "user", "content": "Again."}]
    reward, _ = await make_reward_fn(TASK, prompt)([*prompt, assistant(RIGHT)])
    assert reward == 1.0


@pytest.mark.parametrize("text", GARBAGE)
async def test_measures_have_the_same_names_for_garbage(text: str) -> None:
    reward, found = await make_reward_fn(TASK)([*PROMPT, assistant(text)])
    assert (reward, found.keys()) == (0.0, MEASURES)


async def test_an_episode_in_which_the_policy_never_spoke_has_no_reward() -> None:
    with pytest.raises(Unscored, match=r"task\.completion"):
        await make_reward_fn(TASK)(list(PROMPT))


async def test_an_episode_without_a_reward_raises() -> None:
    with pytest.raises(Unscored, match="no_such_tool"):
        await make_reward_fn(UNSCORABLE)([assistant(RIGHT)])


async def test_a_number_in_place_of_a_reward_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_UNSCORED", "0.25")
    reward, found = await make_reward_fn(UNSCORABLE)([assistant(RIGHT)])
    assert (reward, found["unscored"], found.keys()) == (0.25, 1.0, MEASURES)


async def test_messages_stay_as_they_are() -> None:
    message = {"role": "assistant", "content": "", "tool_calls": [RIGHT_CALL]}
    messages = [*PROMPT, {**message, "unparsed_tool_calls": [UNREADABLE]}]
    before = copy.deepcopy(messages)
    await make_reward_fn(TASK)(messages)
    assert messages == before


def test_the_cookbook_can_await_it() -> None:
    assert inspect.iscoroutinefunction(make_reward_fn(TASK))
