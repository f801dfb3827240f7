"""The plainest completions, read at once: one JSON call of a declared tool and nothing else.

Most of what a trained policy writes is this: bare, or in Hermes' tags, with or without a thought
before it. It is read here in a few microseconds instead of some seventy. Nothing is decided here
that the scan of all formats would decide otherwise: what gives the least doubt is left to it, and
a test holds the two together on every text that the tests know.
"""

from __future__ import annotations

from typing import Final

from verifier_service.scoring.json_text import (
    JsonFault,
    decode_at,
    holds_surrogates,
    skip_blank,
)
from verifier_service.scoring.parse import bare_json, envelope
from verifier_service.scoring.parse.formats import Format
from verifier_service.scoring.parse.frames import BLANKS, without_end_of_turn
from verifier_service.scoring.parse.hermes import CLOSER, OPENER
from verifier_service.scoring.parse.records import Context
from verifier_service.scoring.types import Parsed, Span, ToolCall

_HERMES: Final = "hermes"
_OPEN, _CLOSE = "<think>", "</think>"
_MEMBERS: Final = {"name", "arguments"}
_MARKS: Final = ("<", "`", ">>>", "[T", "[/", "functions.", "functools[", "Action:", "\u273f")
"""What every marker of a call or of reasoning holds; in a string it would be mere data."""
_CALLS: Final = (*_MARKS, "{", "[", "(")
"""What every call that a thought could hold holds."""


def read_plain(text: str, context: Context, declared: Format | None) -> Parsed | None:
    """The one call that a text consists of; None where it is not as plain as that."""
    if context.options.embedded_json:
        return None
    text = without_end_of_turn(text)
    behind = _behind_thought(text)
    if behind is None:
        return None
    start = skip_blank(text, behind)
    marked = text.startswith(OPENER, start)
    name = _HERMES if marked else bare_json.FORMAT
    if declared is not None and declared.name != name:
        return None
    body = skip_blank(text, start + len(OPENER)) if marked else start
    call = _call(text, body, CLOSER if marked else "", context)
    if call is None:
        return None
    spans = (Span(start, len(text), "call"),)
    if not behind:
        return Parsed(name, (call,), spans=spans)
    thought = text[len(_OPEN) : behind - len(_CLOSE)].strip(BLANKS)
    return Parsed(name, (call,), reasoning=thought, spans=(Span(0, behind, "reasoning"), *spans))


def _behind_thought(text: str) -> int | None:
    """Where the one thought at the beginning ends, 0 without one; None where it is not plain."""
    if not text.startswith(_OPEN):
        return 0
    end = text.find(_CLOSE, len(_OPEN))
    if end < 0 or _holds(text, _CALLS, len(_OPEN), end) or not _encodable(text, end):
        return None
    return end + len(_CLOSE)


def _call(text: str, start: int, closer: str, context: Context) -> ToolCall | None:
    """The call whose JSON stands from `start` on, with nothing but `closer` behind it."""
    if not text.startswith("{", start) or not text.rstrip().endswith(closer or "}"):
        return None
    if _holds(text, _MARKS, start, len(text) - len(closer)):
        return None
    try:
        value, end = decode_at(text, start, context.limits)
    except JsonFault:
        return None
    if text[skip_blank(text, end) :] != closer or value.keys() != _MEMBERS:
        return None
    name, arguments = value["name"], value["arguments"]
    if type(name) is not str or type(arguments) is not dict:
        return None
    # Bare JSON that calls nothing on offer may be an answer; what tags announce is a call.
    if name not in context.tools and (not closer or not _is_foreign(name, context)):
        return None
    return ToolCall(name, arguments)


def _is_foreign(name: str, context: Context) -> bool:
    """Whether a name is a tool's that is not on offer, and nothing else."""
    return name.isidentifier() and not envelope.is_sentinel_name(name, context)


def _holds(text: str, marks: tuple[str, ...], start: int, end: int) -> bool:
    for mark in marks:  # noqa: SIM110 - a generator would take twice as long as the search
        if text.find(mark, start, end) >= 0:
            return True
    return False


def _encodable(text: str, end: int) -> bool:
    return text.isascii() or not holds_surrogates(text[:end])
