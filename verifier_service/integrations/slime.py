"""slime, and miles.

    --custom-rm-path verifier_service.integrations.slime.custom_rm --label-key carrier

with `VERIFIER_URL` in the environment of the rollout (see `connection`). The carrier is the label,
or stands in the row's metadata (`--metadata-key`) as `carrier`, `ground_truth`, …; the metadata's
other settings (`toolset`, `profile`, …) hold for what it leaves out.

With `--reward-key score` a reward is an object: `score`, the numbers of
`verifier_service.measures`, and `reason`. Unlike the URL of the remote reward model this one
retries, which miles itself does not.

A sample without a reward raises, or counts as `VERIFIER_UNSCORED` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verifier_service.client import Verdict
from verifier_service.integrations.columns import TASKS, row_sample
from verifier_service.integrations.connection import (
    Row,
    reason,
    reward_of,
    score_async,
)
from verifier_service.integrations.verdicts import measures_of


async def custom_rm(args: Any, sample: Any, **_: Any) -> Any:
    """The reward of a sample, or those of a list of them, in order.

    Raises:
        Unscored: A sample has none.
        NotConfigured, VerifierError: There is no service to ask, or no answer.
    """
    samples: Sequence[Any] = sample if isinstance(sample, list | tuple) else [sample]
    verdicts = await score_async([_row(one) for one in samples])
    as_object = bool(getattr(args, "reward_key", None) or getattr(args, "eval_reward_key", None))
    rewards = [_object(each) if as_object else reward_of(each) for each in verdicts]
    return rewards if samples is sample else rewards[0]


def _row(sample: Any) -> Row:
    """Its metadata says the task where it says one; otherwise the label does."""
    row = dict(sample.metadata) if isinstance(sample.metadata, dict) else {}
    if not any(row.get(name) is not None for name in TASKS):
        row["carrier"] = sample.label
    return row_sample(sample.response, row)


def _object(verdict: Verdict) -> dict[str, Any]:
    return {"score": reward_of(verdict), **measures_of(verdict), "reason": reason(verdict)}
