"""JSON calls between an opening and a closing tag: what Hermes and Nemotron have in common."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from verifier_service.scoring.codes import Code
from verifier_service.scoring.json_text import JsonFault, decode
from verifier_service.scoring.parse import envelope
from verifier_service.scoring.parse.json_calls import Values, enter_fence, read_body, read_values
from verifier_service.scoring.parse.records import Reading, malformed
from verifier_service.scoring.parse.source import Source

_CALL_LIKE: Final = re.compile(r"[{\[(<=\"']")
_NAME: Final = re.compile(r"[\w.-]+")
_EXCERPT: Final = 200


def read_tagged(source: Source, start: int, opener: str, closer: str) -> Reading | None:
    """The calls in the tag at `start`; None if the tag is only talked about.

    The body is one object, a list, or several objects in a row, and may stand in a Markdown fence.
    A missing closer is forgiven where the text ends or the next tag opens.
    """
    body = source.skip(start + len(opener))
    fence = enter_fence(source, body)
    inside = body if fence is None else fence[0]
    if not source.text.startswith(("{", "["), inside):
        return _read_other(source, start, body, opener, closer)
    values = read_values(source, inside)
    if values.fault is None and fence is not None:
        values = _leave_fence(source, values, fence[1])
    after = source.skip(values.end)
    if values.fault is None and source.text.startswith(opener, after):
        items = values.items(source.context, envelope.read)
        return Reading(items, after, after, truncated=True)
    return read_body(source, values, closer, envelope.read)


def _leave_fence(source: Source, values: Values, run: str) -> Values:
    after = source.skip(values.end)
    return replace(values, end=after + len(run)) if source.text.startswith(run, after) else values


def _read_other(source: Source, start: int, body: int, opener: str, closer: str) -> Reading | None:
    """What stands in a tag that holds no JSON: nothing, a broken call, or prose about the tag."""
    closing, following = source.find(closer, body), source.find(opener, body)
    closed = closing < following
    end = closing + len(closer) if closed else following
    if closed and closing == body:
        return Reading((envelope.EMPTY,), end, end)
    if not _is_meant(source, start, body, closing if closed else None):
        return None
    if body == len(source):
        failure = malformed(Code.TRUNCATED, "The text ends behind the opening tag.")
        return Reading((failure,), end, end, truncated=True)
    excerpt = source.text[body : min(end, body + _EXCERPT)]
    if closed and _is_json(source, body, closing):
        failure = malformed(Code.NOT_AN_OBJECT, "What stands in the tag is no object.", excerpt)
    else:
        failure = malformed(Code.BAD_JSON, "What stands in the tag is not JSON.", excerpt)
    return Reading((failure,), end, body)


def _is_json(source: Source, body: int, closing: int) -> bool:
    """Whether a short body is one JSON value, such as the mere name of a tool as a string."""
    try:
        decode(source.text[body : min(closing, body + _EXCERPT)], source.context.limits)
    except JsonFault:
        return False
    return closing - body <= _EXCERPT


def _is_meant(source: Source, start: int, body: int, closing: int | None) -> bool:
    """Whether a tag is an attempt to call, not a word of a sentence such as "use the X tag"."""
    name = _NAME.match(source.text, body)
    if name is not None and name[0] in source.context.tools:
        return True
    if closing is not None:
        like_call = _CALL_LIKE.search(source.text, body, closing) is not None
        return like_call or _begins_line(source.text, start)
    begins_call = body == len(source) or source.text[body] in "<\"'`("
    return begins_call and _begins_line(source.text, start)


def _begins_line(text: str, start: int) -> bool:
    """Whether a tag stands at the start of a line or behind another tag."""
    position = start - 1
    while position >= 0 and text[position] in " \t":
        position -= 1
    return position < 0 or text[position] in "\n\r>"
