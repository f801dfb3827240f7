"""Gemini's parts: `functionCall` with `name` and `args`, `functionResponse`, and thoughts.

A call in a thought is no call.

Source: the Gemini API reference, "Content" and "Part"; in snake case as Python's client has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from sandbox_tools.types import Json
from verifier_service.scoring.parse.content import blocks_of, optional_id
from verifier_service.scoring.parse.records import Attempt, Context, Message, Result
from verifier_service.scoring.parse.structured import attempts

FORMAT: Final = "gemini"
CALLS: Final = ("functionCall", "function_call")
RESPONSES: Final = ("functionResponse", "function_response")


def read_message(message: Mapping[str, Json], _path: str, context: Context) -> Message:
    """What the parts of this dialect in a message call, think and answer."""
    parts = blocks_of(message.get("content"))
    thoughts = (part.get("text") for part in parts if part.get("thought") is True)
    said = [part for part in parts if part.get("thought") is not True]
    return Message(
        reasoning="\n".join(thought for thought in thoughts if isinstance(thought, str)),
        attempts=tuple(_attempts(said, context)),
        results=tuple(_results(said)),
    )


def _attempts(parts: list[Mapping[str, Json]], context: Context) -> Iterator[Attempt]:
    for call in _members(parts, CALLS):
        arguments = call.get("args")
        given = call if arguments is not None else {**call, "args": {}}
        yield from attempts(FORMAT, optional_id(call.get("id")), given, context)


def _results(parts: list[Mapping[str, Json]]) -> Iterator[Result]:
    for response in _members(parts, RESPONSES):
        content = json.dumps(response.get("response"), ensure_ascii=False)
        yield Result(optional_id(response.get("id")), content)


def _members(
    parts: list[Mapping[str, Json]], keys: tuple[str, ...]
) -> Iterator[Mapping[str, Json]]:
    for part in parts:
        yield from (part[key] for key in keys if isinstance(part.get(key), Mapping))
