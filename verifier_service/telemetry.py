"""Log events, and what is counted of a request, each defined once.

Logs are JSON, one object a line, and never hold the text of a completion or a key.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, TextIO, TypedDict

import orjson

from sandbox_tools.types import Json

_logger: Final = logging.getLogger("verifier_service")
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"color_message", "taskName"}
"""Attributes of every log record; what else one has was given with the event."""


class Event(StrEnum):
    """Everything that is logged by name."""

    STARTED = "started"
    REQUEST = "request"
    PROBE = "probe"
    """A request for health or metrics: only at level `debug`."""
    INTERNAL_ERROR = "internal_error"
    WORKER_FAILURE = "worker_failure"
    KEYS_READ = "keys_read"
    KEYS_UNREADABLE = "keys_unreadable"
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
        return orjson.dumps(line, default=str).decode()


def configure_logging(level: str, stream: TextIO) -> None:
    """Send every log of this process to `stream` as JSON lines."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    # Source of the next three lines: "Optimization" in the documentation of `logging`.
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What uvicorn says of a start or a stop is said by this service's own events.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


class Counts(TypedDict, total=False):
    """What a scoring process counts in one request: `Reply.counts`."""

    completions: list[tuple[str, str | None, str, int]]
    """Outcome, tier (None where there is no reward), profile, and how many."""
    failures: dict[str, int]
    """How many failures of each code."""
    behaviors: list[tuple[str | None, str | None, int]]
    """Expected behaviour, observed behaviour, and how many; scored completions only."""
