"""What the policy was offered: tools, their compiled schemas and, maybe, a sandbox to run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sandbox_tools import Toolset
from sandbox_tools.types import Json
from verifier_service.scoring.tools import read_tools
from verifier_service.scoring.types import Tools
from verifier_service.scoring.validate import ArgumentsSchema, compile_schema
from verifier_service.scoring.values import spelling


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools of a task, ready to judge calls against. Costly to make, so made once."""

    tools: Tools
    schemas: Mapping[str, ArgumentsSchema]
    toolset: Toolset | None
    """None for inline schemas: nothing is executed then."""
    content_bytes: int = 0
    """How long inline tools are as JSON; 0 for those of a loaded toolset."""


def offer_toolset(toolset: Toolset) -> Offer:
    """Everything in a loaded toolset."""
    return _offer(toolset.specs, toolset)


def offer_inline(definitions: Sequence[Json]) -> Offer:
    """Inline schemas, in OpenAI, MCP, Anthropic or bare spelling.

    Raises:
        BadTask: A definition or its schema is wrong; names it.
    """
    offer = _offer(read_tools(list(definitions)), None)
    return replace(offer, content_bytes=len(spelling(list(definitions))))


def _offer(tools: Tools, toolset: Toolset | None) -> Offer:
    return Offer(tools, {name: compile_schema(spec) for name, spec in tools.items()}, toolset)
