"""One HTTP connection: what uvicorn's protocol leaves unbounded, bounded.

Heads have a size and a time, connections a number, replies a client that reads them. An `Upgrade`
is ignored. What is refused here never reaches the application, and gets a problem document.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from verifier_service import problems
from verifier_service.problems import Kind

HEAD_BYTES: Final = 64 * 1024
URL_BYTES: Final = 16 * 1024
HEAD_S: Final = 10.0
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


class Waiting:
    """The connections that owe bytes of a request, in the order in which they began to."""

    def __init__(self, most: int) -> None:
        self.most = most
        """Connections, waiting or not, beyond which the longest waiting one is closed."""
        self._order: dict[Connection, None] = {}

    def add(self, connection: Connection) -> None:
        self._order[connection] = None

    def discard(self, connection: Connection) -> None:
        self._order.pop(connection, None)

    def longest(self) -> Connection:
        return next(iter(self._order))


def most_connections(workers: int) -> int:
    """How many connections the limit on open files leaves room for."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        files = 1024 * 1024
    return max(1, files - _OTHER_FILES - _FILES_OF_A_WORKER * workers)


class Connection(HttpToolsProtocol):
    """A client's connection; `waiting` is given by the subclass that a server is made with."""

    waiting: Waiting

    _owed: asyncio.TimerHandle | None = None
    """Closes the connection when the head of a request does not come in time."""
    _unread: asyncio.TimerHandle | None = None
    """Closes the connection when the client does not read."""
    _undelivered = 0
    """Bytes of the reply that the client had not read at the last look."""
    _refused = False
    _stray = 0
    """Bytes received since the last part of a request was complete."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows it
        self.waiting.add(self)
        self._owed = self.loop.call_later(HEAD_S, self.transport.abort)
        if len(self.connections) > self.waiting.most:
            longest = self.waiting.longest()
            self.waiting.discard(longest)
            longest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.waiting.discard(self)
        self._head_came()
        self.resume_writing()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

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
                self._owed = self.loop.call_later(HEAD_S, self.transport.abort)

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

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > URL_BYTES:
            raise HeadRefused(Kind.URL_TOO_LONG, f"{URL_BYTES} bytes are allowed")

    def on_headers_complete(self) -> None:
        self._stray = 0
        if sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES:
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
            self.waiting.discard(self)
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self.waiting.add(self)

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
