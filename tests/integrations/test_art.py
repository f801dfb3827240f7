"""The reward of a trajectory of ART's."""

from __future__ import annotations

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
from verifier_service.integrations.art import score_trajectory
from verifier_service.integrations.connection import Unscored


class StandInMessage(BaseModel):
    """`ChatCompletionMessage` of the OpenAI client."""

    role: str = "assistant"
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class StandInChoice(BaseModel):
    """`Choice` of the OpenAI client."""

    finish_reason: str = "stop"
    message: StandInMessage


class StandInTrajectory(BaseModel):
    """`Trajectory` of ART."""

    messages_and_choices: list[Any] = []
    reward: float = 0.0
    metrics: dict[str, float | int | bool] = {}
    metadata: dict[str, Any] = {}
    additional_histories: list[Any] = []


def said(text: str) -> StandInChoice:
    return StandInChoice(message=StandInMessage(content=text))


async def test_each_trajectory_gets_the_services_reward(chats: list[Example]) -> None:
    for each in chats:
        trajectory = StandInTrajectory(messages_and_choices=each.messages)
        scored = await score_trajectory(trajectory, each.carrier, turns="all")
        assert scored.reward == each.reward, each.carrier["id"]


async def test_choices_are_read(texts: list[Example]) -> None:
    for each in texts:
        trajectory = StandInTrajectory(messages_and_choices=[*PROMPT, said(each.completion)])
        assert (await score_trajectory(trajectory, each.carrier)).reward == each.reward


async def test_native_calls_of_a_choice_are_read() -> None:
    call = {"id": "c1", "type": "function"}
    function = {"name": "get_stock_price", "arguments": '{"ticker":"AAPL","date":"2025-01-03"}'}
    message = StandInMessage(tool_calls=[{**call, "function": function}])
    trajectory = StandInTrajectory(messages_and_choices=[StandInChoice(message=message)])
    assert (await score_trajectory(trajectory, TASK)).reward == 1.0


async def test_what_the_assistant_says_in_the_prompt_is_not_judged() -> None:
    kept = [*PROMPT, assistant(RIGHT), {"role": "user", "content": "Again."}, said(RIGHT)]
    scored = await score_trajectory(StandInTrajectory(messages_and_choices=kept), TASK)
    assert scored.reward == 1.0


@pytest.mark.parametrize("text", GARBAGE)
async def test_metrics_have_the_same_names_for_garbage(text: str) -> None:
    trajectory = StandInTrajectory(messages_and_choices=[said(text)], metrics={"duration": 1.5})
    scored = await score_trajectory(trajectory, TASK)
    assert (scored.reward, scored.metrics.keys()) == (0.0, MEASURES | {"duration"})


async def test_an_empty_trajectory_has_no_reward() -> None:
    with pytest.raises(Unscored, match=r"task\.completion"):
        await score_trajectory(StandInTrajectory(), TASK)


async def test_histories_beside_the_trajectory_are_not_rewarded_unjudged() -> None:
    beside = [{"messages_and_choices": [said("I say nothing.")]}]
    kept = StandInTrajectory(messages_and_choices=[said(RIGHT)], additional_histories=beside)
    with pytest.raises(Unscored, match="additional_histories"):
        await score_trajectory(kept, TASK)


async def test_a_trajectory_without_a_reward_raises() -> None:
    with pytest.raises(Unscored, match="no_such_tool"):
        await score_trajectory(StandInTrajectory(messages_and_choices=[said(RIGHT)]), UNSCORABLE)


async def test_the_trajectory_stays_as_it_is() -> None:
    trajectory = StandInTrajectory(messages_and_choices=[said(RIGHT)], reward=-7.0)
    before = trajectory.model_copy(deep=True)
    assert (await score_trajectory(trajectory, TASK)).reward == 1.0
    assert trajectory == before
