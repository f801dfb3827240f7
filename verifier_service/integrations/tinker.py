"""Tinker cookbook: the reward of an episode in which the policy calls tools.

    from tinker_cookbook.tool_use import build_agent_tool_env
    from verifier_service.integrations.tinker import make_reward_fn

    env = build_agent_tool_env(
        renderer=renderer,
        tools=tools,
        initial_messages=initial_messages,
        reward_fn=make_reward_fn(row["carrier"], initial_messages),
        terminate_on_parse_error=False,
    )

`row["carrier"]` is the task (`verifier_service.carrier`); the environment names the service: see
`connection`. Where every call of a turn is unreadable, the cookbook gives its own penalty and asks
for no reward. With `terminate_on_parse_error=False` an episode that has turns left goes on and is
judged at its end, where an unreadable call counts as one that was attempted.

The service compares tool messages with what the carrier's toolset returns, and one that differs
makes the reward 0 (docs/rewards.md). Where your tools are others, give the carrier their schemas as
`tools` in place of a `toolset`.

Source: tinker-cookbook 0.6, `tinker_cookbook/tool_use/agent_tool_message_env.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from verifier_service.carrier import Json
from verifier_service.integrations.connection import Sample, reward_of, score_async
from verifier_service.integrations.plain import plain
from verifier_service.integrations.transcripts import transcript
from verifier_service.integrations.verdicts import measures_of

Message: TypeAlias = Mapping[str, Any]
RewardFn: TypeAlias = Callable[[list[Any]], Awaitable[tuple[float, dict[str, float]]]]


def make_reward_fn(carrier: Json, initial_messages: Sequence[Message] = ()) -> RewardFn:
    """The function that judges an episode: its reward, and the measures that the cookbook logs.

    Args:
        initial_messages: The prompt, which stands at the beginning of every episode. Needed only
            if the assistant speaks in it.
    """

    async def reward_fn(messages: list[Any]) -> tuple[float, dict[str, float]]:
        said = [_with_unparsed_calls(message) for message in messages[len(initial_messages) :]]
        (verdict,) = await score_async([Sample(transcript(said), carrier)])
        return reward_of(verdict), measures_of(verdict)

    return reward_fn


def _with_unparsed_calls(message: Message) -> Message:
    """The message with the calls that the renderer could not read among its calls, as text."""
    unread = plain(message.get("unparsed_tool_calls") or [])
    if not unread:
        return message
    calls = [*(message.get("tool_calls") or []), *(call["raw_text"] for call in unread)]
    return {**message, "tool_calls": calls}
