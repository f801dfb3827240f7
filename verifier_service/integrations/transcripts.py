"""What a policy wrote in an episode, from the messages that its trainer keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from verifier_service.carrier import Json
from verifier_service.conversation import Turns, completion_in
from verifier_service.integrations.plain import plain

_MEMBERS: Final = (
    "role", "content", "refusal", "reasoning_content", "reasoning", "thinking",
    "tool_calls", "function_call", "tool_call_id", "name",
)  # fmt: skip
"""What a message says. Trainers add notes of their own: weights, log-probabilities, raw bytes."""


def transcript(messages: Iterable[Any]) -> Json:
    """The completion that messages hold: a list of them, or "" where none is the assistant's.

    Messages before the assistant's first are the prompt and left out. A prompt in which the
    assistant speaks has to be cut off by the caller, who alone knows where it ends.
    """
    said = [_message(raw) for raw in messages]
    first = next((i for i, one in enumerate(said) if one.get("role") == "assistant"), None)
    return "" if first is None else said[first:]


def answer(messages: Iterable[Any], turns: Turns) -> Json:
    """The completion in a whole conversation, which may have earlier answers: see `completion_in`.

    The wires take the same part of one.
    """
    return completion_in([_message(raw) for raw in messages], turns)


def _message(raw: Any) -> dict[str, Json]:
    given = raw if isinstance(raw, Mapping) else plain(raw)
    return {name: plain(given[name]) for name in _MEMBERS if given.get(name) is not None}
