"""The frozen records that a caller of the client gets.

Those of a single completion are named tuples: a step has a thousand, and a frozen dataclass takes
four times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Json = Any
"""A JSON value."""


class Failure(NamedTuple):
    """One reason why a reward is not 1.0. Codes: docs/failure-codes.md."""

    code: str
    path: str
    """JSON Pointer into the completion's calls or into the task."""
    message: str
    expected: Json = None
    actual: Json = None


class Behavior(NamedTuple):
    """What the ground truth expects and what the completion does."""

    expected: str | None
    observed: str | None


class Verdict(NamedTuple):
    """The judgement of one completion."""

    id: str | int | None
    item: int
    """Index of the item in the caller's list."""
    completion: int
    """Index of the completion within its item."""
    outcome: str
    """`scored`, `invalid_task`, `timeout` or `verifier_error`; only `scored` has a reward."""
    reward: float | None
    tier: str | None
    """`full`, `partial`, `none`, or None where there is no reward."""
    behavior: Behavior
    components: Mapping[str, float | None]
    failures: tuple[Failure, ...]
    retryable: bool
    """Whether the same completion may fare better later; false for what was scored."""
    raw: Mapping[str, Json]
    """The whole verdict as the service sent it, with the caller's item and completion numbers."""


@dataclass(frozen=True, slots=True)
class Group:
    """The rewards of one item's completions; None where none of them was scored."""

    id: str | int | None
    mean: float | None
    std: float | None
    """Population deviation."""


@dataclass(frozen=True, slots=True)
class Revision:
    """Name and digest of the profile or toolset that produced the rewards."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """The answer to one `score`, however many requests it took."""

    rewards: list[float | None]
    """One per completion, in the order of items and completions; None is unscorable, never 0."""
    verdicts: list[Verdict]
    """One per completion; with `detail="reward"` only for those that have no reward."""
    groups: list[Group]
    """One per item."""
    profile: Revision | None
    toolset: Revision | None
    """Those of the batch as a whole; None where it named none that is loaded, or was empty."""
    version: str | None
    """Version of the service."""
