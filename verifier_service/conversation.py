"""What the policy wrote, where a trainer sends the whole conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, get_args

from verifier_service.carrier import Json

Turns: TypeAlias = Literal["last", "all"]
"""Whether a conversation's earlier answers are part of its prompt."""
TURNS: Final[tuple[str, ...]] = get_args(Turns)
_POLICY: Final = ("assistant", "tool", "function")
"""Who speaks while the policy works: itself, and the tools that it calls."""


def completion_in(messages: Sequence[Mapping[str, Json]], turns: str) -> Json:
    """The last answer with its calls and their results; or all from the first answer on.

    A conversation without an answer comes back whole: it is refused as one.
    """
    roles = [message.get("role") for message in messages]
    if turns == "all":
        start = roles.index("assistant") if "assistant" in roles else 0
    else:
        start = max((i + 1 for i, role in enumerate(roles) if role not in _POLICY), default=0)
    return list(messages[start:] or messages)
