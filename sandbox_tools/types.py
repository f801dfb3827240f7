"""The records that tools and sandboxes exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Any
"""A JSON value: null, boolean, number, string, array (list) or object (dict with string keys)."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told of a tool.

    Source: the Model Context Protocol, 2025-06-18, `Tool` and `ToolAnnotations`.
    """

    name: str
    description: str
    parameters: Mapping[str, Json]
    """JSON Schema (draft 2020-12 unless `$schema` says otherwise) of the arguments object."""
    read_only: bool = False
    """MCP `readOnlyHint`. False, the protocol's default: calling it may have side effects."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool returned, or why it refused: exactly one of the two."""

    value: Json = None
    error: str | None = None
    """The tool's own refusal, as the model would read it; None when the call succeeded."""


@dataclass(frozen=True, slots=True)
class Write:
    """One change that a call made to the state of its sandbox."""

    path: str
    """JSON Pointer (RFC 6901) into the state."""
    before: Json
    after: Json
    """`before` or `after` is `ABSENT` where the member did not exist."""


@dataclass(frozen=True, slots=True)
class Absent:
    """Marks a member that is not there: JSON's null is a value of its own."""


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Episode:
    """What an episode left behind: results in call order, final state, writes in order."""

    results: tuple[ToolResult, ...]
    state: Json
    writes: tuple[Write, ...] = field(default=())
