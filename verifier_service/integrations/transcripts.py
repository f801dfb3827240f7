"""What a policy wrote in an episode, from the messages that its trainer keeps."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from verifier_service.carrier import Json
from verifier_service.conversation import ASSISTANT, TURNS, NoCompletion, Turns, completion_in
from verifier_service.integrations.connection import NotConfigured
from verifier_service.integrations.plain import written

_MEMBERS: Final = (
    "role", "content", "refusal", "reasoning_content", "reasoning", "thinking",
    "tool_calls", "function_call", "tool_call_id", "name",
)  # fmt: skip
"""What a message says. Trainers add notes of their own: weights, log-probabilities, raw bytes."""


def transcript(messages: Iterable[Any]) -> Json:
    """What the policy wrote, in messages whose prompt is cut off, or why there is nothing.

    Messages before the assistant's first are what is left of the prompt.
    """
    return completion_in([_message(raw) for raw in messages], "all")


def answer(messages: Iterable[Any], turns: Turns | None = None) -> Json:
    """What the policy wrote in a whole conversation, or why that cannot be told.

    The wires take the same part of one: see `verifier_service.conversation`.

    Args:
        turns: None for what `VERIFIER_TURNS` says.

    Raises:
        NotConfigured: There is no such value.
    """
    given = configured_turns() if turns is None else turns
    return completion_in([_message(raw) for raw in messages], given)


_APART: Final = (
    "the last step does not hold the messages of those before it, so that it cannot be told what "
    "the policy answered; set VERIFIER_TURNS=all if every step's answers are judged, or "
    "VERIFIER_TURNS=last if only the last one"
)


def answer_in_steps(steps: Iterable[Iterable[Any]]) -> Json:
    """What the policy wrote in the messages of several steps, as `VERIFIER_TURNS` says.

    A step that goes on from all messages of the one before stands for both.

    Raises:
        NotConfigured: As `answer`.
    """
    turns = configured_turns()
    parts = _parts([_message(raw) for raw in step] for step in steps)
    if turns == "auto" and len(parts) > 1:
        return NoCompletion(_APART)
    judged: list[Json] = []
    for messages in (parts if turns == "all" else parts[-1:]) or [[]]:
        answered = completion_in(messages, turns)
        if isinstance(answered, NoCompletion):
            return answered
        judged.extend(answered)
    return judged


_Messages: TypeAlias = list[dict[str, Json]]


def _parts(steps: Iterable[_Messages]) -> list[_Messages]:
    """The steps without those that the next one continues."""
    parts: list[_Messages] = []
    for messages in steps:
        if parts and _continues(messages, parts[-1]):
            parts.pop()
        parts.append(messages)
    return parts


def _continues(later: _Messages, earlier: _Messages) -> bool:
    return len(later) > len(earlier) and later[: len(earlier)] == earlier


def configured_turns() -> str:
    """What `VERIFIER_TURNS` says, `auto` if nothing.

    Raises:
        NotConfigured: It says something else.
    """
    turns = os.environ.get("VERIFIER_TURNS") or TURNS[0]
    if turns not in TURNS:
        raise NotConfigured(f"VERIFIER_TURNS must be {', '.join(TURNS)}, not {turns[:40]!r}")
    return turns


def said(texts: Iterable[str]) -> list[Json]:
    """Texts of the policy as its messages."""
    return [{"role": ASSISTANT, "content": text} for text in texts]


def _message(raw: Any) -> dict[str, Json]:
    given = raw if isinstance(raw, Mapping) else _members(raw)
    kept = {name: given[name] for name in _MEMBERS if given.get(name) is not None}
    try:
        message: dict[str, Json] = written(kept)
    except (TypeError, ValueError, RecursionError):
        return kept  # Refused where it is sent: in its sample alone, and only if it is judged.
    return message


def _members(raw: Any) -> dict[str, Any]:
    """Those of a library's own message; as they are, because what is deep cannot be dumped."""
    return {name: getattr(raw, name, None) for name in _MEMBERS}
