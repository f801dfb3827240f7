"""`@tool`: marks the functions of a toolset module that are its tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])

_MARK: Final = "__sandbox_tool_read_only__"


@overload
def tool(function: F) -> F: ...
@overload
def tool(*, read_only: bool = False) -> Callable[[F], F]: ...
def tool(function: F | None = None, *, read_only: bool = False) -> F | Callable[[F], F]:
    """Make a function of a toolset module a tool; the function itself stays as it is.

    Args:
        function: Typed and with a docstring; a parameter annotated `World` is not shown to the
            model and receives the episode.
        read_only: MCP `readOnlyHint`: calling it has no side effect.
    """

    def mark(marked: F) -> F:
        vars(marked)[_MARK] = read_only
        return marked

    return mark if function is None else mark(function)


def is_tool(value: object) -> bool:
    """Whether `@tool` stands over this."""
    return callable(value) and _MARK in getattr(value, "__dict__", ())


def is_read_only(function: Callable[..., Any]) -> bool:
    """What its mark says of a function for which `is_tool` holds."""
    return bool(vars(function)[_MARK])
