"""What a score log is to be: where, how large, and what must never stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sandbox_tools.types import Json

MIB: Final = 2**20
NAMES: Final = "score-*.jsonl"
"""The files of a log; one that is being written has `OPEN` behind its name."""
OPEN: Final = ".open"


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings of a score log, as they go to its writer."""

    folder: str
    max_bytes: int = 1024 * MIB
    """Of all files together; beyond, the oldest go."""
    rotate_bytes: int = 64 * MIB
    """A file is closed before it grows beyond this, or after `rotate_s` seconds."""
    rotate_s: float = 3600.0
    completions: bool = True
    """Whether what the policy wrote is kept, and what quotes it."""
    mask_names: tuple[str, ...] = ()
    """Names of members whose values are masked."""
    mask_pointers: tuple[str, ...] = ()
    """JSON Pointers into a line; `*` stands for every member or element."""
    mask_patterns: tuple[str, ...] = ()
    """Regular expressions of texts that are masked as a whole."""
    memory_bytes: int = 1024 * MIB
    """Of the writer: a body unpacks to many times its bytes."""
    conditions: Mapping[str, Json] = field(default_factory=dict)
    """Under which settings the service judges, as each file says in its first line."""
