"""verifiers: a task scores its trace, by a reward named in its configuration and by a URL."""

from __future__ import annotations

import asyncio
from typing import Any

import verifiers.v1 as vf
from verifiers.v1.tasksets.nemo_gym import NeMoGymData, NeMoGymTask, NeMoGymTaskConfig
from verifiers.v1.tasksets.nemo_gym.toolset import NeMoGymState
from verifiers.v1.trace import AgentInfo, TraceTask

from tests.trainers.samples import (
    CARRIER,
    CARRIER_TEXT,
    MESSAGES,
    PROMPT,
    URL,
    passed,
    same_as_the_service,
)

REWARDS = {"toolcall": {"fn": "verifier_service.integrations.verifiers:reward", "weight": 1.0}}


class Data(vf.TaskData):
    carrier: str


async def main() -> None:
    plugged = vf.Task(
        Data(prompt=PROMPT[0]["content"], carrier=CARRIER_TEXT), vf.TaskConfig(rewards=REWARDS)
    )
    same_as_the_service([await plugged_reward(plugged, turn) for turn in MESSAGES], MESSAGES)
    same_as_the_service([await gym_reward(turn) for turn in MESSAGES], MESSAGES)
    passed("verifiers", "Task.score with a plugged reward, and the NeMo Gym taskset by URL")


async def plugged_reward(task: vf.Task, message: dict[str, Any]) -> float:
    trace = traced(task, message, vf.State())
    await task.score(trace)
    assert not trace.errors, trace.errors
    return trace.rewards["toolcall"].value


async def gym_reward(message: dict[str, Any]) -> float:
    """The taskset that speaks to a running resources server: `/seed_session`, then `/verify`."""
    params = {"input": PROMPT, "model": "policy", "tools": []}
    data = NeMoGymData(
        prompt=PROMPT[0]["content"], row={**CARRIER, "responses_create_params": params}
    )
    task = NeMoGymTask(data, NeMoGymTaskConfig(resources_url=f"{URL}/nemo-gym"))
    trace = traced(task, message, NeMoGymState())
    await task.setup(trace, None)
    await task.score(trace)
    assert not trace.errors, trace.errors
    assert trace.metrics, "the answer has numbers beside the reward"
    return trace.rewards["nemo_gym"].value


def traced(task: vf.Task, message: dict[str, Any], state: vf.State) -> vf.Trace:
    """The trace of a rollout that ended with this turn of the policy."""
    calls = [
        vf.ToolCall(id=call["id"], **call["function"]) for call in message.get("tool_calls", [])
    ]
    said = vf.AssistantMessage(content=message["content"], tool_calls=calls or None)
    user = vf.MessageNode(message=vf.UserMessage(**PROMPT[0]))
    return vf.Trace[Any, Any, Any](
        state=state,
        task=TraceTask(type=type(task).__name__, data=task.data),
        agent=AgentInfo(config=vf.AgentConfig(model="policy")),
        nodes=[user, vf.MessageNode(message=said, sampled=True, parent=0)],
    )


if __name__ == "__main__":
    asyncio.run(main())
