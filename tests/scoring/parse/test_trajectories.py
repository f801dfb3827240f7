"""Completions of several messages: turns, and which call each tool message answers."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox_tools.types import ToolSpec
from verifier_service.scoring.codes import Code
from verifier_service.scoring.errors import BadTask
from verifier_service.scoring.parse import parse
from verifier_service.scoring.types import Parsed

TOOLS = {name: ToolSpec(name, "", {"type": "object"}) for name in ("f", "g")}
PROMPT = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]


def read(messages: list[dict[str, Any]], **options: Any) -> Parsed:
    return parse(messages, tools=TOOLS, **options)


def results(parsed: Parsed) -> list[list[tuple[int | None, str]]]:
    return [[(each.call, each.content) for each in turn.results] for turn in parsed.turns]


def called(parsed: Parsed) -> list[list[str]]:
    return [[call.name for call in turn.calls] for turn in parsed.turns]


def openai_call(identity: str | None, name: str, arguments: str = "{}") -> dict[str, Any]:
    call = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return call if identity is None else {"id": identity, **call}


def assistant(*calls: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def tool(content: Any, identity: str | None = None) -> dict[str, Any]:
    message = {"role": "tool", "content": content}
    return message if identity is None else {**message, "tool_call_id": identity}


def marked(name: str) -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": f'<tool_call>{{"name": "{name}", "arguments": {{}}}}</tool_call>',
    }


FINAL = {"role": "assistant", "content": "Done."}


def test_each_assistant_message_is_a_turn() -> None:
    parsed = read(
        [
            *PROMPT,
            assistant(openai_call("1", "f")),
            tool("5", "1"),
            assistant(openai_call("2", "g")),
            tool("6", "2"),
            FINAL,
        ]
    )
    assert called(parsed) == [["f"], ["g"], []]
    assert results(parsed) == [[(0, "5")], [(0, "6")], []]
    assert [call.name for call in parsed.calls] == ["f", "g"]
    assert (parsed.content, parsed.format) == ("Done.", "openai")


def test_a_single_assistant_message_is_no_trajectory() -> None:
    assert read([*PROMPT, assistant(openai_call("1", "f"))]).turns == ()


def test_one_turn_with_tool_messages_is_a_trajectory() -> None:
    parsed = read([assistant(openai_call("1", "f")), tool("5", "1")])
    assert results(parsed) == [[(0, "5")]]


def test_tool_messages_answer_by_id_in_any_order() -> None:
    parsed = read(
        [
            assistant(openai_call("a", "f"), openai_call("b", "g")),
            tool("for g", "b"),
            tool("for f", "a"),
        ]
    )
    assert results(parsed) == [[(1, "for g"), (0, "for f")]]


def test_without_ids_tool_messages_answer_in_order() -> None:
    parsed = read(
        [assistant(openai_call(None, "f"), openai_call(None, "g")), tool("for f"), tool("for g")]
    )
    assert results(parsed) == [[(0, "for f"), (1, "for g")]]


def test_calls_in_text_are_answered_in_order_whatever_the_ids() -> None:
    parsed = read([marked("f"), tool("5", "x"), marked("g"), tool("6", "y"), FINAL])
    assert (called(parsed), results(parsed)) == ([["f"], ["g"], []], [[(0, "5")], [(0, "6")], []])


def test_a_tool_message_with_an_unknown_id_answers_nothing() -> None:
    parsed = read([assistant(openai_call("a", "f")), tool("5", "z")])
    assert results(parsed) == [[(None, "5")]]


def test_a_tool_message_too_many_answers_nothing() -> None:
    parsed = read([marked("f"), tool("5"), tool("6")])
    assert results(parsed) == [[(0, "5"), (None, "6")]]


def test_a_tool_message_for_a_malformed_call_answers_no_call() -> None:
    parsed = read(
        [
            assistant(openai_call("a", "f", "{bad"), openai_call("b", "g")),
            tool("error", "a"),
            tool("5", "b"),
        ]
    )
    assert results(parsed) == [[(None, "error"), (0, "5")]]
    assert [failure.code for failure in parsed.malformed] == [Code.BAD_ARGUMENTS]


def test_tool_messages_before_the_first_turn_belong_to_the_prompt() -> None:
    parsed = read([*PROMPT, tool("5", "1"), FINAL])
    assert parsed.turns == ()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("5", "5"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        ({"price": 5}, '{"price": 5}'),
        (5, "5"),
        (None, ""),
    ],
)
def test_the_content_of_a_tool_message_is_text(content: Any, text: str) -> None:
    assert results(read([marked("f"), tool(content)])) == [[(0, text)]]


def test_anthropic_results_stand_in_user_messages() -> None:
    use: list[Any] = [{"type": "tool_use", "id": i, "name": i, "input": {}} for i in ("f", "g")]
    back = [
        {"type": "tool_result", "tool_use_id": "g", "content": [{"type": "text", "text": "for g"}]},
        {"type": "tool_result", "tool_use_id": "f", "content": "for f"},
    ]
    parsed = read([{"role": "assistant", "content": use}, {"role": "user", "content": back}, FINAL])
    assert results(parsed) == [[(1, "for g"), (0, "for f")], []]
    assert parsed.format == "anthropic"


def test_bedrock_results_stand_in_user_messages() -> None:
    use: list[Any] = [{"toolUse": {"toolUseId": "1", "name": "f", "input": {}}}]
    back = [{"toolResult": {"toolUseId": "1", "content": [{"json": {"price": 5}}]}}]
    parsed = read([{"role": "assistant", "content": use}, {"role": "user", "content": back}, FINAL])
    assert results(parsed) == [[(0, '{"price": 5}')], []]
    assert parsed.format == "bedrock"


def test_reasoning_of_all_turns_is_kept() -> None:
    first = {"role": "assistant", "content": f"<think>a</think>{marked('f')['content']}"}
    parsed = read([first, tool("5"), {**FINAL, "reasoning_content": "b"}])
    assert (parsed.reasoning, parsed.content) == ("a\nb", "Done.")


def test_another_format_in_a_later_turn_is_malformed() -> None:
    parsed = read([assistant(openai_call("1", "f")), tool("5", "1"), marked("g")])
    assert called(parsed) == [["f"], []]
    assert [failure.code for failure in parsed.malformed] == [Code.MIXED_FORMATS]


def test_a_sentinel_after_a_call_of_an_earlier_turn_is_no_contradiction() -> None:
    parsed = read([marked("f"), tool("5"), marked("no_call")])
    assert parsed.sentinel is not None
    assert parsed.problems == ()


@pytest.mark.parametrize(
    ("messages", "path"),
    [
        (PROMPT, "/completion"),
        ([{"role": "assistant", "content": 5}], "/completion/0/content"),
        ([FINAL, {"role": "assistant", "content": [5]}], "/completion/1/content/0"),
        (
            [FINAL, {"role": "assistant", "content": None, "tool_calls": "f"}],
            "/completion/1/tool_calls",
        ),
        ([FINAL, "x"], "/completion/1"),
        ([FINAL, {"content": "x"}], "/completion/1/role"),
    ],
)
def test_a_broken_message_is_named(messages: list[Any], path: str) -> None:
    with pytest.raises(BadTask) as caught:
        read(messages)
    assert caught.value.path == path
