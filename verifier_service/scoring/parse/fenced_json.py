"""JSON calls in Markdown fences: one or more that make up the whole rest of the text."""

from __future__ import annotations

from typing import Final

from verifier_service.scoring.parse import envelope
from verifier_service.scoring.parse.json_calls import (
    enter_fence,
    means_calls,
    read_body,
    read_values,
)
from verifier_service.scoring.parse.records import Reading, joined
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.types import Failure

FORMAT: Final = "fenced"


def read_whole(source: Source, start: int) -> Reading | None:
    """The calls of the fences from `start` to the end of the text; None if it means no calls."""
    readings: list[Reading] = []
    position = start
    while position < len(source):
        reading = _read_fence(source, position)
        if reading is None:
            break
        readings.append(reading)
        position = source.skip(reading.end)
    broken = any(isinstance(item, Failure) for reading in readings for item in reading.items)
    if not readings or (position < len(source) and not broken):
        return None
    return joined(readings, len(source))


def _read_fence(source: Source, start: int) -> Reading | None:
    """The calls of one fence: its JSON is decoded, so a fence in a string does not end it."""
    fence = enter_fence(source, start)
    if fence is None or not source.text.startswith(("{", "["), fence[0]):
        return None
    body, closer = fence
    values = read_values(source, body)
    if not means_calls(source, values):
        return None
    return read_body(source, values, closer, envelope.read_unmarked)
