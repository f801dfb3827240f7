"""Our own rows, as `verifier score` and `lint` read them, and a user's that resemble them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verifier_service.carrier import NESTED, SETTINGS, Json
from verifier_service.convert.task import PROMPTS, BadRow, Task, consumed, item_of_row, messages


@dataclass(frozen=True, slots=True)
class Canonical:
    """`prompt`, `ground_truth`, and the settings of the item beside them."""

    prompt_field: str | None = None
    """Where the prompt of the rows read stands, when that is under no name we know."""
    shows_tools: bool = False

    def row(self, task: Task) -> dict[str, Json]:
        item = {name: task.item[name] for name in SETTINGS if name in task.item}
        prompt = {} if task.prompt is None else {"prompt": task.prompt}
        return {**item, **prompt, "ground_truth": task.item["ground_truth"], **self._rest(task)}

    def task(self, row: Mapping[str, Json], defaults: Mapping[str, Json]) -> Task:
        item = item_of_row(row, defaults)
        name = self._prompt_field(row)
        if name is not None and not isinstance(row[name], str):
            messages(row[name], f"/{name}")
        used = {name, *consumed(row)}
        others = {key: value for key, value in row.items() if key not in used}
        return Task(None if name is None else row[name], item, others)

    def _prompt_field(self, row: Mapping[str, Json]) -> str | None:
        if self.prompt_field is not None:
            if row.get(self.prompt_field) is None:
                raise BadRow(f"/{self.prompt_field}", "there is no prompt, as --prompt-field says")
            return self.prompt_field
        found = [name for name in PROMPTS if row.get(name) is not None]
        if len(found) > 1 and found[0] != "prompt":
            raise BadRow(f"/{found[1]}", f"{found[0]} may be the prompt too; give --prompt-field")
        return found[0] if found else None

    @staticmethod
    def _rest(task: Task) -> dict[str, Json]:
        taken = {*SETTINGS, "prompt", "ground_truth", NESTED}
        return {name: value for name, value in task.others.items() if name not in taken}
