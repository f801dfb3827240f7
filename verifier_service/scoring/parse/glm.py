"""GLM 4.5 to 5: `<tool_call>f<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>`.

GLM 4.5 and 4.6 write a line end behind each tag, GLM 4.7 and 5 none. Values are raw text and end at
`</arg_value>` only: a closing `</tool_call>` in one is data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from verifier_service.scoring.codes import Code
from verifier_service.scoring.parse.json_calls import arguments_of, read_body, read_value
from verifier_service.scoring.parse.records import Reading, malformed
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.parse.tagged import begins_line
from verifier_service.scoring.parse.typing import call_of, typed


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of a family."""

    opener: str
    closer: str
    key: str
    pair: re.Pattern[str]
    """Matches a key with its tags."""
    value: str
    value_end: str


def prefixed(prefix: str) -> Tags:
    """The tags with a prefix before each of their names."""
    return Tags(
        opener=f"<{prefix}tool_call>",
        closer=f"</{prefix}tool_call>",
        key=f"<{prefix}arg_key>",
        pair=re.compile(rf"<{prefix}arg_key>([^<]*)</{prefix}arg_key>"),
        value=f"<{prefix}arg_value>",
        value_end=f"</{prefix}arg_value>",
    )


TAGS: Final = prefixed("")
OPENER: Final = TAGS.opener

_NAME: Final = re.compile(r"[^\W\d][\w.:/-]*")
_LINE: Final = re.compile(r"([^\W\d][\w.:/-]*)[ \t\r]*\n[ \t\r]*(?=\{)")
_GAP: Final = re.compile(r"(?:[ \t\r\n\ufeff]|\\n)*")
"""Some models write the two characters backslash and n for a line end."""
_EXCERPT: Final = 200


def read(source: Source, start: int, tags: Tags = TAGS) -> Reading | None:
    """The call of the block that opens at `start`; None if it is no name with its arguments."""
    name = _NAME.match(source.text, source.skip(start + len(tags.opener)))
    if name is None:
        return None
    body = _gap(source, name.end())
    if source.text.startswith(tags.key, body):
        return _read_pairs(source, name[0], body, tags)
    is_cut = source.is_cut(tags.key, body) or source.is_cut(tags.closer, body)
    if not is_cut and not source.text.startswith(tags.closer, body):
        return None
    meant = name[0] in source.context.tools or begins_line(source.text, start)
    return _read_pairs(source, name[0], body, tags) if meant else None


def read_whole(source: Source, start: int) -> Reading | None:
    """GLM-4-9B's call, without tags: the name of a declared tool, and JSON on a new line."""
    line = _LINE.match(source.text, start)
    if line is None or line[1] not in source.context.tools:
        return None
    return read_body(source, read_value(source, line.end()), "", arguments_of(line[1]))


def _read_pairs(source: Source, name: str, position: int, tags: Tags) -> Reading:
    """The call of a name whose first key stands at `position`, or its end."""
    texts: dict[str, str] = {}
    while key := tags.pair.match(source.text, position):
        value = _gap(source, key.end())
        end = source.find(tags.value_end, value)
        if not source.text.startswith(tags.value, value) or end == len(source):
            return _broken(source, value, tags)
        texts[key[1].strip()] = source.text[value + len(tags.value) : end]
        position = _gap(source, end + len(tags.value_end))
    return _close(source, name, texts, position, tags)


def _close(source: Source, name: str, texts: dict[str, str], position: int, tags: Tags) -> Reading:
    """The call of a name and the texts of its arguments; `position` is where it should end."""
    context = source.context
    closed = source.text.startswith(tags.closer, position)
    cut = source.text.startswith("</", position) and source.is_cut(tags.closer, position)
    if not closed and not cut and not source.text.startswith(tags.opener, position):
        return _broken(source, position, tags)
    arguments = {key: typed(text, name, key, context) for key, text in texts.items()}
    end = position + len(tags.closer) if closed else len(source) if cut else position
    return Reading((call_of(name, arguments, context),), end, end, truncated=not closed)


def _broken(source: Source, firm: int, tags: Tags) -> Reading:
    """A call whose grammar breaks off at `firm`, up to its closer or the next block."""
    closing, following = source.find(tags.closer, firm), source.find(tags.opener, firm)
    if min(closing, following) == len(source):
        failure = malformed(Code.TRUNCATED, "The text ends inside the call.")
        return Reading((failure,), len(source), firm, truncated=True)
    excerpt = source.text[firm : firm + _EXCERPT]
    failure = malformed(Code.BAD_ARGUMENTS, "The arguments of the call cannot be read.", excerpt)
    return Reading((failure,), min(closing + len(tags.closer), following), firm)


def _gap(source: Source, start: int) -> int:
    match = _GAP.match(source.text, start)
    return match.end() if match else start
