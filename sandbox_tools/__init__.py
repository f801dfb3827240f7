"""The mocked world that a policy acts on: toolsets, their tools and the episodes run on them."""

from sandbox_tools.decorator import tool
from sandbox_tools.errors import SandboxError, ToolError, ToolsetError
from sandbox_tools.loading import load, load_directory, shipped
from sandbox_tools.sandbox import Sandbox
from sandbox_tools.toolset import Toolset
from sandbox_tools.types import ABSENT, Absent, Episode, Json, ToolResult, ToolSpec, Write
from sandbox_tools.world import World

__all__ = [
    "ABSENT",
    "Absent",
    "Episode",
    "Json",
    "Sandbox",
    "SandboxError",
    "ToolError",
    "ToolResult",
    "ToolSpec",
    "Toolset",
    "ToolsetError",
    "World",
    "Write",
    "load",
    "load_directory",
    "shipped",
    "tool",
]
