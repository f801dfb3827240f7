"""ms-swift.

    swift rlhf --external_plugins FILE --reward_funcs verifier …      # `verifier path ms-swift`

with `VERIFIER_URL` in the environment (see `connection`), and in the dataset a column `carrier`, or
one of those that `verifier_service.carrier` names.

Judged is the completion: the last text of the assistant. Where the column `messages` shows further
answers of the assistant's behind the last message of anybody but it and its tools, the sample has
no reward until `VERIFIER_TURNS` says whose they are: with `last` the completion is judged, with
`all` everything from the assistant's first message on, which is right where no prompt holds one.

A sample without a reward is None, which ms-swift leaves out. A service that gives no answer raises.

ms-swift puts this file's folder first on the module path: nothing else may be in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from swift.rewards import ORM, orms  # type: ignore[import-not-found]

from verifier_service.conversation import NoCompletion
from verifier_service.integrations.columns import column_samples
from verifier_service.integrations.connection import NotConfigured
from verifier_service.integrations.once import score_once
from verifier_service.integrations.transcripts import answer, configured_turns

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
        said = _answers(completions, columns.get("messages"))
        return [verdict.reward for verdict in score_once(column_samples(said, columns))]


def _answers(completions: Sequence[Any], conversations: Sequence[Any] | None) -> Sequence[Any]:
    """What of each sample is judged.

    Raises:
        NotConfigured: All answers are to be judged, and there are no conversations.
    """
    turns = configured_turns()
    if turns == "last" or (turns == "auto" and conversations is None):
        return completions
    if conversations is None:
        raise NotConfigured("VERIFIER_TURNS=all judges the column messages, and there is none")
    return [_answer(*each, turns) for each in zip(completions, conversations, strict=True)]


def _answer(completion: Any, messages: Any, turns: str) -> Any:
    if not isinstance(messages, list | tuple):
        return NoCompletion("its column messages holds no conversation; set VERIFIER_TURNS=last")
    found = answer(map(_message, messages))
    return found if turns == "all" or isinstance(found, NoCompletion) else completion


def _message(message: Any) -> Any:
    role = str(message.get("role")) if isinstance(message, Mapping) else None
    return {**message, "role": _ROLES[role]} if role in _ROLES else message


orms["verifier"] = VerifierReward
