"""What a job costs in our worker pool, in pebble's, and in the standard library's.

Run: `python benchmarks/pool.py`. One worker each; the pools take turns in every round, so that a
noisy machine is noisy for all. CPU is that of the front and the worker together; latency is that of
one job at a time, as the front sees it. Our job also reports every completion it works on.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

import pebble
import uvloop
from pool_work import build, work

from verifier_service.jobs import Job, Task
from verifier_service.workers import WorkerPool

ROUNDS = 9
BODY_BYTES = {1: 300, 64: 19_000, 1024: 300_000}
JOBS_PER_ROUND = {1: 400, 64: 150, 1024: 30}
WORK = {"echo": b"e", "20 us": b"w"}

Run = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True)
class Contender:
    """A pool of one worker, by what the front calls and where the work is done."""

    name: str
    run: Run
    worker_pid: int


@dataclass
class Measured:
    """What one pool took for one kind of job."""

    cpu_us: list[float] = field(default_factory=list)
    latency_us: list[float] = field(default_factory=list)


def cpu_s(pid: int) -> float:
    """CPU seconds of this process and of `pid`. Source: clock_getcpuclockid(3) of Linux."""
    return time.process_time() + time.clock_gettime((~pid << 3) | 2)


async def measure(contender: Contender, body: bytes, jobs: int, into: Measured) -> None:
    """One round: `jobs` jobs, one after the other."""
    before = cpu_s(contender.worker_pid)
    for _ in range(jobs):
        start = time.perf_counter()
        answer = await contender.run(body)
        into.latency_us.append((time.perf_counter() - start) * 1e6)
        assert len(answer) == len(body)
    into.cpu_us.append((cpu_s(contender.worker_pid) - before) / jobs * 1e6)


async def compare(contenders: list[Contender], completions: int, kind: str) -> None:
    """Print one line for each pool, with ratios to the first."""
    body = WORK[kind] * BODY_BYTES[completions]
    measured = {contender.name: Measured() for contender in contenders}
    for _ in range(ROUNDS):
        for contender in contenders:
            jobs = JOBS_PER_ROUND[completions]
            await measure(contender, body, jobs, measured[contender.name])

    own_cpu = statistics.median(measured[contenders[0].name].cpu_us)
    for name, taken in measured.items():
        cpu, latency = statistics.median(taken.cpu_us), statistics.median(taken.latency_us)
        row = (
            f"| {completions} | {kind} | {name} | {cpu:.0f} | {cpu / own_cpu:.2f} | {latency:.0f} |"
        )
        print(row)


async def main() -> None:
    """Start all pools, compare them, stop them."""
    loop = asyncio.get_running_loop()
    own = WorkerPool(build, workers=1, hang_s=10, memory_bytes=1 << 30)
    await own.start()

    async def run_own(body: bytes) -> bytes:
        return (await own.run(Job(Task.SCORE, body))).body

    context = get_context("forkserver")
    with (
        ProcessPoolExecutor(1, mp_context=context) as executor,
        pebble.ProcessPool(1, context=context) as pebbles,
    ):
        contenders = [
            Contender("own", run_own, own.pids[0]),
            Contender(
                "pebble",
                lambda body: asyncio.wrap_future(pebbles.schedule(work, [body], timeout=10)),
                await asyncio.wrap_future(pebbles.schedule(os.getpid)),
            ),
            Contender(
                "ProcessPoolExecutor",
                lambda body: loop.run_in_executor(executor, work, body),
                await loop.run_in_executor(executor, os.getpid),
            ),
        ]
        print("| completions | work | pool | CPU us a job | of own | median latency us |")
        print("|---|---|---|---|---|---|")
        for completions in BODY_BYTES:
            for kind in WORK:
                await compare(contenders, completions, kind)
    await own.close(1)


if __name__ == "__main__":
    uvloop.run(main())
