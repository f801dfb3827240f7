"""A task in a row: its carrier in one member, and settings in others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from verifier_service.carrier import CarrierFault, Json, item_of, item_of_row
from verifier_service.conversation import NoCompletion
from verifier_service.wires.types import Query, Sample

_SETTINGS: Final = ("toolset", "profile", "format", "options")
_OFFERED: Final = "tools"
"""What the policy was shown; it serves where nothing else names the tools to judge by."""
_NOT_OURS: Final = frozenset({_OFFERED, "id", "task_id"})
"""No wire needs an id, and a trainer's own may be anything."""


def carrier_in(row: Mapping[str, Json], names: Sequence[str]) -> str | None:
    """The first of some members that holds anything."""
    return next((name for name in names if row.get(name) not in (None, "", {})), None)


def sample_in(
    row: Mapping[str, Json], name: str | None, completion: Json, query: Query, at: str, said: str
) -> Sample:
    """A sample whose carrier is a member of a row.

    What the carrier leaves out is filled in from the row, then the URL, then the tools offered.

    Args:
        name: The member; None looks wherever datasets keep a ground truth.
        completion: Or why there is none.
        at: JSON Pointer to the row.
        said: JSON Pointer to what the completion was read from.
    """
    if isinstance(completion, NoCompletion):
        return Sample(None, completion, at, said)
    try:
        settings = _settings(row, query)
        if name is None:
            ours = {member: value for member, value in row.items() if member not in _NOT_OURS}
            return Sample(completion, item_of_row(ours, settings), at, said)
    except CarrierFault as fault:
        return Sample(completion, fault, at, said)
    try:
        return Sample(completion, item_of(row[name], settings), f"{at}/{name}", said)
    except CarrierFault as fault:
        return Sample(completion, fault, f"{at}/{name}", said)


def _settings(row: Mapping[str, Json], query: Query) -> dict[str, Json]:
    """What stands beside the carrier, decoded where it is JSON."""
    found = {**query.defaults, **{name: row[name] for name in _SETTINGS if row.get(name)}}
    if "toolset" not in found and row.get(_OFFERED):
        found[_OFFERED] = row[_OFFERED]
    read = item_of({**found, "ground_truth": True})
    return {name: read[name] for name in found}
