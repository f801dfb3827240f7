"""`verifier explain`: one verdict, drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_samples import CALL, MISTYPED, RIGHT, WRONG, Verifier

TRUTH = json.dumps(CALL)


@pytest.mark.parametrize(
    ("completion", "parts"),
    [
        pytest.param(
            RIGHT,
            ["1  tier full", "Nothing differs", "call 0", "243.36", "execution"],
            id="full",
        ),
        pytest.param(
            MISTYPED,
            ["0.5  tier partial", "schema.type", "/calls/0/arguments/ticker"],
            id="partial",
        ),
        pytest.param(WRONG, ["arguments.value", '"AAPL"', '"MSFT"', "423.35"], id="wrong value"),
        pytest.param("Hello.", ["0  tier none", "behavior.mismatch", "answer"], id="none"),
        pytest.param("", ["0  tier none", "empty"], id="empty"),
    ],
)
def test_the_drawing_says_what_was_read_what_differs_and_why(
    verifier: Verifier, completion: str, parts: list[str]
) -> None:
    result = verifier("explain", "-t", "finance", "-g", TRUTH, "-c", completion)
    assert result.exit_code == 0
    for part in [*parts, "profile tiered: "]:
        assert part in result.stdout


def test_a_completion_that_is_not_given_is_read_from_stdin(verifier: Verifier) -> None:
    result = verifier("explain", "-t", "finance", "-g", TRUTH, stdin=RIGHT)
    assert "tier full" in result.stdout


def test_arguments_may_be_files(verifier: Verifier, tmp_path: Path) -> None:
    for name, content in (("c", RIGHT), ("g", TRUTH)):
        (tmp_path / name).write_text(content)
    arguments = ("-g", f"@{tmp_path}/g", "-c", f"@{tmp_path}/c", "--json")
    verdict = json.loads(verifier("explain", "-t", "finance", *arguments).stdout)
    assert verdict["reward"] == 1.0


def test_inline_tools_serve_instead_of_a_toolset(verifier: Verifier) -> None:
    tools = json.dumps([{"name": CALL["name"], "parameters": {"type": "object"}}])
    arguments = ("--tools", tools, "-g", TRUTH, "-c", RIGHT, "--json")
    assert "tier" in json.loads(verifier("explain", *arguments).stdout)


def test_messages_are_read_as_messages(verifier: Verifier) -> None:
    function = {"name": CALL["name"], "arguments": json.dumps(CALL["arguments"])}
    message = {"role": "assistant", "tool_calls": [{"type": "function", "function": function}]}
    arguments = ("-g", TRUTH, "-c", json.dumps([message]), "--json")
    verdict = json.loads(verifier("explain", "-t", "finance", *arguments).stdout)
    assert verdict["reward"] == 1.0


def test_options_change_how_it_is_judged(verifier: Verifier) -> None:
    arguments = ("-g", TRUTH, "-c", f"Here: {RIGHT}", "--options", '{"narration": "forbidden"}')
    assert "behavior.narration" in verifier("explain", "-t", "finance", *arguments).stdout


def test_an_invalid_task_has_no_reward_and_says_so(verifier: Verifier) -> None:
    result = verifier("explain", "-t", "finance", "-g", "", "-c", "x")
    assert result.exit_code == 0
    assert "none: invalid_task; correct the task" in result.stdout


@pytest.mark.parametrize("text", ["\x1b[31mred\x1b]0;title\x07", "\u202ereversed"])
def test_hostile_text_is_shown_and_not_obeyed(verifier: Verifier, text: str) -> None:
    result = verifier("explain", "-t", "finance", "-g", TRUTH, "-c", text)
    assert result.exit_code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout)


def test_markup_is_shown_as_it_was_written(verifier: Verifier) -> None:
    result = verifier("explain", "-t", "finance", "-g", TRUTH, "-c", "[red]x[/red]")
    assert "[red]x[/red]" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-g", TRUTH, "-c", "x"], "give --toolset NAME or --tools"),
        (["-t", "finance", "-g", "@nofile", "-c", "x"], "@nofile cannot be read"),
        (["-t", "finance", "-g", "x", "-c", "x", "--tools", "{"], "--tools is not JSON"),
        (["-t", "finance", "-g", "x", "-c", "x", "--options", "nope"], "--options is not JSON"),
        (["-t", "nope", "-g", "x", "-c", "x"], 'No toolset "nope"'),
    ],
    ids=str,
)
def test_wrong_usage_is_one_sentence(
    verifier: Verifier, arguments: list[str], message: str
) -> None:
    result = verifier("explain", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert message in result.stderr


def test_an_option_that_is_refused_is_wrong_usage(verifier: Verifier) -> None:
    result = verifier("explain", "-t", "finance", "-g", "x", "-c", "x", "--options", '{"a": 1}')
    assert result.exit_code == 2
    assert "/options/a: unknown field" in result.stderr


def test_http_draws_the_same(verifier: Verifier, url: str) -> None:
    arguments = ("explain", "-t", "finance", "-g", TRUTH, "-c", WRONG)
    assert verifier(*arguments, "--url", url).stdout == verifier(*arguments).stdout
