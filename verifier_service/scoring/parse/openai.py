"""OpenAI's chat messages, which most servers speak, and the items of its Responses API.

Source: the OpenAI API reference, "Create chat completion" and "Function calling".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox_tools.types import Json
from verifier_service.scoring.codes import Code
from verifier_service.scoring.errors import BadTask
from verifier_service.scoring.parse.content import blocks_of, optional_id, result_text
from verifier_service.scoring.parse.records import Attempt, Context, Message, Result
from verifier_service.scoring.parse.structured import attempts

FORMAT: Final = "openai"
TOOL_ROLES: Final = frozenset({"tool", "function"})
REASONING_KEYS: Final = ("reasoning_content", "reasoning", "thinking")
"""Fields in which vLLM, OpenRouter and Ollama put reasoning."""


def read_message(message: Mapping[str, Json], path: str, context: Context) -> Message:
    """What this dialect says in a message beside its content."""
    if message.get("role") in TOOL_ROLES:
        content = result_text(message.get("content"), f"{path}/content")
        return Message(results=(Result(_answered(message), content),))
    reasoning = (message.get(key) for key in REASONING_KEYS)
    refusal = message.get("refusal")
    return Message(
        text=refusal if isinstance(refusal, str) else "",
        reasoning="\n".join(each for each in reasoning if isinstance(each, str)),
        attempts=tuple(each for call in _calls(message, path) for each in _attempts(call, context)),
    )


def _answered(message: Mapping[str, Json]) -> str | None:
    return optional_id(message.get("tool_call_id"))


def _calls(message: Mapping[str, Json], path: str) -> list[Json]:
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list | tuple):
        raise BadTask(Code.TASK_COMPLETION, f"{path}/tool_calls", "tool_calls is a list.")
    legacy = message.get("function_call")
    items = (b for b in blocks_of(message.get("content")) if b.get("type") == "function_call")
    return [*calls, *([legacy] if legacy else []), *items]


def _attempts(call: Json, context: Context) -> tuple[Attempt, ...]:
    identity = None
    if isinstance(call, Mapping):
        identity = optional_id(call.get("call_id")) or optional_id(call.get("id"))
        call = _with_arguments(call)
    return attempts(FORMAT, identity, call, context)


def _with_arguments(call: Mapping[str, Json]) -> Mapping[str, Json]:
    """The call with `{}` for the empty string that servers send where there are no arguments."""
    function = call.get("function")
    if isinstance(function, Mapping):
        return {**call, "function": _with_arguments(function)}
    arguments = call.get("arguments")
    blank = isinstance(arguments, str) and not arguments.strip()
    return {**call, "arguments": "{}"} if blank else call
