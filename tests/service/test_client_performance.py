"""A step through the client has not become dearer: its CPU time against json's in the same run.

The yardstick is `json.dumps` of the request and `json.loads` of the answer. Both take turns, and
the least of several rounds counts, because a busy neighbour only ever adds. The bound leaves half
of what was measured when it was set to chance, 1.4 with verdicts and 1.5 with rewards alone, and
twice the work breaks it.
"""

from __future__ import annotations

import gc
import json
from typing import Any

import httpx
import pytest

from benchmarks.corpus import groups
from benchmarks.measure import cpu_us_each
from verifier_service.client import VerifierClient

PROMPTS, ROLLOUTS, ROUNDS = 64, 8, 9
BOUND = 2.1
FAILURE = {"code": "arguments.value", "path": "/0/arguments/x", "message": "It is not the same."}


def verdict(item: int, completion: int) -> dict[str, Any]:
    """One in four is wrong."""
    reward = 0.5 if completion % 4 == 3 else 1.0
    return {
        "id": None,
        "item": item,
        "completion": completion,
        "outcome": "scored",
        "reward": reward,
        "tier": "full" if reward == 1.0 else "partial",
        "behavior": {"expected": "execute", "observed": "execute"},
        "components": dict.fromkeys(("parse", "name", "schema", "arguments"), reward),
        "failures": [] if reward == 1.0 else [FAILURE | {"expected": 1, "actual": "x"}],
        "format": "hermes",
    }


def answer(*, verdicts: bool) -> bytes:
    all_verdicts = [verdict(item, nth) for item in range(PROMPTS) for nth in range(ROLLOUTS)]
    content = {
        "rewards": [each["reward"] for each in all_verdicts],
        "verdicts": all_verdicts if verdicts else [],
        "groups": [{"id": None, "mean": 0.875, "std": 0.2}] * PROMPTS,
        "profile": None,
        "toolset": None,
        "version": "0.1.0",
    }
    return json.dumps(content).encode()


@pytest.mark.slow
@pytest.mark.parametrize("detail", ["verdict", "reward"])
def test_a_step_costs_no_more_than_it_did(detail: Any) -> None:
    items, content = groups(1, PROMPTS, ROLLOUTS), answer(verdicts=detail == "verdict")
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
    client = VerifierClient("http://verifier.test", transport=transport)

    def yardstick() -> None:
        json.dumps(items)
        json.loads(content)

    gc.disable()
    try:
        taken = [
            (cpu_us_each(lambda: client.score(items, detail=detail), 1), cpu_us_each(yardstick, 1))
            for _ in range(ROUNDS)
        ]
    finally:
        gc.enable()
    costs, sticks = zip(*taken, strict=True)
    assert min(costs) / min(sticks) < BOUND
