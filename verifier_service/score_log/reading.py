"""The score log read back: what can be scored again, and what cannot, and why."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, cast

from sandbox_tools.types import Json
from verifier_service.score_log.lines import TOOLS, VERDICT, WIRE
from verifier_service.score_log.plan import NAMES, OPEN

NEEDED: Final = frozenset({"task", "completion", "request", "reply", "query"})
"""Members without which, as they were, nothing can be scored again."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One verdict, with everything that it came from."""

    line: int
    size: int
    """Bytes of the line."""
    name: str
    """Request id, item, completion: `9f2c…/0/3`."""
    item: dict[str, Json]
    """As `POST /score` takes it; its toolset and profile by name alone."""
    toolset: Mapping[str, Json] | None
    """Name and digest, as they were."""
    profile: Mapping[str, Json]
    verdict: Mapping[str, Any]
    id: Json = None
    run: Json = None
    step: Json = None


@dataclass(frozen=True, slots=True)
class WireCall:
    """One request on a trainer's own wire, and its answer."""

    name: str
    wire: str
    query: str
    request: Json
    status: int
    reply: Json
    completions: int


@dataclass(frozen=True, slots=True)
class Withheld:
    """What the log does not hold enough of."""

    why: str
    """`masked`, or `no_completion` where completions are not kept."""
    completions: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is none of the log."""

    line: int
    message: str


Entry: TypeAlias = Decision | WireCall | Withheld | Unreadable


def log_files(path: Path) -> list[Path]:
    """The files of a log, the oldest first; a file is itself."""
    if not path.is_dir():
        return [path]
    named = (path.glob(f"{NAMES}{suffix}") for suffix in ("", ".gz", OPEN))
    return sorted(file for files in named for file in files)


def open_log(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked where it is compressed.

    Raises:
        OSError: It cannot be read.
    """
    return cast("BinaryIO", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def entries(lines: Iterable[bytes]) -> Iterator[Entry]:
    """What each line of one file holds, in order."""
    tools: dict[str, Json] = {}
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
            if line["kind"] == TOOLS:
                tools[line["digest"]] = None if line.get("masked") else line["tools"]
            elif line["kind"] == WIRE:
                yield _wire_call(line)
            elif line["kind"] == VERDICT:
                yield _decision(line, number, len(text), tools)
            else:
                yield Unreadable(number, "a line of an unknown kind")
        except (ValueError, RecursionError):
            yield Unreadable(number, "not JSON; a writer that was killed may leave half a line")
        except (LookupError, TypeError, AttributeError):
            yield Unreadable(number, "not a line of the score log")


def _decision(
    line: Mapping[str, Any], number: int, size: int, tools: Mapping[str, Json]
) -> Decision | Withheld | Unreadable:
    task: Mapping[str, Any] = line["task"]
    _check(line["verdict"])
    if withheld := _withheld(line, "completion", 1):
        return withheld
    item = {"completion": line["completion"], "profile": line["profile"]["name"]}
    item |= {name: task[name] for name in ("ground_truth", "format", "options") if name in task}
    if "tools" in task:
        if task["tools"] not in tools:
            return Unreadable(number, "its tools are described nowhere before it")
        if tools[task["tools"]] is None:
            return Withheld("masked", 1)
        item["tools"] = tools[task["tools"]]
    elif "toolset" in task:
        item["toolset"] = task["toolset"]["name"]
    return Decision(
        number,
        size,
        line["decision"],
        item,
        task.get("toolset"),
        line["profile"],
        line["verdict"],
        line.get("id"),
        line.get("run"),
        line.get("step"),
    )


def _check(verdict: Mapping[str, Any]) -> None:
    """See that a verdict holds what verdicts are compared by.

    Raises:
        LookupError, TypeError: It does not.
    """
    for member in ("outcome", "reward", "tier"):
        hash(verdict[member])
    for failure in verdict["failures"] or ():
        hash(failure["code"])
    float(verdict["reward"] or 0)


def _wire_call(line: Mapping[str, Any]) -> WireCall | Withheld:
    if withheld := _withheld(line, "request", line["completions"]):
        return withheld
    return WireCall(
        line["decision"],
        line["wire"],
        line["query"],
        line["request"],
        line["status"],
        line["reply"],
        line["completions"],
    )


def _withheld(line: Mapping[str, Any], said: str, completions: int) -> Withheld | None:
    if NEEDED.intersection(line.get("masked", ())):
        return Withheld("masked", completions)
    return None if said in line else Withheld("no_completion", completions)
