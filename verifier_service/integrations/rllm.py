"""rLLM: an evaluator.

This package registers it under the name `toolcall`:

    rllm eval my_dataset --evaluator toolcall --agent my_agent
    rllm train my_dataset --evaluator toolcall --agent my_agent

or, in Python, `evaluator = load_evaluator("verifier_service.integrations.rllm:evaluate")`.

A task's metadata, which is its dataset row, holds its carrier (`verifier_service.carrier`) in
`carrier` or `ground_truth`. The environment names the service: see `connection`.

The service compares tool messages with what the carrier's toolset returns, and one that differs
makes the reward 0 (docs/rewards.md). Where your tools are others, give the carrier their schemas as
`tools` in place of a `toolset`.

Of a conversation with several answers `VERIFIER_TURNS` says which are the policy's: an agent that
calls tools wrote `all` of them. So it does where a step does not begin with the messages of the
step before: then each step holds answers.

Source: rllm 0.3, `rllm/eval/evaluator_loader.py`, `rllm/eval/types.py`, `rllm/types.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verifier_service.carrier import Json
from verifier_service.conversation import NO_ANSWER, NoCompletion
from verifier_service.integrations.columns import row_sample
from verifier_service.integrations.connection import reason, reward_of, score
from verifier_service.integrations.transcripts import answer_in_steps, said
from verifier_service.integrations.verdicts import measures_of


def evaluate(task: Any, episode: Any) -> dict[str, Json]:
    """The reward of an episode's last trajectory, and the measures as its signals.

    Args:
        task: A task of rLLM's, or its metadata.

    Raises:
        Unscored: There is no reward.
        NotConfigured, VerifierError: As `connection.score`.
    """
    row = task if isinstance(task, Mapping) else task.metadata
    (verdict,) = score([row_sample(_completion(episode), row)])
    return {
        "reward": reward_of(verdict),
        "is_correct": verdict.tier == "full",
        "signals": measures_of(verdict),
        "metadata": {"outcome": verdict.outcome, "reason": reason(verdict)},
    }


def _completion(episode: Any) -> Json:
    """What the policy wrote in the steps of the last trajectory; without any, what that put out."""
    if not episode.trajectories:
        return NoCompletion(NO_ANSWER)
    trajectory = episode.trajectories[-1]
    return answer_in_steps(map(_messages, trajectory.steps or [trajectory]))


def _messages(step: Any) -> Sequence[Any]:
    """The messages of a step, or else what it put out as one; none if it put out nothing."""
    if messages := getattr(step, "chat_completions", None):
        return messages  # type: ignore[no-any-return]
    return [] if step.output is None else said([str(step.output)])
