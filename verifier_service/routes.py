"""The endpoints: short functions that hand bodies to scoring processes and relay the answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from verifier_service import problems
from verifier_service._version import __version__
from verifier_service.admission import Admission, Phase, QueueFull, Share, estimated_completions
from verifier_service.catalog import Catalog
from verifier_service.jobs import Job, Reply, Task
from verifier_service.metrics import EXPOSITION_TYPE, Metrics
from verifier_service.problems import Kind
from verifier_service.runner import Runner
from verifier_service.settings import Settings
from verifier_service.telemetry import Event, log
from verifier_service.wire import (
    Health,
    Problem,
    ProfileList,
    ToolsetDetail,
    ToolsetList,
    ToolsetSummary,
)
from verifier_service.workers import WorkerFailure

_RETRY_SOON_S: Final = 1
CLIENT_GONE: Final = 499
"""Status of a request whose caller left; nobody receives it, only logs and metrics show it."""


@dataclass(frozen=True, slots=True)
class Front:
    """What the endpoints share."""

    settings: Settings
    runner: Runner
    catalog: Catalog
    admission: Admission
    metrics: Metrics


class Refused(Exception):
    """This request is answered with a problem instead."""

    def __init__(
        self, problem: Problem, *, retry_after_s: int | None = None, close: bool = False
    ) -> None:
        self.problem, self.retry_after_s, self.close = problem, retry_after_s, close
        super().__init__(problem.detail)


def problem_response(
    problem: Problem, headers: dict[str, str] | None = None, *, retry_after_s: int | None = None
) -> Response:
    """A problem document with its status; `Retry-After` where the caller may try again."""
    headers = dict(headers or {})
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return Response(problems.encode(problem), problem.status, headers, problems.MEDIA_TYPE)


# --- Scoring and parsing --------------------------------------------------------------------------


async def score(request: Request) -> Response:
    """Score a batch of completions."""
    return await _submit(request, Task.SCORE)


async def parse(request: Request) -> Response:
    """Read completions without scoring them."""
    return await _submit(request, Task.PARSE)


async def _submit(request: Request, task: Task) -> Response:
    front: Front = request.app.state.front
    try:
        _refuse_when_closed(front)
        _refuse_other_than_json(request)
        with front.admission.share() as share:
            body = await _body(request, front.settings, share)
            share.add_completions(estimated_completions(body))
            job = Job(task, body, deadline_s=front.settings.deadline_max_ms / 1000)
            reply = await _unless_abandoned(front.runner.run(job), request.receive)
            share.answered = True
    except Refused as refusal:
        headers = {"Connection": "close"} if refusal.close else {}
        return problem_response(refusal.problem, headers, retry_after_s=refusal.retry_after_s)
    except QueueFull as full:
        problem = Kind.QUEUE_FULL.problem("too much is waiting to be scored; send it again later")
        return problem_response(problem, retry_after_s=full.retry_after_s)
    except WorkerFailure as failure:
        log(logging.ERROR, Event.WORKER_FAILURE, reason=str(failure))
        problem = Kind.WORKER_FAILURE.problem("nothing was scored; send the request again")
        return problem_response(problem, retry_after_s=_RETRY_SOON_S)
    except ClientDisconnect:
        return Response(status_code=CLIENT_GONE)
    request.state.completions = front.metrics.judged(reply.counts)
    return Response(reply.body, reply.status, media_type=reply.media_type)


def _refuse_when_closed(front: Front) -> None:
    if front.admission.phase is Phase.CLOSED:
        problem = Kind.DRAINING.problem("send the request again; another replica may answer it")
        raise Refused(problem, retry_after_s=_RETRY_SOON_S, close=True)
    if not front.runner.ready:
        problem = Kind.NOT_READY.problem("the scoring processes are not ready yet")
        raise Refused(problem, retry_after_s=_RETRY_SOON_S)


def _refuse_other_than_json(request: Request) -> None:
    content_type = request.headers.get("content-type", "")
    if not _is_json(content_type):
        raise Refused(
            Kind.UNSUPPORTED_MEDIA_TYPE.problem("send the body with Content-Type: application/json")
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(Kind.UNSUPPORTED_MEDIA_TYPE.problem("send the body without Content-Encoding"))


def _is_json(content_type: str) -> bool:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {"charset=utf-8", 'charset="utf-8"', ""}
    return media_type == "application/json" and charsets.issuperset(parameters)


async def _body(request: Request, settings: Settings, share: Share) -> bytes:
    """The whole body; it is refused before more than its limit is held."""
    limit = settings.max_body_bytes
    too_large = Refused(
        Kind.BODY_TOO_LARGE.problem(
            f"VERIFIER_MAX_BODY_BYTES allows {limit} bytes: split the batch into several requests"
        )
    )
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    chunks: list[bytes] = []
    try:
        async with asyncio.timeout(settings.body_timeout_s):
            async for chunk in request.stream():
                share.add_bytes(len(chunk))
                if share.bytes > limit:
                    raise too_large
                if chunk:
                    chunks.append(chunk)
    except TimeoutError:
        problem = Kind.BODY_TIMEOUT.problem(
            f"the body did not arrive within {settings.body_timeout_s:g} s"
        )
        raise Refused(problem, close=True) from None
    return b"".join(chunks)


async def _unless_abandoned(run: Coroutine[None, None, Reply], receive: Receive) -> Reply:
    """The reply, or `ClientDisconnect` as soon as nobody waits for it any more."""
    work = asyncio.ensure_future(run)
    # Once the body is read, the next thing to receive is that the caller has left.
    leaving = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ClientDisconnect
        return work.result()
    finally:
        work.cancel()
        leaving.cancel()


# --- What is there --------------------------------------------------------------------------------

router = APIRouter()
metrics_router = APIRouter()


@router.get("/healthz", tags=["health"])
async def healthz() -> Health:
    """Whether the process runs; says nothing of its workers."""
    return Health(status="ok", version=__version__)


@router.get("/readyz", tags=["health"], response_model=Health)
async def readyz(request: Request) -> Health | Response:
    """Whether requests are answered: everything loaded, workers alive, not shutting down."""
    front: Front = request.app.state.front
    runner = front.runner
    if front.admission.phase is not Phase.OPEN:
        problem = Kind.DRAINING.problem("the service is shutting down")
    elif not (runner.ready and runner.alive):
        problem = Kind.NOT_READY.problem(f"{runner.alive} of {runner.size} workers are alive")
    else:
        return Health(status="ready", version=__version__)
    return problem_response(problem, retry_after_s=_RETRY_SOON_S)


@metrics_router.get("/metrics", tags=["health"], response_class=PlainTextResponse)
async def exposition(request: Request) -> Response:
    """All metrics in Prometheus' text format."""
    front: Front = request.app.state.front
    return Response(front.metrics.exposition(), media_type=EXPOSITION_TYPE)


@router.get("/toolsets", tags=["catalog"])
async def toolsets(request: Request) -> ToolsetList:
    """The loaded toolsets."""
    front: Front = request.app.state.front
    return ToolsetList(
        toolsets=[
            ToolsetSummary(
                name=toolset.name,
                digest=toolset.digest,
                description=toolset.description,
                tools=[tool.function.name for tool in toolset.tools],
            )
            for _, toolset in sorted(front.catalog.toolsets.items())
        ]
    )


@router.get("/toolsets/{name}", tags=["catalog"], response_model=ToolsetDetail)
async def toolset(name: str, request: Request) -> ToolsetDetail | Response:
    """One toolset: its tools' schemas as a model would be shown them."""
    front: Front = request.app.state.front
    found = front.catalog.toolsets.get(name)
    if found is None:
        loaded = ", ".join(sorted(front.catalog.toolsets)) or "none"
        return problem_response(
            Kind.NOT_FOUND.problem(f"no such toolset is loaded; there is: {loaded}")
        )
    return found


@router.get("/profiles", tags=["catalog"])
async def profiles(request: Request) -> ProfileList:
    """The loaded reward profiles."""
    front: Front = request.app.state.front
    return ProfileList(profiles=[entry for _, entry in sorted(front.catalog.profiles.items())])
