"""Tools that leave, print, or refuse without a word."""

from collections.abc import Callable

import pytest

from sandbox_tools import Sandbox, SandboxError, Toolset

Loader = Callable[[str], Toolset]

ROGUE = '''
"""Rogue tools."""

import sys

from sandbox_tools import ToolError, tool

print("imported")


@tool
def leave(how: str) -> str:
    """Raise what is no Exception."""
    raise {"exit": SystemExit(3), "close": GeneratorExit(), "interrupt": KeyboardInterrupt()}[how]


@tool
def chatter() -> str:
    """Print, then answer."""
    print("chatter")
    return "answer"


@tool
def shrug() -> str:
    """Refuse without a word."""
    raise ToolError("")
'''

MUTE = """
name: mute
tools:
  - name: look
    description: Look.
    parameters: {type: object}
    results: [{when: {}, return: 1}]
    errors: {1: ""}
"""


@pytest.fixture
def rogue(load_python: Loader) -> Sandbox:
    return load_python(ROGUE).sandbox()


@pytest.mark.parametrize("how", ["exit", "close"])
def test_a_tool_that_ends_the_process_is_broken(rogue: Sandbox, how: str) -> None:
    with pytest.raises(SandboxError, match="leave: "):
        rogue.run("leave", {"how": how})


def test_an_interruption_by_the_user_passes(rogue: Sandbox) -> None:
    with pytest.raises(KeyboardInterrupt):
        rogue.run("leave", {"how": "interrupt"})


def test_what_a_tool_prints_stays_off_stdout(
    rogue: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert rogue.run("chatter", {}).value == "answer"
    assert tuple(capsys.readouterr()) == ("", "chatter\n")


def test_what_a_toolset_prints_when_imported_stays_off_stdout(
    load_python: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    load_python(ROGUE)
    assert capsys.readouterr().out == ""


def test_a_refusal_without_a_word_gets_one(rogue: Sandbox) -> None:
    assert rogue.run("shrug", {}).error == "The tool refused the call."


def test_an_injected_refusal_without_a_word_is_one(load_yaml: Loader) -> None:
    sandbox = load_yaml(MUTE).sandbox()
    results = [sandbox.run("look", {}) for _ in range(2)]
    assert (results[0].error, results[1].value) == ("The tool refused the call.", 1)
