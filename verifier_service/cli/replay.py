"""`verifier replay`: the verdicts of a score log found again, and what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from verifier_service._version import __version__
from verifier_service.cli import options
from verifier_service.cli.console import (
    EXIT_BAD_INPUT,
    EXIT_INTERRUPTED,
    CommandError,
    complain,
    print_json,
    progress_bar,
    stdout,
)

if TYPE_CHECKING:
    from sandbox_tools.types import Json
    from verifier_service.client import VerifierRefused
    from verifier_service.local import LocalVerifier
    from verifier_service.score_log.comparison import Comparison
    from verifier_service.score_log.conditions import Conditions
    from verifier_service.score_log.reading import Decision, Entry, WireCall

CHUNK_DECISIONS: Final = 256
CHUNK_BYTES: Final = 32 * 2**20
NAMED_LINES: Final = 20
"""Bad lines that are named; the others are counted."""


def replay(
    logs: Annotated[
        list[Path], typer.Argument(help="Files of a score log, or its folder.", metavar="LOG...")
    ],
    *,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile", "-p", help="Score by this profile instead of the logged ones.",
            metavar="NAME",
        ),
    ] = None,
    as_json: options.AsJson = False,
    toolsets: options.ToolsetPaths = None,
    profiles: options.ProfilePaths = None,
) -> None:  # fmt: skip
    """Score a log again, in this process: which rewards are other ones now, and why.

    Without --profile the rewards should be the same: another version, toolset or profile is what
    may change them. With it, the table says what that profile would have paid.

    Exit codes: 0 done; 1 a reward changed although no --profile was given, or some lines are bad
    (the others were scored); 2 wrong usage; 130 interrupted.
    """
    from verifier_service.cli.replay_tables import as_object, tables  # noqa: PLC0415  slow
    from verifier_service.cli.scorers import load_local  # noqa: PLC0415  slow
    from verifier_service.score_log.comparison import Comparison  # noqa: PLC0415  slow
    from verifier_service.score_log.reading import log_files  # noqa: PLC0415  slow

    files = [file for log in logs for file in log_files(log)]
    if not files:
        raise CommandError(f"{logs[0]} holds no score log")
    local = load_local(toolsets, profiles)
    if profile is not None and profile not in local.engine.profiles:
        known = ", ".join(sorted(local.engine.profiles))
        raise CommandError(f'no profile "{profile}" is loaded; there is {known}')
    comparison = Comparison()
    with _told_if_interrupted(comparison):
        _Replay(local, profile, comparison).run(files)
    if as_json:
        print_json(as_object(comparison))
    else:
        stdout().print(tables(comparison))
    if comparison.unreadable > NAMED_LINES:
        complain(f"{comparison.unreadable - NAMED_LINES:,} more bad lines")
    if comparison.unreadable or (comparison.differs and profile is None):
        raise typer.Exit(EXIT_BAD_INPUT)


class _Replay:
    """One log under one engine."""

    def __init__(self, local: LocalVerifier, profile: str | None, into: Comparison) -> None:
        self._local, self._profile, self._into = local, profile, into
        self._under: dict[Conditions, LocalVerifier] = {}
        self._done = 0

    def run(self, files: Sequence[Path]) -> None:
        """Score what the files hold, behind a progress bar.

        Raises:
            CommandError: A file cannot be opened.
        """
        from verifier_service.score_log.reading import entries, open_log  # noqa: PLC0415  slow

        with progress_bar() as bar:
            task = bar.add_task("replaying", total=len(files), done=0)
            for file in files:
                try:
                    lines = open_log(file)
                except OSError as error:
                    raise CommandError(f"{file} cannot be read: {error.strerror}") from error
                with lines:
                    for chunk in _chunks(entries(lines)):
                        self._take(file, chunk)
                        bar.update(task, done=self._done)
                bar.advance(task)

    def _take(self, file: Path, chunk: Sequence[Entry]) -> None:
        from verifier_service.score_log.reading import (  # noqa: PLC0415  slow
            Decision,
            Unreadable,
            WireCall,
            Withheld,
        )

        for entry in chunk:
            if isinstance(entry, Unreadable):
                self._complain(file, entry.line, entry.message)
            elif isinstance(entry, Withheld):
                self._into.withheld[entry.why] += entry.completions
            elif isinstance(entry, WireCall):
                self._answer(entry)
        decisions = [entry for entry in chunk if isinstance(entry, Decision)]
        for _, alike in groupby(decisions, lambda decision: decision.conditions):
            self._score(file, [*alike])

    def _judging(self, conditions: Conditions) -> LocalVerifier:
        """A verifier with the settings that the service had."""
        if conditions not in self._under:
            self._under[conditions] = self._local.under(conditions)
        return self._under[conditions]

    def _score(self, file: Path, decisions: Sequence[Decision]) -> None:
        from verifier_service.client import VerifierRefused  # noqa: PLC0415  slow

        try:
            self._add(file, decisions)
        except (VerifierRefused, RecursionError) as refusal:
            # It names no item: half by half, until the one stands alone that cannot be asked.
            if len(decisions) == 1:
                self._complain(file, decisions[0].line, _why(refusal))
                return
            middle = len(decisions) // 2
            self._score(file, decisions[:middle])
            self._score(file, decisions[middle:])

    def _add(self, file: Path, decisions: Sequence[Decision]) -> None:
        """Score some decisions and count what became of them.

        Raises:
            VerifierRefused, RecursionError: They cannot be asked together; none was counted.
        """
        from verifier_service.cli.batches import scored  # noqa: PLC0415  slow
        from verifier_service.cli.rows import BadLine, Row  # noqa: PLC0415  slow
        from verifier_service.cli.scorers import InProcess  # noqa: PLC0415  slow

        by_line = {decision.line: decision for decision in decisions}
        rows = [Row(d.line, self._item(d), "ground_truth", d.size) for d in decisions]
        scorer = InProcess(self._judging(decisions[0].conditions))
        for outcome in list(scored(rows, scorer, {"detail": "verdict"})):
            if isinstance(outcome, BadLine):
                self._complain(file, outcome.line, f"{outcome.field} {outcome.message}".strip())
                continue
            decision = by_line[outcome.row.line]
            self._into.add(decision, outcome.verdicts[0])
            self._compare_digests(decision)
        self._done += len(decisions)

    def _item(self, decision: Decision) -> dict[str, Json]:
        return (
            decision.item if self._profile is None else {**decision.item, "profile": self._profile}
        )

    def _compare_digests(self, decision: Decision) -> None:
        engine = self._local.engine
        loaded: Any
        service = {"name": "verifier-service", "digest": decision.version}
        self._into.add_reference("version", service, __version__)
        if decision.toolset is not None:
            loaded = engine.toolsets.get(decision.toolset["name"])
            self._into.add_reference("toolset", decision.toolset, loaded and loaded.digest)
        if self._profile is None:
            loaded = engine.profiles.get(decision.profile["name"])
            self._into.add_reference("profile", decision.profile, loaded and loaded.digest)

    def _answer(self, call: WireCall) -> None:
        """Ask again what a trainer asked; its request says by which profile."""
        from verifier_service.wires import WIRES  # noqa: PLC0415  slow

        self._done += call.completions
        answer = None
        if self._profile is None and call.wire in WIRES:
            judging = self._judging(call.conditions)
            with suppress(RecursionError):
                answer = judging.answer_wire(call.wire, call.query, call.request)
        self._into.add_wire(call, answer)

    def _complain(self, file: Path, line: int, message: str) -> None:
        self._into.unreadable += 1
        if self._into.unreadable <= NAMED_LINES:
            complain(f"{file}:{line}: {message}")


def _why(refusal: VerifierRefused | RecursionError) -> str:
    """Why one decision cannot be asked again."""
    if isinstance(refusal, RecursionError):
        return "nests too deep"
    return str(refusal.problem.get("detail") or refusal)


def _chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Entries in order, as many at once as one request should hold."""
    weight = 0

    def chunk_of(entry: Entry) -> int:
        nonlocal weight
        weight += max(CHUNK_BYTES // CHUNK_DECISIONS, getattr(entry, "size", 0))
        return (weight - 1) // CHUNK_BYTES

    for _, chunk in groupby(entries, chunk_of):
        yield list(chunk)


@contextmanager
def _told_if_interrupted(comparison: Comparison) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        message = f"interrupted; of {comparison.compared:,} rewards {comparison.changed:,} changed"
        raise CommandError(message, EXIT_INTERRUPTED) from None
