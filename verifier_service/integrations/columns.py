"""A row of a dataset, as trainers hand it over: what of it says how a completion is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from verifier_service.carrier import NESTED, SETTINGS, TRUTHS, Json
from verifier_service.integrations.connection import NotConfigured, Row

OFFERED: Final = "tool_schemas"
"""Where this project's own datasets keep the tools on offer; they go before a toolset."""
TASKS: Final = (NESTED, *TRUTHS)
"""Columns that can hold a task: one of them has to be there."""
_READ: Final = (*TASKS, *SETTINGS, "task_id", "expected_result", OFFERED)


def row_sample(completion: Any, row: Mapping[str, Any]) -> Row:
    """A completion with the members of its row that are ours.

    Settings in the row hold for what its carrier leaves out. A `toolset` goes before `tools`, which
    may stand there for the prompt alone.
    """
    known: dict[str, Json] = {name: row[name] for name in _READ if row.get(name) is not None}
    if OFFERED in known:
        known.pop("toolset", None)
        known["tools"] = known.pop(OFFERED)
    elif "toolset" in known:
        known.pop("tools", None)
    return Row(completion, known, {name: known[name] for name in SETTINGS if name in known})


def column_samples(completions: Sequence[Any], columns: Mapping[str, Any]) -> list[Row]:
    """One sample a completion, of columns that hold one value for each.

    Raises:
        NotConfigured: No column holds a task: the dataset is not one of ours.
    """
    size = len(completions)
    parallel = {
        name: columns[name]
        for name in _READ
        if isinstance(columns.get(name), list | tuple) and len(columns[name]) == size
    }
    if not parallel.keys() & set(TASKS):
        named = ", ".join(TASKS)
        raise NotConfigured(f"the dataset has no column with a task; give it one of {named}")
    return [
        row_sample(completion, {name: values[place] for name, values in parallel.items()})
        for place, completion in enumerate(completions)
    ]
