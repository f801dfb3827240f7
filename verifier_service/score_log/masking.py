"""What must never stand in a log, by rule: member names, places, patterns.

When in doubt, more is masked than necessary: a text goes as a whole if it mentions a masked name, a
masked value of its line, or matches a pattern. Completions write arguments in a dozen formats, and
a mask that had to understand them all would leak at the first it does not.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from sandbox_tools.types import Json
from verifier_service import encode
from verifier_service.scoring.schema_patterns import compile_pattern

MASKED: Final = "[masked]"
"""What stands where a value was."""
EVERY: Final = "*"
_JSON_BEGINS: Final = ("{", "[", '"')
# Looking back keeps a long run of backslashes from being read once for each of them.
_ESCAPED: Final = re.compile(
    r"(?<!\\)\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U(000[0-9a-fA-F]{5})|u\{(0*[0-9a-fA-F]{1,5})\})"
)
_ESCAPED_BLANK: Final = re.compile(r"(?<!\\)\\+[bfnrt]|\s")


class Mask:
    """The rules of one log."""

    def __init__(
        self, names: Sequence[str] = (), pointers: Sequence[str] = (), patterns: Sequence[str] = ()
    ) -> None:
        self._names = frozenset(map(_folded, names))
        spelt = "|".join(map(re.escape, sorted(self._names)))
        self._mentioned = re.compile(rf"(?<!\w)(?:{spelt})(?!\w)") if names else None
        self._pointers = [_tokens(pointer) for pointer in pointers]
        self._patterns = [compile_pattern(pattern) for pattern in patterns]

    def __bool__(self) -> bool:
        return bool(self._names or self._pointers or self._patterns)

    def masked(self, line: Mapping[str, Json]) -> dict[str, Json]:
        """The line without what the rules forbid; its members, which are ours, keep their names."""
        if not self._may_concern(line):
            return dict(line)
        secrets: set[str] = set()
        pointed: Json = dict(line)
        for tokens in self._pointers:
            pointed = _without(pointed, tokens, secrets)
        for member in pointed.values():
            secrets.update(*map(_texts, self._named(member)))
        found = _Secrets.of(secrets)
        return {name: self._clean(member, found) for name, member in pointed.items()}

    def schemas(self, tools: Json) -> Json:
        """Inline tools by the patterns alone: the names in a schema are names of values."""
        return self._patterned(tools)

    def _named(self, value: Json) -> Iterator[Json]:
        """The values under masked names, in texts that are JSON too."""
        if isinstance(value, dict):
            for name, member in value.items():
                if _folded(name) in self._names:
                    yield member
                else:
                    yield from self._named(member)
        elif isinstance(value, list):
            for element in value:
                yield from self._named(element)
        elif isinstance(value, str) and value.lstrip()[:1] in _JSON_BEGINS:
            with suppress(ValueError, RecursionError):  # most texts that begin so are none
                yield from self._named(json.loads(value))

    def _clean(self, value: Json, secrets: _Secrets) -> Json:
        if isinstance(value, str):
            return MASKED if self._forbidden(value, secrets) else value
        if isinstance(value, list):
            return [self._clean(element, secrets) for element in value]
        if isinstance(value, dict):
            return {
                self._clean_name(name, secrets): MASKED
                if _folded(name) in self._names
                else self._clean(member, secrets)
                for name, member in value.items()
            }
        if value is None or isinstance(value, bool):
            return value
        return MASKED if str(value) in secrets.plain else value

    def _clean_name(self, name: str, secrets: _Secrets) -> str:
        if _folded(name) in self._names:
            return name
        return MASKED if self._forbidden(name, secrets) else name

    def _forbidden(self, text: str, secrets: _Secrets) -> bool:
        return self._mentions_name(text) or secrets.within(text) or self._matches(text)

    def _mentions_name(self, text: str) -> bool:
        if self._mentioned is None:
            return False
        folded = _folded(text)
        if not any(name in folded for name in self._names):
            return False
        return self._mentioned.search(_ESCAPED_BLANK.sub(" ", folded)) is not None

    def _matches(self, text: str) -> bool:
        if not self._patterns:
            return False
        plain = _unescaped(text)
        read = {plain, plain.replace("\\", "")}  # a text within a text escapes its quotes
        return any(pattern.search(each) for pattern in self._patterns for each in read)

    def _may_concern(self, line: Mapping[str, Json]) -> bool:
        """False where nothing in a line can be masked, which the line as one text tells soonest."""
        if self._pointers or self._patterns:
            return True
        folded = _folded(encode.dumps(line).decode())
        return any(spelt in folded for name in self._names for spelt in (name, _in_json(name)))

    def _patterned(self, value: Json) -> Json:
        if isinstance(value, str):
            return MASKED if self._matches(value) else value
        if isinstance(value, list):
            return [self._patterned(element) for element in value]
        if isinstance(value, dict):
            return {self._patterned(k): self._patterned(v) for k, v in value.items()}
        return value


def _tokens(pointer: str) -> tuple[str, ...]:
    tokens = pointer.split("/")[1:]
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens)


def _without(value: Any, tokens: Sequence[str], secrets: set[str]) -> Any:
    """The value with what a pointer names replaced, its texts collected."""
    if not tokens:
        secrets.update(_texts(value))
        return MASKED
    first, rest = tokens[0], tokens[1:]
    if isinstance(value, dict):
        return {
            name: _without(member, rest, secrets) if first in (EVERY, name) else member
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [
            _without(element, rest, secrets) if first in (EVERY, str(at)) else element
            for at, element in enumerate(value)
        ]
    return value


def _texts(value: Json) -> Iterator[str]:
    """What a value would look like in a text, leaf by leaf."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _texts(member)
    elif isinstance(value, list):
        for element in value:
            yield from _texts(element)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


@dataclass(frozen=True, slots=True)
class _Secrets:
    """Texts that are masked wherever a line repeats them."""

    plain: frozenset[str]
    bare: frozenset[str]
    """Without what a spelling adds, so that however often one is escaped it is found."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """One of nothing but blanks is no secret."""
        plain = frozenset({text.strip() for text in texts} - {"", MASKED})
        return cls(plain, frozenset(map(_bare, plain)) - {""})

    def within(self, text: str) -> bool:
        """Whether a text repeats one of them."""
        if not self.plain:
            return False
        bare = _bare(text)
        return any(secret in text for secret in self.plain) or any(
            secret in bare for secret in self.bare
        )


def _bare(text: str) -> str:
    """A text without its escapes, a break of lines like any blank."""
    return _ESCAPED_BLANK.sub(" ", _unescaped(text)).replace("\\", "").strip()


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _folded(text: str) -> str:
    """A text as names are compared: Python reads a name in its compatible form."""
    plain = _unescaped(text)
    return (plain if plain.isascii() else unicodedata.normalize("NFKC", plain)).casefold()


def _unescaped(text: str) -> str:
    """A text as a reader of JSON, Python or markup would see it."""
    if "\\" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[found.lastindex or 0], 16)), text)
    return html.unescape(text) if "&" in text else text
