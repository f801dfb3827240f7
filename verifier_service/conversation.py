"""What the policy wrote, where a trainer sends the whole conversation.

One rule for every wire and callable, which never guesses in the policy's favour: the policy wrote
what stands behind the last message of anybody but the assistant and its tools. More than one answer
there may be a prompt's as well as the policy's, and only the caller knows: see `Turns`.

A user's message that holds what a tool returned is the tool's: Anthropic, Bedrock and Gemini have
no role for tools, and some templates write results as a user's text. Who speaks in a role that
nobody knows may be the policy, so such a conversation is refused whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

from verifier_service.carrier import CarrierFault, Json

Turns: TypeAlias = Literal["auto", "last", "all"]
"""Whose answers a conversation holds.

`auto`: the policy's one answer, at the end. `last`: the same, after answers that belong to the
prompt. `all`: everything from the first answer on is the policy's, and the prompt holds none.
"""
TURNS: Final[tuple[str, ...]] = get_args(Turns)

ASSISTANT: Final = "assistant"
TOOLS: Final = ("tool", "function")
ROLES: Final = ("system", "developer", "user", ASSISTANT, *TOOLS)
"""Who speaks, as in `POST /score`."""
RESULT_TYPES: Final = ("tool_result", "function_call_output")
"""Types of content parts that hold what a tool returned: Anthropic's, the Responses API's."""
RESULT_KEYS: Final = ("toolResult", "functionResponse", "function_response")
"""Keys of such parts: Bedrock's, Gemini's."""
RESULT_MARKS: Final = (
    "<tool_response>",
    "<|tool_response>",
    "<tool_result>",
    "<function_results>",
    "[TOOL_RESULTS]",
    "<\uff5ctool\u2581output\u2581begin\uff5c>",
    "<|START_TOOL_RESULT|>",
    "<|im_start|>tool",
    "<|start_header_id|>ipython<|end_header_id|>",
    "<|start_header_id|>tool<|end_header_id|>",
)
"""What templates write before a result in a text."""


class NoCompletion(CarrierFault):
    """A conversation does not show what the policy wrote: the text says what to do.

    It stands in the completion's place, so that one such sample spoils no other.
    """

    def __init__(self, message: str) -> None:
        super().__init__("", message)

    def __reduce__(self) -> tuple[type[NoCompletion], tuple[str]]:
        return NoCompletion, (self.message,)


NO_ANSWER: Final = (
    "there is no message of the role assistant, so nothing to judge; give the policy's answer"
)
_UNKNOWN_ROLE: Final = (
    "message {index} {role}, so it cannot be told whether the policy wrote it; known roles are "
    f"{', '.join(ROLES)}"
)
_NO_ANSWER_AT_THE_END: Final = (
    "the last message is not of the role assistant; end with the policy's answer, or say "
    "turns=all if all answers are the policy's (VERIFIER_TURNS=all for functions)"
)
_SEVERAL_ANSWERS: Final = (
    "there are {count} assistant messages behind the last one of anybody else; say turns=all if "
    "the policy wrote all of them, or turns=last if only the last (VERIFIER_TURNS for functions)"
)


def completion_in(messages: Sequence[Mapping[str, Json]], turns: str) -> Json | NoCompletion:
    """The messages of a conversation that are judged, or why there are none.

    Args:
        turns: One of `TURNS`.
    """
    roles = [message.get("role") for message in messages]
    unknown = next((i for i, role in enumerate(roles) if role not in ROLES), None)
    if unknown is not None:
        role = _of_role(roles[unknown])
        return NoCompletion(_UNKNOWN_ROLE.format(index=unknown, role=role))
    if ASSISTANT not in roles:
        return NoCompletion(NO_ANSWER)
    if turns == "all":
        return list(messages[roles.index(ASSISTANT) :])
    if roles[-1] != ASSISTANT:
        return NoCompletion(_NO_ANSWER_AT_THE_END)
    count = _answers_at_the_end(messages)
    if turns == "auto" and count > 1:
        return NoCompletion(_SEVERAL_ANSWERS.format(count=count))
    return [messages[-1]]


def _of_role(role: Json) -> str:
    if role is None:
        return "has no role"
    named = repr(role[:40]) if isinstance(role, str) else f"that is a {type(role).__name__}"
    return f"has the role {named}"


def _answers_at_the_end(messages: Sequence[Mapping[str, Json]]) -> int:
    """How many answers there are behind the last message of anybody but the policy and tools."""
    count = 0
    for message in reversed(messages):
        if message["role"] == ASSISTANT:
            count += 1
        elif not _is_a_tools(message):
            break
    return count


def _is_a_tools(message: Mapping[str, Json]) -> bool:
    """Whether a tool speaks here, be it in the user's name."""
    contents = (message.get("content"), message.get("parts"))
    return message["role"] in TOOLS or any(map(_is_result, contents))


def _is_result(content: Any) -> bool:
    """Whether a content, or one of its parts, holds what a tool returned."""
    if isinstance(content, list | tuple):
        return any(_is_result(part) for part in content if not isinstance(part, list | tuple))
    if not isinstance(content, Mapping):
        return _says_result(content)
    typed = content.get("type") in RESULT_TYPES
    return typed or any(key in content for key in RESULT_KEYS) or _says_result(content.get("text"))


def _says_result(text: Any) -> bool:
    return isinstance(text, str) and any(mark in text for mark in RESULT_MARKS)
