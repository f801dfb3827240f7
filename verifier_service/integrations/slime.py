"""slime, and miles.

    --custom-rm-path verifier_service.integrations.slime.custom_rm --label-key carrier

with `VERIFIER_URL` in the environment of the rollout (see `connection`). The carrier is the label,
or stands in the row's metadata (`--metadata-key`) as `carrier`, `ground_truth`, … where the label
is no JSON; the metadata's other settings (`toolset`, `profile`, …) hold for what it leaves out.

With `--reward-key score` a reward is an object: `score`, the numbers of
`verifier_service.measures`, and `reason`. Unlike the URL of the remote reward model this one
retries, which miles itself does not.

A sample without a reward raises, or counts as `VERIFIER_UNSCORED` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from verifier_service.carrier import NESTED, SETTINGS
from verifier_service.client import Verdict
from verifier_service.integrations.columns import TASKS, row_sample
from verifier_service.integrations.connection import (
    Row,
    reason,
    reward_of,
    score_async,
)
from verifier_service.integrations.verdicts import measures_of

_KINDS: Final = {
    "id": str | int, "toolset": str, "profile": str, "format": str,
    "tools": str | list, "options": str | dict,
}  # fmt: skip
"""Metadata is the dataset's own: what is named like a setting and is none means something else."""


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
    """The label says the task; where it is none, as in `"42"`, the metadata may."""
    metadata = sample.metadata if isinstance(sample.metadata, dict) else {}
    given = {name: value for name, value in metadata.items() if _says(value)}
    if given.keys() & set(TASKS) and not _is_structured(sample.label):
        return row_sample(sample.response, given)
    settings = {name: given[name] for name in SETTINGS if isinstance(given.get(name), _KINDS[name])}
    return row_sample(sample.response, {**settings, NESTED: sample.label})


def _says(value: Any) -> bool:
    return value is not None and not (isinstance(value, str | dict | list) and not value)


def _is_structured(label: Any) -> bool:
    """Whether a label is a carrier rather than an answer to the question in words."""
    return isinstance(label, dict | list) or str(label).lstrip().startswith(("{", "["))


def _object(verdict: Verdict) -> dict[str, Any]:
    return {"score": reward_of(verdict), **measures_of(verdict), "reason": reason(verdict)}
