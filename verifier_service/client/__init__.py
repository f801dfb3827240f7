"""The HTTP client of the service: rewards for a batch of completions, with the reasons.

    with VerifierClient("http://localhost:8000") as verifier:
        rewards = verifier.score(items, toolset="finance").rewards

It needs httpx and the standard library, nothing else of this distribution but its version. Where
orjson is installed, JSON takes it less time.
"""

from verifier_service.client.aio import AsyncVerifierClient
from verifier_service.client.blocking import VerifierClient
from verifier_service.client.errors import (
    VerifierAnswerError,
    VerifierError,
    VerifierRefused,
    VerifierUnavailable,
)
from verifier_service.client.records import (
    Behavior,
    Failure,
    Group,
    Revision,
    ScoreResult,
    Verdict,
)

__all__ = [
    "AsyncVerifierClient",
    "Behavior",
    "Failure",
    "Group",
    "Revision",
    "ScoreResult",
    "Verdict",
    "VerifierAnswerError",
    "VerifierClient",
    "VerifierError",
    "VerifierRefused",
    "VerifierUnavailable",
]
