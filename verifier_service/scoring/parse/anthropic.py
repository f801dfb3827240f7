"""Anthropic's content blocks: `text`, `thinking`, `tool_use` and `tool_result`.

Source: the Anthropic API reference, "Messages" and "Tool use".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox_tools.types import Json
from verifier_service.scoring.parse.content import blocks_of, optional_id, result_text
from verifier_service.scoring.parse.records import Context, Message, Result
from verifier_service.scoring.parse.structured import attempts

FORMAT: Final = "anthropic"


def read_message(message: Mapping[str, Json], path: str, context: Context) -> Message:
    """What the blocks of this dialect in a message call, think and answer."""
    blocks = blocks_of(message.get("content"))
    thoughts = (b.get("thinking") for b in blocks if _kind(b) == "thinking")
    return Message(
        reasoning="\n".join(thought for thought in thoughts if isinstance(thought, str)),
        attempts=tuple(
            each
            for block in blocks
            if _kind(block) == "tool_use"
            for each in attempts(FORMAT, optional_id(block.get("id")), block, context)
        ),
        results=tuple(
            Result(optional_id(b.get("tool_use_id")), result_text(b.get("content"), path))
            for b in blocks
            if _kind(b) == "tool_result"
        ),
    )


def _kind(block: Mapping[str, Json]) -> str:
    kind = block.get("type")
    return kind if isinstance(kind, str) else ""
