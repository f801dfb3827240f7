"""The process that writes the score log; the front feeds it and never waits for it."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from verifier_service import frames
from verifier_service.frames import Frame, Kind
from verifier_service.hardening import bound
from verifier_service.score_log.files import Files
from verifier_service.score_log.lines import Line, Lines, Record, settings_line
from verifier_service.score_log.masking import Mask
from verifier_service.score_log.plan import Plan

TELL_EVERY_S: Final = 0.25
WRITE_BYTES: Final = 2**20
"""Lines are written together up to about this much: what is lost with a full disk is little."""
_NICE: Final = 10
"""Scoring goes before its log."""
_NESTING: Final = 20_000
"""Python frames: a body that was judged may nest a thousand deep."""

UNWRITTEN: Final = "disk"
UNREADABLE: Final = "record"


def main(descriptor: int) -> None:
    """Write what comes on the channel until the front closes it."""
    for ignored in (signal.SIGINT, signal.SIGTERM):  # to end or to drain is the front's to say
        signal.signal(ignored, signal.SIG_IGN)
    os.nice(_NICE)
    sys.setrecursionlimit(_NESTING)
    with socket.socket(fileno=descriptor) as channel:
        order = frames.receive(channel)
        if order is None:
            return
        plan = Plan(**order.head)
        bound(plan.memory_bytes)
        try:
            files = Files(
                Path(plan.folder),
                max_bytes=plan.max_bytes,
                rotate_bytes=plan.rotate_bytes,
                rotate_s=plan.rotate_s,
            )
        except OSError as error:
            frames.send(channel, Kind.FAILED, {"error": error.strerror or str(error)})
            return
        frames.send(channel, Kind.BUILT, {})
        Writer(channel, files, plan).run()


class Writer:
    """Turns records into lines, and tells the front what became of them."""

    def __init__(self, channel: socket.socket, files: Files, plan: Plan) -> None:
        self._channel, self._files = channel, files
        mask = Mask(plan.mask_names, plan.mask_pointers, plan.mask_patterns)
        self._lines = Lines(mask, plan.completions)
        self._settings = settings_line(plan.conditions)
        self._written = 0
        self._dropped: Counter[str] = Counter()
        self._reason = ""
        self._tell_at = 0.0

    def run(self) -> None:
        """Until the front closes the channel, and everything it sent before is in the files."""
        try:
            while True:
                if select.select([self._channel], [], [], TELL_EVERY_S)[0]:
                    frame = frames.receive(self._channel)
                    if frame is None:
                        return
                    self._take(record_of(frame))
                self._files.close_if_old()
                if time.monotonic() >= self._tell_at:
                    self._tell()
        finally:
            self._files.close()
            self._tell()

    def _take(self, record: Record) -> None:
        done = 0
        try:
            for lines in _together(self._lines.of(record)):
                verdicts = sum(line.verdicts for line in lines)
                self._write(lines, verdicts)
                done += verdicts
        except Exception as error:  # noqa: BLE001 - one odd record must not end the log
            self._drop(UNREADABLE, record.completions - done, type(error).__name__)

    def _write(self, lines: list[Line], verdicts: int) -> None:
        files = self._files
        try:
            files.ready(len(self._settings) + _size(lines, self._lines.tools))
            tools = {line.tools for line in lines if line.tools} - files.known
            before = [self._settings] if files.empty else []
            before += [self._lines.tools[digest] for digest in sorted(tools)]
            files.append(b"".join([*before, *(line.text for line in lines)]))
            files.known |= tools
            self._written += verdicts
        except OSError as error:
            self._drop(UNWRITTEN, verdicts, error.strerror or str(error))

    def _drop(self, cause: str, verdicts: int, reason: str) -> None:
        self._dropped[cause] += verdicts
        self._reason = reason

    def _tell(self) -> None:
        """Say what was written and dropped since the last time."""
        self._tell_at = time.monotonic() + TELL_EVERY_S
        if not self._written and not self._dropped:
            return
        said = {"written": self._written, "dropped": self._dropped, "reason": self._reason}
        self._written, self._dropped = 0, Counter()
        with suppress(OSError):  # the front may be gone; the lines are there all the same
            frames.send(self._channel, Kind.WRITTEN, said)


def encoded(record: Record) -> list[bytes]:
    """The frame that hands the writer a record; its bytes are not copied."""
    head = {
        "request_id": record.request_id,
        "arrived": record.arrived,
        "completions": record.completions,
        "status": record.status,
        "wire": record.wire,
        "query": record.query,
        "split": len(record.request),
    }
    return frames.encoded(Kind.RECORD, head, record.request, record.reply)


def record_of(frame: Frame) -> Record:
    """The record that the front encoded; the front is trusted."""
    head = dict(frame.head)
    split: int = head.pop("split")
    return Record(request=frame.body[:split], reply=frame.body[split:], **head)


def _together(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """The lines in blocks that are written at once."""
    block: list[Line] = []
    size = 0
    for line in lines:
        if block and size + len(line.text) > WRITE_BYTES:
            yield block
            block, size = [], 0
        block.append(line)
        size += len(line.text)
    if block:
        yield block


def _size(lines: Iterable[Line], tools: Mapping[str, bytes]) -> int:
    """Bytes of the lines with all tools that they name: what a new file must take."""
    lines = list(lines)
    named = {line.tools for line in lines if line.tools}
    return sum(len(line.text) for line in lines) + sum(len(tools[digest]) for digest in named)
