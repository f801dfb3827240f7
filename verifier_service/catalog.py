"""What is loaded: the toolsets and profiles that the service describes to its callers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sandbox_tools import Toolset
from verifier_service.wire import ProfileModel, ToolsetDetail


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that requests may name, by name."""

    toolsets: Mapping[str, ToolsetDetail] = field(default_factory=dict)
    profiles: Mapping[str, ProfileModel] = field(default_factory=dict)


def describe(toolsets: Iterable[Toolset], profiles: Iterable[ProfileModel]) -> Catalog:
    """The catalog of what was loaded."""
    return Catalog(
        {toolset.name: _detail(toolset) for toolset in toolsets},
        {profile.name: profile for profile in profiles},
    )


def _detail(toolset: Toolset) -> ToolsetDetail:
    return ToolsetDetail.model_validate(
        {
            "name": toolset.name,
            "digest": toolset.digest,
            "description": toolset.description,
            "tools": toolset.openai_tools(),
            "read_only": [spec.name for spec in toolset.specs.values() if spec.read_only],
        }
    )
