"""What more costs: completions in a request, distinct tasks in a run, requests in a row.

python -m benchmarks.growth    # distinct tasks, in process; see `contender.py`
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.contender import take_turns
from benchmarks.core import BATCH, WARMING_SEED, Core, bodies_of
from benchmarks.corpus import Sample, always_new
from benchmarks.measure import Tree, children, cpu_us_each, resident_mib
from benchmarks.over_http import Streams
from benchmarks.servers import Server, load, our_service

DISTINCT_TASKS: Final = (1, 100, 10_000, 100_000)
LEAST: Final = 20_000
"""Completions by which a number of tasks is measured, where it is not larger."""
SOAK_SIZE: Final = 64
SOAK_ROUND_S: Final = 5


def by_tasks(tasks: int, number: int) -> Tree:
    """CPU a completion while so many distinct tasks come by in turn, and what memory that takes.

    The first time; again with the same completions; then with others.
    """
    core, count = Core(), max(LEAST, tasks) // BATCH
    core.answer_all(bodies_of(always_new(WARMING_SEED), BATCH, 8))
    bodies = bodies_of(in_turn(tasks, number), BATCH, count)
    before = resident_mib(os.getpid())
    first = cpu_us_each(lambda: core.answer_all(bodies), count * BATCH)
    grown = resident_mib(os.getpid()) - before
    again = cpu_us_each(lambda: core.answer_all(bodies), count * BATCH)
    count = LEAST // BATCH
    other = bodies_of(with_new_completions(in_turn(tasks, number), number), BATCH, count)
    others = cpu_us_each(lambda: core.answer_all(other), count * BATCH)
    return {
        "first": first,
        "same completions": again,
        "new completions": others,
        "grown_mib": grown,
    }


def in_turn(tasks: int, seed: int) -> Iterator[Sample]:
    """Samples of so many tasks, first all of them, then all again."""
    return itertools.cycle(itertools.islice(always_new(200 + seed), tasks))


def with_new_completions(samples: Iterator[Sample], seed: int) -> Iterator[Sample]:
    """The same tasks, answered by what was right for others."""
    others = always_new(400 + seed, "right")
    return (replace(sample, completion=next(others).completion) for sample in samples)


def soak(folder: Path, completions: int) -> Tree:
    """Memory and speed while so many completions, none of them remembered, go through."""
    bodies = Streams(folder).new(SOAK_SIZE)
    points: list[Tree] = []
    with our_service(folder) as service:
        done = 0
        while done < completions:
            taken = load(service, bodies, SOAK_SIZE, SOAK_ROUND_S, warm=False)
            done += taken["completions"]
            points.append(
                {
                    "completions": done,
                    "completions_per_cpu_s": taken["completions_per_cpu_s"],
                    **memory(service),
                }
            )
    return {"points": points}


def memory(server: Server) -> Tree:
    return {
        "front_mib": resident_mib(server.front),
        "workers_mib": sum(map(resident_mib, children(server.template or 0))),
    }


if __name__ == "__main__":
    take_turns(partial(by_tasks, int(sys.argv[1])))
