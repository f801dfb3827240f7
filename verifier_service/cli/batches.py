"""A dataset through a scorer, chunk by chunk: a bad line concerns itself alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final

from rich.progress import Progress, TaskID

from sandbox_tools.types import Json
from verifier_service.cli.console import CommandError, progress_bar
from verifier_service.cli.rows import BadLine, Row, chunks, read_rows
from verifier_service.cli.scorers import Scorer
from verifier_service.client import VerifierRefused

CHUNK_BYTES: Final = 32 * 2**20
_ITEM_POINTER: Final = re.compile(r"/items/([0-9]{1,9})(/.*)?", re.DOTALL)


@dataclass(slots=True)
class Reading:
    """How the reading of a dataset goes."""

    stop_at_bad_line: bool = False
    on_bad_line: Callable[[BadLine], None] = lambda _: None
    bad_lines: int = 0
    done: int = 0
    """Completions that have a verdict."""

    @property
    def stopped(self) -> bool:
        return self.stop_at_bad_line and self.bad_lines > 0

    def report(self, bad: BadLine) -> None:
        self.bad_lines += 1
        self.on_bad_line(bad)


@dataclass(frozen=True, slots=True)
class Scored:
    """One row and a verdict for each of its completions."""

    row: Row
    verdicts: Sequence[Mapping[str, Json]]


@contextmanager
def open_lines(file: str) -> Iterator[BinaryIO]:
    """The bytes of a file, or of stdin for `-`.

    Raises:
        CommandError: It cannot be read.
    """
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115  errors while reading are others
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from error
    with stream:
        yield stream


def scored_rows(
    lines: BinaryIO,
    scorer: Scorer,
    reading: Reading,
    fields: Mapping[str, Json],
    *,
    tasks_only: bool = False,
) -> Iterator[Scored]:
    """Every good row with its verdicts, in order; bad lines are reported and left out.

    Shows a progress bar while it runs. Memory is that of one chunk.

    Raises:
        VerifierError: The scorer gave no answer, or refuses every row alike.
    """
    with progress_bar() as bar:
        task = bar.add_task("scoring", total=_length(lines), done=0)
        lines_read = _counted(lines, bar, task)
        rows = _until_stop(read_rows(lines_read, tasks_only=tasks_only), reading)
        for chunk in chunks(rows, scorer.chunk_completions, CHUNK_BYTES):
            for outcome in _outcomes(chunk, scorer, fields):
                if isinstance(outcome, BadLine):
                    reading.report(outcome)
                    if reading.stopped:
                        return
                else:
                    reading.done += len(outcome.verdicts)
                    yield outcome
            bar.update(task, done=reading.done)


def _until_stop(rows: Iterable[Row | BadLine], reading: Reading) -> Iterator[Row | BadLine]:
    """The rows up to the bad line at which the reading stops anyhow."""
    for row in rows:
        yield row
        if reading.stop_at_bad_line and isinstance(row, BadLine):
            return


def _outcomes(
    chunk: Sequence[Row | BadLine], scorer: Scorer, fields: Mapping[str, Json]
) -> list[Scored | BadLine]:
    """What became of each line of a chunk, in the order of the lines."""
    outcomes = [line for line in chunk if isinstance(line, BadLine)]
    good = [line for line in chunk if isinstance(line, Row)]
    return sorted([*outcomes, *scored(good, scorer, fields)], key=_line_number)


def _line_number(outcome: Scored | BadLine) -> int:
    return outcome.line if isinstance(outcome, BadLine) else outcome.row.line


def scored(
    rows: Sequence[Row], scorer: Scorer, fields: Mapping[str, Json]
) -> Iterator[Scored | BadLine]:
    """Verdicts for the rows, and reasons for those that are refused, in any order."""
    if not rows:
        return
    try:
        verdicts = iter(scorer.verdicts([row.item for row in rows], **fields))
    except VerifierRefused as refusal:
        if refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            yield from _scored_apart(rows, scorer, fields, refusal)
            return
        refused = _refused(rows, refusal)
        yield from refused.values()
        rest = [row for at, row in enumerate(rows) if at not in refused]
        yield from scored(rest, scorer, fields)
        return
    for row in rows:
        yield Scored(row, [next(verdicts) for _ in range(row.completions)])


def _scored_apart(
    rows: Sequence[Row], scorer: Scorer, fields: Mapping[str, Json], refusal: VerifierRefused
) -> Iterator[Scored | BadLine]:
    """What is too large together, half by half; a row that is too large by itself is bad."""
    if len(rows) == 1:
        reason = refusal.problem.get("detail") or "larger than a request may be"
        yield BadLine(rows[0].line, "", str(reason))
        return
    middle = len(rows) // 2
    yield from scored(rows[:middle], scorer, fields)
    yield from scored(rows[middle:], scorer, fields)


def _refused(rows: Sequence[Row], refusal: VerifierRefused) -> dict[int, BadLine]:
    """The rows that a refusal names, by their place.

    Raises:
        VerifierRefused: It names none: it concerns all of them.
    """
    refused: dict[int, BadLine] = {}
    for pointer, fault in zip(refusal.pointers, refusal.problem.get("errors", ()), strict=True):
        if found := _ITEM_POINTER.fullmatch(pointer):
            at, place = int(found[1]), found[2] or ""
            message = f"{fault.get('detail')}{_hint(place)}"
            refused.setdefault(at, BadLine(rows[at].line, rows[at].field(place), message))
    if not refused:
        raise refusal
    return refused


def _hint(place: str) -> str:
    return ", or --toolset for all rows" if place == "/toolset" else ""


def _counted(lines: BinaryIO, bar: Progress, task: TaskID) -> Iterator[bytes]:
    for line in lines:
        bar.advance(task, len(line))
        yield line


def _length(lines: BinaryIO) -> int | None:
    """Bytes of a regular file; None for a pipe."""
    try:
        return Path(lines.name).stat().st_size or None
    except (OSError, AttributeError, TypeError):
        return None
