"""The score log read back: what can be scored again, and what cannot, and why."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, BinaryIO, Final, TypeAlias, cast

from sandbox_tools.types import Json
from verifier_service.decode import NotJson, TooManyValues, decode_body
from verifier_service.score_log.conditions import Conditions
from verifier_service.score_log.lines import SETTINGS, TOOLS, VERDICT, WIRE
from verifier_service.score_log.plan import NAMES, OPEN
from verifier_service.scoring.codes import Code

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
    """As `POST /score` takes it; its profile, and a toolset that was loaded, by name alone."""
    toolset: Mapping[str, Json] | None
    """Name and digest, as they were."""
    profile: Mapping[str, Json]
    verdict: Mapping[str, Any]
    conditions: Conditions = field(default_factory=Conditions)
    version: str | None = None
    """Of the service."""
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
    conditions: Conditions = field(default_factory=Conditions)


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
    """The files of a log, the oldest first; a file is itself.

    One that is being packed is there twice: its packed half is not whole before the other is gone.
    """
    if not path.is_dir():
        return [path]
    named = (path.glob(f"{NAMES}{suffix}") for suffix in ("", ".gz", OPEN))
    found = {file for files in named for file in files}
    return sorted(f for f in found if f.suffix != ".gz" or f.with_suffix("") not in found)


def open_log(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked where it is compressed.

    Raises:
        OSError: It cannot be read.
    """
    return cast("BinaryIO", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def entries(lines: Iterable[bytes]) -> Iterator[Entry]:
    """What each line of one file holds, in order; a file that breaks off ends with that."""
    tools: dict[str, Json] = {}
    conditions = Conditions()
    number = 0
    try:
        for number, text in enumerate(lines, 1):
            entry = _entry(text, number, tools, conditions)
            if isinstance(entry, Conditions):
                conditions = entry
            elif entry is not None:
                yield entry
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        yield Unreadable(number + 1, f"cannot be read from here on: {reason}")


def _entry(
    text: bytes, number: int, tools: dict[str, Json], conditions: Conditions
) -> Entry | Conditions | None:
    """What a line holds; None where it describes tools, which are added to those known."""
    try:
        line = decode_body(text)
    except (NotJson, TooManyValues):
        return Unreadable(number, "not JSON; a writer that was killed may leave half a line")
    try:
        if line["kind"] == TOOLS:
            tools[line["digest"]] = None if line.get("masked") else line["tools"]
            return None
        if line["kind"] == SETTINGS:
            return Conditions.of(line)
        if line["kind"] == WIRE:
            return _wire_call(line, conditions)
        if line["kind"] == VERDICT:
            return _decision(line, number, len(text), tools, conditions)
        return Unreadable(number, "a line of an unknown kind")
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        return Unreadable(number, "not a line of the score log")


def _decision(
    line: Mapping[str, Any],
    number: int,
    size: int,
    tools: Mapping[str, Json],
    conditions: Conditions,
) -> Decision | Withheld | Unreadable:
    task: Mapping[str, Any] = line["task"]
    _check_verdict(line["verdict"])
    _check_reference(line["profile"])
    if withheld := _withheld(line, "completion", 1):
        return withheld
    item = {
        "completion": line["completion"],
        "ground_truth": task["ground_truth"],
        "profile": line["profile"]["name"],
    }
    item |= {name: task[name] for name in ("format", "options") if name in task}
    if "tools" in task:
        if task["tools"] not in tools:
            return Unreadable(number, "its tools are described nowhere before it")
        if tools[task["tools"]] is None:
            return Withheld("masked", 1)
        item["tools"] = tools[task["tools"]]
    elif "toolset" in task:
        _check_reference(task["toolset"])
        item["toolset"] = _asked_for(task["toolset"], line["verdict"])
    return Decision(
        number,
        size,
        _is(str, line["decision"]),
        item,
        task.get("toolset"),
        line["profile"],
        line["verdict"],
        conditions,
        _is((str, NoneType), line.get("version")),
        line.get("id"),
        line.get("run"),
        line.get("step"),
    )


def _asked_for(toolset: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    """The toolset's name alone, so that another one of the name is used and told; but as the
    caller wrote it where just that was not loaded."""
    name, digest = toolset["name"], toolset["digest"]
    codes = {failure["code"] for failure in verdict["failures"] or ()}
    if name and (digest is None or Code.TASK_UNKNOWN_TOOLSET.value not in codes):
        return str(name)
    return f"{name}@{digest or ''}"


def _check_verdict(verdict: Mapping[str, Any]) -> None:
    """See that a verdict holds what verdicts are compared by.

    Raises:
        LookupError, TypeError, OverflowError: It does not.
    """
    _is(str, verdict["outcome"])
    _is((str, NoneType), verdict["tier"])
    float(_is((int, float, NoneType), verdict["reward"]) or 0)
    for failure in _is((list, NoneType), verdict["failures"]) or ():
        _is(str, failure["code"])


def _check_reference(named: Mapping[str, Any]) -> None:
    """See that a toolset or profile has a name and a digest, which may be unknown.

    Raises:
        LookupError, TypeError: It has not.
    """
    _is(str, named["name"])
    _is((str, NoneType), named["digest"])


def _is(kind: type | tuple[type, ...], value: Any) -> Any:
    """The value, if it is of the kind.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(value, kind):
        raise TypeError
    return value


def _wire_call(line: Mapping[str, Any], conditions: Conditions) -> WireCall | Withheld:
    completions: int = _is(int, line["completions"])
    if withheld := _withheld(line, "request", completions):
        return withheld
    return WireCall(
        _is(str, line["decision"]),
        _is(str, line["wire"]),
        _is(str, line["query"]),
        line["request"],
        _is(int, line["status"]),
        line["reply"],
        completions,
        conditions,
    )


def _withheld(line: Mapping[str, Any], said: str, completions: int) -> Withheld | None:
    if NEEDED.intersection(line.get("masked", ())):
        return Withheld("masked", completions)
    return None if said in line else Withheld("no_completion", completions)
