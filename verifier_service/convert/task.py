"""What every dataset row says, whatever its trainer calls it: a prompt, and what would be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from verifier_service.carrier import NESTED, SETTINGS, TRUTHS, CarrierFault, Json, item_of
from verifier_service.carrier import item_of_row as _item_of_row

PROMPTS: Final = ("prompt", "messages", "question", "query", "input", "instruction")
"""Where the prompt of a row may stand; `prompt` goes before the others."""


class BadRow(Exception):
    """A row cannot be read or written: `field` is a JSON Pointer, the text says what to do."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(f"{field}: {message}")


@dataclass(frozen=True, slots=True)
class Task:
    """One task, in no trainer's terms."""

    prompt: Json
    """Text or messages; None where the row has none."""
    item: Mapping[str, Json]
    """The members of an item of `POST /score` besides its completion."""
    others: Mapping[str, Json] = field(default_factory=dict)
    """Members of the row that mean nothing to us; they go along where there is room."""
    shown: Sequence[Json] = ()
    """Tools for trainers that show them to the policy, in OpenAI's form."""


class Shape(Protocol):
    """The rows of one trainer."""

    @property
    def shows_tools(self) -> bool:
        """Whether a row has a place for the tools that the policy is shown."""

    def row(self, task: Task) -> dict[str, Json]:
        """The task as a row.

        Raises:
            BadRow: The row has no place for something in the task.
        """

    def task(self, row: Mapping[str, Json], defaults: Mapping[str, Json]) -> Task:
        """The task of a row; `defaults` are settings for what it does not say.

        Raises:
            BadRow: It is no row of this trainer, or has no ground truth.
        """


def item_of_row(row: Mapping[str, Json], defaults: Mapping[str, Json]) -> dict[str, Json]:
    """The item of a row that has its carrier, or its ground truth, under one of our names."""
    if row.get(NESTED) is not None:
        return item_at(row, (NESTED,), defaults)
    truths = [name for name in TRUTHS if row.get(name) is not None]
    # A row of `trainer data` has the canonical form beside another trainer's.
    ours = truths[1:] if truths[:1] == ["ground_truth"] else ()
    alone = {name: value for name, value in row.items() if name not in ours}
    try:
        return _item_of_row(alone, defaults)
    except CarrierFault as fault:
        raise BadRow(fault.pointer, fault.message) from None


def item_at(
    row: Mapping[str, Json], place: Sequence[str], defaults: Mapping[str, Json]
) -> dict[str, Json]:
    """The item whose carrier stands at a place in the row; the row's own settings come second."""
    carrier: Json = row
    for name in place:
        carrier = carrier.get(name) if isinstance(carrier, Mapping) else None
    pointer = "/" + "/".join(place)
    if carrier is None:
        raise BadRow(pointer, "there is no ground truth")
    try:
        return item_of(carrier, _settings(row, defaults))
    except CarrierFault as fault:
        raise BadRow(pointer + fault.pointer, fault.message) from None


def consumed(row: Mapping[str, Json]) -> set[str]:
    """The members that `item_of_row` reads."""
    if row.get(NESTED) is not None:
        return {NESTED, *SETTINGS}
    first = next((name for name in TRUTHS if row.get(name) is not None), "")
    with_result = first in {"ground_truth", "gold_call"}
    return {first, "task_id", *SETTINGS, *(("expected_result",) if with_result else ())}


def _settings(row: Mapping[str, Json], defaults: Mapping[str, Json]) -> dict[str, Json]:
    """What stands beside a carrier: as in one, so columns may hold JSON."""
    own = {name: row[name] for name in SETTINGS if row.get(name) is not None}
    item = item_of({**own, "ground_truth": "any"}, defaults)
    return {name: value for name, value in item.items() if name in SETTINGS}


def messages(prompt: Json, field: str = "/prompt") -> list[Json]:
    """A prompt as messages: a text is what the user says.

    Raises:
        BadRow: It is neither.
    """
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    if not isinstance(prompt, list) or not prompt:
        raise BadRow(field, "must be a text, or messages with role and content")
    for index, message in enumerate(prompt):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRow(f"{field}/{index}", "must be a message with role and content")
    return prompt
