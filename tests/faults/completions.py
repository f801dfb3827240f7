"""What is scored under faults, and what each completion must earn."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.corpus import TOOLSET, Sample, always_new, mixed
from verifier_service.client import ScoreResult
from verifier_service.local import LocalVerifier

RETRYABLE = {"timeout", "verifier_error"}
_BATCH = 1024


def samples(number: int, seed: int = 0) -> list[Sample]:
    """The same completions on every machine."""
    return list(itertools.islice(mixed(seed), number))


def new_samples(request: int, number: int) -> list[Sample]:
    """What one of many requests brings: of tasks that no other has."""
    return list(itertools.islice(always_new(request), number))


def body(batch: Sequence[Sample]) -> bytes:
    """The body of a `POST /score`."""
    items = [sample.item for sample in batch]
    return json.dumps({"toolset": TOOLSET, "detail": "reward", "items": items}).encode()


def rewards_of(batch: Sequence[Sample]) -> list[float]:
    """What each completion earns, by the same core without HTTP, workers or faults."""
    items = [sample.item for sample in batch]
    found: list[float] = []
    for start in range(0, len(items), _BATCH):
        request: dict[str, Any] = {"toolset": TOOLSET, "items": items[start : start + _BATCH]}
        found += _local().score(request)["rewards"]
    return found


@cache
def _local() -> LocalVerifier:
    return LocalVerifier()


@dataclass(frozen=True, slots=True)
class Told:
    """What a run of completions came to."""

    right: int
    unscored: int
    """Without a reward, each with an outcome that says to try again."""


def told(batch: Sequence[Sample], result: ScoreResult) -> Told:
    """Counts rewards; fails where one is wrong, or missing without a retryable outcome."""
    expected = rewards_of(batch)
    assert len(result.rewards) == len(expected)
    excused = {
        (verdict.item, verdict.completion)
        for verdict in result.verdicts
        if verdict.outcome in RETRYABLE and verdict.retryable
    }
    right = 0
    for number, (reward, due) in enumerate(zip(result.rewards, expected, strict=True)):
        if reward is None:
            assert (number, 0) in excused, f"completion {number} has neither reward nor reason"
        else:
            assert reward == due, f"completion {number} earned {reward}, not {due}"
            right += 1
    return Told(right, len(expected) - right)
