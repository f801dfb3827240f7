"""OpenRLHF, from a file instead of a URL.

    --reward.remote_url FILE --data.label_key carrier      # what `verifier path openrlhf` prints

with `VERIFIER_URL` in the environment (see `connection`). Without a file, `--reward.remote_url
http://host:8080/get_reward` asks the same service; the file retries longer and sends its key in a
header.

A sample without a reward raises, or counts as `VERIFIER_UNSCORED` says. OpenRLHF logs what is
raised, and ends where it next needs that reward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verifier_service.completion_text import completion_of
from verifier_service.integrations.connection import Sample, reward_of, score
from verifier_service.integrations.verdicts import measures_of
from verifier_service.measures import MEASURES


def reward_func(
    queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any
) -> dict[str, Any]:
    """Rewards, scores in 0..1 for filtering, and numbers to log under the same names always.

    Args:
        queries: Prompt and completion, with special tokens.
        labels: Carriers.

    Raises:
        Unscored: A sample has no reward.
        NotConfigured, VerifierError: There is no service to ask, or no answer.
    """
    rows = zip(queries, prompts, labels, strict=True)
    verdicts = score([Sample(completion_of(query, prompt), label) for query, prompt, label in rows])
    rewards = [reward_of(verdict) for verdict in verdicts]
    measured = [measures_of(verdict) for verdict in verdicts]
    return {
        "rewards": rewards,
        "scores": [min(1.0, max(0.0, reward)) for reward in rewards],
        "extra_logs": {name: [row[name] for row in measured] for name in MEASURES},
    }
