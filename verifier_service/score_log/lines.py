"""A request and its answer as the lines of the log: one a verdict.

Every line can be read by itself, but for two things that stand once a file: the settings of the
service in its first line, and inline tools in a line before the first that names their digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs

from sandbox_tools.types import Json
from verifier_service import encode
from verifier_service._version import __version__
from verifier_service.decode import decode_body
from verifier_service.score_log.masking import Mask

VERDICT: Final = "verdict"
WIRE: Final = "wire"
TOOLS: Final = "tools"
SETTINGS: Final = "settings"
_JUDGED: Final = (
    "outcome", "reward", "tier", "behavior", "components", "failures", "format", "stripped",
    "repaired", "retryable",
)  # fmt: skip
"""Members of a verdict that the log keeps; the others repeat the request."""
_MASKABLE: Final = ("run", "step", "id", "task", "completion", "request", "reply", "query")
"""Members that callers write."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the front hands over: bytes that it never read."""

    request_id: str
    arrived: float
    """Seconds since 1970."""
    completions: int
    request: bytes
    reply: bytes
    status: int = 200
    wire: str = ""
    """Name of the trainer's wire; empty for `POST /score`."""
    query: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, and what must stand before it in the same file."""

    text: bytes
    verdicts: int = 1
    tools: str = ""
    """Digest of the tools that it names; empty for none."""


@dataclass(slots=True)
class Lines:
    """Makes lines by the rules of one log."""

    mask: Mask
    completions: bool = True
    tools: dict[str, bytes] = field(default_factory=dict)
    """The lines that describe tools, by digest, of the record made last."""

    def of(self, record: Record) -> Iterator[Line]:
        """The lines of one request, in the order of its items and completions.

        Raises:
            Exception: The bytes are not what the service takes and gives.
        """
        self.tools = {}
        request = decode_body(record.request)
        if record.wire:
            line = self._of_wire(record, request)
            yield Line(_text(line), record.completions)
            return
        for line in _Answered(self, record, request, decode_body(record.reply)).lines():
            kept = self._kept(line)
            yield Line(_text(kept), tools=line["task"].get("tools", ""))

    def digest(self, tools: Json) -> str:
        """The digest of inline tools, whose own line is made where it is not yet."""
        shown = self.mask.schemas(tools)
        digest = f"sha256:{hashlib.sha256(encode.dumps(shown)).hexdigest()}"
        line: dict[str, Json] = {"kind": TOOLS, "digest": digest, "tools": shown}
        if shown != tools:
            line["masked"] = [TOOLS]
        self.tools[digest] = _text(line)
        return digest

    def _kept(self, line: dict[str, Json]) -> dict[str, Json]:
        """The line as it may be written."""
        if not self.completions:
            del line["completion"]
        said = {member: line[member] for member in ("completion", "task") if member in line}
        kept = self._masked(line)
        if not self.completions or any(kept[member] != said[member] for member in said):
            # What is said of a text may quote it.
            kept[VERDICT] = {**kept[VERDICT], "failures": _codes_alone(line[VERDICT]["failures"])}
        return kept

    def _masked(self, line: dict[str, Json]) -> dict[str, Json]:
        if not self.mask:
            return line
        # Failures and whatever else callers write go by the same rules; the rest is ours.
        theirs: dict[str, Json] = {member: line[member] for member in _MASKABLE if member in line}
        failures = line.get(VERDICT, {}).get("failures")
        cleaned = self.mask.masked({**theirs, VERDICT: {"failures": _without_codes(failures)}})
        changed = [member for member in theirs if cleaned[member] != theirs[member]]
        kept = {**line, **{member: cleaned[member] for member in theirs}}
        if VERDICT in line:
            kept[VERDICT] = {**line[VERDICT], "failures": _with_codes(cleaned[VERDICT], failures)}
        return {**kept, "masked": changed} if changed else kept

    def _of_wire(self, record: Record, request: Json) -> dict[str, Json]:
        line: dict[str, Json] = {
            "kind": WIRE,
            "decision": record.request_id,
            "time": _time(record.arrived),
            "wire": record.wire,
            "query": record.query,
            "status": record.status,
            "completions": record.completions,
        }
        if runs := parse_qs(record.query).get("run"):
            line["run"] = runs[-1]
        if not self.completions:
            return line
        line |= {"request": request, "reply": decode_body(record.reply)}
        kept = self._masked(line)
        if "request" in kept.get("masked", ()):
            del kept["reply"]  # what is said of a request may quote it
        return kept


class _Answered:
    """A request of `POST /score` with its answer."""

    def __init__(self, to: Lines, record: Record, request: Json, reply: Json) -> None:
        self._to, self._record, self._request, self._reply = to, record, request, reply
        self._time = _time(record.arrived)
        self._tools: str | None = None
        self._verdicts = {(v["item"], v["completion"]): v for v in reply["verdicts"]}
        """Not all of them where the request asked for rewards alone."""

    def lines(self) -> Iterator[dict[str, Json]]:
        rewards = iter(self._reply["rewards"])
        for at, item in enumerate(self._request["items"]):
            alone = item.get("completion")
            group: Sequence[Json] = item["completions"] if alone is None else [alone]
            task = self._task(item)
            for index, completion in enumerate(group):
                verdict = self._verdicts.get((at, index), {})
                yield {
                    "kind": VERDICT,
                    "decision": f"{self._record.request_id}/{at}/{index}",
                    "time": self._time,
                    **self._origin(item),
                    "task": {**task, **self._toolset(item, verdict)},
                    "profile": self._profile(item, verdict),
                    "completion": completion,
                    "verdict": _judged(verdict, next(rewards)),
                    "version": self._reply["version"],
                }

    def _origin(self, item: Mapping[str, Json]) -> dict[str, Json]:
        """Whose completion it is, as far as the caller says."""
        said = {name: self._said(item, name) for name in ("run", "step")}
        said["id"] = item.get("id")
        return {name: value for name, value in said.items() if value is not None}

    def _said(self, item: Mapping[str, Json], name: str) -> Json:
        """The item's own member, else the request's."""
        own = item.get(name)
        return self._request.get(name) if own is None else own

    def _task(self, item: Mapping[str, Json]) -> dict[str, Json]:
        task: dict[str, Json] = {"ground_truth": item["ground_truth"]}
        if (named := self._said(item, "format")) is not None:
            task["format"] = named
        options = {**(self._request.get("options") or {}), **(item.get("options") or {})}
        if given := {name: value for name, value in options.items() if value is not None}:
            task["options"] = given
        if item.get("tools") is not None:
            task["tools"] = self._to.digest(item["tools"])
        elif item.get("toolset") is None and self._request.get("tools") is not None:
            task["tools"] = self._common_tools()
        return task

    def _common_tools(self) -> str:
        if self._tools is None:
            self._tools = self._to.digest(self._request["tools"])
        return self._tools

    def _toolset(self, item: Mapping[str, Json], verdict: Mapping[str, Json]) -> dict[str, Json]:
        if item.get("tools") is not None:
            return {}
        own = item.get("toolset")
        if own is not None:
            return {"toolset": verdict.get("toolset") or _reference(own)}
        common = self._request.get("toolset")
        return {} if common is None else {"toolset": self._reply["toolset"] or _reference(common)}

    def _profile(self, item: Mapping[str, Json], verdict: Mapping[str, Json]) -> Json:
        own = item.get("profile")
        return self._reply["profile"] if own is None else verdict.get("profile") or _reference(own)


def _judged(verdict: Mapping[str, Json], reward: Json) -> dict[str, Json]:
    """The verdict; only its reward where the request asked for no more."""
    if not verdict:
        return {"outcome": "scored", "reward": reward, "tier": None, "failures": None}
    return {member: verdict[member] for member in _JUDGED if member in verdict}


def settings_line(conditions: Mapping[str, Json]) -> bytes:
    """The line that each file begins with: under which settings its completions were judged."""
    return _text({"kind": SETTINGS, "version": __version__, **conditions})


def _codes_alone(failures: Sequence[Mapping[str, Json]] | None) -> Json:
    return None if failures is None else [{"code": failure["code"]} for failure in failures]


def _without_codes(failures: Sequence[Mapping[str, Json]] | None) -> Json:
    """What is said besides the codes, which are ours and never masked."""
    if failures is None:
        return None
    return [{k: v for k, v in failure.items() if k != "code"} for failure in failures]


def _with_codes(said: Json, failures: Sequence[Mapping[str, Json]] | None) -> Json:
    """The failures with what the rules left of them: a rule may name them as a whole."""
    left = said.get("failures") if isinstance(said, dict) else None
    if failures is None or not isinstance(left, list):
        return _codes_alone(failures)
    return [
        {"code": failure["code"], **(rest if isinstance(rest, dict) else {})}
        for failure, rest in zip(failures, left, strict=True)
    ]


def _reference(name: str) -> dict[str, Json]:
    """What the caller named, where the answer does not say what that stood for."""
    named, _, digest = name.partition("@")
    return {"name": named, "digest": digest or None}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _text(line: Json) -> bytes:
    return encode.dumps(line) + b"\n"
