"""Verdicts and readings as the JSON of the wire.

Built by hand because pydantic would cost more than scoring; a test validates every example against
the response models of `wire.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import orjson

from sandbox_tools import Toolset
from sandbox_tools.types import ABSENT, Json, ToolResult, Write
from verifier_service.decode import LONE_SURROGATE
from verifier_service.scoring.profiles import Profile
from verifier_service.scoring.types import (
    Components,
    Failure,
    Outcome,
    Parsed,
    ToolCall,
    Trace,
    Verdict,
)

SHOWN_CHARS: Final = 400
"""An `expected` or `actual` longer than this, as JSON, is cut to a text that says so."""


def dumps(value: Json) -> bytes:
    """JSON of a value that may hold what orjson refuses: huge integers, halves of surrogates."""
    try:
        return orjson.dumps(value)
    except TypeError:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return LONE_SURROGATE.sub("\ufffd", text).encode()


def reference(named: Profile | Toolset) -> Json:
    return {"name": named.name, "digest": named.digest}


def verdict(judged: Verdict) -> dict[str, Json]:
    """The verdict as the wire has it, from `outcome` on: whose completion it is of goes before."""
    encoded: dict[str, Json] = {
        "outcome": judged.outcome,
        "reward": judged.reward,
        "tier": judged.tier,
        "behavior": {"expected": judged.expected, "observed": judged.observed},
        "components": components(judged.components),
        "failures": [failure(f) for f in judged.failures],
        "format": judged.format,
    }
    if judged.stripped:
        encoded["stripped"] = True
    if judged.repaired:
        encoded["repaired"] = True
    if judged.outcome is not Outcome.SCORED:
        encoded["retryable"] = judged.retryable
    return encoded


def components(parts: Components) -> Json:
    return {
        "parse": parts.parse,
        "name": parts.name,
        "schema": parts.schema,
        "arguments": parts.arguments,
        "execution": parts.execution,
        "text": parts.text,
    }


def failure(found: Failure) -> Json:
    encoded: dict[str, Json] = {
        "code": found.code.value,
        "path": found.path,
        "message": found.message,
        "expected": shown(found.expected),
        "actual": shown(found.actual),
    }
    return encoded


def shown(value: Json) -> Json:
    """The value itself, or the beginning of a long one: a reason is no place for 64 KiB."""
    if value is None or isinstance(value, _SHORT):
        return value
    if isinstance(value, str):
        return value if len(value) <= SHOWN_CHARS else _cut(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return value if len(text) <= SHOWN_CHARS else _cut(text)


_SHORT: Final = (bool, float)


def _cut(text: str) -> str:
    return f"{text[:SHOWN_CHARS]}… ({len(text)} characters)"


def trace(full: Trace) -> dict[str, Json]:
    """What `detail: "full"` adds."""
    read = full.parsed
    return {
        "calls": [call(c) for c in read.calls],
        "content": read.content,
        "reasoning": read.reasoning,
        "problems": [failure(p) for p in read.problems],
        "spans": spans(read),
        "results": [result(r) for r in full.results],
        "expected_results": [result(r) for r in full.expected_results],
        "writes": [write(w) for w in full.writes],
        "expected_writes": [write(w) for w in full.expected_writes],
    }


def call(made: ToolCall) -> Json:
    return {"name": made.name, "arguments": dict(made.arguments)}


def spans(read: Parsed) -> Sequence[Json]:
    return [{"start": s.start, "end": s.end, "kind": s.kind} for s in read.spans]


def result(returned: ToolResult) -> Json:
    if returned.error is not None:
        return {"error": returned.error}
    return {"value": returned.value}


def write(change: Write) -> Json:
    encoded: dict[str, Json] = {"path": change.path}
    if change.before is not ABSENT:
        encoded["before"] = change.before
    if change.after is not ABSENT:
        encoded["after"] = change.after
    return encoded


def parsed(read: Parsed | Failure) -> Json:
    """One entry of the answer to `POST /parse`."""
    if isinstance(read, Failure):
        read = Parsed(format="text", malformed=(read,))
    encoded: dict[str, Any] = {
        "format": read.format,
        "calls": [call(c) for c in read.calls],
        "malformed": [failure(f) for f in read.malformed],
        "content": read.content,
        "reasoning": read.reasoning,
        "problems": [failure(p) for p in read.problems],
        "spans": spans(read),
        "sentinel": None if read.sentinel is None else call(read.sentinel),
        "stripped": read.stripped,
        "repaired": read.repaired,
    }
    return encoded
