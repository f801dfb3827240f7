"""Joins settings, runner and endpoints into an application."""

from __future__ import annotations

from functools import cache, partial
from typing import Final

from fastapi import FastAPI, Request, Response
from starlette.routing import Route

from verifier_service import openapi, routes
from verifier_service._version import __version__
from verifier_service.admission import Admission
from verifier_service.auth import Keys
from verifier_service.catalog import Catalog
from verifier_service.metrics import Metrics
from verifier_service.middleware import Observe, RequireKey
from verifier_service.problems import Kind
from verifier_service.routes import Front, problem_response
from verifier_service.runner import Runner
from verifier_service.settings import Settings

_DESCRIPTION: Final = (
    "Scores completions of models that call tools: parses them, validates the calls, executes "
    "them in a mocked sandbox and returns rewards with the reasons."
)


def create_app(
    settings: Settings, runner: Runner, catalog: Catalog, keys: Keys | None = None
) -> FastAPI:
    """The application; `app.state.front` is what its endpoints share.

    Args:
        runner: Answers jobs; started and closed by the caller.
        keys: Who may call; None lets everybody in.
    """
    app = FastAPI(
        title="verifier-service",
        summary="Rewards for tool-calling models: verified, explained, over HTTP.",
        description=_DESCRIPTION,
        version=__version__,
        openapi_url="/openapi.json" if settings.docs else None,
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={404: _not_found, 405: _method_not_allowed},
    )
    app.state.front = _front(settings, runner, catalog)
    # Plain routes: these two read raw bodies, and FastAPI's own would cost each request 30 us more.
    app.router.routes[0:0] = [
        Route("/score", routes.score, methods=["POST"]),
        Route("/parse", routes.parse, methods=["POST"]),
    ]
    app.include_router(routes.router)
    if settings.metrics_port is None:
        app.include_router(routes.metrics_router)
    if keys is not None:
        app.add_middleware(RequireKey, keys=keys)
    app.add_middleware(Observe, metrics=app.state.front.metrics)
    # Replacing the method is the way that FastAPI's documentation gives.
    document = partial(openapi.document, app, catalog, secured=keys is not None)
    app.openapi = cache(document)  # type: ignore[method-assign]
    return app


def create_metrics_app(front: Front) -> FastAPI:
    """What listens on a metrics port of its own, for which nobody needs a key."""
    app = FastAPI(openapi_url=None, exception_handlers={404: _not_found, 405: _method_not_allowed})
    app.state.front = front
    app.include_router(routes.metrics_router)
    return app


def _front(settings: Settings, runner: Runner, catalog: Catalog) -> Front:
    admission = Admission(
        max_completions=settings.queue_completions, max_bytes=settings.queue_bytes
    )
    metrics = Metrics(runner, admission, catalog.profiles)
    return Front(settings, runner, catalog, admission, metrics)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return problem_response(Kind.NOT_FOUND.problem("no endpoint has this path"))


async def _method_not_allowed(_request: Request, error: Exception) -> Response:
    headers = dict(getattr(error, "headers", None) or {})
    problem = Kind.METHOD_NOT_ALLOWED.problem(f"allowed here: {headers.get('Allow')}")
    return problem_response(problem, headers)
