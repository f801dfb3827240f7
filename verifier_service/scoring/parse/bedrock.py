"""Amazon Bedrock's Converse messages: blocks with one key each, calls as `toolUse`.

Source: the Amazon Bedrock API reference, "Converse", `ContentBlock`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sandbox_tools.types import Json
from verifier_service.scoring.parse.content import blocks_of, optional_id, result_text
from verifier_service.scoring.parse.records import Attempt, Context, Message, Result
from verifier_service.scoring.parse.structured import attempts

FORMAT: Final = "bedrock"


def read_message(message: Mapping[str, Json], path: str, context: Context) -> Message:
    """What the blocks of this dialect in a message call, think and answer."""
    blocks = blocks_of(message.get("content"))
    return Message(
        reasoning="\n".join(_thoughts(blocks)),
        attempts=tuple(_attempts(blocks, context)),
        results=tuple(_results(blocks, path)),
    )


def _attempts(blocks: list[Mapping[str, Json]], context: Context) -> Iterator[Attempt]:
    for block in blocks:
        if "toolUse" in block:
            use = block["toolUse"]
            identity = use.get("toolUseId") if isinstance(use, Mapping) else None
            yield from attempts(FORMAT, optional_id(identity), use, context)


def _results(blocks: list[Mapping[str, Json]], path: str) -> Iterator[Result]:
    for block in blocks:
        result = block.get("toolResult")
        if isinstance(result, Mapping):
            content = result_text(result.get("content"), path)
            yield Result(optional_id(result.get("toolUseId")), content)


def _thoughts(blocks: list[Mapping[str, Json]]) -> Iterator[str]:
    for block in blocks:
        content = block.get("reasoningContent")
        inner = content.get("reasoningText") if isinstance(content, Mapping) else None
        text = inner.get("text") if isinstance(inner, Mapping) else None
        if isinstance(text, str):
            yield text
