"""Anthropic's content blocks: `text`, `thinking`, `tool_use` and `tool_result`.

Source: the Anthropic API reference, "Messages" and "Tool use".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox_tools.types import Json
from verifier_service.scoring.parse.content import blocks_of, optional_id, result_text, text_of
from verifier_service.scoring.parse.records import Context, Message, Result
from verifier_service.scoring.parse.structured import attempts

FORMAT: Final = "anthropic"
BLOCKS: Final = frozenset(
    {"tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use"}
)
"""Types of blocks that only this dialect has. `server_tool_use` calls none of the user's tools."""


def read_message(message: Mapping[str, Json], path: str, context: Context) -> Message | None:
    """A message with a block that only this dialect has; None for others."""
    blocks = blocks_of(message.get("content"))
    if message.get("tool_calls") or not any(_kind(block) in BLOCKS for block in blocks):
        return None
    thoughts = (b.get("thinking") for b in blocks if _kind(b) == "thinking")
    return Message(
        FORMAT,
        text=text_of([b for b in blocks if _kind(b) == "text"], f"{path}/content"),
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
