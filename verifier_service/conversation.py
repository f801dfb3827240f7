"""What the policy wrote, where a trainer sends the whole conversation.

One rule for every wire and callable, which never guesses in the policy's favour: the policy wrote
what stands behind the last message of anybody but the assistant and its tools. More than one answer
there may be a prompt's as well as the policy's, and only the caller knows: see `Turns`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, get_args

from verifier_service.carrier import CarrierFault, Json

Turns: TypeAlias = Literal["auto", "last", "all"]
"""Whose answers a conversation holds.

`auto`: the policy's one answer, at the end. `last`: the same, after answers that belong to the
prompt. `all`: everything from the first answer on is the policy's, and the prompt holds none.
"""
TURNS: Final[tuple[str, ...]] = get_args(Turns)

ASSISTANT: Final = "assistant"
_WORKING: Final = (ASSISTANT, "tool", "function")
"""Who speaks while the policy works: itself, and the tools that it calls."""


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
_NO_ANSWER_AT_THE_END: Final = (
    "the last message is not of the role assistant; end with the policy's answer, or say "
    "turns=all if all answers are the policy's (VERIFIER_TURNS=all for functions)"
)
_SEVERAL_ANSWERS: Final = (
    "there are {count} assistant messages behind the last one of anybody else; say turns=all if "
    "the policy wrote all of them, or turns=last if only the last (VERIFIER_TURNS for functions)"
)


def completion_in(messages: Sequence[Mapping[str, Json]], turns: str) -> Json | NoCompletion:
    """The messages of a conversation that are judged, or why there are none."""
    roles = [message.get("role") for message in messages]
    if ASSISTANT not in roles:
        return NoCompletion(NO_ANSWER)
    if turns == "all":
        return list(messages[roles.index(ASSISTANT) :])
    if roles[-1] != ASSISTANT:
        return NoCompletion(_NO_ANSWER_AT_THE_END)
    count = _answers_at_the_end(roles)
    if turns == "auto" and count > 1:
        return NoCompletion(_SEVERAL_ANSWERS.format(count=count))
    return [messages[-1]]


def _answers_at_the_end(roles: Sequence[Json]) -> int:
    """How many answers there are behind the last message of anybody but the policy and tools."""
    start = max((i + 1 for i, role in enumerate(roles) if role not in _WORKING), default=0)
    return roles[start:].count(ASSISTANT)
