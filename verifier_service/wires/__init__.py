"""Other trainers' wire formats, one module each: thin translations to the native contract.

A trainer that calls a URL of its user's choice needs no code at all: it is given one of these
paths. Source of the formats: the trainers' own code, at the versions that `docs/trainers/` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from verifier_service.wires import eval_protocol, gemini, nemo_gym, openrlhf, sagemaker, slime
from verifier_service.wires.types import (
    BadQuery,
    Errand,
    Query,
    Result,
    Sample,
    Spoiled,
    Wire,
    read_query,
)

WIRES: Final[Mapping[str, Wire]] = MappingProxyType(
    {
        module.WIRE.name: module.WIRE
        for module in (openrlhf, slime, eval_protocol, gemini, sagemaker, nemo_gym)
    }
)
"""By name."""

ERRANDS: Final[Mapping[str, Errand]] = MappingProxyType(
    {errand.name: errand for errand in nemo_gym.ERRANDS}
)
"""By name."""

ASKED: Final[tuple[Wire | Errand, ...]] = (*WIRES.values(), *ERRANDS.values())
"""Everything that a trainer may ask in its own words."""

__all__ = [
    "ASKED",
    "ERRANDS",
    "WIRES",
    "BadQuery",
    "Errand",
    "Query",
    "Result",
    "Sample",
    "Spoiled",
    "Wire",
    "read_query",
]
