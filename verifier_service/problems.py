"""Why a request was not answered, as problem documents.

Source: RFC 9457 (problem details), RFC 6901 (JSON Pointer).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from verifier_service.jobs import Reply
from verifier_service.wire import BRANCHES, Fault, Problem

MEDIA_TYPE: Final = "application/problem+json"
LISTED_FAULTS: Final = 32
TOLD_FAULTS: Final = 20_000
"""More are not looked at: to word each takes a kilobyte."""
_SHOWN_POINTER: Final = 200

_WORDING: Final = {
    "extra_forbidden": "unknown field",
    "missing": "required field is missing",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}
"""Pydantic's own sentence serves for every other type of fault."""


class Kind(Enum):
    """Every kind of problem: HTTP status, the last part of its `type`, and its title."""

    BAD_REQUEST = (400, "bad-request", "The request is not understood")
    NOT_JSON = (400, "not-json", "The body is not JSON in UTF-8")
    UNAUTHORIZED = (401, "unauthorized", "A valid key is required")
    NOT_FOUND = (404, "not-found", "There is nothing here")
    METHOD_NOT_ALLOWED = (405, "method-not-allowed", "This path has no such method")
    BODY_TIMEOUT = (408, "body-timeout", "The body took too long to arrive")
    BODY_TOO_LARGE = (413, "body-too-large", "The body is too large")
    TOO_MANY_COMPLETIONS = (413, "too-many-completions", "The batch is too large")
    URL_TOO_LONG = (414, "url-too-long", "The URL is too long")
    UNSUPPORTED_MEDIA_TYPE = (415, "unsupported-media-type", "The body must be plain JSON")
    VALIDATION = (422, "validation", "The request has the wrong shape")
    UNPROCESSABLE = (422, "unprocessable", "The request cannot be processed")
    INVALID_TASK = (422, "invalid-task", "A task is wrong")
    QUEUE_FULL = (429, "queue-full", "The queue is full")
    HEAD_TOO_LARGE = (431, "head-too-large", "The headers are too large")
    INTERNAL = (500, "internal", "The service failed")
    NOT_READY = (503, "not-ready", "The service is not ready")
    DRAINING = (503, "draining", "The service is shutting down")
    WORKER_FAILURE = (503, "worker-failure", "No scoring process could answer")
    UNSCORED = (503, "unscored", "A completion could not be scored")

    def __init__(self, status: int, slug: str, title: str) -> None:
        self.status, self.slug, self.title = status, slug, title

    def problem(
        self, detail: str, *, errors: Iterable[Fault] | None = None, log_id: str | None = None
    ) -> Problem:
        return Problem(
            type=f"urn:verifier:problem:{self.slug}",
            title=self.title,
            status=self.status,
            detail=detail,
            errors=None if errors is None else list(errors)[:LISTED_FAULTS],
            id=log_id,
        )


def encode(problem: Problem) -> bytes:
    return problem.model_dump_json(exclude_none=True).encode()


def reply(problem: Problem) -> Reply:
    """A worker's answer that says what is wrong with the request."""
    return Reply(problem.status, encode(problem), MEDIA_TYPE)


def too_many_completions(count: int, limit: int) -> Problem:
    return Kind.TOO_MANY_COMPLETIONS.problem(
        f"the request holds {count} completions; VERIFIER_MAX_BATCH allows {limit}: "
        "split it into several requests"
    )


def problem_from_validation_error(error: ValidationError) -> Problem:
    """The 422 for a request that does not fit its model, with a JSON Pointer for each fault.

    Nothing of the values that were sent is repeated, only the names of fields.
    """
    if error.error_count() > TOLD_FAULTS:
        return Kind.VALIDATION.problem(
            f"the request has {error.error_count():,} faults, too many to look at one by one: is "
            "this the body that was meant?"
        )
    found = faults(error)
    count = len(found)
    listed = "" if count <= LISTED_FAULTS else f"; the first {LISTED_FAULTS} are listed"
    plural = "fault" if count == 1 else "faults"
    return Kind.VALIDATION.problem(f"the request has {count} {plural}{listed}", errors=found)


def faults(error: ValidationError) -> list[Fault]:
    """What does not fit a model: one fault for each place, in order."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return list({fault.pointer: fault for fault in map(_fault, found)}.values())


def pointer(location: Iterable[str | int]) -> str:
    """The JSON Pointer to a place; a long one is cut, because callers choose field names."""
    tokens = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    whole = "".join(f"/{token}" for token in tokens)
    return whole if len(whole) <= _SHOWN_POINTER else f"{whole[:_SHOWN_POINTER]}…"


def _fault(found: ErrorDetails) -> Fault:
    location, kind = found["loc"], found["type"]
    last = len(location) - 1
    # A branch of a union is no step of the document; an unknown field may have any name.
    path = [
        part
        for index, part in enumerate(location)
        if part not in BRANCHES or (index == last and kind == "extra_forbidden")
    ]
    return Fault(pointer=pointer(path), code=kind, detail=_WORDING.get(kind) or found["msg"])
