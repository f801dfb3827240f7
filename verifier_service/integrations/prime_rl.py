"""prime-rl: the hook of verifiers, in prime-rl's configuration.

    [orchestrator.train.source.env.taskset.task.rewards]
    toolcall = { fn = "verifier_service.integrations.prime_rl:reward", weight = 1.0 }

    [orchestrator.train.source.env.taskset.task.metrics]
    toolcall_measures = { fn = "verifier_service.integrations.prime_rl:metrics" }

Set `VERIFIER_URL` where the orchestrator runs. All else: `verifier_service.integrations.verifiers`.

Source: prime-rl 0.8, `src/prime_rl/orchestrator/algo/base.py`, `configs/basic/`.
"""

from __future__ import annotations

from verifier_service.integrations.verifiers import metrics, reward

__all__ = ["metrics", "reward"]
