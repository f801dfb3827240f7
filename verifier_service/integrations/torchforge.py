"""torchforge: a reward function for the application's reward actor.

In your copy of `apps/grpo/main.py`:

    from verifier_service.integrations.torchforge import ToolCallReward

    RewardActor.options(**cfg.services.reward_actor).as_service(
        reward_functions=[ToolCallReward()]
    )

The `target` of a sample, which the dataset actor's `sample` returns, is its carrier
(`verifier_service.carrier`). The environment names the service: see `connection`.

Source: torchforge 0.1, `apps/grpo/main.py`.
"""

from __future__ import annotations

from typing import Any

from verifier_service.integrations.connection import Sample, reward_of, score


class ToolCallReward:
    """The reward of a response; a metric named `ToolCallReward`."""

    def __call__(self, prompt: str, response: str, target: Any) -> float:  # noqa: ARG002  torchforge's signature
        """The reward of one response.

        Raises:
            Unscored: There is none.
            NotConfigured, VerifierError: As `connection.score`.
        """
        (verdict,) = score([Sample(response, target)])
        return reward_of(verdict)
