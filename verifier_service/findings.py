"""A verdict as it is kept, counted and sent: all of it but whose completion it is of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

from verifier_service import encode
from verifier_service.scoring.types import Outcome, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """What one completion came to. Equal completions of one task share it: it equals only itself,
    so that counting takes no look into it."""

    reward: float | None
    outcome: str
    tier: str | None
    behavior: tuple[str | None, str | None]
    """Expected and observed."""
    codes: tuple[str, ...]
    """Of its failures."""
    members: bytes
    """The verdict's members from `outcome` on, as JSON without the braces around them."""

    @property
    def scored(self) -> bool:
        """Whether it holds for good: what is not scored may fare better another time."""
        return self.outcome == Outcome.SCORED.value

    @classmethod
    def of(cls, verdict: Verdict, *, traced: bool = False) -> Finding:
        """The finding of a verdict; `traced` ones show how it came about."""
        members = encode.verdict(verdict)
        if traced and verdict.trace is not None:
            members |= encode.trace(verdict.trace)
        return cls(
            verdict.reward,
            verdict.outcome.value,
            None if verdict.tier is None else verdict.tier.value,
            (verdict.expected, verdict.observed),
            tuple(failure.code.value for failure in verdict.failures),
            encode.dumps(members)[1:-1],
        )


def piece(findings: Iterable[Finding]) -> bytes:
    """Findings as the opaque piece that a worker reports."""
    rows = [
        (f.reward, f.outcome, f.tier, f.behavior, f.codes, f.members.decode()) for f in findings
    ]
    return orjson.dumps(rows)


def of_piece(reported: bytes) -> Iterator[Finding]:
    """The findings of a piece."""
    for reward, outcome, tier, behavior, codes, members in orjson.loads(reported):
        yield Finding(reward, outcome, tier, tuple(behavior), tuple(codes), members.encode())
