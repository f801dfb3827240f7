"""What a tool may know of its episode beyond its arguments."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox_tools.json_values import canonical_text
from sandbox_tools.types import Json


@dataclass(frozen=True, slots=True)
class World:
    """One episode as a tool sees it: a parameter annotated `World` receives it."""

    state: dict[str, Any]
    """This episode's own state. A tool that is `read_only` gets one that refuses to change."""
    now: datetime
    """The toolset's frozen clock, with its time zone."""
    attempt: int
    """Which call of this tool it is in this episode, from 1: to fail on purpose, then succeed."""

    def random(self, *seed: Json) -> random.Random:
        """A generator that the seed alone determines: the same in every episode and process."""
        return random.Random(canonical_text(seed))  # noqa: S311 made-up data, not a secret
