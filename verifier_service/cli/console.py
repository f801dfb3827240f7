"""What people read: two consoles, errors in one sentence, hostile text made harmless."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from sandbox_tools.types import Json


EXIT_BAD_INPUT: Final = 1
"""Some lines or tasks are wrong; everything else was done."""
EXIT_USAGE: Final = 2
EXIT_SERVICE: Final = 3
"""The service is unavailable, refused, or answered something else."""
EXIT_INTERRUPTED: Final = 130


class CommandError(Exception):
    """A command cannot go on: one sentence with what to do, and the exit code."""

    def __init__(self, message: str, exit_code: int = EXIT_USAGE) -> None:
        self.exit_code = exit_code
        super().__init__(message)


def stdout() -> Console:
    """Made when it is used: tests and pipes replace the stream."""
    return Console(highlight=False)


def stderr() -> Console:
    return Console(stderr=True, highlight=False)


def complain(message: str) -> None:
    """One line on stderr, never wrapped: other programs read it too."""
    stderr().print(Text.assemble(("error: ", "bold red"), harmless(message)), soft_wrap=True)


def harmless(text: str) -> str:
    """The text with every control and direction character spelt out.

    A terminal would obey them, and completions are hostile.
    """
    return "".join(
        character
        if character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
        else character.encode("unicode_escape").decode()
        for character in text
    )


def literal(text: str) -> Text:
    """Text for a table or a line: harmless, and never read as rich's markup."""
    return Text(harmless(text))


def print_json(value: Json) -> None:
    """JSON on stdout, for other programs."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    stdout().out(text.encode("utf-8", errors="replace").decode(), highlight=False)


def shown(value: Json, limit: int = 200) -> str:
    """A JSON value for a cell of a table."""
    text = harmless(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= limit else f"{text[:limit]}…"


def progress_bar() -> Progress:
    """A bar on stderr with a rate; silent where stderr is no terminal."""
    console = stderr()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[done]:,} done"),
        _Rate(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


class _Rate(ProgressColumn):
    """Items per second over the whole run; the bar itself may count bytes."""

    def render(self, task: Task) -> Text:
        if not task.elapsed:
            return Text("")
        return Text(f"{task.fields['done'] / task.elapsed:,.0f}/s", style="progress.data.speed")
