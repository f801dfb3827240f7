"""Calls that arrive decoded: somebody else's JSON reader has read them."""

from __future__ import annotations

from sandbox_tools.types import Json
from verifier_service.scoring.json_text import JsonFault, check
from verifier_service.scoring.parse import envelope
from verifier_service.scoring.parse.records import Attempt, Context, malformed_json


def attempts(
    format_: str, identity: str | None, value: Json, context: Context
) -> tuple[Attempt, ...]:
    """The calls of one decoded element, under the same rules as those of a text."""
    try:
        check(value, context.limits)
    except JsonFault as fault:
        return (Attempt(format_, identity, malformed_json(fault)),)
    return tuple(Attempt(format_, identity, item) for item in envelope.read_one(value, context))
