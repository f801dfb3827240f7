"""What decides a verdict besides its line: the settings of the service that judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Self

from sandbox_tools.types import Json
from verifier_service.scoring.types import Limits

MOST_NESTING: Final = 512
MOST_DIGITS: Final = 4300
"""What these two limits may be at most: Python reads no deeper and no longer."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which settings completions are judged; two that are equal judge alike."""

    limits: Limits = field(default_factory=Limits)
    item_timeout_s: float = 0.25
    """Processor time for one completion."""
    wire_unscored: tuple[tuple[str, float], ...] = ()
    """By the name of a trainer's wire: what stands for a reward that does not exist."""

    def as_json(self) -> dict[str, Json]:
        """As they stand in a log."""
        return {
            "limits": asdict(self.limits),
            "item_timeout_s": self.item_timeout_s,
            "wire_unscored": dict(self.wire_unscored),
        }

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> Self:
        """What a line of a log says.

        Raises:
            LookupError, TypeError, ValueError: It says nothing that can be.
        """
        # Another version may know more limits, or fewer.
        told = {name: _positive(n) for name, n in line["limits"].items() if name in _LIMITS}
        limits = Limits(**told)
        if limits.nesting > MOST_NESTING or limits.digits > MOST_DIGITS:
            raise ValueError("a limit that no service can have")
        timeout_s = float(line["item_timeout_s"])
        unscored = {str(wire): float(number) for wire, number in line["wire_unscored"].items()}
        if not (timeout_s > 0 and math.isfinite(timeout_s)):
            raise ValueError("a time limit that no service can have")
        return cls(limits, timeout_s, tuple(sorted(unscored.items())))


_LIMITS: Final = frozenset(each.name for each in fields(Limits))


def _positive(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError("a limit that is none")
    return value
