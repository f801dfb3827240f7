"""What is loaded: the toolsets and profiles that the service describes to its callers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sandbox_tools import Toolset
from verifier_service.wire import ProfileModel, ToolsetDetail


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that requests may name, by name."""

    toolsets: Mapping[str, ToolsetDetail] = field(default_factory=dict)
    profiles: Mapping[str, ProfileModel] = field(default_factory=dict)
    formats: Sequence[str] = ()
    languages: Sequence[str] = ()

    @property
    def toolset_references(self) -> Sequence[str]:
        """Every way to name a toolset: by name, and by name and digest."""
        return [
            reference
            for name, toolset in sorted(self.toolsets.items())
            for reference in (name, f"{name}@{toolset.digest}")
        ]


def toolset_detail(toolset: Toolset) -> ToolsetDetail:
    """A toolset as the service shows it."""
    return ToolsetDetail.model_validate(
        {
            "name": toolset.name,
            "digest": toolset.digest,
            "description": toolset.description,
            "tools": toolset.openai_tools(),
            "read_only": [spec.name for spec in toolset.specs.values() if spec.read_only],
        }
    )
