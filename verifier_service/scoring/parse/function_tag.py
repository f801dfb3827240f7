"""Llama's and Functionary's custom tag: `<function=f>{"a": 1}</function>`.

Qwen3-Coder writes elements in the same tag; a brace behind it tells them apart.
"""

from __future__ import annotations

import re
from typing import Final

from verifier_service.scoring.parse.json_calls import arguments_of, read_body, read_value
from verifier_service.scoring.parse.records import Reading
from verifier_service.scoring.parse.source import Source

OPENER: Final = "<function="
CLOSER: Final = "</function>"

_OPENER: Final = re.compile(r"<function=([^<>\n]*)>\s*(?=\{)")


def read(source: Source, start: int) -> Reading | None:
    """The call at `start`; None if no brace follows the tag."""
    match = _OPENER.match(source.text, start)
    if match is None:
        return None
    read_call = arguments_of(match[1].strip())
    values = read_value(source, match.end())
    after = source.skip(values.end)
    if values.fault is None and source.text.startswith(OPENER, after):
        return Reading(values.items(source.context, read_call), after, after, truncated=True)
    return read_body(source, values, CLOSER, read_call)
