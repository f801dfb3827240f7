"""What a call of the client may raise besides ValueError for arguments that are no JSON.

    VerifierError
    ├── VerifierRefused       the request is wrong: the caller's doing, never sent again
    ├── VerifierUnavailable   no answer within the retry budget
    └── VerifierAnswerError   an answer that cannot be trusted

None of them carries a key or a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_REMEDIES: Final = {
    401: "Give the client an api_key that the service knows.",
    403: "Give the client an api_key that may use this service.",
    404: "Check that base_url is the address of the service, with its path prefix if it has one.",
    413: "Lower max_request_completions or max_request_bytes.",
}


class VerifierError(Exception):
    """There is no reward; nothing was invented in its place."""


class VerifierRefused(VerifierError):
    """The service refused the request, and would refuse it again."""

    def __init__(
        self, status: int, problem: Mapping[str, Any], pointers: tuple[str, ...] = ()
    ) -> None:
        super().__init__(status, problem, pointers)
        self.status = status
        """The HTTP status: 400 to 499, or a redirect."""
        self.problem = problem
        """The problem document (RFC 9457), or {} where the answer held none."""
        self.pointers = pointers
        """JSON Pointers to the faults, with the caller's own item and completion numbers."""

    @property
    def faults(self) -> list[str]:
        """One sentence for each pointer: where, and what is wrong there."""
        details = [fault.get("detail", "wrong") for fault in self.problem.get("errors", ())]
        return [
            f"{at or 'the request'}: {why}" for at, why in zip(self.pointers, details, strict=False)
        ]

    def __str__(self) -> str:
        said = self.problem.get("detail") or self.problem.get("title") or "no reason given"
        remedy = [_REMEDIES[self.status]] if self.status in _REMEDIES else []
        sentences = [f"refused with {self.status}: {said}", *self.faults[:3], *remedy]
        return ". ".join(str(sentence).rstrip(".") for sentence in sentences)


class VerifierUnavailable(VerifierError):
    """The retry budget is spent, or the service asks to wait for longer than what is left."""

    def __init__(self, url: str, attempts: int, seconds: float, last_error: str) -> None:
        super().__init__(url, attempts, seconds, last_error)
        self.url = url
        self.attempts = attempts
        self.seconds = seconds
        """From the first attempt until the client gave up."""
        self.last_error = last_error

    def __str__(self) -> str:
        times = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        return (
            f"no answer from {self.url} after {times} in {self.seconds:.1f} s; last: "
            f"{self.last_error}. Check that the service runs and that GET /readyz answers 200, or "
            "raise retry_budget_s"
        )


class VerifierAnswerError(VerifierError):
    """The service answered 200 with something else than what was asked for."""
