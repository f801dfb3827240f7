"""Qwen-Agent's older prompt: `✿FUNCTION✿: f`, then `✿ARGS✿: {"x": 1}`, once for each call."""

from __future__ import annotations

import re
from typing import Final

from verifier_service.scoring.codes import Code
from verifier_service.scoring.parse.named_json import read_arguments
from verifier_service.scoring.parse.records import Reading, joined, malformed
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.parse.tagged import begins_line

OPENER: Final = "\u273fFUNCTION\u273f"
ARGUMENTS: Final = "\u273fARGS\u273f"

_NAME: Final = re.compile(r"[ \t]*:[ \t]*([^\n\r\u273f]*)\s*")
_ARGUMENTS: Final = re.compile(r"\u273fARGS\u273f[ \t]*:?[ \t\r\n]*")


def read(source: Source, start: int) -> Reading | None:
    """The calls of the function that is named at `start`: one for each block of arguments."""
    head = _NAME.match(source.text, start + len(OPENER))
    if head is None:
        return None
    name = head[1].strip()
    readings: list[Reading] = []
    position = head.end()
    while block := _ARGUMENTS.match(source.text, position):
        readings.append(read_arguments(source, block.end(), name, OPENER))
        position = source.skip(readings[-1].end)
    return joined(readings, readings[-1].end) if readings else _read_bare(source, start, head)


def _read_bare(source: Source, start: int, head: re.Match[str]) -> Reading | None:
    """A function without arguments: an attempt, unless the mark is only talked about."""
    if source.is_cut(ARGUMENTS, head.end()) and begins_line(source.text, start):
        failure = malformed(Code.TRUNCATED, "The text ends before the arguments of the call.")
        return Reading((failure,), len(source), len(source), truncated=True)
    if head[1].strip() not in source.context.tools:
        return None
    failure = malformed(Code.BAD_ARGUMENTS, "The call has no arguments.")
    return Reading((failure,), head.end(), head.end())
