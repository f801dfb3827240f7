"""The bytes between the front, its template process, its workers and the writer of its log.

A frame is a kind, a head (a JSON object) and a body (bytes that nobody decodes here). There is no
pickle in it: a worker that hostile text has taken over can send wrong bytes, but no code.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from typing import Final

import orjson

from sandbox_tools.types import Json
from verifier_service.jobs import Call, Fate, Job, Reply, Task

MAX_HEAD_BYTES: Final = 1 << 20
MAX_BODY_BYTES: Final = 1 << 29

_PREFIX: Final = struct.Struct("<BIQ")  # kind, bytes of the head, bytes of the body


class Kind(IntEnum):
    """What a frame says, and who says it."""

    BUILD = 1
    """Front to template: what to build, once."""
    BUILT = 2
    """Template to front: ready to fork."""
    EXITED = 3
    """Template to front: a worker is gone; head `pid`, `exit_code` (negative: a signal)."""
    READY = 4
    """Worker to front: hardened and waiting; head `pid`, `layers`."""
    JOB = 5
    """Front to worker."""
    PIECE = 6
    """Worker to front: the body covers every completion since the last piece."""
    REPLY = 7
    """Worker to front: the job is done."""
    FAILED = 8
    """Template, worker or writer to front: about to exit; head `error`."""
    RECORD = 9
    """Front to the score log's writer: a request and its answer."""
    WRITTEN = 10
    """Writer to front: what became of records; head `written`, `dropped`, `reason`."""


class BadFrame(Exception):
    """The other side does not keep to the format: it is broken or taken over."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    kind: Kind
    head: Mapping[str, Json]
    body: bytes


def encoded(kind: Kind, head: Mapping[str, Json] | None = None, *body: bytes) -> list[bytes]:
    """A frame as buffers for one vectored write; the body's parts are not copied."""
    head_bytes = orjson.dumps(head) if head else b""
    prefix = _PREFIX.pack(kind, len(head_bytes), sum(map(len, body)))
    return [prefix + head_bytes, *body]


class Decoder:
    """Cuts what arrives into frames, for a side that must never block."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete with `data`.

        Raises:
            BadFrame: The stream is unusable from here on.
        """
        self._buffer += data
        while len(self._buffer) >= _PREFIX.size:
            kind, head_size, body_size = _PREFIX.unpack_from(self._buffer)
            _check_sizes(head_size, body_size)
            head_end = _PREFIX.size + head_size
            end = head_end + body_size
            if len(self._buffer) < end:
                return
            with memoryview(self._buffer) as view:
                head, body = bytes(view[_PREFIX.size : head_end]), bytes(view[head_end:end])
            del self._buffer[:end]
            yield _frame(kind, head, body)


def receive(channel: socket.socket) -> Frame | None:
    """Wait for the next frame; None when the other side has closed the channel."""
    prefix = _receive_exactly(channel, _PREFIX.size)
    if prefix is None:
        return None
    kind, head_size, body_size = _PREFIX.unpack(prefix)
    head = _receive_exactly(channel, head_size)
    body = _receive_exactly(channel, body_size)
    return None if head is None or body is None else _frame(kind, head, body)


def send(channel: socket.socket, kind: Kind, head: Mapping[str, Json], *body: bytes) -> None:
    """Send one frame, waiting while the other side is slow.

    Raises:
        BadFrame: It is larger than the other side takes; nothing was sent.
    """
    buffers = encoded(kind, head, *body)
    _check_sizes(len(buffers[0]) - _PREFIX.size, sum(map(len, body)))
    sent = channel.sendmsg(buffers)
    rest = b"".join(buffers)[sent:] if sent < sum(map(len, buffers)) else b""
    if rest:
        channel.sendall(rest)


def _receive_exactly(channel: socket.socket, size: int) -> bytes | None:
    received = channel.recv(size, socket.MSG_WAITALL) if size else b""
    while len(received) < size:  # a signal can cut MSG_WAITALL short
        more = channel.recv(size - len(received), socket.MSG_WAITALL)
        if not more:
            return None
        received += more
    return received


def _check_sizes(head_size: int, body_size: int) -> None:
    if head_size > MAX_HEAD_BYTES or body_size > MAX_BODY_BYTES:
        raise BadFrame(f"a frame of {head_size} + {body_size} bytes")


def _frame(kind: int, head: bytes, body: bytes) -> Frame:
    try:
        decoded = orjson.loads(head) if head else {}
        known = Kind(kind)
    except ValueError as error:
        raise BadFrame(str(error)) from error
    if not isinstance(decoded, dict):
        raise BadFrame("a head that is no object")
    return Frame(known, decoded, body)


def encoded_job(job: Job, *, waited_s: float = 0.0) -> list[bytes]:
    """The frame that hands a worker its job, after so long in the pool."""
    head: dict[str, Json] = {
        "task": job.task,
        "deadline_s": max(0.0, job.deadline_s - waited_s),
        "elapsed_s": job.elapsed_s + waited_s,
        "traced": job.traced,
    }
    if job.culprits:
        head["culprits"] = list(job.culprits.items())
    if job.finished:
        head["finished"] = [len(piece) for piece in job.finished]
    if job.call is not None:
        head["call"] = asdict(job.call)
    return encoded(Kind.JOB, head, *job.finished, job.body)


def job_of(frame: Frame) -> Job:
    """The job that the front encoded; the front is trusted."""
    head, body = frame.head, frame.body
    job = Job(
        task=Task(head["task"]),
        body=body,
        culprits={index: Fate(fate) for index, fate in head.get("culprits", ())},
        deadline_s=head["deadline_s"],
        elapsed_s=head["elapsed_s"],
        call=Call(**head["call"]) if "call" in head else None,
        traced=head["traced"],
    )
    if "finished" not in head:
        return job
    pieces, start = [], 0
    for size in head["finished"]:
        pieces.append(body[start : start + size])
        start += size
    return replace(job, finished=tuple(pieces), body=body[start:])


def send_reply(channel: socket.socket, reply: Reply) -> None:
    """Answer the front.

    Raises:
        BadFrame: The reply is larger than the front takes; nothing was sent.
    """
    head: dict[str, Json] = {
        "status": reply.status,
        "media_type": reply.media_type,
        "counts": dict(reply.counts),
    }
    if reply.cookie:
        head["cookie"] = reply.cookie
    if reply.timings:
        head["timings"] = dict(reply.timings)
    send(channel, Kind.REPLY, head, reply.body)


def reply_of(frame: Frame) -> Reply:
    """The worker's answer, checked: a status and a media type go into an HTTP header.

    Raises:
        BadFrame: It is no reply that `send_reply` would have sent.
    """
    head = frame.head
    status, media_type, cookie = head.get("status"), head.get("media_type"), head.get("cookie", "")
    counts, timings = head.get("counts"), head.get("timings", {})
    if type(status) is not int or not 200 <= status <= 599:
        raise BadFrame("a status that HTTP does not have")
    if not (_fits_a_header(media_type) and _fits_a_header(cookie)):
        raise BadFrame("a text that no header can hold")
    if not (isinstance(counts, dict) and isinstance(timings, dict)):
        raise BadFrame("counts or timings that are no object")
    return Reply(status, frame.body, str(media_type), counts, str(cookie), timings)


def _fits_a_header(text: Json) -> bool:
    return isinstance(text, str) and text.isascii() and text.isprintable()
