"""eval-protocol and reward-kit: an evaluator, for Fireworks' reinforcement fine-tuning too.

`test_tool_calls.py`:

    from eval_protocol.pytest import SingleTurnRolloutProcessor, evaluation_test
    from verifier_service.integrations.eval_protocol import evaluate_row

    @evaluation_test(
        input_dataset=["data.jsonl"],
        completion_params=[{"model": "…"}],
        rollout_processor=SingleTurnRolloutProcessor(),
    )
    async def test_tool_calls(row):
        return await evaluate_row(row)

For interfaces that take a reward function:

    from eval_protocol import reward_function
    from verifier_service.integrations.eval_protocol import evaluate

    reward = reward_function(evaluate)

The `ground_truth` of a row is its carrier (`verifier_service.carrier`). The environment names the
service: see `connection`. `RewardFunction(mode="remote")` needs none of this: it posts to the
service's `/evaluate`.

Source: eval-protocol 0.3, `eval_protocol/models.py`, `eval_protocol/typed_interface.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from verifier_service.carrier import Json
from verifier_service.client import Verdict
from verifier_service.conversation import Turns
from verifier_service.evaluate_result import evaluate_result
from verifier_service.integrations.columns import row_sample
from verifier_service.integrations.connection import reason, reward_of, score, score_async
from verifier_service.integrations.transcripts import answer


def evaluate(
    messages: Sequence[Any], ground_truth: Any = None, *, turns: Turns | None = None, **kwargs: Any
) -> dict[str, Json]:
    """The members of an `EvaluateResult` for a conversation.

    Args:
        ground_truth: The carrier; where it is missing, a row in `kwargs` holds one.
        turns: As at `/evaluate`, see `verifier_service.conversation`; else `VERIFIER_TURNS`.

    Raises:
        Unscored: There is no reward.
        NotConfigured, VerifierError: As `connection.score`.
    """
    (verdict,) = score([row_sample(answer(messages, turns), _row(kwargs, ground_truth))])
    return _result(verdict)


async def evaluate_row(row: Any, *, turns: Turns | None = None) -> Any:
    """A copy of an `EvaluationRow` with its result.

    Args:
        turns: As in `evaluate`.

    Raises:
        Unscored, NotConfigured, VerifierError: As `evaluate`.
    """
    task = _row(row.input_metadata.dataset_info or {}, row.ground_truth)
    (verdict,) = await score_async([row_sample(answer(row.messages, turns), task)])
    result = import_module("eval_protocol.models").EvaluateResult(**_result(verdict))
    return row.model_copy(update={"evaluation_result": result})


def _row(beside: Mapping[str, Any], ground_truth: Any) -> Mapping[str, Any]:
    return beside if ground_truth is None else {**beside, "ground_truth": ground_truth}


def _result(verdict: Verdict) -> dict[str, Json]:
    scored = verdict.reward is not None
    return evaluate_result(reward_of(verdict), verdict.components, reason(verdict), scored=scored)
