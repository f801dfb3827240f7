"""The regular expressions of JSON Schema (ECMA-262) in Python's dialect."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from re import _parser  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Final
from unicodedata import category as category_of

from verifier_service.scoring.linear_patterns import Automaton, linear_or_none, quick_length

LINE_ENDS: Final = "\n\r\u2028\u2029"
SPACES: Final = "\\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"

# What is translated as one piece, where the text is not inside a class and where it is.
OUTSIDE: Final = re.compile(
    r"\\c[A-Za-z]|\\[pP]\{\w*\}|\\k<|\\.|\[\^\]|\[\]|\[\^?|\(\?<(?![=!])|.", re.DOTALL
)
INSIDE: Final = re.compile(r"\\c[A-Za-z]|\\p\{\w*\}|\\.|.", re.DOTALL)

CATEGORIES: Final = {
    "Letter": "L",
    "Lowercase_Letter": "Ll",
    "Uppercase_Letter": "Lu",
    "Mark": "M",
    "Number": "N",
    "Decimal_Number": "Nd",
    "digit": "Nd",
    "Punctuation": "P",
    "punct": "P",
    "Symbol": "S",
    "Separator": "Z",
    "Space_Separator": "Zs",
    "Other": "C",
}
GENERAL: Final = re.compile("L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfson]?")
PROPERTY: Final = re.compile(r"\\[pP]\{(?P<name>\w*)\}|\\.", re.DOTALL)
LONGEST_READ: Final = 4096
"""A longer pattern takes too long to read, where a policy writes it."""

OUTSIDE_CLASS: Final = {
    "$": r"\Z",  # Python's also matches before a final line break
    ".": f"[^{LINE_ENDS}]",
    r"\s": f"[{SPACES}]",
    r"\S": f"[^{SPACES}]",
    "[]": "(?!)",
    "[^]": r"[\s\S]",
    "(?<": "(?P<",
    r"\k<": "(?P=",
}
# Python warns of set operations that it may have one day.
INSIDE_CLASS: Final = {r"\s": SPACES, "[": r"\[", "&": r"\&", "|": r"\|", "~": r"\~"}


@dataclass(frozen=True, slots=True)
class Pattern:
    """An ECMA-262 pattern: matched by `re`, or without backtracking where that could take long."""

    _quick: re.Pattern[str]
    _linear: Automaton | None
    """None where the pattern looks around or back, or is too large: then `re` may take long."""
    _quick_length: int
    """Up to so many characters `re` is the faster one, whatever the text."""

    @property
    def linear(self) -> bool:
        """Whether it takes a time linear in every text."""
        return self._linear is not None

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the text."""
        if self._linear is None or len(text) <= self._quick_length:
            return self._quick.search(text) is not None
        return self._linear.search(text)

    def fullmatch(self, text: str) -> bool:
        """Whether the pattern matches the text as a whole."""
        if self._linear is None or len(text) <= self._quick_length:
            return self._quick.fullmatch(text) is not None
        return self._linear.fullmatch(text)


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Pattern:
    """The ECMA-262 pattern: `$` is the end of the text, `\\d` and `\\w` are ASCII.

    Unicode properties are general categories, such as `\\p{L}`. Not covered: scripts, and a negated
    property inside a class. It takes a time linear in the text, but for one that looks around or
    back.

    Raises:
        ValueError: Python cannot read the pattern.
    """
    try:
        translated = "".join(_translated(pattern))
        quick = re.compile(translated, re.ASCII)
        return Pattern(quick, linear_or_none(translated), quick_length(translated))
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error


def is_pattern(text: str) -> bool:
    """Whether a text of up to 4096 characters is an ECMA-262 pattern; it is read, not compiled."""
    names = (found["name"] for found in PROPERTY.finditer(text[:LONGEST_READ]))
    if len(text) > LONGEST_READ or any(
        name is not None and not GENERAL.fullmatch(CATEGORIES.get(name, name)) for name in names
    ):
        return False
    # A property is long when spelt out.
    short = PROPERTY.sub(lambda found: found[0] if found["name"] is None else r"\d", text)
    try:
        _parser.parse("".join(_translated(short)), re.ASCII.value)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _category(name: str) -> str:
    """The characters of a general category, as the inside of a class."""
    short = CATEGORIES.get(name, name)
    found = "".join(r for category, r in _ranges().items() if category.startswith(short or "?"))
    if not found:
        raise ValueError(f"{name[:40]!r} is no general category of Unicode")
    return found


@lru_cache(maxsize=1)
def _ranges() -> Mapping[str, str]:
    ranges: dict[str, list[str]] = {}
    for category, run in groupby(range(sys.maxunicode + 1), lambda code: category_of(chr(code))):
        first, *_, last = [*run] * 2
        ranges.setdefault(category, []).append(f"\\U{first:08x}-\\U{last:08x}")
    return {category: "".join(each) for category, each in ranges.items()}


def _translated(pattern: str) -> Iterator[str]:
    position, in_class, in_back_reference = 0, False, False
    while token := (INSIDE if in_class else OUTSIDE).match(pattern, position):
        piece, position = token[0], token.end()
        if piece.startswith(r"\c") and len(piece) == 3:
            yield re.escape(chr(ord(piece[2]) % 32))
        elif piece.startswith((r"\p{", r"\P{")):
            ranges = _category(piece[3:-1])
            yield ranges if in_class else f"[{'^' if piece[1] == 'P' else ''}{ranges}]"
        elif in_class:
            in_class = piece != "]"
            yield INSIDE_CLASS.get(piece, piece)
        elif in_back_reference and piece == ">":
            in_back_reference = False
            yield ")"
        else:
            in_class = piece in ("[", "[^")
            in_back_reference = in_back_reference or piece == r"\k<"
            yield OUTSIDE_CLASS.get(piece, piece)
