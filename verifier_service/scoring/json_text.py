"""Strict reading of JSON that someone else wrote.

Stricter than Python's `json`, which accepts repeated keys, NaN, infinities and halves of surrogate
pairs: RFC 8259 calls them unpredictable, and a parser that picks one reading of them would score
something that the policy did not say. Raw control characters in strings are refused as well, as
the RFC and the inference servers do.

Linear in the length of the text, and safe on any text: every fault is a `JsonFault`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NoReturn

from sandbox_tools.types import Json
from verifier_service.scoring.codes import Code
from verifier_service.scoring.types import Limits

WINDOW: Final = 1024
"""Characters that the decoder sees at first: its errors count the lines of all that it sees."""

LONGEST_TOKEN: Final = 12
"""No literal or escape that the end of a text may cut is longer: `-Infinity`, `\\ud83d\\ude00`."""

_BLANK: Final = re.compile("[ \t\r\n\ufeff]*")
_STRUCTURE: Final = re.compile(r'["\[\]{}]|\\.', re.DOTALL)
_LITERALS: Final = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_NUMBER_TAILS: Final = (".", "e", "E", "e+", "e-", "E+", "E-")


class JsonFault(Exception):
    """A text is not the JSON that is accepted here.

    Attributes:
        code: Which rule it breaks.
        position: Index into the text where it stops being acceptable; where only the contents of a
            value are at fault, where that value begins.
        message: What is wrong, without a final stop.
        end: Where the value ends, if its syntax is sound and only its contents are at fault.
    """

    def __init__(self, code: Code, position: int, message: str, end: int | None = None) -> None:
        self.code, self.position, self.message, self.end = code, position, message, end
        super().__init__(message)


def decode(text: str, limits: Limits) -> Json:
    """The one JSON value that a text holds, between blanks and byte order marks.

    Raises:
        JsonFault: The text is no strict JSON, holds more than one value or exceeds a limit.
    """
    value, end = decode_at(text, skip_blank(text, 0), limits)
    end = skip_blank(text, end)
    if end != len(text):
        raise JsonFault(Code.TRAILING_DATA, end, "Something follows the JSON value")
    return value


def decode_at(text: str, start: int, limits: Limits) -> tuple[Json, int]:
    """The JSON value that begins at `start`, and where it ends; what follows is not looked at.

    Raises:
        JsonFault: No strict JSON value begins there, or it exceeds a limit.
    """
    try:
        value, end = _scan(_decoder(limits.digits), text, start, limits)
    except json.JSONDecodeError as error:
        raise _syntax_fault(text, start, error, limits) from None
    except RecursionError:
        raise _nesting_fault(text, start, len(text), limits) or JsonFault(
            Code.LIMIT_NESTING, start, "The value nests too deep"
        ) from None
    except _Refused as refused:
        raise _content_fault(text, start, refused, limits) from None
    if fault := _nesting_fault(text, start, end, limits):
        raise fault
    if _may_hold_surrogates(text, start, end) and holds_surrogates(value):
        raise JsonFault(Code.LONE_SURROGATE, start, "A string holds half a surrogate pair", end)
    return value, end


def skip_blank(text: str, start: int) -> int:
    """The index of the first character from `start` on that is no JSON whitespace or BOM."""
    match = _BLANK.match(text, start)
    return match.end() if match else start


def check(value: Json, limits: Limits) -> None:
    """Hold a value that somebody else has decoded to the same rules.

    Raises:
        JsonFault: The value exceeds a limit or holds what strict JSON cannot.
    """
    pending: list[tuple[Json, int]] = [(value, 1)]
    while pending:
        node, depth = pending.pop()
        if isinstance(node, Mapping):
            pending.extend((key, depth + 1) for key in node)
            pending.extend((member, depth + 1) for member in node.values())
        elif isinstance(node, list | tuple):
            pending.extend((item, depth + 1) for item in node)
        else:
            _check_scalar(node, limits)
            continue
        if depth > limits.nesting:
            raise JsonFault(Code.LIMIT_NESTING, 0, f"It nests deeper than {limits.nesting} levels")


def holds_surrogates(value: Json) -> bool:
    """Whether any string of a value holds half a surrogate pair, which UTF-8 cannot encode."""
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            if not _is_encodable(node):
                return True
        elif isinstance(node, Mapping):
            pending.extend(node.keys())
            pending.extend(node.values())
        elif isinstance(node, list | tuple):
            pending.extend(node)
    return False


# The decoder and its rules


class _Refused(Exception):
    """The decoder met a value that JSON's grammar or Python allows and this module does not."""

    def __init__(self, code: Code, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


@lru_cache(maxsize=16)
def _decoder(digits: int) -> json.JSONDecoder:
    too_long = f"A number has more than {digits} digits"

    def integer(literal: str) -> int:
        if len(literal) > digits and len(literal.lstrip("-")) > digits:
            raise _Refused(Code.LIMIT_DIGITS, too_long)
        try:
            return int(literal)
        except ValueError:  # Python's own limit, if ours is set above it
            raise _Refused(Code.LIMIT_DIGITS, "A number has too many digits") from None

    def decimal(literal: str) -> float:
        if len(literal) > digits and sum(map(str.isdigit, literal)) > digits:
            raise _Refused(Code.LIMIT_DIGITS, too_long)
        number = float(literal)
        if math.isinf(number):
            raise _Refused(Code.NONFINITE_NUMBER, "A number is larger than any float")
        return number

    return json.JSONDecoder(
        object_pairs_hook=_unique, parse_int=integer, parse_float=decimal, parse_constant=_refuse
    )


def _refuse(constant: str) -> NoReturn:
    raise _Refused(Code.NONFINITE_NUMBER, f"{constant} is not a JSON number")


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused(Code.DUPLICATE_KEY, "An object repeats a key")
    return members


_LOOSE: Final = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=len, strict=False)
"""Finds where a value ends, whatever its contents."""


def _scan(decoder: json.JSONDecoder, text: str, start: int, limits: Limits) -> tuple[Any, int]:
    """`decoder.raw_decode(text, start)` in time linear in the value, not in the whole text.

    What nests too deep within the first window is not read further.
    """
    size = WINDOW
    while start + size < len(text):
        window = text[start : start + size]
        try:
            value, end = decoder.raw_decode(window)
        except json.JSONDecodeError as error:
            if not _may_be_cut(error, len(window)):
                raise
            if deep := _nesting_fault(text, start, start + error.pos, limits):
                raise deep from None
        else:
            if end < len(window):
                return value, start + end
        size *= 4
    value, end = decoder.raw_decode(text[start:])
    return value, start + end


def _may_be_cut(error: json.JSONDecodeError, length: int) -> bool:
    return error.msg.startswith("Unterminated string") or error.pos > length - LONGEST_TOKEN


def _syntax_fault(text: str, start: int, error: json.JSONDecodeError, limits: Limits) -> JsonFault:
    position = start + error.pos
    if deep := _nesting_fault(text, start, position, limits):
        return deep
    if _is_truncated(error, text[position : position + LONGEST_TOKEN]):
        return JsonFault(Code.TRUNCATED, position, "The text ends inside a value")
    if error.msg.startswith("Invalid control character"):
        message = "A raw control character stands in a string"
        return JsonFault(Code.CONTROL_CHARACTER, position, message, _loose_end(text, start, limits))
    return JsonFault(Code.BAD_JSON, position, f"{error.msg} at character {position}")


def _is_truncated(error: json.JSONDecodeError, rest: str) -> bool:
    """Whether more text could have made it JSON; `rest` is what stands at the error."""
    if error.msg.startswith("Unterminated string"):
        return True
    if len(rest) == LONGEST_TOKEN:
        return False
    if error.msg.startswith("Invalid \\u"):
        return rest.lower().strip("u\\0123456789abcdef") == ""
    rest = rest.rstrip(" \t\r\n")
    return rest in _NUMBER_TAILS or any(literal.startswith(rest) for literal in _LITERALS)


def _content_fault(text: str, start: int, refused: _Refused, limits: Limits) -> JsonFault:
    """The fault of a value with sound syntax; if the syntax is at fault too, that comes first."""
    try:
        _, end = _scan(_LOOSE, text, start, limits)
    except JsonFault as fault:
        return fault
    except json.JSONDecodeError as error:
        return _syntax_fault(text, start, error, limits)
    except RecursionError:
        return JsonFault(Code.LIMIT_NESTING, start, "The value nests too deep")
    deep = _nesting_fault(text, start, end, limits)
    return deep or JsonFault(refused.code, start, refused.message, end)


def _loose_end(text: str, start: int, limits: Limits) -> int | None:
    try:
        return _scan(_LOOSE, text, start, limits)[1]
    except (json.JSONDecodeError, JsonFault, RecursionError):
        return None


def _nesting_fault(text: str, start: int, end: int, limits: Limits) -> JsonFault | None:
    """The bracket of the value at `start` that nests too deep, if one before `end` does."""
    if text.count("[", start, end) + text.count("{", start, end) <= limits.nesting:
        return None
    depth, quoted = 0, False
    for match in _STRUCTURE.finditer(text, start, end):
        mark = match[0]
        if mark == '"':
            quoted = not quoted
        elif quoted or mark[0] == "\\":
            continue
        elif mark in "[{":
            depth += 1
            if depth > limits.nesting:
                message = f"It nests deeper than {limits.nesting} levels"
                return JsonFault(Code.LIMIT_NESTING, match.start(), message)
        else:
            depth -= 1
            if depth <= 0:
                return None
    return None


def _may_hold_surrogates(text: str, start: int, end: int) -> bool:
    if text.find("\\u", start, end) >= 0:
        return True
    return not text.isascii() and not _is_encodable(text[start:end])


def _check_scalar(value: Json, limits: Limits) -> None:
    if isinstance(value, str):
        if not _is_encodable(value):
            raise JsonFault(Code.LONE_SURROGATE, 0, "A string holds half a surrogate pair")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise JsonFault(Code.NONFINITE_NUMBER, 0, "NaN and infinities are not JSON numbers")
    elif isinstance(value, int) and abs(value) >= 10**limits.digits:
        raise JsonFault(Code.LIMIT_DIGITS, 0, f"A number has more than {limits.digits} digits")


def _is_encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
