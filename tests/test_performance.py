"""Scoring has not become dearer: its CPU time against a yardstick's in the same run.

The yardstick is what a careful scorer could hardly do without: `json.loads` and `jsonschema` with
a compiled schema, on the same calls. No wall time and no number of seconds. Both take turns, and
the least of several rounds counts, because a busy neighbour only ever adds. A bound leaves more
than half of what was measured when it was set to chance, and twice the work breaks it.
`python -m tests.test_performance` shows what is measured now.
"""

from __future__ import annotations

import gc
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator

from benchmarks.core import BATCH, WARMING_SEED, Core, bodies_of, by_kind
from benchmarks.corpus import TOOLSET, always_new
from benchmarks.measure import cpu_us_each
from sandbox_tools import shipped

ROUNDS = 5
CALLS = 256

BOUNDS = {
    ("right", "new"): 12.0,
    ("right", "known task"): 2.7,
    ("right", "seen"): 0.62,
    ("wrong value", "known task"): 11.8,
    ("text", "known task"): 14.0,
    ("long reasoning", "known task"): 3.7,
    ("parallel calls", "known task"): 28.0,
    ("state-changing", "new"): 12.5,
    ("trajectory", "known task"): 29.0,
}
"""Yardsticks, by kind of completion and by what of it was met before; see docs/performance.md."""

Costs = dict[tuple[str, str], float]


def measured() -> Costs:
    """What a completion costs, in yardsticks."""
    core, stick = Core(), yardstick()
    kinds = {kind: None for kind, _ in BOUNDS}
    for index, kind in enumerate(kinds):
        core.answer_all(bodies_of(always_new(WARMING_SEED + index, kind), BATCH, 2))
    sticks: list[float] = []
    costs: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(ROUNDS):
        for index, kind in enumerate(kinds):
            sticks.append(next(stick))
            # What is new must not have been met as another kind, nor in another round.
            for state, us in by_kind(core, kind, 100 * number + 2 * index).items():
                costs[kind, state].append(us)
    return {key: min(found) / min(sticks) for key, found in costs.items()}


def yardstick() -> Iterator[float]:
    """CPU microseconds of reading and validating a call, again and again."""
    tools = shipped()[TOOLSET].tools
    validators = {name: Draft202012Validator(tool.spec.parameters) for name, tool in tools.items()}
    texts = [json.dumps(s.calls[0]) for s in itertools.islice(always_new(0, "right"), CALLS)]

    def work() -> None:
        for text in texts:
            call = json.loads(text)
            assert validators[call["name"]].is_valid(call["arguments"])

    while True:
        yield cpu_us_each(work, CALLS)


@pytest.fixture(scope="module")
def costs() -> Iterator[Costs]:
    gc.collect()
    gc.disable()
    try:
        yield measured()
    finally:
        gc.enable()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "state"), BOUNDS)
def test_a_completion_costs_no_more_than_it_did(costs: Costs, kind: str, state: str) -> None:
    assert costs[kind, state] < BOUNDS[kind, state]


@pytest.mark.slow
def test_what_was_seen_costs_a_fraction_of_what_is_new(costs: Costs) -> None:
    assert costs["right", "seen"] < costs["right", "new"] / 3


if __name__ == "__main__":
    found = measured()
    for key, bound in BOUNDS.items():
        print(f"{', '.join(key):32} {found[key]:6.2f} yardsticks, bound {bound:6.2f}")
