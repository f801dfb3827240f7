"""JSON to bytes and back: what the standard library gives, by orjson where it is installed.

orjson takes a fraction of the time, but writes NaN as null, reads integers beyond 64 bits as floats
and refuses halves of surrogate pairs. Whatever may hold one of these goes to the standard library,
which alone decides what is not JSON.
"""

from __future__ import annotations

import json
from enum import Enum
from functools import partial
from typing import Any, Final
from uuid import UUID

from verifier_service.client.records import Json

try:
    import orjson
except ImportError:  # the client needs httpx and nothing else
    orjson = None  # type: ignore[assignment]

_DIGITS: Final = bytes(48 if 48 <= byte <= 57 else 0 for byte in range(256))
"""Translates digits to zeros, and all else to none."""
_LONG_NUMBER: Final = b"0" * 19


def encode(value: Json, what: str) -> bytes:
    """Compact JSON.

    Raises:
        ValueError: `what` is not JSON; infinities and NaN are not.
    """
    if orjson is not None:
        try:
            written = orjson.dumps(
                value, option=orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
            )
        except TypeError:
            written = b"null"
        if b"null" not in written:
            return written
    return _encode_exactly(value, what)


def decode(content: bytes) -> Json:
    """The value of a JSON text; integers are exact.

    Raises:
        ValueError, RecursionError: It is none.
    """
    if orjson is not None and _LONG_NUMBER not in content.translate(_DIGITS):
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            pass
    return json.loads(content)


def _encode_exactly(value: Json, what: str) -> bytes:
    try:
        text = _dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{what} is not JSON: {error}") from error
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8; as an escape it is the service's to judge.
        return _dumps(value).encode()


def _as_orjson_does(value: Any) -> Json:
    """What orjson takes by itself and json does not: the same with and without it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


# What nests in itself nests too deep.
_dumps: Final = partial(
    json.dumps,
    allow_nan=False,
    check_circular=False,
    separators=(",", ":"),
    default=_as_orjson_does,
)
