"""`POST /score` and `POST /parse`: a body goes to a scoring process, its answer comes back.

Nothing here grows with a completion but reading and writing bytes. Plain ASGI: a framework's own
handling would cost more than scoring a small batch.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from verifier_service.admission import Phase, QueueFull, Share, estimated_completions
from verifier_service.front import CLIENT_GONE, RETRY_SOON_S, Front, problem_response
from verifier_service.jobs import Job, Reply, Task
from verifier_service.problems import Kind
from verifier_service.settings import Settings
from verifier_service.telemetry import Event, log
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
    """The endpoint of one task."""

    def __init__(self, front: Front, task: Task) -> None:
        self._front, self._task = front, task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            reply = await self._reply(dict(scope["headers"]), receive)
        except Refused as refusal:
            headers = {"Connection": "close"} if refusal.close else {}
            response = problem_response(
                refusal.problem, headers, retry_after_s=refusal.retry_after_s
            )
        except ClientDisconnect:
            response = Response(status_code=CLIENT_GONE)
        else:
            completions = self._front.metrics.judged(reply.counts)
            scope.setdefault("state", {})["completions"] = completions
            response = Response(reply.body, reply.status, media_type=reply.media_type)
        await response(scope, receive, send)

    async def _reply(self, headers: dict[bytes, bytes], receive: Receive) -> Reply:
        front = self._front
        _refuse_when_closed(front)
        _refuse_other_than_json(headers)
        try:
            with front.admission.share() as share:
                body = await _body(headers, receive, front.settings, share)
                share.add_completions(estimated_completions(body))
                job = Job(self._task, body, deadline_s=front.settings.deadline_max_ms / 1000)
                reply = await _unless_abandoned(front.runner.run(job), receive)
                share.answered = True
                return reply
        except QueueFull as full:
            problem = Kind.QUEUE_FULL.problem("too much is waiting to be scored; send it later")
            raise Refused(problem, retry_after_s=full.retry_after_s) from None
        except WorkerFailure as failure:
            log(logging.ERROR, Event.WORKER_FAILURE, reason=str(failure))
            problem = Kind.WORKER_FAILURE.problem("nothing was scored; send the request again")
            raise Refused(problem, retry_after_s=RETRY_SOON_S) from None


def _refuse_when_closed(front: Front) -> None:
    if front.admission.phase is Phase.CLOSED:
        problem = Kind.DRAINING.problem("send the request again; another replica may answer it")
        raise Refused(problem, retry_after_s=RETRY_SOON_S, close=True)
    if not front.runner.ready:
        problem = Kind.NOT_READY.problem("the scoring processes are not ready yet")
        raise Refused(problem, retry_after_s=RETRY_SOON_S)


def _refuse_other_than_json(headers: dict[bytes, bytes]) -> None:
    if not _is_json(headers.get(b"content-type", b"")):
        raise Refused(
            Kind.UNSUPPORTED_MEDIA_TYPE.problem("send the body with Content-Type: application/json")
        )
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise Refused(Kind.UNSUPPORTED_MEDIA_TYPE.problem("send the body without Content-Encoding"))


def _is_json(content_type: bytes) -> bool:
    if content_type == b"application/json":
        return True
    media_type, *parameters = (part.strip().lower() for part in content_type.split(b";"))
    charsets = {b"charset=utf-8", b'charset="utf-8"', b""}
    return media_type == b"application/json" and charsets.issuperset(parameters)


async def _body(
    headers: dict[bytes, bytes], receive: Receive, settings: Settings, share: Share
) -> bytes:
    """The whole body; it is refused before more than its limit is held."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > settings.max_body_bytes:
        raise _too_large(settings.max_body_bytes)
    chunks: list[bytes] = []
    try:
        async with asyncio.timeout(settings.body_timeout_s):
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


def _too_large(limit: int) -> Refused:
    return Refused(
        Kind.BODY_TOO_LARGE.problem(
            f"VERIFIER_MAX_BODY_BYTES allows {limit} bytes: split the batch into several requests"
        )
    )


async def _unless_abandoned(run: Coroutine[None, None, Reply], receive: Receive) -> Reply:
    """The reply, or `ClientDisconnect` as soon as nobody waits for it any more."""
    work = asyncio.ensure_future(run)
    # Once the body is read, the next thing to receive is that the caller has left.
    leaving = asyncio.ensure_future(receive())
    leaving.add_done_callback(lambda _: work.cancel())
    try:
        return await work
    except asyncio.CancelledError:
        if leaving.done():
            raise ClientDisconnect from None
        raise
    finally:
        leaving.cancel()
