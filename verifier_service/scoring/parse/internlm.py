"""InternLM 2: `<|action_start|><|plugin|>{"name": "f", "parameters": {}}<|action_end|>`."""

from __future__ import annotations

import re
from typing import Final

from verifier_service.scoring.codes import Code
from verifier_service.scoring.parse.records import Reading, malformed
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.parse.tagged import begins_line, read_tagged

OPENER: Final = "<|action_start|>"
PLUGIN: Final = "<|plugin|>"
CLOSER: Final = "<|action_end|>"

_OPENER: Final = re.compile(r"<\|action_start\|>\s*<\|plugin\|>")


def read(source: Source, start: int) -> Reading | None:
    """The calls of the action at `start`; None if it is one of the interpreter, or talked about."""
    if opener := _OPENER.match(source.text, start):
        return read_tagged(source, start, opener[0], CLOSER)
    kind = source.skip(start + len(OPENER))
    if not source.is_cut(PLUGIN, kind) or not begins_line(source.text, start):
        return None
    failure = malformed(Code.TRUNCATED, "The text ends behind the opener of an action.")
    return Reading((failure,), len(source), len(source), truncated=True)
