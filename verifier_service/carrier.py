"""A task in one value: what a trainer passes through, untouched, from its dataset to the reward.

Every trainer has one field for it (`labels`, `label`, `ground_truth`, `reference_answer`, …). The
value there is a *carrier*: an object, or the same as a JSON string, which Arrow and Parquet cannot
bend.

    {"id": "wx-17", "toolset": "finance", "ground_truth": [{"name": "f", "arguments": {"x": 1}}]}

The members are those of an item of `POST /score` besides its completion; `expected_calls` may stand
for `ground_truth`, and `task_id` for `id`. A carrier without `ground_truth` is the ground truth
itself, in any of its forms, its settings beside it. verl's `reward_model` may hold a whole carrier
as its `ground_truth`, which is how `verifier convert` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any

SETTINGS: Final = ("id", "toolset", "tools", "profile", "format", "options")
"""Members that a carrier shares with an item, besides the ground truth."""
TRUTHS: Final = (
    "ground_truth", "expected_calls", "reward_model", "gold_call", "tool_call", "tool_calls",
)  # fmt: skip
"""Where a dataset row, which also holds what is none of ours, keeps its ground truth."""
NESTED: Final = "carrier"
"""The member of a row that may hold the whole carrier."""

_VERL: Final = "reward_model"
_NAMES: Final = ("ground_truth", "expected_calls")
"""What a carrier calls the ground truth."""
_OBJECTS: Final = ("tools", "options")
"""Settings that are no text; in a table they stand as JSON."""


class CarrierFault(Exception):
    """The carrier is no task: `pointer` says where in it, the text what to do."""

    def __init__(self, pointer: str, message: str) -> None:
        self.pointer, self.message = pointer, message
        super().__init__(f"{pointer or 'the carrier'}: {message}")


def item_of(carrier: Json, defaults: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """The item of `POST /score`, without its completion, that a carrier stands for.

    Args:
        defaults: Settings for what the carrier does not say. Tools of its own, by name or inline,
            go before both.

    Raises:
        CarrierFault: There is no ground truth in it, or it looks like JSON and is none.
    """
    decoded = _decoded(carrier, "")
    item = _item_of_object(decoded) if isinstance(decoded, dict) else {"ground_truth": decoded}
    if item.get("ground_truth") in (None, "", {}):
        raise CarrierFault("", "there is no ground truth; give the expected calls, or a text")
    return _with_defaults(item, defaults or {})


def item_of_row(
    row: Mapping[str, Json], defaults: Mapping[str, Json] | None = None
) -> dict[str, Json]:
    """The same of a dataset row, whose other members are left alone.

    Raises:
        CarrierFault: As `item_of`.
    """
    if row.get(NESTED) is not None:
        try:
            return item_of(row[NESTED], defaults)
        except CarrierFault as fault:
            raise CarrierFault(f"/{NESTED}{fault.pointer}", fault.message) from None
    known = (*SETTINGS, "task_id", *TRUTHS)
    members = {name: row[name] for name in known if row.get(name) is not None}
    if not members.keys() & set(TRUTHS):
        raise CarrierFault("", f"there is no ground truth; give one of {_listed(TRUTHS)}")
    if "expected_result" in row and members.keys() & {"ground_truth", "gold_call"}:
        members["expected_result"] = row["expected_result"]
    return item_of(members, defaults)


def encoded(item: Mapping[str, Json]) -> str:
    """The carrier of an item, as the JSON string that a dataset column should hold."""
    members = {
        name: item[name] for name in (*SETTINGS, "ground_truth") if item.get(name) is not None
    }
    return json.dumps(members, ensure_ascii=False)


def _item_of_object(carrier: Mapping[str, Json]) -> dict[str, Json]:
    """What is no setting is the ground truth: under its name, or as it stands."""
    given = {name: value for name, value in carrier.items() if value is not None}
    item: dict[str, Json] = {name: given.pop(name) for name in SETTINGS if name in given}
    task_id = given.pop("task_id", None)
    if task_id is not None:
        item.setdefault("id", task_id)
    for name in _OBJECTS:
        if name in item:
            item[name] = _decoded(item[name], f"/{name}")
    inner = None if given.keys() & set(_NAMES) else _carrier_of_verl(given.get(_VERL))
    if inner is None:
        return {**item, "ground_truth": _ground_truth(given)}
    try:
        return _with_defaults(_item_of_object(inner), item)
    except CarrierFault as fault:
        raise CarrierFault(f"/{_VERL}/ground_truth{fault.pointer}", fault.message) from None


def _carrier_of_verl(reward_model: Json) -> dict[str, Json] | None:
    """The carrier that stands in the place of verl's ground truth, if one does."""
    model = _decoded(reward_model, f"/{_VERL}")
    if not isinstance(model, dict):
        return None
    inner = _decoded(model.get("ground_truth"), f"/{_VERL}/ground_truth")
    return inner if isinstance(inner, dict) and inner.keys() & set(_NAMES) else None


def _ground_truth(rest: dict[str, Json]) -> Json:
    named = [name for name in _NAMES if name in rest]
    if not named:
        return rest
    truth = rest.pop(named[0])
    if named[0] == "ground_truth" and "expected_result" in rest:
        truth = {"ground_truth": truth, "expected_result": rest.pop("expected_result")}
    if rest:
        unknown = next(iter(rest))
        known = _listed((*SETTINGS, "ground_truth"))
        raise CarrierFault(f"/{unknown}", f"unknown beside {named[0]}; known are {known}")
    return truth


def _with_defaults(item: dict[str, Json], defaults: Mapping[str, Json]) -> dict[str, Json]:
    own_tools = "tools" in item or "toolset" in item
    for name, value in defaults.items():
        if value is not None and not (own_tools and name in {"tools", "toolset"}):
            item.setdefault(name, _decoded(value, f"/{name}") if name in _OBJECTS else value)
    return item


def _decoded(value: Json, pointer: str) -> Json:
    """The value of a JSON text, encoded once or twice; text that means to be no JSON is itself."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[", '"')):
        return value
    try:
        decoded = json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        if _like_json(value):
            raise CarrierFault(pointer, f"it begins like JSON and is none ({error})") from None
        return value
    return (
        decoded if not isinstance(decoded, str) or decoded == value else _decoded(decoded, pointer)
    )


def _like_json(text: str) -> bool:
    """Whether a text means to be an object or a list: prose may begin with `[1]` or a quotation."""
    begin = "".join(text[:100].split())
    return begin.startswith(("{", "[{", "[[", '["', "[]"))


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
