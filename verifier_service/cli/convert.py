"""`verifier convert`: a dataset in the rows of another trainer."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from verifier_service.cli import options
from verifier_service.cli.console import (
    EXIT_BAD_INPUT,
    CommandError,
    complain,
    harmless,
    progress_bar,
    stderr,
)

if TYPE_CHECKING:
    from sandbox_tools.types import Json
    from verifier_service.convert import BadRow, Shape, Task
    from verifier_service.convert.files import Write
    from verifier_service.engine import Engine
    from verifier_service.local import LocalVerifier

_LINTED: Final = ("ground_truth", "toolset", "tools", "options")
"""What decides whether a task scores full against itself."""
NAMED_LINES: Final = 20
"""Bad lines that are named; the others are counted."""
_STDIN: Final = "-"


def convert(  # noqa: PLR0913 - the options of a command
    dataset: Annotated[
        str, typer.Argument(help="JSON Lines or .parquet, or - for stdin.", metavar="DATASET")
    ],
    *,
    to: Annotated[
        str, typer.Option("--to", help="Whose rows to write; ours by default.", metavar="TRAINER")
    ] = "canonical",
    from_: Annotated[
        str, typer.Option("--from", help="Whose rows DATASET has.", metavar="TRAINER")
    ] = "canonical",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write here, .jsonl or .parquet; else to stdout."),
    ] = None,
    toolset: options.ToolsetName = None,
    prompt_field: Annotated[
        str | None,
        typer.Option("--prompt-field", help="Member of DATASET's rows with the prompt."),
    ] = None,
    show_tools: Annotated[
        bool,
        typer.Option(
            "--show-tools/--no-show-tools",
            help="Where rows have a place for the tools that the policy is shown, fill it.",
        ),
    ] = True,
    lint: Annotated[
        bool,
        typer.Option(
            "--lint/--no-lint", help="Whether tasks that `verifier lint` finds wrong are left out."
        ),
    ] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad line.")] = False,
    toolsets: options.ToolsetPaths = None,
) -> None:
    """Write a dataset in the rows of a trainer, from ours or from another's, and back.

    The whole task travels in the one field that the trainer passes through to its reward. Rows of
    DATASET are those of `verifier score` and `lint`, with the prompt under "prompt", "messages",
    "question", "query", "input" or "instruction", unless --from names a trainer. TRAINER is one of
    canonical (ours), trl, unsloth, axolotl, openrlhf, slime, miles, verl, easyr1, ms-swift,
    nemo-gym, verifiers, prime-rl, skyrl, areal, roll, rllm, sagemaker, bedrock, gemini,
    eval-protocol, open-instruct.

    Each task is checked as `verifier lint` does, where it has tools or its toolset is loaded. One
    that does not score full against itself is a bad line.

    Exit codes: 0 every row was converted; 1 some lines were bad (the others were converted); 2
    wrong usage; 130 interrupted.
    """
    from verifier_service.convert import Canonical  # noqa: PLC0415  slow
    from verifier_service.convert.files import NoParquet  # noqa: PLC0415  slow

    read, write_shape = _shape("--from", from_), _shape("--to", to)
    if prompt_field is not None:
        if not isinstance(read, Canonical):
            raise CommandError(f"--prompt-field is not for rows of {from_}: they have their own")
        read = replace(read, prompt_field=prompt_field)
    _refuse_to_overwrite(dataset, output)
    defaults = {} if toolset is None else {"toolset": toolset}
    shows_tools = show_tools and write_shape.shows_tools
    local = _local(toolsets) if lint or shows_tools else None
    work = _Conversion(
        dataset=dataset,
        source=read,
        target=write_shape,
        defaults=defaults,
        tools=_Tools(local.engine) if local and shows_tools else None,
        lint=_Lint(local) if local and lint else None,
        prompt_optional=to == "canonical",
        stop_at_bad_line=strict,
    )
    try:
        with _opened(output) as write:
            work.run(write)
    except NoParquet as problem:
        raise CommandError(str(problem)) from None
    _report(work, to)
    if work.bad:
        raise typer.Exit(EXIT_BAD_INPUT)


@dataclass(slots=True)
class _Conversion:
    """A dataset on its way from one shape to another; bad lines are named and left out."""

    dataset: str
    source: Shape
    target: Shape
    defaults: Mapping[str, Json]
    tools: _Tools | None
    lint: _Lint | None
    prompt_optional: bool
    stop_at_bad_line: bool
    done: int = 0
    bad: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Members that the target has no place for, and in how many rows."""

    def run(self, write: Write) -> None:
        """Write every row that can be."""
        from verifier_service.convert import BadRow  # noqa: PLC0415  slow

        for number, given in enumerate(_rows_of(self.dataset), 1):
            if given is None:
                continue
            try:
                if isinstance(given, BadRow):
                    raise given
                write(self._converted(given))
            except BadRow as bad:
                self._complain(number, bad)
            except RecursionError:
                self._complain(number, BadRow("", "nested too deep"))
            else:
                self.done += 1

    def _converted(self, given: Mapping[str, Json]) -> Mapping[str, Json]:
        from verifier_service.convert import PROMPTS, BadRow  # noqa: PLC0415  slow

        task = self.source.task(given, self.defaults)
        if task.prompt is None and not self.prompt_optional:
            raise BadRow("", f"no prompt; give one of {', '.join(PROMPTS)}, or --prompt-field")
        if self.lint is not None:
            self.lint.check(task)
        if self.tools is not None:
            task = replace(task, shown=self.tools.of(task))
        row = self.target.row(task)
        lost = [name for name, value in task.others.items() if row.get(name) != value]
        self.left_out.update(lost)
        return row

    def _complain(self, number: int, bad: BadRow) -> None:
        self.bad += 1
        where = f" {bad.field}" if bad.field else ""
        message = f"{self.dataset}:{number}:{where} {bad.message}"
        if self.stop_at_bad_line:
            raise CommandError(message, EXIT_BAD_INPUT)
        if self.bad <= NAMED_LINES:
            complain(message)


def _local(toolsets: list[Path] | None) -> LocalVerifier:
    from verifier_service.cli.scorers import load_local  # noqa: PLC0415  slow

    return load_local(toolsets)


class _Lint:
    """Whether tasks score full against themselves, as `verifier lint` asks."""

    def __init__(self, local: LocalVerifier) -> None:
        self._local = local
        self.passed_over: Counter[str] = Counter()
        """Why tasks could not be checked, and how many."""

    def check(self, task: Task) -> None:
        """Refuse a task that can never be rewarded.

        Raises:
            BadRow: It is one; `field` points into the task.
        """
        from verifier_service.convert import BadRow  # noqa: PLC0415  slow
        from verifier_service.local import RequestRefused  # noqa: PLC0415  slow

        item = {name: task.item[name] for name in _LINTED if task.item.get(name) is not None}
        if self._lacks_tools(item):
            return
        try:
            [verdict] = self._local.score({"items": [{**item, "completion": ""}]})["verdicts"]
        except RequestRefused as refused:
            [fault, *_] = refused.problem.get("errors") or [{}]
            pointer = fault.get("pointer", "").removeprefix("/items/0")
            raise BadRow(pointer, fault.get("detail", str(refused))) from None
        if verdict["outcome"] != "scored":
            failure = verdict["failures"][0]
            raise BadRow(failure["path"], f"{failure['code']}: {failure['message']}")

    def _lacks_tools(self, item: Mapping[str, Json]) -> bool:
        from verifier_service.engine import UnknownName  # noqa: PLC0415  slow

        name = item.get("toolset")
        if name is None and "tools" not in item:
            self.passed_over["name no toolset and no tools"] += 1
            return True
        if not isinstance(name, str):
            return False
        try:
            self._local.engine.toolset(name)
        except UnknownName:
            self.passed_over[
                f"name toolset {name}, which is not loaded; load it with --toolsets"
            ] += 1
            return True
        return False


class _Tools:
    """The tools that a task offers, as a policy is shown them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, task: Task) -> list[Json]:
        from verifier_service.convert import BadRow  # noqa: PLC0415  slow
        from verifier_service.engine import UnknownName  # noqa: PLC0415  slow

        inline = task.item.get("tools")
        if isinstance(inline, list):
            return [_as_openai(tool) for tool in inline]
        name = task.item.get("toolset")
        if not isinstance(name, str):
            return []
        try:
            return self._engine.toolset(name).openai_tools()
        except UnknownName as error:
            remedy = "load it with --toolsets, or leave the tools out with --no-show-tools"
            raise BadRow("/toolset", f"{error}; {remedy}") from None


def _as_openai(tool: Json) -> Json:
    if not isinstance(tool, dict) or "function" in tool:
        return tool
    function = {name: value for name, value in tool.items() if name != "type"}
    return {"type": "function", "function": function}


def _shape(option: str, name: str) -> Shape:
    from verifier_service.convert import SHAPES  # noqa: PLC0415  slow

    if name not in SHAPES:
        raise CommandError(f"{option} {name} is unknown; known are {', '.join(SHAPES)}")
    return SHAPES[name]


def _rows_of(dataset: str) -> Iterator[Any]:
    """What each line holds: a row, None where it is empty, or why it is none."""
    from verifier_service.cli.batches import open_lines  # noqa: PLC0415  slow
    from verifier_service.cli.rows import json_value  # noqa: PLC0415  slow
    from verifier_service.convert.files import (  # noqa: PLC0415  slow
        PARQUET,
        decoded,
        parquet_rows,
    )

    if dataset.endswith(PARQUET):
        with _not_readable(dataset):
            yield from parquet_rows(Path(dataset))
        return
    with open_lines(dataset) as lines:
        size = None if dataset == _STDIN else Path(dataset).stat().st_size
        yield from decoded(_counted(lines, size), json_value)


def _counted(lines: Iterable[bytes], size: int | None) -> Iterator[bytes]:
    """The lines, while a bar shows how far they are."""
    with progress_bar() as bar:
        task = bar.add_task("converting", total=size or None, done=0)
        for number, line in enumerate(lines, 1):
            yield line
            bar.update(task, advance=len(line), done=number)


@contextmanager
def _not_readable(dataset: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandError(f"{dataset} cannot be read: {error.strerror or error}") from error


@contextmanager
def _opened(output: Path | None) -> Iterator[Write]:
    """A function that writes one row. A file takes its name at the end, when all went well."""
    from verifier_service.convert.files import (  # noqa: PLC0415  slow
        PARQUET,
        json_lines_writer,
        parquet_writer,
        replaced,
    )

    if output is None:
        with json_lines_writer(sys.stdout.buffer) as write:
            yield write
        return
    with replaced(output) as partial:
        if output.suffix == PARQUET:
            with parquet_writer(partial) as write:
                yield write
        else:
            with partial.open("wb") as stream, json_lines_writer(stream) as write:
                yield write


def _refuse_to_overwrite(dataset: str, output: Path | None) -> None:
    if output is None or not output.is_file() or not Path(dataset).is_file():
        return
    if output.samefile(dataset):
        raise CommandError(f"{output} is the input; write the rows to another file")


def _report(work: _Conversion, to: str) -> None:
    """Closing lines on stderr: what was done, and what has no place in the new rows."""
    if work.bad > NAMED_LINES:
        complain(f"{work.bad - NAMED_LINES:,} more bad lines")
    for name, count in work.left_out.items():
        note = f"left out: {harmless(name)} of {count:,} rows; {to} has no place for it"
        stderr().print(note, soft_wrap=True, markup=False)
    for why, count in (work.lint.passed_over if work.lint else {}).items():
        note = f"not checked: {count:,} rows {harmless(why)}"
        stderr().print(note, soft_wrap=True, markup=False)
    stderr().print(f"{work.done:,} rows converted", soft_wrap=True)
