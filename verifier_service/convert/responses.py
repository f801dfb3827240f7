"""NeMo Gym's rows: the request of the Responses API, and the verifier's fields beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from verifier_service.carrier import NESTED, Json, encoded
from verifier_service.convert.task import BadRow, Task, consumed, item_of_row, messages

REQUEST: Final = "responses_create_params"


@dataclass(frozen=True, slots=True)
class NemoGym:
    """`responses_create_params` with input and flat tools; the carrier is a member of the row."""

    shows_tools: bool = True

    def row(self, task: Task) -> dict[str, Json]:
        request: dict[str, Json] = {"input": list(_items(messages(task.prompt)))}
        if task.shown:
            request["tools"] = [_flat(tool) for tool in task.shown]
        row = {REQUEST: request, NESTED: encoded(task.item)}
        return {**row, **{name: value for name, value in task.others.items() if name not in row}}

    def task(self, row: Mapping[str, Json], defaults: Mapping[str, Json]) -> Task:
        request = row.get(REQUEST)
        if not isinstance(request, Mapping) or not request.get("input"):
            raise BadRow(f"/{REQUEST}/input", "there is no prompt")
        # The tools that the policy was shown are those it is judged by, where nothing says others.
        item = item_of_row(row, defaults or {"tools": request.get("tools")})
        given = request["input"]
        prompt = given if isinstance(given, str) else _messages(given)
        used = {REQUEST, *consumed(row)}
        others = {name: value for name, value in row.items() if name not in used}
        return Task(prompt, item, others)


_REQUIRED: Final = {"parameters": {"type": "object", "properties": {}}, "strict": False}
"""What Gym wants of every tool. Not strict: a strict schema has no optional parameters."""


def _flat(tool: Json) -> dict[str, Json]:
    """A tool as the Responses API has it."""
    function = tool["function"]
    missing = {name: value for name, value in _REQUIRED.items() if name not in function}
    return {"type": "function", **function, **missing}


def _items(prompt: Sequence[Json]) -> Iterator[Json]:
    for index, message in enumerate(prompt):
        at = f"/prompt/{index}"
        if message["role"] == "tool":
            call = _required(message, "tool_call_id", at)
            output = _text(message, at)
            yield {"type": "function_call_output", "call_id": call, "output": output}
            continue
        if message.get("content") or not message.get("tool_calls"):
            yield {"role": message["role"], "content": message.get("content") or ""}
        for call in message.get("tool_calls") or ():
            function = _required(call, "function", f"{at}/tool_calls")
            name, arguments = (_required(function, key, at) for key in ("name", "arguments"))
            call_id = _required(call, "id", f"{at}/tool_calls")
            yield {
                "type": "function_call", "call_id": call_id, "name": name, "arguments": arguments,
            }  # fmt: skip


def _messages(items: Sequence[Json]) -> list[Json]:
    said: list[Json] = []
    for index, item in enumerate(items):
        kind = item.get("type", "message")
        if kind == "message":
            said.append({"role": item.get("role"), "content": item.get("content")})
        elif kind == "function_call_output":
            content = item.get("output")
            said.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": content})
        elif kind == "function_call":
            _calling(said).append(_call(item))
        else:
            raise BadRow(f"/{REQUEST}/input/{index}/type", "no message, call or output")
    return messages(said, f"/{REQUEST}/input")


def _calling(said: list[Json]) -> list[Json]:
    """The calls of the assistant whose turn it is."""
    if not said or said[-1]["role"] != "assistant":
        said.append({"role": "assistant", "content": None})
    calls: list[Json] = said[-1].setdefault("tool_calls", [])
    return calls


def _call(item: Mapping[str, Json]) -> Json:
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    return {"id": item.get("call_id"), "type": "function", "function": function}


def _required(value: Json, name: str, at: str) -> Json:
    found = value.get(name) if isinstance(value, Mapping) else None
    if not found:
        raise BadRow(f"{at}/{name}", "is missing, and the Responses API needs it")
    return found


def _text(message: Mapping[str, Json], at: str) -> str:
    if isinstance(content := message.get("content"), str):
        return content
    raise BadRow(f"{at}/content", "must be a text")
