"""A verdict as numbers, for consumers that take nothing else.

The names are the same for every verdict, and public: trainers log by them, and some weight them by
their order in the alphabet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

COMPONENTS: Final = ("parse", "name", "schema", "arguments", "execution", "text")
MEASURES: Final = ("tier", *COMPONENTS, "unscored")
OTHER: Final = "other"
"""The share of a reward that no component explains: what a profile gives to tier `none`."""
TIERS: Final[Mapping[str | None, int]] = {None: 0, "none": 0, "partial": 1, "full": 2}


def measures(
    tier: str | None, components: Mapping[str, float | None], *, scored: bool
) -> dict[str, float]:
    """`tier` as 0, 1 or 2, each component in 0..1, and `unscored` as 0 or 1.

    A component that does not apply is 0, as one that failed is: nothing is claimed for the policy.
    """
    values = {name: float(components.get(name) or 0.0) for name in COMPONENTS}
    return {"tier": float(TIERS.get(tier, 0)), **values, "unscored": 0.0 if scored else 1.0}


def shares(reward: float, components: Mapping[str, float | None]) -> dict[str, float]:
    """The reward, divided among its components in proportion to their values: they add up to it.

    Source of the rule: NeMo RL requires that the components of a reward add up to it.
    """
    values = {name: float(components.get(name) or 0.0) for name in COMPONENTS}
    whole = math.fsum(values.values())
    if not whole:
        return {**values, OTHER: reward}
    return {**{name: reward * value / whole for name, value in values.items()}, OTHER: 0.0}
