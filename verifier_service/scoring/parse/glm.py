"""GLM 4.5 to 5: `<tool_call>f<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>`.

GLM 4.5 and 4.6 write a line end behind each tag, GLM 4.7 and 5 none. Values are raw text and end at
`</arg_value>` only: a closing `</tool_call>` in one is data.
"""

from __future__ import annotations

import re
from typing import Final

from verifier_service.scoring.codes import Code
from verifier_service.scoring.parse.records import Reading, malformed
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.parse.tagged import begins_line
from verifier_service.scoring.parse.typing import call_of, typed

OPENER: Final = "<tool_call>"
CLOSER: Final = "</tool_call>"
KEY: Final = "<arg_key>"
VALUE: Final = "<arg_value>"
VALUE_END: Final = "</arg_value>"

_NAME: Final = re.compile(r"[^\W\d][\w.:/-]*")
_GAP: Final = re.compile(r"(?:[ \t\r\n\ufeff]|\\n)*")
"""Some models write the two characters backslash and n for a line end."""
_KEY: Final = re.compile(r"<arg_key>([^<]*)</arg_key>")
_EXCERPT: Final = 200


def read(source: Source, start: int) -> Reading | None:
    """The call of the block that opens at `start`."""
    name = _NAME.match(source.text, source.skip(start + len(OPENER)))
    if name is None:
        return None
    body = _gap(source, name.end())
    if source.text.startswith(KEY, body):
        return _read_pairs(source, name[0], body)
    is_cut = source.is_cut(KEY, body) or source.is_cut(CLOSER, body)
    if not is_cut and not source.text.startswith(CLOSER, body):
        return None
    meant = name[0] in source.context.tools or begins_line(source.text, start)
    return _read_pairs(source, name[0], body) if meant else None


def _read_pairs(source: Source, name: str, position: int) -> Reading:
    """The call of a name whose first key stands at `position`, or its end."""
    texts: dict[str, str] = {}
    while key := _KEY.match(source.text, position):
        value = _gap(source, key.end())
        end = source.find(VALUE_END, value)
        if not source.text.startswith(VALUE, value) or end == len(source):
            return _broken(source, value)
        texts[key[1].strip()] = source.text[value + len(VALUE) : end]
        position = _gap(source, end + len(VALUE_END))
    return _close(source, name, texts, position)


def _close(source: Source, name: str, texts: dict[str, str], position: int) -> Reading:
    """The call of a name and the texts of its arguments; `position` is where it should end."""
    context = source.context
    closed = source.text.startswith(CLOSER, position)
    cut = source.text.startswith("</", position) and source.is_cut(CLOSER, position)
    if not closed and not cut and not source.text.startswith(OPENER, position):
        return _broken(source, position)
    arguments = {key: typed(text, name, key, context) for key, text in texts.items()}
    end = position + len(CLOSER) if closed else len(source) if cut else position
    return Reading((call_of(name, arguments, context),), end, end, truncated=not closed)


def _broken(source: Source, firm: int) -> Reading:
    """A call whose grammar breaks off at `firm`, up to its closer or the next block."""
    closing, following = source.find(CLOSER, firm), source.find(OPENER, firm)
    if min(closing, following) == len(source):
        failure = malformed(Code.TRUNCATED, "The text ends inside the call.")
        return Reading((failure,), len(source), firm, truncated=True)
    excerpt = source.text[firm : firm + _EXCERPT]
    failure = malformed(Code.BAD_ARGUMENTS, "The arguments of the call cannot be read.", excerpt)
    return Reading((failure,), min(closing + len(CLOSER), following), firm)


def _gap(source: Source, start: int) -> int:
    match = _GAP.match(source.text, start)
    return match.end() if match else start
