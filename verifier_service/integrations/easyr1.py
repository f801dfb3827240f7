"""EasyR1.

    worker.reward.reward_function=FILE          # what `verifier path easyr1` prints
    worker.reward.skip_special_tokens=false     # tool-call formats may be made of them

with `VERIFIER_URL` in the environment (see `connection`), and the carrier in the dataset's column
of answers (`data.answer_key`): no other column reaches the function. `reward_function_kwargs` may
set `toolset`, `profile` and `format`.

An answer holds `overall`, `accuracy` (1.0 where everything is right) and the numbers of
`verifier_service.measures`, the same names for every sample. A sample without a reward raises, or
counts as `VERIFIER_UNSCORED` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from verifier_service.integrations.connection import Sample, reward_of, score
from verifier_service.integrations.verdicts import measures_of

REWARD_NAME = "verifier"
REWARD_TYPE = "batch"


def main(reward_inputs: Sequence[Mapping[str, Any]], **settings: Any) -> list[dict[str, float]]:
    """The reward of each completion as `overall`, and what it is made of.

    Raises:
        Unscored: A sample has none.
        NotConfigured, VerifierError: There is no service to ask, or no answer.
    """
    samples = [Sample(row["response"], row["ground_truth"], settings) for row in reward_inputs]
    return [
        {
            "overall": reward_of(verdict),
            "accuracy": 1.0 if verdict.tier == "full" else 0.0,
            **measures_of(verdict),
        }
        for verdict in score(samples)
    ]
