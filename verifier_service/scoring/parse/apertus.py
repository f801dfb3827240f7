"""Apertus: `<|tools_prefix|>[{"f": {}}]<|tools_suffix|>`, with the name of the tool as the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox_tools.types import Json
from verifier_service.scoring.parse import envelope
from verifier_service.scoring.parse.records import Context, Item, Reading
from verifier_service.scoring.parse.source import Source
from verifier_service.scoring.parse.tagged import read_opened

OPENER: Final = "<|tools_prefix|>"
CLOSER: Final = "<|tools_suffix|>"


def read(source: Source, start: int) -> Reading | None:
    """The calls of the list at `start`."""
    return read_opened(source, start, OPENER, CLOSER, _read_value)


def _read_value(value: Json, context: Context) -> tuple[Item, ...]:
    if isinstance(value, list):
        return tuple(item for each in value for item in _read_one(each, context)) or (
            envelope.EMPTY,
        )
    return _read_one(value, context)


def _read_one(value: Json, context: Context) -> tuple[Item, ...]:
    if not isinstance(value, Mapping) or not value or _is_envelope(value, context):
        return envelope.read_one(value, context)
    return tuple(envelope.named(name, arguments, context) for name, arguments in value.items())


def _is_envelope(value: Mapping[str, Json], context: Context) -> bool:
    """Whether an object is a call in the common spelling instead."""
    named = any(isinstance(value.get(key), str) for key in envelope.NAMES)
    wrapped = any(key in value and key not in context.tools for key in envelope.WRAPPERS)
    return named or wrapped
