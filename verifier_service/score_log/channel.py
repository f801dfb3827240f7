"""The front's end of the score log: hands over bytes, counts what is lost, never waits."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from sandbox_tools.types import Json
from verifier_service import frames
from verifier_service.auth import StartRefused
from verifier_service.frames import Decoder, Kind
from verifier_service.jobs import Job, Reply
from verifier_service.processes import spawn
from verifier_service.score_log.lines import Record
from verifier_service.score_log.plan import Plan
from verifier_service.score_log.writer import UNREADABLE, UNWRITTEN, encoded
from verifier_service.telemetry import Event, log

QUEUE: Final = "queue"
WRITER: Final = "writer"
CAUSES: Final = (QUEUE, WRITER, UNWRITTEN, UNREADABLE)
"""Why a verdict is not in the log: too much waited, the writer was gone, the disk was full or the
folder closed, or the record could not be read."""
START_S: Final = 30.0
RESTART_S: Final = (0.1, 1.0, 5.0, 30.0)
"""Waits before a writer is replaced; the last holds from then on."""
CALM_S: Final = 5.0
"""So long nothing must be dropped until the log is said to have recovered."""
LAST_LINES_S: Final = 30.0
"""For the writer to finish after the drain."""


class ScoreLog(Collector):
    """Keeps every verdict that it can, and counts the others."""

    def __init__(self, plan: Plan, queue_bytes: int) -> None:
        """Keep by a plan, holding at most so many bytes for a writer that is slow."""
        self._plan, self._queue_bytes = plan, queue_bytes
        self._writer: Writer | None = None
        self._restart: asyncio.Task[None] | None = None
        self._closing = False
        self.written = 0
        """Verdicts that are in the files."""
        self.dropped: Counter[str] = Counter(dict.fromkeys(CAUSES, 0))
        """Verdicts that are not, by cause."""
        self._failing_since = 0
        self._dropped_at = 0.0
        self._failing = False

    async def start(self) -> None:
        """Start the writer.

        Raises:
            StartRefused: The folder cannot be used.
        """
        try:
            self._writer = await self._new_writer()
        except WriterFailure as failure:
            raise StartRefused(
                f"VERIFIER_SCORE_LOG: {self._plan.folder} cannot be written to: {failure}"
            ) from None

    async def close(self) -> None:
        """Let the writer finish what it was given."""
        self._closing = True
        if self._restart is not None:
            self._restart.cancel()
            with suppress(asyncio.CancelledError):
                await self._restart
        writer, self._writer = self._writer, None
        if writer is not None:
            self._drop(WRITER, await writer.finish(), "the writer did not finish in time")

    def keep(self, request_id: str, elapsed_s: float, job: Job, reply: Reply) -> None:
        """Hand a request and its answer over, if anything was judged; the bytes are not read."""
        completions = sum(count for *_, count in reply.counts.get("completions", ()))
        if not completions:
            return
        record = Record(
            request_id,
            time.time() - elapsed_s,
            completions,
            job.body,
            reply.body,
            reply.status,
            wire="" if job.call is None else job.call.wire,
            query="" if job.call is None else job.call.query,
        )
        if self._writer is None:
            self._drop(WRITER, completions, "the writer is gone")
        elif not self._writer.has_room(len(job.body) + len(reply.body), self._queue_bytes):
            self._drop(QUEUE, completions, "the writer does not keep up")
        else:
            self._writer.write(record)

    def collect(self) -> Iterable[Metric]:
        """The counts, as metrics."""
        yield CounterMetricFamily(
            "verifier_score_log_verdicts", "Verdicts written to the score log.", self.written
        )
        drops = CounterMetricFamily(
            "verifier_score_log_drops",
            "Verdicts that the score log lost, by cause.",
            labels=["cause"],
        )
        for cause, count in self.dropped.items():
            drops.add_metric([cause], count)
        yield drops

    async def _new_writer(self) -> Writer:
        writer = Writer(self._told, self._lost)
        await writer.start(self._plan)
        return writer

    def _told(self, said: Mapping[str, Any]) -> None:
        """What the writer reports."""
        self.written += said["written"]
        for cause, count in said["dropped"].items():
            self._drop(cause, count, said["reason"])
        calm = time.monotonic() - self._dropped_at > CALM_S
        if self._failing and calm and said["written"]:
            self._failing = False
            lost = self.dropped.total() - self._failing_since
            log(logging.INFO, Event.SCORE_LOG_RECOVERED, dropped=lost)

    def _drop(self, cause: str, count: int, reason: str) -> None:
        """Count verdicts that are lost; the first of a while is an event of its own."""
        if not count:
            return
        if not self._failing:
            self._failing, self._failing_since = True, self.dropped.total()
            log(logging.WARNING, Event.SCORE_LOG_DROPS, cause=cause, reason=reason)
        self.dropped[cause] += count
        self._dropped_at = time.monotonic()

    def _lost(self, writer: Writer) -> None:
        if self._closing or writer is not self._writer:
            return
        self._writer = None
        log(logging.ERROR, Event.SCORE_LOG_WRITER_LOST, pid=writer.pid)
        self._drop(WRITER, writer.unanswered, "the writer ended")
        self._restart = asyncio.ensure_future(self._replace(writer))

    async def _replace(self, lost: Writer) -> None:
        await lost.end()
        waits = [*RESTART_S]
        while self._writer is None or self._writer.ended:
            await asyncio.sleep(waits.pop(0) if len(waits) > 1 else waits[0])
            with suppress(WriterFailure, OSError):
                self._writer = await self._new_writer()


class WriterFailure(Exception):
    """The writer does not start; its text says why."""


class Writer(asyncio.Protocol):
    """One writer process."""

    def __init__(
        self, on_told: Callable[[Mapping[str, Json]], None], on_loss: Callable[[Writer], None]
    ) -> None:
        self._on_told, self._on_loss = on_told, on_loss
        self._decoder = Decoder()
        self._transport: Any = None
        self._process: subprocess.Popen[bytes] | None = None
        loop = asyncio.get_running_loop()
        self._built: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        self.unanswered = 0
        """Verdicts that were handed over and of which nothing was heard yet."""

    @property
    def ended(self) -> bool:
        return self._ended.done()

    @property
    def pid(self) -> int:
        return 0 if self._process is None else self._process.pid

    async def start(self, plan: Plan) -> None:
        """Start the process.

        Raises:
            WriterFailure: It cannot use the folder, or does not answer.
        """
        near, far = socket.socketpair()
        with far:
            self._process = await asyncio.to_thread(spawn, "verifier_service.score_log.writer", far)
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=near)
        self._transport.writelines(frames.encoded(Kind.BUILD, asdict(plan)))
        try:
            async with asyncio.timeout(START_S):
                await self._built
        except TimeoutError:
            raise WriterFailure("its process does not start") from None
        finally:
            if not self._built.done() or self._built.exception() is not None:
                await self.end()

    def has_room(self, size: int, bound: int) -> bool:
        """Whether so many bytes more may wait; what is larger than all may wait alone."""
        waiting: int = self._transport.get_write_buffer_size()
        return not waiting or waiting + size <= bound

    def write(self, record: Record) -> None:
        self.unanswered += record.completions
        self._transport.writelines(encoded(record))

    async def finish(self) -> int:
        """Wait until everything is written; returns how many verdicts may not be."""
        if not self._transport.is_closing():
            self._transport.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_LINES_S):
                await asyncio.shield(self._ended)
        await self.end()
        return self.unanswered

    async def end(self) -> None:
        """The process is gone after this, whatever it was doing."""
        self._transport.abort()
        process = self._process
        if process is not None:
            process.kill()
            await asyncio.to_thread(process.wait)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            if frame.kind is Kind.WRITTEN:
                self.unanswered -= frame.head["written"] + sum(frame.head["dropped"].values())
                self._on_told(frame.head)
            elif frame.kind is Kind.BUILT:
                self._built.set_result(None)
            elif frame.kind is Kind.FAILED:
                self._built.set_exception(WriterFailure(str(frame.head["error"])))

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._built.done():
            self._built.set_exception(WriterFailure("its process ended"))
        if not self._ended.done():
            self._ended.set_result(None)
        self._on_loss(self)
