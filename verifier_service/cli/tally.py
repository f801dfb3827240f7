"""What `--summary` counts, in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from verifier_service.cli.console import column, harmless

if TYPE_CHECKING:
    from sandbox_tools.types import Json

LISTED: Final = 20
"""Rows of a table; the rarest beyond are only counted."""


@dataclass(slots=True)
class Tally:
    """Verdicts by tier, behaviour and failure code, and their mean reward."""

    tiers: Counter[str] = field(default_factory=Counter)
    """By tier, or by outcome where there is no reward."""
    behaviors: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By what was expected and what was observed."""
    codes: Counter[str] = field(default_factory=Counter)
    """Completions that have the failure, however often."""
    scored: int = 0
    total: float = 0.0

    def add(self, verdict: Mapping[str, Json]) -> None:
        reward = verdict["reward"]
        if reward is None:
            self.tiers[verdict["outcome"]] += 1
        else:
            self.tiers[verdict["tier"]] += 1
            self.scored += 1
            self.total += reward
            behavior = verdict["behavior"]
            self.behaviors[behavior["expected"], behavior["observed"]] += 1
        self.codes.update({failure["code"] for failure in verdict["failures"]})

    @property
    def completions(self) -> int:
        return self.tiers.total()

    @property
    def unscored(self) -> int:
        return self.completions - self.scored

    @property
    def mean(self) -> float | None:
        """Over what was scored."""
        return self.total / self.scored if self.scored else None


def summary(tally: Tally) -> Group:
    """The tables of a tally."""
    mean = "none" if tally.mean is None else f"{tally.mean:.4f}"
    title = Text(f"{tally.completions:,} completions, mean reward {mean}", "bold")
    behaviors = {
        f"{expected} → {observed}": n for (expected, observed), n in tally.behaviors.items()
    }
    tables = [
        _counts("tier", tally.tiers, tally.completions),
        _counts("behaviour: expected → observed", behaviors, tally.scored),
        _counts("failure code", tally.codes, tally.completions),
    ]
    return Group(title, *(table for table in tables if table.row_count))


def _counts(name: str, counts: Mapping[str, int], whole: int) -> Table:
    table = Table(column(name))
    table.add_column("completions", justify="right")
    table.add_column("share", justify="right")
    rows = list(_most_first(counts))
    for label, count in rows[:LISTED]:
        table.add_row(harmless(str(label)), f"{count:,}", f"{100 * count / whole:.1f} %")
    if len(rows) > LISTED:
        table.add_row(f"… {len(rows) - LISTED} more", "", "")
    return table


def _most_first(counts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    yield from sorted(counts.items(), key=lambda entry: (-entry[1], str(entry[0])))
