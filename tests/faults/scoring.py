"""A client that scores while something goes wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.corpus import TOOLSET, Sample
from tests.faults.completions import Told, told
from verifier_service.client import AsyncVerifierClient, ScoreResult

REQUEST = 64
"""Completions of one request: small, so that a fault meets many."""
BUDGET_S = 300.0


@dataclass(frozen=True, slots=True)
class Scored:
    """What a client got while something went wrong."""

    told: Told
    faults: int
    """How often it did."""
    seconds: float


def scored_while(
    url: str,
    batch: Sequence[Sample],
    harm: Callable[[], None],
    every_s: float,
    times: float = float("inf"),
) -> Scored:
    """Score `batch`, and do `harm` again and again meanwhile, at most so many `times`."""
    began, faults = time.monotonic(), 0
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asyncio.run, _score(url, batch))
        while not running.done():
            time.sleep(every_s)
            if not running.done() and faults < times:
                harm()
                faults += 1
        result = running.result()
    return Scored(told(batch, result), faults, round(time.monotonic() - began, 1))


async def _score(url: str, batch: Sequence[Sample]) -> ScoreResult:
    async with AsyncVerifierClient(
        url, max_request_completions=REQUEST, retry_budget_s=BUDGET_S
    ) as client:
        items = [sample.item for sample in batch]
        return await client.score(items, toolset=TOOLSET, detail="reward")
