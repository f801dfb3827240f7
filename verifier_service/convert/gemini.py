"""Gemini's rows on Vertex AI: contents of parts, and references, which are texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from verifier_service.carrier import NESTED, Json, encoded
from verifier_service.convert.task import BadRow, Task, item_at, messages

_ROLES: Final = {"user": "user", "assistant": "model"}
_REFERENCES: Final = "references"


@dataclass(frozen=True, slots=True)
class Gemini:
    """`systemInstruction`, `contents` and `references.carrier`; there is room for nothing else."""

    shows_tools: bool = False

    def row(self, task: Task) -> dict[str, Json]:
        said = messages(task.prompt)
        system, rest = (said[:1], said[1:]) if said[0]["role"] == "system" else ([], said)
        offset = len(system)
        contents = [_content(message, index + offset) for index, message in enumerate(rest)]
        row: dict[str, Json] = {"contents": contents, _REFERENCES: {NESTED: encoded(task.item)}}
        return {"systemInstruction": _parts(system[0], 0), **row} if system else row

    def task(self, row: Mapping[str, Json], defaults: Mapping[str, Json]) -> Task:
        references = row.get(_REFERENCES)
        if isinstance(references, Mapping) and len(references) == 1:
            [name] = references
        else:
            name = NESTED
        item = item_at(row, (_REFERENCES, name), defaults)
        system = row.get("systemInstruction")
        said = [] if system is None else [_message("system", system, "/systemInstruction")]
        contents = row.get("contents")
        if not isinstance(contents, list) or not contents:
            raise BadRow("/contents", "there is no prompt")
        for index, content in enumerate(contents):
            model = isinstance(content, Mapping) and content.get("role") == "model"
            said.append(_message("assistant" if model else "user", content, f"/contents/{index}"))
        return Task(said, item)


def _content(message: Mapping[str, Json], index: int) -> Json:
    role = _ROLES.get(message["role"])
    if role is None:
        raise BadRow(f"/prompt/{index}/role", "Gemini's rows take user and assistant alone, after "
                     "one system message")  # fmt: skip
    return {"role": role, **_parts(message, index)}


def _parts(message: Mapping[str, Json], index: int) -> dict[str, Json]:
    content = message.get("content")
    if not isinstance(content, str) or message.get("tool_calls"):
        raise BadRow(f"/prompt/{index}", "Gemini's rows take messages of text alone")
    return {"parts": [{"text": content}]}


def _message(role: str, content: Json, at: str) -> Json:
    parts = content.get("parts") if isinstance(content, Mapping) else None
    return {"role": role, "content": _texts(parts, at)}


def _texts(parts: Json, at: str) -> str:
    if not isinstance(parts, Sequence) or not parts:
        raise BadRow(f"{at}/parts", "there are none")
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    if len(texts) < len(parts) or not all(isinstance(text, str) for text in texts):
        raise BadRow(f"{at}/parts", "must be texts")
    return "".join(map(str, texts))
