"""Harmony without its special tokens: `analysis…assistantcommentary to=functions.f json{"x": 1}`.

Read only where the whole text has that shape: it begins with a channel, and another message or a
call's JSON follows. Anything else is plain text.
"""

from __future__ import annotations

import re
from typing import Final

from verifier_service.scoring.codes import Code
from verifier_service.scoring.json_text import JsonFault
from verifier_service.scoring.parse.harmony import FORMAT, REASONING
from verifier_service.scoring.parse.named_json import call_items
from verifier_service.scoring.parse.records import Block, Part, Reading, malformed, malformed_json
from verifier_service.scoring.parse.source import Source

_NAME: Final = r"[\w.-]{1,128}"
_HEADER: Final = re.compile(
    rf"(?:assistant)?(?: ?to=(?P<before>{_NAME}?))?(?P<channel>analysis|commentary|final)"
    rf"(?: to=(?P<behind>{_NAME})[ ]?(?:json)?)?"
)
_TYPE: Final = re.compile(r"[ ]?(?:json)?")
_BOUNDARY: Final = re.compile(r"assistant(?=analysis|commentary|final| to=functions\.)")


def read_messages(source: Source) -> list[Part] | None:
    """The messages of a text whose special tokens were stripped; None if it has another shape."""
    parts: list[Part] = []
    position = 0
    while position < len(source):
        header = _HEADER.match(source.text, position)
        part = _read_message(source, header) if header else None
        if part is None:
            return None
        parts.append(part)
        position = part.end
    first = parts[0] if parts else None
    if first is None or source.text.startswith(("final", "assistantfinal")):
        return None
    return parts if len(parts) > 1 or first.block else None


def _read_message(source: Source, header: re.Match[str]) -> Part | None:
    recipient = header["before"] or header["behind"]
    if recipient is None:
        boundary = _BOUNDARY.search(source.text, header.end())
        end = boundary.start() if boundary else len(source)
        text = source.text[header.end() : end]
        if header["channel"] == REASONING:
            return Part("reasoning", header.start(), end, text, stripped=True)
        return Part("content", header.start(), end, text, stripped=True)
    reading = _read_call(source, header, recipient.removeprefix("functions."))
    if reading is None:
        return None
    return Part(
        "call",
        header.start(),
        reading.end,
        "",
        Block(FORMAT, header.start(), reading),
        stripped=True,
    )


def _read_call(source: Source, header: re.Match[str], name: str) -> Reading | None:
    """The call whose JSON follows a header; None if no JSON does, or something follows it."""
    tools = source.context.tools
    if name not in tools and name.removesuffix("json") in tools:
        name = name.removesuffix("json")
    kind = _TYPE.match(source.text, header.end())
    body = source.skip(kind.end() if kind else header.end())
    if body == len(source):
        failure = malformed(Code.TRUNCATED, "The text ends in the header of a call.")
        return Reading((failure,), body, body, truncated=True, stripped=True)
    if not source.text.startswith("{", body):
        return None
    try:
        value, end = source.decode_at(body)
    except JsonFault as fault:
        truncated = fault.code is Code.TRUNCATED
        failure = malformed_json(fault, source.text[body : body + 200])
        return Reading((failure,), len(source), fault.position, truncated=truncated, stripped=True)
    end = source.skip(end)
    if end < len(source) and not _BOUNDARY.match(source.text, end):
        return None
    return Reading(call_items(name, value, source.context), end, end, stripped=True)
