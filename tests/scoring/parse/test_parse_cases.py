"""The tables of `tests/cases/parse`: a completion, and all that is read in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox_tools.types import Json, ToolSpec
from verifier_service.scoring.parse import parse
from verifier_service.scoring.types import Options, Parsed, ToolCall

TABLES = Path(__file__).parents[2] / "cases/parse"
MAKE_SCHEMA = {"type": "object", "properties": {"type": {}, "properties": {}}}
TRIP: dict[str, Json] = {
    "city": {"type": "string"},
    "days": {"type": "integer"},
    "price": {"type": "number"},
    "direct": {"type": "boolean"},
    "stops": {"type": "array"},
    "seats": {"type": "object"},
    "note": {"type": ["string", "null"]},
}
TOOLS = {
    "plan_trip": ToolSpec("plan_trip", "", {"type": "object", "properties": TRIP}),
    "get_weather": ToolSpec("get_weather", "", {"type": "object", "properties": {"city": {}}}),
    "now": ToolSpec("now", "", {"type": "object", "properties": {}}),
    "make_schema": ToolSpec("make_schema", "", MAKE_SCHEMA),
}


def rows() -> list[Any]:
    tables = {path.stem: path.read_text("utf-8").splitlines() for path in TABLES.glob("*.jsonl")}
    return [
        pytest.param(row, id=f"{table}: {row['id']}")
        for table, lines in sorted(tables.items())
        for row in map(json.loads, lines)
    ]


def plain(call: ToolCall | None) -> Json:
    return None if call is None else [call.name, call.arguments]


def typed(value: Json) -> str:
    """A value as text, so that 1, 1.0 and true are told apart."""
    return json.dumps(value, sort_keys=True)


def read(parsed: Parsed) -> dict[str, Json]:
    return {
        "format": parsed.format,
        "calls": [plain(call) for call in parsed.calls],
        "malformed": [failure.code for failure in parsed.malformed],
        "problems": [failure.code for failure in parsed.problems],
        "content": parsed.content,
        "reasoning": parsed.reasoning,
        "sentinel": plain(parsed.sentinel),
        "repaired": parsed.repaired,
        "stripped": parsed.stripped,
    }


NOTHING = read(Parsed(format="text"))


@pytest.mark.parametrize("row", rows())
def test_a_completion_is_read_as_its_table_says(row: dict[str, Any]) -> None:
    extra = {name: ToolSpec(name, "", {}) for name in row.get("tools", ())}
    parsed = parse(
        row["completion"],
        tools=TOOLS | extra,
        format=row.get("declared", "auto"),
        options=Options(**row.get("options", {})),
    )
    expected = {key: row.get(key, default) for key, default in NOTHING.items()}
    assert typed(read(parsed)) == typed(expected)
