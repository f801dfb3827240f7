"""AReaL.

    workflow_kwargs = {"reward_fn": "verifier_service.integrations.areal.reward_fn", …}

with `VERIFIER_URL` in the environment (see `connection`), and in the dataset a column `carrier`, or
one of those that `verifier_service.carrier` names.

AReaL gives a reward function 15 s and counts what takes longer as 0. So that a slow service is
never a wrong answer, the client waits 4 s to connect and 4 s for an answer, and tries no more after
4 s: then this raises, and AReaL asks again, four times in all. Whoever sets `VERIFIER_TIMEOUT_S` or
`VERIFIER_RETRY_BUDGET_S` has to keep to those 15 s.

A sample without a reward raises, or counts as `VERIFIER_UNSCORED` says.
"""
# ruff: noqa: ARG001 - the parameters are those that AReaL passes

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from verifier_service.integrations.columns import TASKS, row_sample
from verifier_service.integrations.connection import NotConfigured, Patience, reward_of, score

PATIENCE: Final = Patience(timeout_s=4.0, retry_budget_s=4.0, asks_again=False)


def reward_fn(
    prompt: str,
    completion: str,
    prompt_ids: Sequence[int],
    completion_ids: Sequence[int],
    /,
    **columns: Any,
) -> float:
    """The reward of one completion.

    Args:
        columns: The row of the dataset.

    Raises:
        Unscored: It has none.
        NotConfigured, VerifierError: There is no service to ask, no task in the row, or no answer.
    """
    if not any(columns.get(name) is not None for name in TASKS):
        named = ", ".join(TASKS)
        raise NotConfigured(f"the row has no column with a task; give it one of {named}")
    [verdict] = score([row_sample(completion, columns)], PATIENCE)
    return reward_of(verdict)
