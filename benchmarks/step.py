"""A step of GRPO as a trainer sees it: 128 prompts with 8 rollouts each, through our client.

python -m benchmarks.step URL PID...    # the server's processes; see `contender.py`
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from benchmarks.contender import take_turns
from benchmarks.corpus import TOOLSET, Sample, always_new, groups, mixed
from benchmarks.measure import Tree
from benchmarks.servers import Server
from verifier_service.client import AsyncVerifierClient, VerifierClient

PROMPTS: Final = 128
ROLLOUTS: Final = 8
STEPS: Final = 8
"""In a round."""
PASSES: Final = 4
"""After so many, each of two workers has most likely had every request."""

Items = list[dict[str, Any]]
Score = Callable[[Items], object]


def measured(ways: dict[str, Score], server: Server, number: int) -> Tree:
    """Each way of asking, with steps of its own: all that it sends is new to the service.

    Then the async ones: with steps of the mixture's tasks, of which half are among thirteen; and
    with the same steps again, after every worker has had them.
    """
    found: Tree = {}
    for index, (name, score) in enumerate(ways.items()):
        seed = 100_000 + number * 100 + index * STEPS
        found[name] = steps(score, server, batches_of(seed, always_new))
        if name.startswith("async"):
            batches = batches_of(seed, mixed)
            found[f"{name}, mixture"] = steps(score, server, batches)
            for _ in range(PASSES):
                steps(score, server, batches)
            found[f"{name}, again"] = steps(score, server, batches)
    return found


def batches_of(seed: int, tasks: Callable[[int], Iterator[Sample]]) -> list[Items]:
    return [groups(seed + step, PROMPTS, ROLLOUTS, tasks) for step in range(STEPS)]


def steps(score: Score, server: Server, batches: Sequence[Items]) -> Tree:
    """Lists, one value a step."""
    wall_ms, client_ms = [], []
    server_before = sum(server.cpu_s().values())
    for items in batches:
        wall, own = time.perf_counter(), time.thread_time()
        score(items)
        wall_ms.append((time.perf_counter() - wall) * 1e3)
        client_ms.append((time.thread_time() - own) * 1e3)
    server_ms = (sum(server.cpu_s().values()) - server_before) / len(batches) * 1e3
    return {"wall_ms": wall_ms, "client_cpu_ms": client_ms, "server_cpu_ms": [server_ms]}


def main(url: str, front: str, template: str) -> None:
    server = Server(url, int(front), int(template))
    loop = asyncio.new_event_loop()
    waiting = VerifierClient(url)
    one_by_one = VerifierClient(url, max_request_completions=PROMPTS * ROLLOUTS)
    asynchronous = AsyncVerifierClient(url)

    def waited_for(items: Items, **fields: Any) -> object:
        return waiting.score(items, toolset=TOOLSET, **fields)

    def on_the_loop(items: Items, **fields: Any) -> object:
        return loop.run_until_complete(asynchronous.score(items, toolset=TOOLSET, **fields))

    ways: dict[str, Score] = {
        "client, as it comes": waited_for,
        "client, one request": lambda items: one_by_one.score(items, toolset=TOOLSET),
        "async client, as it comes": on_the_loop,
        "client, rewards alone": partial(waited_for, detail="reward"),
        "async client, rewards alone": partial(on_the_loop, detail="reward"),
    }
    for score in ways.values():
        score(json.loads(json.dumps(groups(99_999, PROMPTS, ROLLOUTS))))
    take_turns(lambda number: measured(ways, server, number))


if __name__ == "__main__":
    main(*sys.argv[1:])
