"""`Toolset`: tools, the state they start from and the clock they see."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sandbox_tools.errors import SandboxError
from sandbox_tools.json_values import canonical_text, plain, sealed
from sandbox_tools.sandbox import Sandbox, Tool
from sandbox_tools.types import Json, ToolSpec

DEFAULT_CLOCK: Final = "2025-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, eq=False)
class Toolset:
    """A named set of tools; each `sandbox()` is a fresh episode of it."""

    name: str
    description: str
    digest: str
    """`sha256:` and 64 hex digits over all that can change a verdict."""
    specs: Mapping[str, ToolSpec]
    """By name, in the order of declaration."""
    tools: Mapping[str, Tool] = field(repr=False)
    state: Json = field(repr=False)
    """What every episode starts from; it refuses to change."""
    now: datetime
    """The frozen clock."""

    def sandbox(self) -> Sandbox:
        return Sandbox(self.tools, self.state, self.now)

    def openai_tools(self) -> list[Json]:
        """The tools as a model is shown them, in the shape of OpenAI's `tools`."""
        return [{"type": "function", "function": _shown(spec)} for spec in self.specs.values()]


def assemble(
    *,
    name: str,
    description: str,
    tools: Sequence[Tool],
    state: Json,
    now: datetime,
    behavior: Json,
) -> Toolset:
    """Join the parts of a toolset and compute its digest.

    Args:
        behavior: JSON that decides what the tools do: source text or tables.
    """
    by_name = MappingProxyType({tool.spec.name: tool for tool in tools})
    specs = MappingProxyType({tool.spec.name: tool.spec for tool in tools})
    parts = {
        "tools": [[_shown(spec), spec.read_only] for spec in specs.values()],
        "state": state,
        "now": now.isoformat(),
        "behavior": behavior,
    }
    digest = "sha256:" + hashlib.sha256(canonical_text(parts).encode()).hexdigest()
    return Toolset(name, description, digest, specs, by_name, sealed(plain(state)), now)


def clock_time(value: object) -> datetime:
    """An aware datetime from itself or from ISO 8601 text.

    Raises:
        ValueError: It is neither, or has no time zone.
    """
    now = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(now, datetime) or now.tzinfo is None:
        raise ValueError("a clock needs a date, a time and a time zone")
    return now


def valid_name(value: object) -> str:
    """The name of a toolset or a tool. Source: Model Context Protocol, tool names.

    Raises:
        ValueError: It is no string of 1 to 128 letters, digits, `_`, `-` and `.`.
    """
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", value):
        raise ValueError("a name has 1 to 128 letters, digits, dots, hyphens or underscores")
    return value


def state_object(value: object) -> Json:
    """A checked copy of an initial state.

    Raises:
        ValueError: It is not a JSON object.
    """
    if not isinstance(value, dict):
        raise ValueError("the state is not an object")
    try:
        return plain(value)
    except SandboxError as fault:
        raise ValueError(str(fault)) from None


def _shown(spec: ToolSpec) -> Json:
    return {
        "name": spec.name,
        "description": spec.description,
        "parameters": plain(spec.parameters),
    }
