"""ms-swift.

    swift rlhf --external_plugins FILE --reward_funcs verifier …      # `verifier path ms-swift`

with `VERIFIER_URL` in the environment (see `connection`), and in the dataset a column `carrier`, or
one of those that `verifier_service.carrier` names.

A sample without a reward is None, which ms-swift leaves out. A service that gives no answer raises.

ms-swift puts this file's folder first on the module path: nothing else may be in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from swift.rewards import ORM, orms  # type: ignore[import-not-found]

from verifier_service.integrations.columns import column_samples
from verifier_service.integrations.once import score_once

_ROLES = {
    "assistant": "assistant",
    "tool_call": "assistant",
    "tool": "tool",
    "tool_response": "tool",
}
"""ms-swift's names for who speaks, in the words of chat completions."""


class VerifierReward(ORM):  # type: ignore[misc]  # its base is untyped
    """The service's reward. It waits: in an event loop for each step no connection would last."""

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """One reward a completion; None where it could not be scored.

        Raises:
            NotConfigured, VerifierError: There is no service to ask, no task in the dataset, or no
                answer.
        """
        if not completions:
            return []
        conversations = columns.get("messages") or [None] * len(completions)
        pairs = zip(completions, conversations, strict=True)
        turns = [_last_turn(completion, messages) for completion, messages in pairs]
        return [verdict.reward for verdict in score_once(column_samples(turns, columns))]


def _last_turn(completion: Any, messages: Sequence[Mapping[str, Any]] | None) -> Any:
    """All that followed the user's last words where tools answered in between; else the text."""
    turn: list[dict[str, Any]] = []
    for message in reversed(messages or ()):
        if message.get("role") not in _ROLES:
            break
        turn.insert(0, {**message, "role": _ROLES[message["role"]]})
    return turn if len(turn) > 1 else completion


orms["verifier"] = VerifierReward
