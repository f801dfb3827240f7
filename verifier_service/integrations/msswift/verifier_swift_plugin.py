"""ms-swift.

    swift rlhf --external_plugins FILE --reward_funcs verifier …      # `verifier path ms-swift`

with `VERIFIER_URL` in the environment (see `connection`), and in the dataset a column `carrier`, or
one of those that `verifier_service.carrier` names.

Judged is the last text of the assistant. With `VERIFIER_TURNS=all` it is everything from the
assistant's first message on, which is right where no prompt holds one.

A sample without a reward is None, which ms-swift leaves out. A service that gives no answer raises.

ms-swift puts this file's folder first on the module path: nothing else may be in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from swift.rewards import ORM, orms  # type: ignore[import-not-found]

from verifier_service.integrations.columns import column_samples
from verifier_service.integrations.connection import NotConfigured
from verifier_service.integrations.once import score_once
from verifier_service.integrations.transcripts import configured_turns, transcript

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
        said = _episodes(columns) if configured_turns() == "all" else completions
        return [verdict.reward for verdict in score_once(column_samples(said, columns))]


def _episodes(columns: Mapping[str, Any]) -> list[Any]:
    """What the policy wrote in each whole conversation."""
    conversations = columns.get("messages")
    if conversations is None:
        raise NotConfigured("VERIFIER_TURNS=all judges the column messages, and there is none")
    return [transcript(map(_message, messages)) for messages in conversations]


def _message(message: Any) -> Any:
    role = str(message.get("role")) if isinstance(message, Mapping) else None
    return {**message, "role": _ROLES[role]} if role in _ROLES else message


orms["verifier"] = VerifierReward
