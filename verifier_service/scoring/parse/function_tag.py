"""Llama's and Functionary's custom tag: `<function=f>{"a": 1}</function>`.

Qwen3-Coder writes elements in the same tag; a brace behind it tells them apart.
"""

from __future__ import annotations

import re
from typing import Final

from sandbox_tools.types import Json
from verifier_service.scoring.parse import envelope
from verifier_service.scoring.parse.json_calls import read_body, read_value
from verifier_service.scoring.parse.records import Context, Item, Reading
from verifier_service.scoring.parse.source import Source

OPENER: Final = "<function="
CLOSER: Final = "</function>"

_OPENER: Final = re.compile(r"<function=([^<>\n]*)>\s*(?=\{)")


def read(source: Source, start: int) -> Reading | None:
    """The call at `start`; None if no brace follows the tag."""
    match = _OPENER.match(source.text, start)
    if match is None:
        return None
    name = match[1].strip()

    def read_arguments(value: Json, context: Context) -> tuple[Item, ...]:
        return (envelope.named(name, value, context),)

    return read_body(source, read_value(source, match.end()), CLOSER, read_arguments)
