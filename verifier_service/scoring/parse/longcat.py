"""LongCat: `<longcat_tool_call>{"name": "f", "arguments": {}}</longcat_tool_call>`."""

from __future__ import annotations

from typing import Final

from verifier_service.scoring.parse.records import Reading
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.parse.tagged import read_tagged

OPENER: Final = "<longcat_tool_call>"
CLOSER: Final = "</longcat_tool_call>"


def read(source: Source, start: int) -> Reading | None:
    """The calls of the block that opens at `start`."""
    return read_tagged(source, start, OPENER, CLOSER)
