"""OpenPipe ART: its trajectories are scored and form a group that its training takes."""

from __future__ import annotations

import asyncio
from typing import Any

import art
from openai.types.chat.chat_completion import Choice

from tests.trainers.samples import CARRIER_TEXT, MESSAGES, PROMPT, passed, same_as_the_service
from verifier_service.integrations.art import score_trajectory


async def main() -> None:
    group = await art.TrajectoryGroup(rollout(turn) for turn in MESSAGES)
    assert not group.exceptions, group.exceptions
    same_as_the_service((one.reward for one in group.trajectories), MESSAGES)
    assert len({frozenset(one.metrics) for one in group.trajectories}) == 1
    passed("openpipe-art", "score_trajectory of Trajectory in TrajectoryGroup")


async def rollout(message: dict[str, Any]) -> art.Trajectory:
    choice = Choice.model_validate(
        {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
    )
    return await score_trajectory(
        art.Trajectory(messages_and_choices=[*PROMPT, choice]), CARRIER_TEXT
    )


if __name__ == "__main__":
    asyncio.run(main())
