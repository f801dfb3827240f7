"""OpenPipe ART: the reward of a trajectory.

At the end of your rollout function:

    from verifier_service.integrations.art import score_trajectory

    return await score_trajectory(trajectory, row["carrier"])

`row["carrier"]` is the task (`verifier_service.carrier`); the environment names the service: see
`connection`.

The service compares tool messages with what the carrier's toolset returns, and one that differs
makes the reward 0 (docs/rewards.md). Where your tools are others, give the carrier their schemas as
`tools` in place of a `toolset`.

Source: openpipe-art 0.5, `src/art/trajectories.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from verifier_service.carrier import Json
from verifier_service.conversation import NoCompletion, Turns
from verifier_service.integrations.connection import Sample, reward_of, score_async
from verifier_service.integrations.transcripts import answer, transcript
from verifier_service.integrations.verdicts import measures_of


async def score_trajectory(trajectory: Any, carrier: Json, *, turns: Turns | None = None) -> Any:
    """A copy of the trajectory with its reward, and the measures among its metrics.

    Judged is everything from the first choice of the model on. ART trains on additional histories
    with the same reward, and nothing says what of them belongs to the answer: a trajectory that has
    any is not judged.

    Args:
        turns: Which answers are the policy's in a trajectory of messages alone, without a choice:
            see `verifier_service.conversation`. Else `VERIFIER_TURNS`.

    Raises:
        Unscored: There is no reward.
        NotConfigured, VerifierError: As `connection.score`.
    """
    (verdict,) = await score_async([Sample(_completion(trajectory, turns), carrier)])
    metrics = {**trajectory.metrics, **measures_of(verdict)}
    return trajectory.model_copy(update={"reward": reward_of(verdict), "metrics": metrics})


_ADDITIONAL: Final = (
    "the trajectory has additional_histories, which would be trained on without being judged; "
    "give each history a trajectory of its own"
)


def _completion(trajectory: Any, turns: Turns | None) -> Json:
    if getattr(trajectory, "additional_histories", None):
        return NoCompletion(_ADDITIONAL)
    kept = trajectory.messages_and_choices
    first = next((i for i, one in enumerate(kept) if not isinstance(one, Mapping)), None)
    if first is None:
        return answer(kept, turns)
    return transcript(_message(one) for one in kept[first:])


def _message(message_or_choice: Any) -> Any:
    """A message as it stands, or that of a choice of the OpenAI client."""
    if isinstance(message_or_choice, Mapping):
        return message_or_choice
    return message_or_choice.message
