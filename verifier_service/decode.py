"""Request bodies as JSON values: fast where that is exact, exact where fast would not be."""

from __future__ import annotations

import json
import math
import re
from typing import Final, NoReturn

import orjson

from sandbox_tools.types import Json

MAX_VALUES: Final = 4_000_000
"""JSON values in a body, counted roughly: a body of nothing but `1,` takes a minute to decode."""
_DIGITS: Final = bytes(
    ord("0") if chr(byte).isdecimal() and byte < 128 else 0 for byte in range(256)
)
_LONG_NUMBER: Final = b"0" * 19
"""orjson reads integers beyond 64 bits as floats, and a ground truth may hold one."""
LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class NotJson(Exception):
    """The body is not JSON in UTF-8; says where."""


class TooManyValues(Exception):
    """The body holds more JSON values than any batch needs."""


def decode_body(body: bytes) -> Json:
    """The JSON value of a request body.

    Integers are exact. Half a surrogate pair in a string, which a trainer may send but no encoding
    can hold, becomes U+FFFD: one odd completion must not fail its batch.

    Raises:
        NotJson: Not UTF-8, not JSON, NaN or an infinity, or nested beyond reason.
        TooManyValues: It would take too long to read.
    """
    if len(body) > MAX_VALUES and sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise TooManyValues(f"the body holds more than {MAX_VALUES:,} JSON values; split it")
    if _LONG_NUMBER not in body.translate(_DIGITS):
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # The slower reader decides, and words the reason.
    return _without_surrogates(_decode_exactly(body))


def _decode_exactly(body: bytes) -> Json:
    try:
        return json.loads(
            body.decode("utf-8"), parse_constant=_refuse, parse_float=_finite, parse_int=int
        )
    except UnicodeDecodeError as error:
        raise NotJson(f"the body is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        reason = error.msg[:1].lower() + error.msg[1:]
        where = f"line {error.lineno}, column {error.colno}"
        raise NotJson(f"the body is not JSON at {where}: {reason}") from None
    except RecursionError:
        raise NotJson("the body nests too deep") from None
    except ValueError:
        raise NotJson("the body holds a number with too many digits") from None


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"the body holds {constant}, which is not JSON")


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise NotJson("the body holds a number beyond the range of a double")
    return number


def _without_surrogates(value: Json) -> Json:
    if isinstance(value, str):
        return LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(element) for element in value]
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    return value
