"""What `verifier replay` found, as tables and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from verifier_service.cli.console import column, digest_shown, literal
from verifier_service.score_log.comparison import Change, Comparison

if TYPE_CHECKING:
    from sandbox_tools.types import Json

LISTED: Final = 20
"""Rows of a table; the rarest beyond are only counted."""
_WITHHELD: Final = {
    "masked": "masked: what was masked cannot be scored again",
    "no_completion": "without completion: the service kept none",
}


def tables(found: Comparison) -> Group:
    """What a person wants to know of a replay, the most important first."""
    return Group(
        _headline(found),
        *(Text(line) for line in _remarks(found)),
        *(table for table in _tables(found) if table.row_count),
    )


def as_object(found: Comparison) -> dict[str, Json]:
    """The same for programs."""
    return {
        "compared": found.compared,
        "equal": found.equal,
        "equal_for_other_reasons": found.other_reasons,
        "changed": found.changed,
        "unscored_then": found.unscored_then,
        "unscored_now": found.unscored_now,
        "skipped": dict(found.withheld),
        "bad_lines": found.unreadable,
        "transitions": [
            {"from": then, "to": now, "completions": n}
            for (then, now), n in found.transitions.most_common()
        ],
        "why": [
            {"gone": [*why.gone], "come": [*why.come], "logged": why.logged, "completions": n}
            for why, n in found.whys.most_common()
        ],
        "largest": [
            {
                "decision": change.decision.name,
                "run": change.decision.run,
                "step": change.decision.step,
                "id": change.decision.id,
                "from": change.then["reward"],
                "to": change.now["reward"],
                "why": str(change.why),
            }
            for change in found.largest
        ],
        "digests": [
            {"kind": kind, "name": name, "logged": then, "loaded": now, "completions": n}
            for (kind, name, then, now), n in found.digests.most_common()
        ],
        "wires": [
            {"wire": wire, "answer": how, "completions": n}
            for (wire, how), n in found.wires.most_common()
        ],
    }


def _headline(found: Comparison) -> Text:
    same = f"{found.equal:,} of {found.compared:,} rewards are the same"
    return Text(f"{same}, {found.changed:,} changed", "bold")


def _remarks(found: Comparison) -> Iterator[str]:
    if found.other_reasons:
        yield f"{found.other_reasons:,} of the same have other failures"
    if found.unscored_then:
        yield f"{found.unscored_then:,} had no reward then (timeouts and faults of the service)"
    if found.unscored_now:
        yield f"{found.unscored_now:,} have no reward here (timeouts and faults of this process)"
    for why, n in found.withheld.most_common():
        yield f"{n:,} skipped, {_WITHHELD[why]}"


def _tables(found: Comparison) -> Iterator[Table]:
    yield _counted(("tier then → now",), [((_arrow(k),), n) for k, n in _most(found.transitions)])
    yield _counted(("why",), [((str(why),), n) for why, n in _most(found.whys)])
    yield _largest(found.largest)
    yield _counted(
        ("other than then", "name", "digest then", "digest now"),
        [((kind, name, _digest(then), _digest(now)), n)
         for (kind, name, then, now), n in _most(found.digests)],
    )  # fmt: skip
    yield _counted(
        ("trainer's wire", "answer"),
        [((wire, how.replace("_", " ")), n) for (wire, how), n in _most(found.wires)],
    )


def _most(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return counts.most_common()


def _arrow(transition: tuple[str, str]) -> str:
    return " → ".join(transition)


def _digest(digest: str | None) -> str:
    return "not there" if digest is None else digest_shown(digest)


def _counted(names: tuple[str, ...], rows: list[tuple[tuple[str, ...], int]]) -> Table:
    table = Table(*map(column, names))
    table.add_column("completions", justify="right")
    for cells, n in rows[:LISTED]:
        table.add_row(*map(literal, cells), f"{n:,}")
    if len(rows) > LISTED:
        table.add_row(f"… {len(rows) - LISTED} more", *[""] * len(names))
    return table


def _largest(changes: list[Change]) -> Table:
    table = Table(*map(column, ("largest changes", "run", "step")))
    for name in ("then", "now"):
        table.add_column(name, justify="right")
    table.add_column("why", overflow="fold")
    for change in changes:
        decision = change.decision
        cells: list[RenderableType] = [
            literal("" if value is None else str(value))
            for value in (decision.name, decision.run, decision.step)
        ]
        rewards = ("null" if r is None else f"{r:g}" for r in _rewards(change))
        table.add_row(*cells, *rewards, literal(str(change.why)))
    return table


def _rewards(change: Change) -> tuple[Json, Json]:
    return change.then["reward"], change.now["reward"]
