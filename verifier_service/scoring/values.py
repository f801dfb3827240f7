"""JSON values: when two are equal, how they are named and how they are shown."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

import orjson

from sandbox_tools.json_values import nfc
from sandbox_tools.types import Json

RELATIVE_TOLERANCE: Final = 1e-9
"""How far apart floats may be. Source: scoring.md section 5."""

NOISE: Final = 1e-6
"""How far a float may be from an integer besides: half a unit of billions is another value."""

EXACT_FLOATS: Final = 2.0**53
"""Below this a float with no fraction is one integer and no other."""

SCALARS: Final = frozenset({str, int, float, bool, type(None)})
_NUMBERS: Final = (int, float)
SHOWN_NODES: Final = 16
SHOWN_CHARACTERS: Final = 200
"""A value with more nodes or characters is abridged where it is shown."""


def json_equal(left: Json, right: Json) -> bool:
    """Whether two JSON values are equal, whatever their nesting.

    Booleans never equal numbers. Integers are equal exactly, whatever their size and spelling: `1`
    equals `1.0`, and a float beyond 2**53 those integers that it is the nearest float to. Other
    numbers are equal within 1e-9 of the larger of both, and within 1e-6 if one is an integer.
    Strings and member names are compared in Unicode NFC and not folded otherwise. Arrays have an
    order, objects have none.
    """
    if type(left) in SCALARS:
        return _same_scalar(left, right)
    pending = [(left, right)]
    while pending:
        one, other = pending.pop()
        if one is other:
            continue
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            if one.keys() != other.keys():
                one, other = _normal_names(one), _normal_names(other)
                if one.keys() != other.keys():
                    return False
            pending.extend((one[name], other[name]) for name in one)
        elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
            if len(one) != len(other):
                return False
            pending.extend(zip(one, other, strict=True))
        elif not _same_scalar(one, other):
            return False
    return True


def is_number(value: Json) -> bool:
    """Whether a value is a JSON number; Python's `True` is none."""
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def is_integer(value: Json) -> bool:
    """Whether a value is a number without a fraction: `2024.0` is."""
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def exact(number: float) -> Fraction:
    """The number as it was written: `0.1` is a tenth, not the binary float next to it."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def ordering(value: Json) -> tuple[int, object]:
    """A key that sorts any JSON values and is equal, and hashes equal, for exactly equal ones.

    Recursive: for values whose nesting is limited.
    """
    if value is None:
        return 0, None
    if isinstance(value, bool):
        return 1, value
    if isinstance(value, int | float):
        return 2, value
    if isinstance(value, str):
        return 3, value
    if isinstance(value, Mapping):
        return 5, tuple((name, ordering(value[name])) for name in sorted(value))
    return 4, tuple([ordering(item) for item in value])


def canonical_json(value: Json) -> bytes:
    """ASCII JSON with sorted keys and no spaces, for digests and cache keys.

    Equal bytes mean equal values. The reverse does not hold: `1` and `1.0`, or two normal forms of
    one text, are equal but written differently.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def content_key(value: Json) -> bytes:
    """As `canonical_json`, ten times as fast for all but rare values."""
    try:
        # A copy: what orjson returns has room for four kilobytes more, and this is kept.
        return bytes(memoryview(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)))
    except TypeError:  # what no 64 bits, or no UTF-8, can hold
        return canonical_json(value)


def spelling(value: Json) -> bytes:
    """A cache key of a value: equal keys mean equal values that are shown alike, too.

    The order of members decides nothing, but what is told of a value repeats it.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def pointer(*parts: str | int) -> str:
    """The JSON Pointer (RFC 6901) that leads along member names and array indices."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def abridged(value: Json) -> Json:
    """The value itself where it is small, else a short text that stands for it."""
    if isinstance(value, str):
        return value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…"
    if isinstance(value, int):
        return value if _is_64_bit(value) else f"an integer of {value.bit_length()} bits"
    if type(value) in SCALARS or _is_small(value):
        return value
    noun = "an object of {} members" if isinstance(value, Mapping) else "an array of {} items"
    return noun.format(len(value))


def _same_scalar(left: Json, right: Json) -> bool:
    if type(left) is type(right) and left == right:
        return True
    if is_number(left) and is_number(right):
        return _same_number(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right or nfc(left) == nfc(right)
    return type(left) is type(right) and bool(left == right)


def _same_number(left: float, right: float) -> bool:
    if left == right:
        return True
    if isinstance(left, int) and isinstance(right, int):
        return False
    if is_integer(left) and is_integer(right):
        return _nearest_float(left) == _nearest_float(right)
    one, other = _nearest_float(left), _nearest_float(right)
    if (is_integer(left) or is_integer(right)) and abs(one - other) > NOISE:
        return False
    return math.isclose(one, other, rel_tol=RELATIVE_TOLERANCE)


def _nearest_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # an integer beyond the largest float
        return math.inf


def _normal_names(members: Mapping[str, Json]) -> Mapping[str, Json]:
    normal = {nfc(name): value for name, value in members.items()}
    # Two names that fall together are still two members.
    return normal if len(normal) == len(members) else members


def _is_64_bit(number: int) -> bool:
    return -(2**63) <= number < 2**64


def _is_small(value: Json) -> bool:
    nodes, characters = 0, 0
    pending = [value]
    while pending:
        node = pending.pop()
        nodes += 1
        if isinstance(node, str):
            characters += len(node)
        elif isinstance(node, int) and not _is_64_bit(node):
            return False
        elif isinstance(node, Mapping | list | tuple):
            if nodes + len(node) > SHOWN_NODES:
                return False
            characters += sum(map(len, node)) if isinstance(node, Mapping) else 0
            pending.extend(_children(node))
        if nodes > SHOWN_NODES or characters > SHOWN_CHARACTERS:
            return False
    return True


def _children(node: Json) -> Iterable[Json]:
    return node.values() if isinstance(node, Mapping) else node
