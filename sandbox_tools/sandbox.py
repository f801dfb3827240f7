"""`Sandbox`: one episode's state, and what its calls did to it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sandbox_tools.errors import SandboxError, ToolError
from sandbox_tools.json_values import canonical, plain, sealed
from sandbox_tools.types import Episode, Json, ToolResult, ToolSpec, Write
from sandbox_tools.world import World
from sandbox_tools.writes import changes

_UNWORDED: Final = "The tool refused the call."


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool and the mock that answers its calls."""

    spec: ToolSpec
    call: Callable[[dict[str, Json], World], Json]
    """Arguments and world to result. Refuses by raising `ToolError`."""
    uses_state: bool
    """Whether it looks at `world.state`; if not, a call costs no copy of it."""


class Sandbox:
    """One episode: the calls of one completion, in order, on their own copy of the state.

    Not covered: hostile code. Tools are ours; the policy supplies only arguments.
    """

    __slots__ = ("_attempts", "_now", "_state", "_tools", "_writes")

    def __init__(self, tools: Mapping[str, Tool], state: Json, now: datetime) -> None:
        self._tools = tools
        self._state = state
        self._now = now
        self._attempts: dict[str, int] = {}
        self._writes: list[Write] = []

    def run(self, name: str, arguments: Mapping[str, Json]) -> ToolResult:
        """Run one call, whose arguments are valid under the tool's schema.

        Nothing is shared: later changes to the arguments or to the result reach no state. A call
        that is refused or that breaks leaves the state as it was.

        Raises:
            SandboxError: No such tool; or it raised anything but `ToolError`, returned what is
                not JSON, or is `read_only` and tried to write.
        """
        tool = self._tools.get(name)
        if tool is None:
            raise SandboxError("no tool of this name is in the toolset")
        self._attempts[name] = self._attempts.get(name, 0) + 1
        try:
            return ToolResult(value=self._called(tool, canonical(arguments)))
        except ToolError as refusal:
            return ToolResult(error=str(refusal) or _UNWORDED)
        except SandboxError as fault:
            raise SandboxError(f"{name}: {fault}") from fault
        except (Exception, SystemExit, GeneratorExit) as bug:
            raise SandboxError(f"{name}: {type(bug).__name__}: {bug!s:.200}") from bug

    @property
    def state(self) -> Json:
        """The state as it is now: JSON that refuses to change."""
        return self._state

    @property
    def writes(self) -> tuple[Write, ...]:
        """Every change so far, call by call: what was done and then undone shows twice."""
        return tuple(self._writes)

    def episode(self, results: Iterable[ToolResult]) -> Episode:
        """What is left behind, together with the results that the caller kept."""
        return Episode(tuple(results), self._state, self.writes)

    def _called(self, tool: Tool, arguments: dict[str, Json]) -> Json:
        may_write = tool.uses_state and not tool.spec.read_only
        state = plain(self._state) if may_write else self._state
        world = World(state, self._now, self._attempts[tool.spec.name])
        # What a tool prints must not come among the verdicts.
        with redirect_stdout(sys.stderr):
            value = plain(tool.call(arguments, world))
        if may_write:
            self._keep(sealed(plain(state)))
        return value

    def _keep(self, state: Json) -> None:
        if writes := list(changes(self._state, state)):
            self._writes += writes
            self._state = state
