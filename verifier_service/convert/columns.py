"""Rows that are columns: the prompt in one, the whole task in another, which passes through."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from verifier_service.carrier import SETTINGS, Json, encoded
from verifier_service.convert.task import BadRow, Task, item_at, messages


def _as_text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Columns:
    """A prompt column and a carrier, which is a JSON string: Arrow bends objects, not texts."""

    prompt: str
    carrier: tuple[str, ...]
    """The column, and the members in it where it is an object."""
    written: Callable[[Json], Json] = messages
    """The prompt as this trainer takes it."""
    constants: Mapping[str, Json] = field(default_factory=dict)
    """Columns without which the trainer does not run; a row's own go before them."""
    beside: Mapping[str, Json] = field(default_factory=dict)
    """What the object of the carrier's column holds besides."""
    tools: str | None = None
    """Column of the tools that the policy is shown."""
    tools_written: Callable[[Sequence[Json]], Json] = _as_text
    """The tools as this trainer takes them: most take a JSON string."""
    names_id: bool = False
    """Whether the task's id is a column, too."""

    @property
    def shows_tools(self) -> bool:
        return self.tools is not None

    def row(self, task: Task) -> dict[str, Json]:
        given = {**self.constants, **task.others}
        row = {self.prompt: self.written(task.prompt), **self._carrier(task)}
        if self.names_id and "id" in task.item:
            row = {"id": task.item["id"], **row}
        if self.tools is not None and task.shown:
            row[self.tools] = self.tools_written(task.shown)
        return {**row, **{name: value for name, value in given.items() if name not in row}}

    def task(self, row: Mapping[str, Json], defaults: Mapping[str, Json]) -> Task:
        item = item_at(row, self.carrier, defaults)
        prompt = _as_read(row.get(self.prompt))
        if prompt is None:
            raise BadRow(f"/{self.prompt}", "there is no prompt")
        if not isinstance(prompt, str):
            messages(prompt, f"/{self.prompt}")
        return Task(prompt, item, self._others(row))

    def _carrier(self, task: Task) -> dict[str, Json]:
        value: Json = encoded(task.item)
        for name in reversed(self.carrier[1:]):
            value = {**self.beside, name: value}
        return {self.carrier[0]: value}

    def _others(self, row: Mapping[str, Json]) -> dict[str, Json]:
        used = {self.prompt, self.carrier[0], *SETTINGS}
        constant = {name for name, value in self.constants.items() if row.get(name) == value}
        return {name: value for name, value in row.items() if name not in used | constant}


@dataclass(frozen=True, slots=True)
class OneText(Columns):
    """A trainer whose prompt is what the user says, and nothing besides.

    A system message goes in front of it; the messages stay in a column of their own.
    """

    MESSAGES: Final = "messages"

    def row(self, task: Task) -> dict[str, Json]:
        row = Columns.row(self, task)
        return row if isinstance(task.prompt, str) else {**row, self.MESSAGES: task.prompt}

    def task(self, row: Mapping[str, Json], defaults: Mapping[str, Json]) -> Task:
        task = Columns.task(self, row, defaults)
        known = row.get(self.MESSAGES)
        if not _says(known, task.prompt):
            return task
        others = {name: value for name, value in task.others.items() if name != self.MESSAGES}
        return Task(known, task.item, others)


def as_it_is(prompt: Json) -> Json:
    """Text or messages: the trainer takes both."""
    return prompt if isinstance(prompt, str) else messages(prompt)


def as_json(prompt: Json) -> Json:
    """Messages as a JSON string."""
    return _as_text(messages(prompt))


def joined(prompt: Json) -> Json:
    """A system message, if there is one, and the user's, as one text."""
    said = messages(prompt)
    roles = [message["role"] for message in said]
    texts = [message.get("content") for message in said]
    if roles[-1:] != ["user"] or roles[:-1] not in ([], ["system"]):
        raise BadRow("/prompt", "one message of the user, after one of the system, is all it takes")
    if not all(isinstance(text, str) for text in texts):
        raise BadRow("/prompt", "the contents of its messages must be texts")
    return "\n\n".join(texts)


def _says(said: Json, text: Json) -> bool:
    """Whether messages, joined, are the text."""
    try:
        return bool(joined(said) == text)
    except BadRow:
        return False


def _as_read(prompt: Json) -> Json:
    """Messages where a text is their JSON."""
    if not isinstance(prompt, str) or not prompt.startswith('[{"role"'):
        return prompt
    try:
        return json.loads(prompt)
    except (ValueError, RecursionError):
        return prompt
