"""JSON values: checked copies of them, one spelling for equal ones, and read-only ones."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from sandbox_tools.errors import SandboxError
from sandbox_tools.types import Json

MOST_MARKS: Final = 30
"""Combining marks in a row. Source: UAX #15, section 13, Stream-Safe Text Format."""

HIDDEN_MARKS: Final = "\u0f73\u0f75\u0f81"
"""The characters that are no marks and become nothing else when they are decomposed."""


def plain(value: object) -> Json:
    """A deep copy of dicts, lists and JSON scalars; a tuple becomes a list.

    Raises:
        SandboxError: A set, NaN, a key that is no string or anything else that JSON cannot say.
    """
    return _rebuilt(value, _scalar)


def canonical(value: object) -> Json:
    """Like `plain`, and values that JSON holds equal become the same one.

    An integral float becomes an int (JSON Schema: 2024.0 is an integer), strings get their NFC.
    """
    return _rebuilt(value, _canonical_scalar)


def nfc(text: str) -> str:
    """The text in Unicode normal form C, in linear time.

    One with more than 30 combining marks in a row is left as it is: no language needs as many, and
    to put them in order takes quadratic time.
    """
    if text.isascii() or not _is_stream_safe(text):
        return text
    return unicodedata.normalize("NFC", text)


def _is_stream_safe(text: str) -> bool:
    n_marks = 0
    for character in text:
        is_mark = unicodedata.combining(character) or character in HIDDEN_MARKS
        n_marks = n_marks + 1 if is_mark else 0
        if n_marks > MOST_MARKS:
            return False
    return True


def canonical_text(value: object) -> str:
    """The one text that all equal JSON values share: a key for tables, input for digests."""
    return json.dumps(canonical(value), sort_keys=True, separators=(",", ":"))


def sealed(value: Any) -> Any:
    """A copy whose dicts, lists and sets, however deep, refuse to change.

    Not covered: instances of subclasses of these types, and of any other class.
    """
    if type(value) is dict:
        return SealedDict({key: sealed(member) for key, member in value.items()})
    if type(value) is list:
        return SealedList(map(sealed, value))
    if type(value) is tuple:
        return tuple(map(sealed, value))
    return frozenset(value) if type(value) is set else value


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise TypeError(
        "read-only: a call can change only world.state, and only where the tool is not read_only"
    )


class SealedDict(dict[Any, Any]):
    """A dict that refuses to change; copies of it are plain dicts."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class SealedList(list[Any]):
    """A list that refuses to change; copies of it are plain lists."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


_SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_PLAIN: Final = frozenset({bool, int, type(None)})


def _rebuilt(value: object, scalar: Callable[[object], Json]) -> Json:
    if type(value) in _SCALARS:  # nearly all are: asked first, it saves the costly questions below
        return scalar(value)
    if isinstance(value, Mapping):
        return {_name(key, scalar): _rebuilt(member, scalar) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rebuilt(item, scalar) for item in value]
    return scalar(value)


def _name(key: object, scalar: Callable[[object], Json]) -> Json:
    if not isinstance(key, str):
        raise SandboxError(f"a key of type {type(key).__name__} is not JSON; keys are strings")
    return scalar(key)


def _scalar(value: object) -> Json:
    if type(value) in _PLAIN or (type(value) is str and value.isascii()):
        return value
    # Subclasses (enums, NumPy floats) are reduced to the JSON type that they extend.
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise SandboxError(f"{value} is not JSON; numbers are finite")
        return float(value)
    raise SandboxError(f"a value of type {type(value).__name__} is not JSON")


def _text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise SandboxError("half of a surrogate pair is not JSON") from None
    return str.__str__(value)


def _canonical_scalar(value: object) -> Json:
    if type(value) is str and value.isascii():
        return value
    value = _scalar(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return nfc(value) if isinstance(value, str) else value
