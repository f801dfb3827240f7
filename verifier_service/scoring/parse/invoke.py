"""Calls as `<invoke name="f"><parameter name="k">v</parameter></invoke>`, wrapped or bare.

MiniMax M2 wraps them in `<minimax:tool_call>`, Claude 2 and its imitators in `<function_calls>`.
Values are raw text, as they stand.
"""

from __future__ import annotations

from typing import Final

from verifier_service.scoring.parse.elements import (
    Dialect,
    read_bare,
    read_other,
    read_wrapped,
)
from verifier_service.scoring.parse.records import Reading
from verifier_service.scoring.parse.source import Source

BARE_OPENER: Final = "<invoke name="
MINIMAX_OPENER: Final = "<minimax:tool_call>"
MINIMAX_CLOSER: Final = "</minimax:tool_call>"
ANTHROPIC_OPENER: Final = "<function_calls>"

DIALECT: Final = Dialect(
    call="<invoke",
    call_end="</invoke>",
    parameter="<parameter",
    parameter_end="</parameter>",
    wrapper_ends=(MINIMAX_CLOSER, "</function_calls>"),
)


def read(source: Source, start: int) -> Reading | None:
    """The call that stands at `start` without a wrapper."""
    return read_bare(source, start, DIALECT)


def read_minimax(source: Source, start: int) -> Reading | None:
    """The calls of MiniMax's wrapper at `start`, which may be missing."""
    if not source.text.startswith(MINIMAX_OPENER, start):
        return read(source, start)
    reading = read_wrapped(source, start, MINIMAX_OPENER, DIALECT)
    return reading or read_other(source, start, MINIMAX_OPENER, MINIMAX_CLOSER)


def read_anthropic(source: Source, start: int) -> Reading | None:
    """The calls of Claude 2's wrapper at `start`, which may be missing.

    Calls in Python in the same wrapper are another family's.
    """
    if not source.text.startswith(ANTHROPIC_OPENER, start):
        return read(source, start)
    return read_wrapped(source, start, ANTHROPIC_OPENER, DIALECT)
