"""What stands before every endpoint: the key, and the record of how the request went."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verifier_service.auth import CHALLENGE, Keys
from verifier_service.front import CLIENT_GONE, problem_response
from verifier_service.metrics import Metrics
from verifier_service.problems import Kind
from verifier_service.telemetry import Event, log
from verifier_service.wires import ASKED

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
"""Probes carry no key."""
PROBES: Final = OPEN_PATHS | {"/metrics"}
_PATHS: Final = (
    PROBES
    | {"/score", "/parse", "/toolsets", "/profiles"}
    | {path for wire in ASKED for path in wire.paths}
)
"""Paths that are named in logs and metrics as they are; others by their route, if they have one."""
_UNMATCHED: Final = "unmatched"


class RequireKey:
    """Lets only callers with a valid key through."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app, self._keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["path"] in OPEN_PATHS
            or self._keys.accept(_authorization(scope))
        ):
            await self._app(scope, receive, send)
            return
        problem = Kind.UNAUTHORIZED.problem(
            "send a key as `Authorization: Bearer <key>`, or as the password of HTTP Basic"
        )
        response = problem_response(problem, {"WWW-Authenticate": CHALLENGE, "Connection": "close"})
        await response(scope, receive, send)


class Submissions:
    """Takes the requests that carry a batch past everything that they do not need."""

    def __init__(self, app: ASGIApp, submissions: Mapping[str, ASGIApp]) -> None:
        self._app, self._submissions = app, submissions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        submission = None
        if scope["type"] == "http" and scope["method"] == "POST":
            submission = self._submission(scope)
        await (submission or self._app)(scope, receive, send)

    def _submission(self, scope: Scope) -> ASGIApp | None:
        path: str = scope["path"]
        if found := self._submissions.get(path):
            return found
        template, tail = _template(path)
        if tail and (found := self._submissions.get(template)):
            scope["path_params"] = {"tail": tail}
            return found
        return None


class Observe:
    """Counts and logs each request under an id, and turns a crash into a problem document."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the life span of the application
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = os.urandom(8).hex()
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        except Exception:
            log(logging.ERROR, Event.INTERNAL_ERROR, exc_info=True, request_id=request_id)
            if status:  # The answer is on its way: only breaking the connection tells.
                raise
            problem = Kind.INTERNAL.problem(
                "the log of the service says more under this id", log_id=request_id
            )
            await problem_response(problem)(scope, receive, send_observed)
        finally:
            self._record(scope, status or CLIENT_GONE, time.perf_counter() - started, request_id)

    def _record(self, scope: Scope, status: int, duration_s: float, request_id: str) -> None:
        route = route_of(scope)
        self._metrics.request(route, status, duration_s)
        probe = route in PROBES
        log(
            logging.DEBUG if probe else logging.INFO,
            Event.PROBE if probe else Event.REQUEST,
            method=scope["method"],
            path=route,
            status=status,
            duration_ms=round(duration_s * 1000, 3),
            completions=scope.get("state", {}).get("completions", 0),
            request_id=request_id,
        )


def route_of(scope: Scope) -> str:
    """A name for where the request went, out of a bounded set: callers choose paths freely."""
    path: str = scope["path"]
    if path in _PATHS:
        return path
    template, _ = _template(path)
    if template in _PATHS:
        return template
    return getattr(scope.get("route"), "path", _UNMATCHED)


def _template(path: str) -> tuple[str, str]:
    """The path with `{tail}` for its last part, and that part."""
    before, _, tail = path.rpartition("/")
    return f"{before}/{{tail}}", tail


def _authorization(scope: Scope) -> bytes | None:
    """What the caller presents; `X-Api-Key`, which some trainers send, is a bearer token."""
    presented = dict(reversed(scope["headers"]))
    if b"authorization" in presented:
        return bytes(presented[b"authorization"])
    return b"Bearer " + presented[b"x-api-key"] if b"x-api-key" in presented else None
