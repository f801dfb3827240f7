"""LFM2: `<|tool_call_start|>[f(a=1)]<|tool_call_end|>`; on request the list is JSON.

MiniCPM 3 writes a fence of Python in the same tags, one call a line.
"""

from __future__ import annotations

from typing import Final

from verifier_service.scoring.parse.pythonic import read_wrapped
from verifier_service.scoring.parse.records import Reading
from verifier_service.scoring.parse.source import Source

OPENER: Final = "<|tool_call_start|>"
CLOSER: Final = "<|tool_call_end|>"


def read(source: Source, start: int) -> Reading | None:
    """The calls of the block that opens at `start`."""
    return read_wrapped(source, start, OPENER, CLOSER)
