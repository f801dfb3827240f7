"""Calls that give the name of a tool in words and its arguments as a JSON object behind it."""

from __future__ import annotations

from typing import Final

from sandbox_tools.types import Json
from verifier_service.scoring.codes import Code
from verifier_service.scoring.json_text import JsonFault
from verifier_service.scoring.parse import envelope
from verifier_service.scoring.parse.records import Context, Item, Reading, malformed_json
from verifier_service.scoring.parse.source import Source

_EXCERPT: Final = 200


def call_items(name: str, arguments: Json, context: Context) -> tuple[Item, ...]:
    """The call of a tool with decoded arguments."""
    return envelope.read_one({"name": name, "arguments": arguments}, context)


def read_arguments(source: Source, start: int, name: str, following: str) -> Reading:
    """The call whose arguments begin at `start`, and which no mark closes.

    Args:
        following: What begins the next call; if the arguments are broken, they end there.
    """
    try:
        value, end = source.decode_at(start)
    except JsonFault as fault:
        truncated = fault.code is Code.TRUNCATED
        firm = fault.position if fault.end is None else fault.end
        end = len(source) if truncated else source.find(following, firm)
        failure = malformed_json(fault, source.text[start : start + _EXCERPT])
        return Reading((failure,), end, firm, truncated=truncated)
    return Reading(call_items(name, value, source.context), end, end)
