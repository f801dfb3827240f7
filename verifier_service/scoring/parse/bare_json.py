"""JSON calls without a marker: the whole rest of the text, or, by request, anywhere in prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from verifier_service.scoring.json_text import JsonFault
from verifier_service.scoring.parse import envelope
from verifier_service.scoring.parse.json_calls import means_calls, read_body, read_values
from verifier_service.scoring.parse.records import Block, Reading
from verifier_service.scoring.parse.source import Source

FORMAT: Final = "json"

_MEMBER: Final = re.compile(r"\{[ \t\r\n]*\"[^\"\\\n]*\"[ \t\r\n]*:")


def read_whole(source: Source, start: int) -> Reading | None:
    """The calls that the text from `start` to its end consists of; None if it means no calls."""
    if not source.text.startswith(("{", "["), start):
        return None
    values = read_values(source, start)
    if not means_calls(source, values):
        return None
    return read_body(source, values, "", envelope.read_unmarked)


def read_stripped(source: Source, start: int) -> Reading | None:
    """As `read_whole`, for formats of which nothing else is left without their special tokens."""
    reading = read_whole(source, start)
    return None if reading is None else replace(reading, stripped=True)


def is_json(source: Source, start: int) -> bool:
    """Whether the text from `start` to its end is one JSON value: an answer, if it is no call."""
    start = source.skip(start)
    try:
        return source.skip(source.decode_at(start)[1]) == len(source)
    except JsonFault:
        return False


def embedded(source: Source, start: int) -> Iterator[Block]:
    """Every JSON call in the prose from `start` on, as vLLM's `llama3_json` finds them.

    A declared tool that is called in an envelope that is not read is a failure.
    """
    while match := _MEMBER.search(source.text, start):
        start = match.end()
        try:
            value, start = source.decode_at(match.start())
        except JsonFault as fault:
            start = max(fault.end or fault.position, start)
            continue
        if envelope.is_call(value, source.context):
            items = envelope.read_unmarked(value, source.context)
            yield Block(FORMAT, match.start(), Reading(items, start, start))
