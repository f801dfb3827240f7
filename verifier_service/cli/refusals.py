"""What the client raises, in the words of the command line."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from verifier_service.cli.console import EXIT_SERVICE, CommandError
from verifier_service.client import (
    VerifierError,
    VerifierRefused,
    VerifierUnavailable,
)

NO_VERIFIER: Final = "this does not look like a verifier service; check the address after --url"
_REMEDIES: Final = {
    HTTPStatus.UNAUTHORIZED: "give a key that the service knows, by --api-key or VERIFIER_API_KEY",
    HTTPStatus.FORBIDDEN: "give a key that may use this service",
    HTTPStatus.NOT_FOUND: "check the address after --url, with its path prefix if it has one",
}


def command_error(error: VerifierError) -> CommandError:
    """The error of the command for an error of the client: what happened, and what to check."""
    if isinstance(error, VerifierRefused):
        return _refused(error)
    if isinstance(error, VerifierUnavailable):
        return CommandError(
            f"no answer from {error.url} after {error.attempts} "
            f"attempt{'' if error.attempts == 1 else 's'} in {error.seconds:.1f} s; last: "
            f"{error.last_error}. Check the address, that the service runs, and that GET /readyz "
            "answers 200; --wait SECONDS waits for a service that is starting",
            EXIT_SERVICE,
        )
    return CommandError(str(error), EXIT_SERVICE)


def _refused(error: VerifierRefused) -> CommandError:
    said = error.problem.get("detail") or error.problem.get("title")
    if said is None:
        return CommandError(f"{NO_VERIFIER}: it answered {error.status}", EXIT_SERVICE)
    if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return CommandError("; ".join(error.faults) or str(said))
    sentences = [f"refused with {error.status}: {said}", *error.faults[:3]]
    if error.status in _REMEDIES:
        sentences.append(_REMEDIES[HTTPStatus(error.status)])
    return CommandError("; ".join(each.rstrip(".") for each in sentences), EXIT_SERVICE)
