"""Verdicts then and now: how many rewards changed, why, and which the most. Constant memory."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from sandbox_tools.types import Json
from verifier_service.score_log.reading import Decision, WireCall

LARGEST: Final = 10
"""Changes that are told one by one."""


@dataclass(frozen=True, slots=True)
class Change:
    """A reward that is another now."""

    decision: Decision
    now: Mapping[str, Any]

    @property
    def then(self) -> Mapping[str, Any]:
        return self.decision.verdict

    @property
    def size(self) -> float:
        """How far the reward moved; one that appeared or went moved furthest."""
        if self.then["reward"] is None or self.now["reward"] is None:
            return float("inf")
        return float(abs(self.now["reward"] - self.then["reward"]))

    @property
    def why(self) -> Why:
        """The failures that one verdict has and the other has not."""
        if self.then["failures"] is None:
            return Why(logged=False)
        then, now = _codes(self.then), _codes(self.now)
        return Why(tuple(sorted(then - now)), tuple(sorted(now - then)))


@dataclass(frozen=True, slots=True)
class Why:
    """Failure codes that tell two verdicts apart."""

    gone: tuple[str, ...] = ()
    come: tuple[str, ...] = ()
    logged: bool = True
    """False where the request asked for rewards alone."""

    def __str__(self) -> str:
        if not self.logged:
            return "reasons were not asked for then"
        told = [*(f"- {code}" for code in self.gone), *(f"+ {code}" for code in self.come)]
        return ", ".join(told) or "the same failures, weighed otherwise"


@dataclass(slots=True)
class Comparison:
    """What rescoring a log comes to."""

    equal: int = 0
    other_reasons: int = 0
    """Of the equal ones: those whose failures differ."""
    changed: int = 0
    unscored_then: int = 0
    """Timeouts and our faults of then: no reward to compare with."""
    unscored_now: int = 0
    whys: Counter[Why] = field(default_factory=Counter)
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By tier then and now; by outcome where there is no reward."""
    digests: Counter[tuple[str, str, str | None, str | None]] = field(default_factory=Counter)
    """Verdicts by kind, name, digest then and digest now, where the two differ."""
    withheld: Counter[str] = field(default_factory=Counter)
    wires: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Completions by wire and whether the answer is `equal`, `changed` or `not_rescored`."""
    unreadable: int = 0
    _largest: list[tuple[float, int, Change]] = field(default_factory=list)
    _order: count[int] = field(default_factory=lambda: count(0, -1))

    @property
    def compared(self) -> int:
        return self.equal + self.changed

    @property
    def differs(self) -> bool:
        """Whether any reward is another now."""
        return self.changed > 0 or any(how == "changed" for _, how in self.wires)

    @property
    def largest(self) -> list[Change]:
        """The largest changes, the largest first."""
        return [change for _, _, change in sorted(self._largest, reverse=True)]

    def add(self, decision: Decision, now: Mapping[str, Any]) -> None:
        """Count a verdict that was found again."""
        change = Change(decision, now)
        then = decision.verdict
        if then.get("retryable") or now.get("retryable"):
            self.unscored_then += bool(then.get("retryable"))
            self.unscored_now += not then.get("retryable")
        elif (then["reward"], then["outcome"]) == (now["reward"], now["outcome"]):
            self.equal += 1
            why = change.why
            self.other_reasons += bool(why.gone or why.come)
        else:
            self.changed += 1
            self.whys[change.why] += 1
            self.transitions[_stage(then), _stage(now)] += 1
            push = heapq.heappushpop if len(self._largest) == LARGEST else heapq.heappush
            push(self._largest, (change.size, next(self._order), change))

    def add_reference(self, kind: str, then: Mapping[str, Json], now: str | None) -> None:
        """Count what a verdict was made with, if it is another now."""
        if then["digest"] not in (None, now) or now is None:
            self.digests[kind, then["name"], then["digest"], now] += 1

    def add_wire(self, call: WireCall, answer: tuple[int, Json] | None) -> None:
        """Count an answer to a trainer; None where it was not asked for again."""
        # What stands there for a missing reward is a setting of the service that answered.
        if answer is None or (answer[0] != call.status and call.status == 200):
            how = "not_rescored"
        else:
            how = "equal" if answer == (call.status, call.reply) else "changed"
        self.wires[call.wire, how] += call.completions


def _codes(verdict: Mapping[str, Any]) -> set[str]:
    failures: Iterable[Mapping[str, str]] = verdict["failures"]
    return {failure["code"] for failure in failures}


def _stage(verdict: Mapping[str, Any]) -> str:
    """The tier, or the outcome where there is none."""
    if verdict["outcome"] != "scored":
        return str(verdict["outcome"])
    return "scored" if verdict["tier"] is None else str(verdict["tier"])
