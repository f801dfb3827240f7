"""What people read: two consoles, errors in one sentence, hostile text made harmless."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NoReturn

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
from rich.table import Column
from rich.text import Text

if TYPE_CHECKING:
    from sandbox_tools.types import Json


EXIT_BAD_INPUT: Final = 1
"""Some lines or tasks are wrong; everything else was done."""
EXIT_USAGE: Final = 2
EXIT_SERVICE: Final = 3
"""The service is unavailable, refused, or answered something else."""
EXIT_INTERRUPTED: Final = 130
EXIT_CLOSED_PIPE: Final = 141
"""As of a program that SIGPIPE ends: whoever read stdout has gone."""

_PIPE_WIDTH: Final = 1000
"""Columns where no terminal limits them: nothing is cut that another program may look for."""


class CommandError(Exception):
    """A command cannot go on: one sentence with what to do, and the exit code."""

    def __init__(self, message: str, exit_code: int = EXIT_USAGE) -> None:
        self.exit_code = exit_code
        super().__init__(message)


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def stdout() -> Console:
    """Made when it is used: tests and pipes replace the stream."""
    return _console(to_stderr=False)


def stderr() -> Console:
    return _console(to_stderr=True)


def _console(*, to_stderr: bool) -> Console:
    # Without a colour system there is no bold or italic either.
    colors: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    console = _Console(stderr=to_stderr, highlight=False, color_system=colors)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = _PIPE_WIDTH
    return console


def open_streams() -> None:
    """Make the standard streams fit to be used whatever they are.

    One that is closed counts as /dev/null; a character that one cannot encode becomes `?`.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115  for good
            setattr(sys, name, stream)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def abandon_stdout() -> None:
    """What is left to write goes nowhere: else the interpreter would try, and fail, once more."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(message: str) -> None:
    """One line on stderr, never wrapped: other programs read it too."""
    line = Text.assemble(("error: ", "bold red"), harmless(message))
    with contextlib.suppress(OSError):  # there is nowhere to say it
        stderr().print(line, soft_wrap=True)


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


def column(name: str) -> Column:
    """A column whose names and codes are broken into lines where they are too long, never cut."""
    return Column(name, overflow="fold")


_DIGEST_SHOWN: Final = 20


def digest_shown(digest: str) -> str:
    """A digest for a table: its beginning on a terminal, the whole for other programs."""
    return f"{digest[:19]}…" if stdout().is_terminal and len(digest) > _DIGEST_SHOWN else digest


def print_json(value: Json) -> None:
    """JSON in UTF-8 on stdout, for other programs."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    sys.stdout.buffer.write(text.encode("utf-8", errors="replace") + b"\n")
    sys.stdout.flush()


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
