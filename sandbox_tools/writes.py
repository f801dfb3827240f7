"""What changed between two states."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from sandbox_tools.types import ABSENT, Json, Write


def changes(before: Json, after: Json, path: str = "") -> Iterator[Write]:
    """The differences as writes, members by name and items by position."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            member = f"{path}/{_escaped(name)}"
            yield from changes(before.get(name, ABSENT), after.get(name, ABSENT), member)
    elif isinstance(before, list) and isinstance(after, list):
        for index, (old, new) in enumerate(zip_longest(before, after, fillvalue=ABSENT)):
            yield from changes(old, new, f"{path}/{index}")
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Write(path, before, after)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
