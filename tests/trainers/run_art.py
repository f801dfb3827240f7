"""OpenPipe ART: its trajectories are scored and form a group that its training takes."""

from __future__ import annotations

import asyncio
from typing import Any

import art
from openai.types.chat.chat_completion import Choice

from tests.trainers.samples import CARRIER_TEXT, MESSAGES, PROMPT, passed, same_as_the_service
from verifier_service.integrations.art import score_trajectory


async def main() -> None:
    group = await art.TrajectoryGroup(rollout(*numbered) for numbered in enumerate(MESSAGES))
    assert not group.exceptions, group.exceptions
    # They stand in the order in which they were finished.
    in_order = sorted(group.trajectories, key=lambda one: one.metadata["place"])
    same_as_the_service((one.reward for one in in_order), MESSAGES)
    assert len({frozenset(one.metrics) for one in group.trajectories}) == 1
    passed("openpipe-art", "score_trajectory of Trajectory in TrajectoryGroup")


async def rollout(place: int, message: dict[str, Any]) -> art.Trajectory:
    choice = Choice.model_validate(
        {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
    )
    turns = [*PROMPT, choice]
    trajectory = art.Trajectory(messages_and_choices=turns, metadata={"place": place})
    return await score_trajectory(trajectory, CARRIER_TEXT)


if __name__ == "__main__":
    asyncio.run(main())
