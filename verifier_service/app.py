"""Joins settings, runner and endpoints into an application."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from fastapi import FastAPI, Request, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox_tools.types import Json
from verifier_service import openapi, routes
from verifier_service._version import __version__
from verifier_service.admission import Admission
from verifier_service.auth import Keys
from verifier_service.catalog import Catalog
from verifier_service.front import Front, problem_response
from verifier_service.jobs import Task
from verifier_service.metrics import Metrics
from verifier_service.middleware import Observe, RequireKey, Submissions
from verifier_service.probes import Pulse
from verifier_service.problems import Kind
from verifier_service.runner import Runner
from verifier_service.score_log.channel import ScoreLog
from verifier_service.settings import Settings
from verifier_service.submit import Submission
from verifier_service.tracing import Trace, Tracing, open_tracing
from verifier_service.wires import ASKED

_DESCRIPTION: Final = (
    "Scores completions of models that call tools: parses them, validates the calls, executes "
    "them in a mocked sandbox and returns rewards with the reasons."
)


class Application(FastAPI):
    """FastAPI behind the key and the record of requests; submissions do not go through it."""

    def __init__(self, front: Front, keys: Keys | None, tracing: Tracing | None = None) -> None:
        super().__init__(
            title="verifier-service",
            summary="Rewards for tool-calling models: verified, explained, over HTTP.",
            description=_DESCRIPTION,
            version=__version__,
            openapi_url="/openapi.json" if front.settings.docs else None,
            redoc_url=None,
            redirect_slashes=False,
            exception_handlers={404: _not_found, 405: _method_not_allowed},
        )
        self.front, self.keys, self.tracing = front, keys, tracing
        self.state.front = front
        self.submissions = {
            "/score": Submission(front, Task.SCORE),
            "/parse": Submission(front, Task.PARSE),
            **{
                path: Submission(front, Task.WIRE, wire.name)
                for wire in ASKED
                for path in wire.paths
            },
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._stack(scope, receive, send)

    @cached_property
    def _stack(self) -> ASGIApp:
        app: ASGIApp = Submissions(super().__call__, self.submissions)
        if self.keys is not None:
            app = RequireKey(app, self.keys)
        app = Observe(app, self.front.metrics)
        return app if self.tracing is None else Trace(app, self.tracing)

    @cached_property
    def document(self) -> dict[str, Json]:
        return openapi.document(self, self.front.catalog, secured=self.keys is not None)

    def openapi(self) -> dict[str, Json]:
        return self.document


def create_app(
    settings: Settings, runner: Runner, catalog: Catalog, keys: Keys | None = None
) -> Application:
    """The application.

    Args:
        runner: Answers jobs; started and closed by the caller.
        keys: Who may call; None lets everybody in.

    Raises:
        StartRefused: Traces are wanted, and their libraries are not installed.
    """
    tracing = open_tracing() if settings.otel else None
    app = Application(_front(settings, runner, catalog), keys, tracing)
    app.include_router(routes.health_router)
    app.include_router(routes.router)
    if settings.metrics_port is None:
        app.include_router(routes.metrics_router)
    for path, submission in app.submissions.items():
        # Submissions are taken before the router; it says 405 to their paths' other methods.
        app.router.routes.append(Route(path, submission, methods=["POST"]))
    return app


def create_metrics_app(front: Front) -> ASGIApp:
    """What listens on a metrics port of its own, for which nobody needs a key: probes, too."""
    app = FastAPI(
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers={404: _not_found, 405: _method_not_allowed},
    )
    app.state.front = front
    app.include_router(routes.health_router)
    app.include_router(routes.metrics_router)
    return Observe(app, front.metrics)


def _front(settings: Settings, runner: Runner, catalog: Catalog) -> Front:
    admission = Admission(
        max_completions=settings.queue_completions, max_bytes=settings.queue_bytes
    )
    metrics = Metrics(runner, admission, catalog.profiles, settings.metrics_runs)
    score_log = _score_log(settings)
    if score_log is not None:
        metrics.registry.register(score_log)
    return Front(settings, runner, catalog, admission, metrics, score_log, Pulse())


def _score_log(settings: Settings) -> ScoreLog | None:
    plan = settings.score_log_plan
    return None if plan is None else ScoreLog(plan, settings.score_log_queue_bytes)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return problem_response(Kind.NOT_FOUND.problem("no endpoint has this path"))


async def _method_not_allowed(_request: Request, error: Exception) -> Response:
    headers = dict(getattr(error, "headers", None) or {})
    problem = Kind.METHOD_NOT_ALLOWED.problem(f"allowed here: {headers.get('Allow')}")
    return problem_response(problem, headers)
