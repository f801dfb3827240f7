"""Kimi K2: `<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{}<|tool_call_end|>`.

Written by Kimi K2, K2 Thinking and K2.5, in a section of its own. The id of a call names the tool
and counts the calls of the whole conversation.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from verifier_service.scoring.codes import Code
from verifier_service.scoring.parse.json_calls import arguments_of, read_open_body, read_value
from verifier_service.scoring.parse.records import Context, Reading
from verifier_service.scoring.parse.sections import (
    Marks,
    find_separator,
    read_broken,
    read_named,
    read_section,
)
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.parse.tagged import begins_line

MARKS: Final = Marks(
    openers=("<|tool_calls_section_begin|>", "<|tool_call_section_begin|>"),
    closers=("<|tool_calls_section_end|>", "<|tool_call_section_end|>"),
    call="<|tool_call_begin|>",
    separator="<|tool_call_argument_begin|>",
    end="<|tool_call_end|>",
)
STRIPPED: Final = "functions."
"""What a call begins with once its special tokens are stripped."""
OPENERS: Final = (*MARKS.openers, MARKS.call, STRIPPED)

_STRIPPED: Final = re.compile(r"functions\.([\w.-]+):[0-9]+[ \t\r\n]*(?=\{|\Z)")


def read(source: Source, start: int) -> Reading | None:
    """The calls of the section, or the calls without one, at `start`."""
    if source.text.startswith(STRIPPED, start):
        return _read_stripped(source, start)
    return read_section(source, start, MARKS, _read_call)


def _read_call(source: Source, start: int) -> Reading:
    separator = find_separator(source, start, MARKS)
    if separator is None:
        message = "No arguments follow the id of the call."
        return read_broken(source, start, MARKS, Code.BAD_JSON, message)
    name = tool_name(source.text[start:separator].strip(), source.context)
    if name is None:
        message = "The id of the call is not functions.NAME:INDEX."
        return read_broken(source, start, MARKS, Code.BAD_NAME, message)
    values = read_value(source, source.skip(separator + len(MARKS.separator)))
    return read_named(source, name, values, MARKS)


def _read_stripped(source: Source, start: int) -> Reading | None:
    """The call of a declared tool whose id and arguments alone are left, on a line of its own."""
    match = _STRIPPED.match(source.text, start) if begins_line(source.text, start) else None
    if match is None or match[1] not in source.context.tools:
        return None
    values = read_value(source, match.end())
    reading = read_open_body(source, values, STRIPPED, "", arguments_of(match[1]))
    return replace(reading, stripped=True)


def tool_name(identity: str, context: Context) -> str | None:
    """The tool that an id names; None if it names none: one without an index has to be declared."""
    name, _, index = identity.rpartition(":")
    indexed = bool(name) and index.isdecimal()
    name = name if indexed else identity
    if name not in context.tools:
        name = name.removeprefix("functions.")
    return name if indexed or name in context.tools else None
