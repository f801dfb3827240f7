"""One HTTP connection: what uvicorn's protocol leaves unbounded, bounded.

Heads have a size and a time, connections a number, replies a client that reads them. An `Upgrade`
is ignored. What is refused here never reaches the application, and gets a problem document.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Final

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from verifier_service import problems
from verifier_service.front import DEPARTURE, WHOLE
from verifier_service.problems import Kind

HEAD_BYTES: Final = 64 * 1024
URL_BYTES: Final = 16 * 1024
LINGER_S: Final = 1.0
"""How long a client may take to read why it was refused."""
READING_S: Final = 60.0
"""How often the reading of a reply is looked at."""
READING_BYTES: Final = 1024 * 1024
"""What a client must have read of a large reply between two looks."""
_OTHER_FILES: Final = 64
_FILES_OF_A_WORKER: Final = 8


class HeadRefused(Exception):
    """The request ends at its head."""

    def __init__(self, kind: Kind, detail: str) -> None:
        self.problem = kind.problem(detail)
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Patience:
    """With clients that owe bytes of a request."""

    head_s: float
    """What a head may take."""
    waiting_s: float
    """How long a connection may owe bytes before another one may take its place."""


WITH_TRAINERS: Final = Patience(head_s=30.0, waiting_s=10.0)
"""A trainer that opens thousands of connections at once is late to send."""
WITH_PROBES: Final = Patience(head_s=2.0, waiting_s=0.5)
"""They send a few bytes from nearby, and others must not keep them waiting."""


class Waiting:
    """The connections that owe bytes of a request, in the order in which they began to."""

    def __init__(self, most: int, connections: Collection[object], patience: Patience) -> None:
        """Keep `connections`, which others fill, to so many."""
        self._most, self._all, self.patience = most, connections, patience
        self._since: dict[Connection, float] = {}
        self._leaving: Connection | None = None
        """The last that was closed to make room; the loop takes a round to do so."""

    def add(self, connection: Connection) -> None:
        self._since[connection] = connection.loop.time()

    def discard(self, connection: Connection) -> None:
        self._since.pop(connection, None)

    def has_room(self, coming: int) -> bool:
        """Whether one more may come in, besides those that are coming."""
        return len(self._all) + coming < self._most

    def make_room(self) -> bool:
        """Close the one that waits longest, if it has waited for long.

        In a burst all are new, and the last of them are slow only because there are so many.
        """
        if self._leaving in self._all:
            return True
        longest = next(iter(self._since), None)
        if longest is None or longest.loop.time() - self._since[longest] < self.patience.waiting_s:
            return False
        self.discard(longest)
        self._leaving = longest
        longest.transport.abort()
        return True


def most_connections(workers: int) -> int:
    """How many connections the limit on open files leaves room for."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        files = 1024 * 1024
    return max(1, files - _OTHER_FILES - _FILES_OF_A_WORKER * workers)


def allow_files() -> None:
    """Raise the limit on open files to what the system allows.

    The usual limit of 1,024 is there for programs that use select(2), which this one does not.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # Not every system that says "unlimited" means it.
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Connection(HttpToolsProtocol):
    """A client's connection."""

    _owed: asyncio.TimerHandle | None = None
    """Closes the connection when the head of a request does not come in time."""
    _unread: asyncio.TimerHandle | None = None
    """Closes the connection when the client does not read."""
    _undelivered = 0
    """Bytes of the reply that the client had not read at the last look."""
    _refused = False
    _stray = 0
    """Bytes received since the last part of a request was complete."""

    def __init__(self, config: uvicorn.Config, state: ServerState, waiting: Waiting) -> None:
        super().__init__(config, state, {})
        self._waiting = waiting
        self._departure: asyncio.Future[None] = self.loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows it
        self._waiting.add(self)
        self._owed = self._abort_later()

    def connection_lost(self, exc: Exception | None) -> None:
        self._departure.set_result(None)
        self._waiting.discard(self)
        self._head_came()
        self.resume_writing()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        # It refers to this: the collector would have to find the two.
        self.cycle = None  # type: ignore[assignment]  # as uvicorn does with the parser

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unset_keepalive_if_required()
        self._stray += len(data)
        try:
            self._feed(data)
            if self._stray > HEAD_BYTES:
                raise _too_large()
        except HeadRefused as refusal:
            self._refuse(refusal)
        except httptools.HttpParserError as error:
            cause = error.__context__
            if not isinstance(cause, HeadRefused):
                cause = HeadRefused(Kind.BAD_REQUEST, "the request is not HTTP/1.1")
            self._refuse(cause)
        else:
            if self._owed is None and (self.cycle is None or self.cycle.response_complete):
                self._owed = self._abort_later()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # Source: RFC 9110, section 7.8: a server may ignore Upgrade. The parser cannot, so the
            # head is read again without it.
            head = self._head_without_upgrade()
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self._feed(head)
            self._feed(data[upgrade.args[0] :])

    def _head_without_upgrade(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][DEPARTURE] = self._departure

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_BYTES:
            raise HeadRefused(Kind.URL_TOO_LONG, f"{URL_BYTES} bytes are allowed")

    def on_headers_complete(self) -> None:
        self._stray = 0
        if sum(map(len, chain.from_iterable(self.headers))) > HEAD_BYTES:
            raise _too_large()
        if self.parser.get_method() == b"CONNECT":
            raise HeadRefused(Kind.BAD_REQUEST, "this is no proxy")
        if not self.parser.should_upgrade():
            self._head_came()
            super().on_headers_complete()
            self.headers = []  # What follows the body is no part of the head.

    def on_chunk_header(self) -> None:
        self._stray = 0

    def on_body(self, body: bytes) -> None:
        self._stray = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            self._waiting.discard(self)
            self.scope["state"][WHOLE] = True
            super().on_message_complete()
            if not self.pipeline:
                self.flow.resume_reading()  # Or nobody would see that the client leaves.

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self._waiting.add(self)

    def timeout_keep_alive_handler(self) -> None:
        self.transport.abort()  # `close` would wait for a client that does not read.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._undelivered = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(READING_S, self._look_at_reading)

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def _look_at_reading(self) -> None:
        left = self.transport.get_write_buffer_size()
        if left > self._undelivered - READING_BYTES:
            self.transport.abort()
        else:
            self._undelivered = left
            self._unread = self.loop.call_later(READING_S, self._look_at_reading)

    def _abort_later(self) -> asyncio.TimerHandle:
        return self.loop.call_later(self._waiting.patience.head_s, self.transport.abort)

    def _head_came(self) -> None:
        if self._owed is not None:
            self._owed.cancel()
            self._owed = None

    def _refuse(self, refusal: HeadRefused) -> None:
        """Answer for the application, unless it is answering, and close.

        What is sent meanwhile is thrown away: a client that cannot send does not see the answer.
        """
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()
            return
        body = problems.encode(refusal.problem)
        head = b"content-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (
            problems.MEDIA_TYPE.encode(),
            len(body),
        )
        self.transport.write(STATUS_LINE[refusal.problem.status] + head + body)
        self.transport.write_eof()
        self._refused = True
        self._head_came()
        self._owed = self.loop.call_later(LINGER_S, self.transport.abort)


def _too_large() -> HeadRefused:
    return HeadRefused(Kind.HEAD_TOO_LARGE, f"{HEAD_BYTES} bytes are allowed")
