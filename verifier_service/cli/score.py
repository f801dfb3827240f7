"""`verifier score`: a file of completions into a file of verdicts."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final

import typer

from verifier_service.cli import options
from verifier_service.cli.console import (
    EXIT_BAD_INPUT,
    EXIT_INTERRUPTED,
    CommandError,
    complain,
    stderr,
    stdout,
)
from verifier_service.cli.tally import Tally, summary

if TYPE_CHECKING:
    from sandbox_tools.types import Json
    from verifier_service.cli.batches import Reading
    from verifier_service.cli.rows import BadLine

NAMED_LINES: Final = 20
"""Bad lines that are named; the others are counted."""
_REWARD_MEMBERS: Final = ("line", "id", "item", "completion", "outcome", "reward")


def score(  # noqa: PLR0913 - the options of a command
    file: Annotated[str, typer.Argument(help="JSON Lines, or - for stdin.", metavar="FILE")],
    *,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    wait: options.Wait = 0.0,
    toolset: options.ToolsetName = None,
    profile: options.ProfileName = None,
    format_name: options.FormatName = None,
    detail: Annotated[
        options.Detail, typer.Option(help="How much each line says.")
    ] = options.Detail.VERDICT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here instead of to stdout.")
    ] = None,
    with_summary: Annotated[
        bool, typer.Option("--summary", help="Print tables by tier, behaviour and failure code.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad line.")] = False,
    toolsets: options.ToolsetPaths = None,
    profiles: options.ProfilePaths = None,
) -> None:
    """Score the completions of a file; write one verdict a line.

    Each line of FILE is a JSON object with "completion" or "completions" and a ground truth under
    "ground_truth", "reward_model", "gold_call" (with "expected_result"), "tool_call" or
    "tool_calls"; "id", "metadata", "toolset", "tools", "profile", "format" and "options" are
    optional and go before the options of this command. Other members are left alone.

    Exit codes: 0 every line was scored; 1 some lines were bad (the others were scored); 2 wrong
    usage; 3 the service gave no answer; 130 interrupted.
    """
    from verifier_service.cli.batches import Reading, open_lines, scored_rows  # noqa: PLC0415  slow
    from verifier_service.cli.scorers import Source, open_scorer  # noqa: PLC0415  slow

    _refuse_to_overwrite(file, output)
    reading = Reading(strict, lambda bad: _complain_of(file, bad, reading.bad_lines))
    asked = options.Detail.VERDICT if detail is options.Detail.REWARD else detail
    fields = {"toolset": toolset, "profile": profile, "format": format_name, "detail": asked.value}
    tally = Tally()
    started = time.monotonic()
    with (
        _told_if_interrupted(reading, output),
        open_lines(file) as lines,
        open_scorer(Source(url, api_key, wait, toolsets, profiles)) as scorer,
        _opened(output) as write,
    ):
        rows = scored_rows(lines, scorer, reading, fields)
        for item, scored in enumerate(rows):
            for verdict in scored.verdicts:
                tally.add(verdict)
                line = {"line": scored.row.line, **verdict, "item": item}
                write(_reward_only(line) if detail is options.Detail.REWARD else line)
    _report(tally, time.monotonic() - started)
    if with_summary:
        (stderr() if output is None else stdout()).print(summary(tally))
    if reading.bad_lines > NAMED_LINES:
        more = reading.bad_lines - NAMED_LINES
        complain(f"{more:,} more bad lines; `verifier lint` lists every one")
    if reading.bad_lines:
        raise typer.Exit(EXIT_BAD_INPUT)


def _complain_of(file: str, bad: BadLine, count: int) -> None:
    if count <= NAMED_LINES:
        where = f" {bad.field}" if bad.field else ""
        complain(f"{file}:{bad.line}:{where} {bad.message}")


def _reward_only(line: Mapping[str, Json]) -> dict[str, Json]:
    return {member: line[member] for member in _REWARD_MEMBERS}


@contextmanager
def _opened(output: Path | None) -> Iterator[Callable[[Mapping[str, Json]], None]]:
    """A function that writes one JSON line.

    A file takes its name at the end: until then, what it held before is still there. Whatever ends
    the scoring, what was written is kept; where nothing was, so is the old file.

    Raises:
        CommandError: The file cannot be written.
    """
    if output is None:
        try:
            yield _writer(sys.stdout.buffer)
        finally:
            sys.stdout.buffer.flush()
        return
    target = output.resolve()
    # Devices and pipes cannot be replaced, and need not be.
    replaced = target.is_file() or not target.exists()
    written = target.with_name(f"{target.name}.partial") if replaced else target
    try:
        stream = written.open("wb")
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}") from error
    try:
        with stream:
            yield _writer(stream)
    except BaseException:
        if replaced and not written.stat().st_size:
            written.unlink()
            replaced = False
        raise
    finally:
        if replaced:
            _replace(target, written)


def _replace(target: Path, written: Path) -> None:
    if target.exists():
        shutil.copymode(target, written)
    written.replace(target)


def _writer(stream: BinaryIO) -> Callable[[Mapping[str, Json]], None]:
    def write(line: Mapping[str, Json]) -> None:
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        stream.write(text.encode("utf-8", errors="replace") + b"\n")

    return write


def _refuse_to_overwrite(file: str, output: Path | None) -> None:
    if output is None or not output.is_file() or not Path(file).is_file():
        return
    if output.samefile(file):
        raise CommandError(f"{output} is the input; write the verdicts to another file")


@contextmanager
def _told_if_interrupted(reading: Reading, output: Path | None) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        where = "written" if output is None else f"in {output}"
        kept = f"the verdicts of {reading.done:,} completions are {where}"
        message = f"interrupted; {kept if reading.done else 'nothing was scored'}"
        raise CommandError(message, EXIT_INTERRUPTED) from None


def _report(tally: Tally, seconds: float) -> None:
    """One closing line on stderr."""
    rate = tally.completions / seconds if seconds else 0.0
    unscored = f"; {tally.unscored:,} have no reward" if tally.unscored else ""
    stderr().print(
        f"{tally.completions:,} completions in {seconds:.1f} s ({rate:,.0f}/s){unscored}",
        soft_wrap=True,
    )
