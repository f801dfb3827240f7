"""Mending of almost-JSON, for requests that ask for it."""

from __future__ import annotations

import json
import re
from typing import Final

PYTHON_LITERALS: Final = {"True": "true", "False": "false", "None": "null"}
CLOSERS: Final = {"{": "}", "[": "]"}

_PIECE: Final = re.compile(
    r"""["']|[\[\]{}]|,|[ \t\r\n]+|:|-?[0-9][0-9.eE+-]*|true|false|null|True|False|None"""
)
_STRING: Final = {
    '"': re.compile(r'[^"\\]+|\\.|"', re.DOTALL),
    "'": re.compile(r"[^'\\]+|\\.|'", re.DOTALL),
}
_PYTHON_ESCAPES: Final = {"\\'": "'", "\\\n": ""}


def mend(text: str, start: int, end: int) -> str | None:
    """The part of a text as JSON, with the slips mended that leave no doubt about what was meant.

    Mended are single quotes, trailing commas, Python's `True`, `False` and `None`, raw control
    characters in strings, and closing brackets that are missing at the end. A string that never
    ends is not mended: its value would be a guess.

    Returns:
        Text that is JSON if nothing else is wrong with it, or None. Linear, and it stops at the
        first character that no mending explains.
    """
    pieces: list[str] = []
    open_brackets: list[str] = []
    position = start
    while match := _PIECE.match(text, position, end):
        piece, position = match[0], match.end()
        if piece in "\"'":
            string = _read_string(text, position, end, piece)
            if string is None:
                return None
            piece, position = string
        elif piece in "{[":
            open_brackets.append(piece)
        elif piece in "}]":
            if not open_brackets or CLOSERS[open_brackets.pop()] != piece:
                return None
            _drop_trailing_comma(pieces)
        pieces.append(PYTHON_LITERALS.get(piece, piece))
    if position != end:
        return None
    _drop_trailing_comma(pieces)
    pieces.extend(CLOSERS[bracket] for bracket in reversed(open_brackets))
    return "".join(pieces)


def _read_string(text: str, start: int, end: int, quote: str) -> tuple[str, int] | None:
    """The string behind an opening quote as JSON, and where it ends; None if it never does."""
    pieces = ['"']
    position = start
    while match := _STRING[quote].match(text, position, end):
        piece, position = match[0], match.end()
        if piece == quote:
            return "".join((*pieces, '"')), position
        pieces.append(_PYTHON_ESCAPES[piece] if piece in _PYTHON_ESCAPES else _as_json(piece))
    return None


def _as_json(piece: str) -> str:
    """A run of a string's characters with what JSON does not allow raw in it escaped."""
    return piece if piece[0] == "\\" else json.dumps(piece, ensure_ascii=False)[1:-1]


def _drop_trailing_comma(pieces: list[str]) -> None:
    while pieces and not pieces[-1].strip():
        pieces.pop()
    if pieces and pieces[-1] == ",":
        pieces.pop()
