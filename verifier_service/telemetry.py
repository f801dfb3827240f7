"""Log events, and what is counted of a request, each defined once.

Logs are JSON, one object a line, and never hold the text of a completion or a key.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import orjson

from sandbox_tools.types import Json

_logger: Final = logging.getLogger("verifier_service")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"color_message", "taskName"}
"""Attributes of every log record; what else one has was given with the event."""
_WRITE_EVERY_S: Final = 0.1
_LINES_A_WRITE: Final = 1000
_LAST_LINES_S: Final = 1.0


class Event(StrEnum):
    """Everything that is logged by name."""

    STARTED = "started"
    SETTING_IGNORED = "setting_ignored"
    """A variable of the environment that is no setting, but nearly one."""
    REQUEST = "request"
    PROBE = "probe"
    """A request for health or metrics: only at level `debug`."""
    INTERNAL_ERROR = "internal_error"
    WORKER_FAILURE = "worker_failure"
    KEYS_READ = "keys_read"
    KEYS_UNREADABLE = "keys_unreadable"
    KEYS_EXPOSED = "keys_exposed"
    """The file of keys lies where scoring processes may read."""
    SCORE_LOG_DROPS = "score_log_drops"
    SCORE_LOG_RECOVERED = "score_log_recovered"
    SCORE_LOG_WRITER_LOST = "score_log_writer_lost"
    DRAIN_STARTED = "drain_started"
    DRAIN_TIMED_OUT = "drain_timed_out"
    STOPPED = "stopped"


def log(level: int, event: Event, *, exc_info: bool = False, **fields: Json) -> None:
    """Write one event with its fields."""
    if _logger.isEnabledFor(level):
        _logger.log(level, event.value, exc_info=exc_info, extra=fields)


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, event and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Json] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if record.name != _logger.name:
            line["logger"] = record.name
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line, default=str).decode()
        except TypeError:  # half a surrogate pair, as in the name of a file, or a huge number
            return json.dumps(line, default=str)


class LineWriter(logging.Handler):
    """Writes lines from a thread of its own: a log that nobody reads stalls no request.

    At most `bound` lines wait; those beyond are dropped and counted.
    """

    def __init__(self, descriptor: int, bound: int = 10_000) -> None:
        super().__init__()
        self.dropped = 0
        self._descriptor, self._bound = descriptor, bound
        self._lines: deque[str] = deque()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._lines) < self._bound:
            self._lines.append(self.format(record))
        else:
            self.dropped += 1

    def close(self) -> None:
        """Give what waits a second to be written."""
        self._closing.set()
        self._thread.join(_LAST_LINES_S)
        super().close()

    def _run(self) -> None:
        while not self._closing.wait(_WRITE_EVERY_S):
            self._write()
        self._write()

    def _write(self) -> None:
        # Not through `sys.stderr`: its lock, held by a blocked thread, would crash a process that
        # ends.
        while self._lines:
            lines = [self._lines.popleft() for _ in range(min(len(self._lines), _LINES_A_WRITE))]
            left = memoryview("".join(f"{line}\n" for line in lines).encode())
            try:
                while left:
                    left = left[os.write(self._descriptor, left) :]
            except OSError:
                self.dropped += len(lines)


def dropped_lines() -> int:
    """How many lines of the log were dropped since the start."""
    handlers = logging.getLogger().handlers
    return sum(handler.dropped for handler in handlers if isinstance(handler, LineWriter))


def configure_logging(level: str, descriptor: int) -> None:
    """Send every log of this process to an open file as JSON lines."""
    handler = LineWriter(descriptor)
    handler.setFormatter(JsonLines())
    # Source of the next three lines: "Optimization" in the documentation of `logging`.
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What uvicorn says of a start or a stop is said by this service's own events.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
