"""A dataset through a scorer, chunk by chunk: a bad line concerns itself alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    bad_lines: list[BadLine] = field(default_factory=list)
    done: int = 0
    """Completions that have a verdict."""

    @property
    def stopped(self) -> bool:
        return self.stop_at_bad_line and bool(self.bad_lines)

    def report(self, bad: BadLine) -> None:
        self.bad_lines.append(bad)
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
        rows = _good_rows(_counted(lines, bar, task), reading, tasks_only=tasks_only)
        for chunk in chunks(rows, scorer.chunk_completions, CHUNK_BYTES):
            for scored in _scored_chunk(chunk, scorer, reading, fields):
                reading.done += len(scored.verdicts)
                yield scored
            bar.update(task, done=reading.done)
            if reading.stopped:
                return


def _good_rows(lines: Iterator[bytes], reading: Reading, *, tasks_only: bool) -> Iterator[Row]:
    for row in read_rows(lines, tasks_only=tasks_only):
        if isinstance(row, Row):
            yield row
        else:
            reading.report(row)
            if reading.stopped:
                return


def _scored_chunk(
    chunk: Sequence[Row], scorer: Scorer, reading: Reading, fields: Mapping[str, Json]
) -> Iterator[Scored]:
    rows = list(chunk)
    while rows:
        try:
            verdicts = iter(scorer.verdicts([row.item for row in rows], **fields))
        except VerifierRefused as refusal:
            rows = _without_refused(rows, refusal, reading)
            continue
        for row in rows:
            yield Scored(row, [next(verdicts) for _ in range(row.completions)])
        return


def _without_refused(rows: Sequence[Row], refusal: VerifierRefused, reading: Reading) -> list[Row]:
    """The rows that the refusal does not name; the others are reported, once each."""
    refused: dict[int, BadLine] = {}
    for pointer, fault in zip(refusal.pointers, refusal.problem.get("errors", ()), strict=True):
        if found := _ITEM_POINTER.fullmatch(pointer):
            at, place = int(found[1]), found[2] or ""
            message = f"{fault.get('detail')}{_hint(place)}"
            refused.setdefault(at, BadLine(rows[at].line, rows[at].field(place), message))
    if not refused:
        raise refusal
    for _, bad in sorted(refused.items()):
        reading.report(bad)
        if reading.stopped:
            return list(rows[: min(refused)])
    return [row for at, row in enumerate(rows) if at not in refused]


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
