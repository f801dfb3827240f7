"""Calls with arguments nested too deep, as trainers' functions hand them over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.integrations.reference import PROMPT, TASK
from tests.integrations.test_art import StandInChoice, StandInMessage, StandInTrajectory
from tests.integrations.test_rllm import conversation, task
from tests.integrations.test_verifiers import data, trace
from verifier_service.integrations import art, eval_protocol, rllm, tinker, trl, verifiers


def deep(levels: int = 3000) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(levels):
        inner = {"a": inner}
    return inner


def _call(arguments: Any) -> dict[str, Any]:
    return {"name": "get_stock_price", "arguments": arguments}


MESSAGES: Final = {
    "arguments": {"tool_calls": [{"id": "c", "type": "function", "function": _call(deep())}]},
    "flat": {"tool_calls": [_call(deep())]},
    "function_call": {"function_call": _call(deep())},
}


def _art(message: dict[str, Any]) -> Any:
    trajectory = StandInTrajectory.model_construct(messages_and_choices=[*PROMPT, message])
    return asyncio.run(art.score_trajectory(trajectory, TASK)).reward


def _art_choice(message: dict[str, Any]) -> Any:
    said = StandInMessage.model_construct(**message)
    choice = StandInChoice.model_construct(message=said)
    trajectory = StandInTrajectory.model_construct(messages_and_choices=[choice])
    return asyncio.run(art.score_trajectory(trajectory, TASK)).reward


WAYS: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "trl": lambda said: trl.reward_sync(["?"], [[said]], carrier=[TASK])[0],
    "rllm": lambda said: rllm.evaluate(task(TASK), conversation([*PROMPT, said]))["reward"],
    "tinker": lambda said: asyncio.run(tinker.make_reward_fn(TASK)([said]))[0],
    "art": _art,
    "art, a choice": _art_choice,
    "eval_protocol": lambda said: eval_protocol.evaluate([*PROMPT, said], TASK)["score"],
    "verifiers": lambda said: asyncio.run(verifiers.reward(data(TASK), trace(said))),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("members", MESSAGES.values(), ids=MESSAGES)
def test_a_call_nested_too_deep_is_the_policys_fault(
    way: Callable[[dict[str, Any]], Any], members: dict[str, Any]
) -> None:
    assert way({"role": "assistant", "content": "", **members}) == 0.0
