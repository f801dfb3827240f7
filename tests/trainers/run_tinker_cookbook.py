"""Tinker cookbook: its tool-use environment asks our reward function at the end of an episode."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from tinker_cookbook.renderers.base import ToolCall, UnparsedToolCall
from tinker_cookbook.tool_use import ToolResult, simple_tool_result, tool
from tinker_cookbook.tool_use.agent_tool_message_env import AgentToolMessageEnv

from tests.trainers.samples import CARRIER_TEXT, MESSAGES, PROMPT, passed, same_as_the_service
from verifier_service.integrations.tinker import make_reward_fn

PRICES = {("AAPL", "2025-01-03"): 243.36, ("AAPL", "2025-01-02"): 243.85}


@tool
async def get_stock_price(
    ticker: Annotated[str, "Symbol."], date: Annotated[str, "ISO 8601."]
) -> ToolResult:
    """The closing price of a stock."""
    return simple_tool_result(json.dumps(PRICES[ticker, date]))


async def main() -> None:
    same_as_the_service([await episode(message) for message in MESSAGES], MESSAGES)
    unread = UnparsedToolCall(raw_text="<tool_call>\n{not json\n</tool_call>", error="not JSON")
    broken = {"role": "assistant", "content": "", "unparsed_tool_calls": [unread]}
    assert await episode(broken, {"role": "assistant", "content": "Done."}) == 0.0
    passed("tinker-cookbook", "AgentToolMessageEnv.step to the end of episodes")


async def episode(*messages: dict[str, Any]) -> float:
    env = AgentToolMessageEnv(
        tools=[get_stock_price],
        initial_messages=list(PROMPT),
        max_turns=len(messages),
        reward_fn=make_reward_fn(CARRIER_TEXT, PROMPT),
        terminate_on_parse_error=False,
    )
    await env.initial_observation()
    for message in messages:
        step = await env.step(with_calls(message))
    assert step.episode_done
    assert all(isinstance(value, int | float) for value in step.metrics.values()), step.metrics
    return step.reward


def with_calls(message: dict[str, Any]) -> dict[str, Any]:
    """The message with calls as the cookbook's renderers leave them."""
    calls = [ToolCall.model_validate(call) for call in message.get("tool_calls", [])]
    return {**message, "tool_calls": calls} if calls else message


if __name__ == "__main__":
    asyncio.run(main())
