"""Llama-Nemotron Nano and Super: `<TOOLCALL>[{"name": "f", "arguments": {}}]</TOOLCALL>`.

An empty list says that no call is needed. Nemotron 3 writes another format.
"""

from __future__ import annotations

from typing import Final

from verifier_service.scoring.parse.records import Reading
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.parse.tagged import read_tagged

OPENER: Final = "<TOOLCALL>"
CLOSER: Final = "</TOOLCALL>"


def read(source: Source, start: int) -> Reading | None:
    """The calls of the block that opens at `start`."""
    return read_tagged(source, start, OPENER, CLOSER)
