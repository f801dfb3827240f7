"""Google-style docstrings: what a tool does and what its parameters mean."""

from __future__ import annotations

import inspect
import re
import textwrap
from dataclasses import dataclass
from typing import Final

_HEADING: Final = re.compile(
    r"(Args|Arguments|Parameters|Returns?|Yields?|Raises|Examples?|Notes?|Source):\s*"
)
_ENTRY: Final = re.compile(r"(\w+)\s*(?:\([^)]*\))?:\s*(.*)")


@dataclass(frozen=True, slots=True)
class Docstring:
    """The two parts of a docstring that a model is shown."""

    description: str
    """All text before the first section."""
    parameters: dict[str, str]
    """By name, each on one line."""


def parse(text: str) -> Docstring:
    """Read a docstring; sections other than `Args:` are for people."""
    sections: dict[str, list[str]] = {"": []}
    lines = sections[""]
    for line in inspect.cleandoc(text).splitlines():
        if heading := _HEADING.fullmatch(line):
            lines = sections.setdefault(heading[1], [])
        else:
            lines.append(line)
    entries = [*sections.get("Args", ()), *sections.get("Arguments", ())]
    entries += sections.get("Parameters", ())
    return Docstring("\n".join(sections[""]).strip(), _described(entries))


def _described(entries: list[str]) -> dict[str, str]:
    words: dict[str, list[str]] = {}
    current: list[str] = []
    for line in textwrap.dedent("\n".join(entries)).splitlines():
        if entry := _ENTRY.fullmatch(line):
            current = words.setdefault(entry[1], [])
            line = entry[2]  # noqa: PLW2901 what follows the name
        current.append(line.strip())
    return {name: " ".join(filter(None, lines)) for name, lines in words.items()}
