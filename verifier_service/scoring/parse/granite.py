"""Granite: `<|tool_call|>[{"name": "f", "arguments": {}}]`, and `<function_call> {…}` of 20B.

Granite 3.0 writes a list behind a special token and closes nothing; 3.1 to 3.3 write the tag of
Hermes instead. Granite 20B writes its tag before each object. Phi's own template closes the token.
"""

from __future__ import annotations

from typing import Final

from verifier_service.scoring.parse.records import Reading
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.parse.tagged import read_opened

OPENER: Final = "<|tool_call|>"
CLOSER: Final = "<|/tool_call|>"
HERMES_OPENER: Final = "<tool_call>"
HERMES_CLOSER: Final = "</tool_call>"
OPENER_OF_20B: Final = "<function_call>"
CLOSER_OF_20B: Final = "</function_call>"


def read(source: Source, start: int) -> Reading | None:
    """The calls behind the token or, if they are a list, in the tag of Hermes at `start`."""
    if source.text.startswith(OPENER, start):
        return read_opened(source, start, OPENER, CLOSER)
    if not source.text.startswith("[", source.skip(start + len(HERMES_OPENER))):
        return None
    return read_opened(source, start, HERMES_OPENER, HERMES_CLOSER)


def read_20b(source: Source, start: int) -> Reading | None:
    """The call behind the tag at `start`."""
    return read_opened(source, start, OPENER_OF_20B, CLOSER_OF_20B)
