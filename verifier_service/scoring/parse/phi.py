"""Phi-4-mini and FireFunction v2: `functools[{"name": "f", "arguments": {}}]`.

The template of Phi-4-mini-instruct writes Granite's token instead.
"""

from __future__ import annotations

from typing import Final

from verifier_service.scoring.parse import envelope, granite
from verifier_service.scoring.parse.json_calls import read_open_body, read_values
from verifier_service.scoring.parse.records import Reading
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.parse.tagged import begins_line

OPENER: Final = "functools["


def read(source: Source, start: int) -> Reading | None:
    """The calls of the list at `start`; None if it is no list of objects."""
    if source.text.startswith(granite.OPENER, start):
        return granite.read(source, start)
    behind = start + len(OPENER)
    body = source.skip(behind)
    means_calls = source.text.startswith("{", body) and not _continues_word(source.text, start)
    means_none = source.text.startswith("]", body) and begins_line(source.text, start)
    is_cut = body == len(source) and begins_line(source.text, start)
    if not (means_calls or means_none or is_cut):
        return None
    return read_open_body(source, read_values(source, behind - 1), OPENER, "", envelope.read)


def _continues_word(text: str, start: int) -> bool:
    return start > 0 and (text[start - 1].isalnum() or text[start - 1] in "_.")
