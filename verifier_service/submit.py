"""`POST /score` and `POST /parse`: a body goes to a scoring process, its answer comes back.

Nothing here grows with a completion but reading and writing bytes. Plain ASGI: a framework's own
handling would cost more than scoring a small batch.
"""

from __future__ import annotations

import asyncio
import logging
import time
from asyncio import Future
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from verifier_service.admission import Phase, QueueFull, Share, estimated_completions
from verifier_service.front import (
    CLIENT_GONE,
    DEPARTURE,
    RETRY_SOON_S,
    WHOLE,
    Front,
    problem_response,
)
from verifier_service.jobs import Call, Job, Reply, Task
from verifier_service.problems import Kind
from verifier_service.settings import Settings
from verifier_service.telemetry import Event, log
from verifier_service.tracing import RequestSpan
from verifier_service.wire import Problem
from verifier_service.workers import WorkerFailure


class Refused(Exception):
    """This request is answered with a problem instead."""

    def __init__(
        self, problem: Problem, *, retry_after_s: int | None = None, close: bool = False
    ) -> None:
        self.problem, self.retry_after_s, self.close = problem, retry_after_s, close
        super().__init__(problem.detail)


class Submission:
    """The endpoint of one task, or of one trainer's wire."""

    def __init__(self, front: Front, task: Task, wire: str = "") -> None:
        self._front, self._task, self._wire = front, task, wire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(scope, receive, send)
        except Refused as refusal:
            headers = {"Connection": "close"} if refusal.close else {}
            response = problem_response(
                refusal.problem, headers, retry_after_s=refusal.retry_after_s
            )
            await response(scope, receive, send)
        except ClientDisconnect:
            await Response(status_code=CLIENT_GONE)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge and answer; the request has its share of the queue until its answer is sent."""
        arrived = time.monotonic()
        _refuse_when_closed(self._front)
        _refuse_other_than_json(scope["headers"])
        try:
            with self._front.admission.share() as share:
                reply = await self._reply(arrived, scope, receive, share)
                share.answer(len(reply.body))
                completions = self._front.metrics.judged(reply.counts)
                scope.setdefault("state", {})["completions"] = completions
                await _send(reply, send)
        except QueueFull as full:
            problem = Kind.QUEUE_FULL.problem("too much is waiting to be scored; send it later")
            raise Refused(problem, retry_after_s=full.retry_after_s) from None
        except WorkerFailure as failure:
            log(logging.ERROR, Event.WORKER_FAILURE, reason=str(failure))
            problem = Kind.WORKER_FAILURE.problem("nothing was scored; send the request again")
            raise Refused(problem, retry_after_s=RETRY_SOON_S) from None

    async def _reply(self, arrived: float, scope: Scope, receive: Receive, share: Share) -> Reply:
        settings = self._front.settings
        headers = dict(scope["headers"])
        state = scope.setdefault("state", {})
        body = await _body(headers, receive, settings, share, whole=state.get(WHOLE, False))
        share.add_completions(estimated_completions(body))
        span: RequestSpan | None = state.get("span")
        job = Job(
            self._task,
            body,
            deadline_s=settings.deadline_max_ms / 1000,
            elapsed_s=time.monotonic() - arrived,
            call=_call(self._wire, scope, headers) if self._wire else None,
            traced=span is not None,
        )
        submitted_ns = time.time_ns()
        reply = await _unless_abandoned(self._front.runner.run(job), scope, receive)
        if span is not None:
            span.worked(submitted_ns, reply)
        if self._front.score_log is not None:
            elapsed_s = time.monotonic() - arrived
            self._front.score_log.keep(scope["state"]["request_id"], elapsed_s, job, reply)
        return reply


def _refuse_when_closed(front: Front) -> None:
    if front.admission.phase is Phase.CLOSED:
        problem = Kind.DRAINING.problem("send the request again; another replica may answer it")
        raise Refused(problem, retry_after_s=RETRY_SOON_S, close=True)
    if not front.runner.ready:
        problem = Kind.NOT_READY.problem("the scoring processes are not ready yet")
        raise Refused(problem, retry_after_s=RETRY_SOON_S)


def _refuse_other_than_json(headers: Iterable[tuple[bytes, bytes]]) -> None:
    types = [value for name, value in headers if name == b"content-type"]
    if types != [b"application/json"] and not (types and all(map(_is_json, types))):
        raise Refused(
            Kind.UNSUPPORTED_MEDIA_TYPE.problem("send the body with Content-Type: application/json")
        )
    codings = [value for name, value in headers if name == b"content-encoding"]
    if any(value.strip().lower() != b"identity" for value in codings):
        raise Refused(Kind.UNSUPPORTED_MEDIA_TYPE.problem("send the body without Content-Encoding"))


def _is_json(content_type: bytes) -> bool:
    if content_type == b"application/json":
        return True
    media_type, *parameters = (part.strip().lower() for part in content_type.split(b";"))
    charsets = {b"charset=utf-8", b'charset="utf-8"', b""}
    return media_type == b"application/json" and charsets.issuperset(parameters)


async def _body(
    headers: dict[bytes, bytes], receive: Receive, settings: Settings, share: Share, *, whole: bool
) -> bytes:
    """The whole body; it is refused before more than its limit is held."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > settings.max_body_bytes:
        raise _too_large(settings.max_body_bytes)
    chunks: list[bytes] = []
    try:
        # What is there already cannot be late, and a timer costs as much as all of the rest.
        async with nullcontext() if whole else asyncio.timeout(settings.body_timeout_s):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                if chunk := message.get("body", b""):
                    share.add_bytes(len(chunk))
                    chunks.append(chunk)
                if share.bytes > settings.max_body_bytes:
                    raise _too_large(settings.max_body_bytes)
                more = message.get("more_body", False)
    except TimeoutError:
        problem = Kind.BODY_TIMEOUT.problem(
            f"the body did not arrive within {settings.body_timeout_s:g} s"
        )
        raise Refused(problem, close=True) from None
    return b"".join(chunks)


def _call(wire: str, scope: Scope, headers: Mapping[bytes, bytes]) -> Call:
    """What else a trainer's request says; the URL and the head are bounded by the server."""
    return Call(
        wire,
        query=scope["query_string"].decode("latin-1"),
        tail=scope.get("path_params", {}).get("tail", ""),
        cookie=headers.get(b"cookie", b"").decode("latin-1"),
    )


def _too_large(limit: int) -> Refused:
    return Refused(
        Kind.BODY_TOO_LARGE.problem(
            f"VERIFIER_MAX_BODY_BYTES allows {limit} bytes: split the batch into several requests"
        ),
        close=True,
    )


async def _send(reply: Reply, send: Send) -> None:
    headers = [
        (b"content-length", b"%d" % len(reply.body)),
        (b"content-type", reply.media_type.encode()),
    ]
    if reply.cookie:
        headers.append((b"set-cookie", reply.cookie.encode()))
    if reply.status == Kind.UNSCORED.status:
        headers.append((b"retry-after", b"%d" % RETRY_SOON_S))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": True})
    # The next message waits until the connection has taken all but the end of the one before.
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _unless_abandoned(answer: Future[Reply], scope: Scope, receive: Receive) -> Reply:
    """The reply, or `ClientDisconnect` as soon as nobody waits for it any more."""

    def abandon(_: Future[Any]) -> None:
        answer.cancel()

    departure = scope.get("state", {}).get(DEPARTURE) or _departure(answer, receive)
    departure.add_done_callback(abandon)
    try:
        return await answer
    except asyncio.CancelledError:
        if departure.done():
            raise ClientDisconnect from None
        raise
    finally:
        departure.remove_done_callback(abandon)


def _departure(answer: Future[Reply], receive: Receive) -> Future[Any]:
    """Done when the caller has left: what other servers than ours do not say, they let receive."""
    # Once the body is read, that the caller has left is all that there is to be received.
    departure = asyncio.ensure_future(receive())
    answer.add_done_callback(lambda _: departure.cancel())
    return departure
