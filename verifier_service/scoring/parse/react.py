"""ReAct: a line `Action: f` and a line `Action Input: {"x": 1}`.

The marks are words of prose, so the format is read only where a request declares it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from verifier_service.scoring.codes import Code
from verifier_service.scoring.parse.json_calls import enter_fence
from verifier_service.scoring.parse.named_json import read_arguments
from verifier_service.scoring.parse.records import Reading, malformed
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.parse.tagged import begins_line

OPENER: Final = "Action:"
INPUT: Final = "Action Input:"

_NAME: Final = re.compile(r"Action:[ \t]*([^\n\r]*)[ \t\r\n]*")


def read(source: Source, start: int) -> Reading | None:
    """The call that opens at `start`; None if the word does not begin a line."""
    head = _NAME.match(source.text, start)
    if head is None or not begins_line(source.text, start):
        return None
    position = head.end()
    if not source.text.startswith(INPUT, position):
        return _read_bare(source, head)
    body = source.skip(position + len(INPUT))
    fence = enter_fence(source, body)
    reading = read_arguments(source, body if fence is None else fence[0], head[1].strip(), OPENER)
    return reading if fence is None else _leave_fence(source, reading, fence[1])


def _leave_fence(source: Source, reading: Reading, run: str) -> Reading:
    after = source.skip(reading.end)
    if not source.text.startswith(run, after):
        return reading
    return replace(reading, end=after + len(run), firm=after + len(run))


def _read_bare(source: Source, head: re.Match[str]) -> Reading | None:
    """An action without an input: an attempt, unless the word only begins a sentence."""
    if source.is_cut(INPUT, head.end()):
        failure = malformed(Code.TRUNCATED, "The text ends before the input of the action.")
        return Reading((failure,), len(source), len(source), truncated=True)
    if head[1].strip() not in source.context.tools:
        return None
    failure = malformed(Code.BAD_ARGUMENTS, "The action has no input.")
    return Reading((failure,), head.end(), head.end())
