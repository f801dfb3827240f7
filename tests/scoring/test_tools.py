"""Tool definitions in the accepted spellings, and what is said of the others."""

from __future__ import annotations

import pytest

from sandbox_tools.types import Json, ToolSpec
from verifier_service.scoring.codes import Code
from verifier_service.scoring.errors import BadTask
from verifier_service.scoring.tools import read_tools

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
READ_ONLY = {"readOnlyHint": True}

SPELLINGS = {
    "OpenAI": {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Now",
            "parameters": SCHEMA,
            "strict": True,
        },
    },
    "OpenAI, flat": {
        "type": "function",
        "name": "weather",
        "description": "Now",
        "parameters": SCHEMA,
    },
    "MCP": {"name": "weather", "title": "W", "description": "Now", "inputSchema": SCHEMA}
    | {"outputSchema": {}, "annotations": {"title": "W", "readOnlyHint": False}},
    "Anthropic": {"name": "weather", "description": "Now", "input_schema": SCHEMA},
    "bare": {"name": "weather", "description": "Now", "parameters": SCHEMA},
}
READ_ONLY_SPELLINGS = {
    "OpenAI, inside": {"type": "function", "function": {"name": "a", "annotations": READ_ONLY}},
    "OpenAI, outside": {"type": "function", "function": {"name": "a"}, "annotations": READ_ONLY},
    "MCP": {"name": "a", "inputSchema": {}, "annotations": READ_ONLY},
    "bare": {"name": "a", "annotations": READ_ONLY},
}


@pytest.mark.parametrize("definition", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_spelling_gives_the_same_tool(definition: Json) -> None:
    assert read_tools([definition]) == {"weather": ToolSpec("weather", "Now", SCHEMA)}


@pytest.mark.parametrize("definition", READ_ONLY_SPELLINGS.values(), ids=READ_ONLY_SPELLINGS.keys())
def test_the_read_only_hint_is_honoured(definition: Json) -> None:
    assert read_tools([definition])["a"].read_only


@pytest.mark.parametrize(
    "extra", [{}, {"parameters": None, "description": None}, {"parameters": {}}]
)
def test_a_tool_needs_neither_description_nor_parameters(extra: dict[str, Json]) -> None:
    assert read_tools([{"name": "a", **extra}]) == {"a": ToolSpec("a", "", {})}


def test_tools_keep_their_order() -> None:
    assert list(read_tools([{"name": name} for name in ("b", "a", "c.d/e-f:g_h")])) == [
        "b",
        "a",
        "c.d/e-f:g_h",
    ]


WRONG = {
    "no array": ({"name": "a"}, "/tools"),
    "a name alone": (["a"], "/tools/0"),
    "a function that is text": ([{"type": "function", "function": "a"}], "/tools/0/function"),
    "no name": ([{"name": "a"}, {"parameters": {}}], "/tools/1"),
    "no name inside": ([{"type": "function", "function": {}}], "/tools/0/function"),
    "a name that is a number": ([{"name": 5}], "/tools/0/name"),
    "an empty name": ([{"name": ""}], "/tools/0/name"),
    "a name with a space": ([{"function": {"name": "a b"}}], "/tools/0/function/name"),
    "a name with a line break at its end": ([{"name": "a\n"}], "/tools/0/name"),
    "a name that is too long": ([{"name": "a" * 129}], "/tools/0/name"),
    "a name that is there twice": ([{"name": "a"}, {"name": "a"}], "/tools/1"),
    "a description that is a list": ([{"name": "a", "description": []}], "/tools/0/description"),
    "parameters as text": ([{"name": "a", "parameters": "{}"}], "/tools/0/parameters"),
    "parameters as a boolean": ([{"name": "a", "inputSchema": True}], "/tools/0/inputSchema"),
    "two schemas": (
        [{"name": "a", "parameters": {}, "inputSchema": {}}],
        "/tools/0/inputSchema",
    ),
    "annotations as a list": ([{"name": "a", "annotations": []}], "/tools/0/annotations"),
    "a hint as text": (
        [{"name": "a", "annotations": {"readOnlyHint": "yes"}}],
        "/tools/0/annotations/readOnlyHint",
    ),
}


@pytest.mark.parametrize(("definitions", "path"), WRONG.values(), ids=WRONG.keys())
def test_another_definition_is_the_callers_fault(definitions: Json, path: str) -> None:
    with pytest.raises(BadTask) as fault:
        read_tools(definitions)
    assert (fault.value.code, fault.value.path) == (Code.TASK_TOOLS, path)
