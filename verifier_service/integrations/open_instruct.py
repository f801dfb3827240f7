"""open-instruct: one line in the script that launches training, before its verifiers are built.

    import verifier_service.integrations.open_instruct

A dataset names the verifier and carries the task: `dataset: "tool_calls"`, `ground_truth: CARRIER`.
With `VERIFIER_URL` in the environment (see `connection`).

open-instruct finds the direct subclasses of its `VerifierFunction` that have been imported; there
is no flag for it. Its scores lie in 0..1, so that rewards outside are refused: choose a profile
that keeps to it.

A sample without a reward raises, or counts as `VERIFIER_UNSCORED` says.
"""
# ruff: noqa: ARG002 - the parameters are those that open-instruct passes

from __future__ import annotations

from typing import Any, Final

from open_instruct.ground_truth_utils import (  # type: ignore[import-not-found]
    VerificationResult,
    VerifierFunction,
)

from verifier_service.client import Verdict
from verifier_service.integrations.connection import (
    NotConfigured,
    Sample,
    reason,
    reward_of,
    score,
    score_async,
)

NAME: Final = "tool_calls"


class ToolCallVerifier(VerifierFunction):  # type: ignore[misc]  # its base is untyped
    """The service's reward as a score."""

    def __init__(self, verifier_config: Any = None) -> None:
        super().__init__(NAME, weight=1.0, verifier_config=verifier_config)

    def __call__(
        self,
        tokenized_prediction: list[int],
        prediction: str,
        label: Any,
        query: str | None = None,
        rollout_state: dict[str, Any] | None = None,
    ) -> VerificationResult:
        """The score of one completion, and why it is not 1.0.

        Raises:
            Unscored: It has none.
            NotConfigured, VerifierError: There is no service to ask, or no answer.
        """
        [verdict] = score([Sample(prediction, label)])
        return _result(verdict)

    async def async_call(
        self,
        tokenized_prediction: list[int],
        prediction: str,
        label: Any,
        query: str | None = None,
        rollout_state: dict[str, Any] | None = None,
    ) -> VerificationResult:
        """The same on an event loop."""
        [verdict] = await score_async([Sample(prediction, label)])
        return _result(verdict)


def _result(verdict: Verdict) -> VerificationResult:
    reward = reward_of(verdict)
    if not 0.0 <= reward <= 1.0:
        raise NotConfigured(
            f"open-instruct takes scores in 0..1, and this profile gives {reward:g}; set "
            "VERIFIER_PROFILE to another"
        )
    return VerificationResult(score=reward, reasoning=reason(verdict) or None)
