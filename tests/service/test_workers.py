"""The pool: jobs come back, whatever they do to the workers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvloop
from actors import EXCESSIVE, act, body_of, build, build_nothing, build_slow_reader, build_stillborn

from verifier_service.jobs import Fate, Handler, Job, Reply, Task
from verifier_service.processes import NO_INDEX
from verifier_service.tickets import MAX_FRUITLESS_LOSSES, Ticket, Vigil
from verifier_service.workers import GRACE_S, WorkerFailure, WorkerPool

HANG_S = 0.3
MIB = 1 << 20
MEMORY_BYTES = 256 << 20


def make_pool(
    workers: int = 1, build: Callable[[], Handler] = build, hang_s: float = 60
) -> WorkerPool:
    return WorkerPool(build, workers=workers, hang_s=hang_s, memory_bytes=MEMORY_BYTES)


def job(*acts: str, **known: Any) -> Job:
    return Job(Task.SCORE, body_of(*acts), **known)


async def answers(pool: WorkerPool, *acts: str) -> list[str]:
    reply = await pool.run(job(*acts))
    return reply.body.decode().split(",")


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - processes set no events
        await asyncio.sleep(0.002)


def gone(pid: int) -> bool:
    """Not even a zombie is left."""
    return not Path(f"/proc/{pid}").exists()


def parent(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


shared = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[WorkerPool]:
    """One worker, shared: a test that loses it leaves a new one to the next test."""
    pool = make_pool()
    await pool.start()
    yield pool
    await pool.close(5)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient() -> AsyncIterator[WorkerPool]:
    """As `pool`, but it soon takes a job for hung."""
    pool = make_pool(hang_s=HANG_S)
    await pool.start()
    yield pool
    await pool.close(5)


@shared
async def test_a_reply_comes_back_whole(pool: WorkerPool) -> None:
    reply = await pool.run(Job(Task.PARSE, b"body"))
    assert reply == Reply(200, b"body", "text/plain", {"bytes": 4})


@shared
@pytest.mark.parametrize("size", [0, 1, 65_536, 300_000, 20 << 20])
async def test_a_body_of_any_size_passes_through(pool: WorkerPool, size: int) -> None:
    body = os.urandom(size)
    assert (await pool.run(Job(Task.PARSE, body))).body == body


@shared
async def test_a_reply_that_no_frame_can_hold_is_a_fault_of_the_service(pool: WorkerPool) -> None:
    before = pool.restarts
    reply = await pool.run(Job(Task.SCORE, EXCESSIVE))
    assert (reply.status, reply.media_type) == (500, "application/problem+json")
    assert await answers(pool, act("ok")) == ["ok"]
    assert pool.restarts == before


@shared
async def test_jobs_are_done_in_the_order_in_which_they_came(pool: WorkerPool) -> None:
    done: list[str] = []

    async def ask(name: str) -> None:
        done.extend(await answers(pool, act("say", name)))

    await asyncio.gather(*(ask(name) for name in "abcdefgh"))
    assert done == list("abcdefgh")


@shared
@pytest.mark.parametrize(
    "deadly",
    [
        pytest.param(act("exit"), id="the process exits"),
        pytest.param(act("segfault"), id="the process crashes"),
        pytest.param(act("raise"), id="an exception escapes"),
        pytest.param(act("allocate", str(1 << 40)), id="a MemoryError escapes"),
    ],
)
async def test_only_the_completion_that_kills_goes_unscored(pool: WorkerPool, deadly: str) -> None:
    ok = act("ok")
    assert await answers(pool, ok, deadly, ok, ok) == ["ok", Fate.DIED, "ok", "ok"]


@shared
async def test_a_worker_that_babbles_is_killed(pool: WorkerPool) -> None:
    assert await answers(pool, act("ok"), act("babble"), act("ok")) == ["ok", Fate.DIED, "ok"]


@shared
@pytest.mark.parametrize(
    "endless",
    [
        pytest.param(act("python"), id="a loop in Python"),
        pytest.param(act("c"), id="a regex that no signal interrupts"),
        pytest.param(act("sleep"), id="a sleep"),
    ],
)
async def test_what_hangs_is_killed_once_and_not_tried_again(
    impatient: WorkerPool, endless: str
) -> None:
    before = impatient.restarts
    assert await answers(impatient, act("ok"), endless, act("ok")) == ["ok", Fate.TIMED_OUT, "ok"]
    assert impatient.restarts == before + 1


@shared
async def test_several_culprits_are_told_apart(impatient: WorkerPool) -> None:
    acts = [act("exit"), act("ok"), act("c"), act("exit"), act("ok")]
    assert await answers(impatient, *acts) == ["died", "ok", "timed_out", "died", "ok"]


@shared
async def test_what_was_finished_is_not_done_again(pool: WorkerPool) -> None:
    [first, _, third] = await answers(pool, act("pid"), act("exit"), act("pid"))
    assert first != third


@shared
async def test_a_worker_killed_from_outside_costs_no_completion(
    pool: WorkerPool, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    waiting = asyncio.create_task(answers(pool, act("ok"), act("wait_for", str(gate)), act("ok")))
    await asyncio.sleep(0)
    os.kill(pool.pids[0], signal.SIGKILL)
    await until(lambda: pool.alive == 0)
    gate.touch()
    assert await waiting == ["ok", "ok", "ok"]


@shared
async def test_a_job_that_kills_before_its_first_completion_is_given_up(pool: WorkerPool) -> None:
    before = pool.restarts
    reply = await pool.run(Job(Task.SCORE, b"not JSON"))
    assert (reply.status, reply.media_type) == (422, "application/problem+json")
    assert b"urn:verifier:problem:unprocessable" in reply.body
    assert await answers(pool, act("ok")) == ["ok"]
    assert pool.restarts == before + MAX_FRUITLESS_LOSSES


@shared
async def test_many_culprits_cost_the_others_nothing(pool: WorkerPool) -> None:
    acts = [act("ok") if index % 4 else act("exit") for index in range(64)]
    fates = ["ok" if index % 4 else "died" for index in range(64)]
    assert await answers(pool, *acts) == fates


@shared
async def test_a_job_that_kills_on_after_its_deadline_is_given_up(pool: WorkerPool) -> None:
    before = pool.restarts
    reply = await pool.run(job(*[act("exit")] * 64, deadline_s=0))
    assert reply.status == 422
    await until(lambda: pool.alive == 1)
    assert pool.restarts == before + MAX_FRUITLESS_LOSSES


@shared
async def test_known_culprits_and_finished_pieces_reach_the_worker(pool: WorkerPool) -> None:
    known = job(act("exit"), act("exit"), act("ok"), finished=(b"was",), culprits={1: Fate.DIED})
    assert (await pool.run(known)).body == b"was,died,ok"


@shared
async def test_a_spent_deadline_reaches_the_worker_as_nothing_left(pool: WorkerPool) -> None:
    assert (await pool.run(job(act("deadline"), deadline_s=-1))).body == b"0.0"


@shared
async def test_the_time_in_the_queue_and_with_lost_workers_reaches_the_worker(
    pool: WorkerPool, tmp_path: Path
) -> None:
    gate, waited_s = tmp_path / "gate", 0.05
    blocking = asyncio.create_task(answers(pool, act("wait_for", str(gate))))
    await asyncio.sleep(0)
    queued = job(act("elapsed"), act("exit"), act("elapsed"), elapsed_s=100)
    waiting = pool.run(queued)
    await asyncio.sleep(waited_s)
    gate.touch()
    await blocking
    at_first, _, after_two_losses = (await waiting).body.split(b",")
    assert 100 + waited_s <= float(at_first) < float(after_two_losses)


@shared
async def test_a_caller_that_leaves_takes_no_worker_along(pool: WorkerPool, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    left = asyncio.create_task(answers(pool, act("wait_for", str(gate)), act("say", "left")))
    await asyncio.sleep(0)
    left.cancel()
    next_one = asyncio.create_task(answers(pool, act("say", "next")))
    gate.touch()
    assert await next_one == ["next"]
    assert left.cancelled()


@shared
async def test_a_caller_that_leaves_the_queue_is_not_served(
    pool: WorkerPool, tmp_path: Path
) -> None:
    gate, before = tmp_path / "gate", pool.restarts
    first = asyncio.create_task(answers(pool, act("wait_for", str(gate))))
    await asyncio.sleep(0)
    queued = asyncio.create_task(answers(pool, act("exit")))
    await asyncio.sleep(0)
    queued.cancel()
    gate.touch()
    await first
    assert await answers(pool, act("ok")) == ["ok"]
    assert pool.restarts == before


@shared
@pytest.mark.parametrize("endless", [act("python"), act("c"), act("sleep")])
async def test_a_worker_without_a_caller_does_not_go_on(pool: WorkerPool, endless: str) -> None:
    left = asyncio.create_task(answers(pool, endless))
    await asyncio.sleep(0)
    left.cancel()
    assert await answers(pool, act("say", "next")) == ["next"]


@shared
async def test_a_worker_that_finishes_after_its_caller_left_is_kept(
    pool: WorkerPool, tmp_path: Path
) -> None:
    gates = [tmp_path / name for name in "ab"]
    [pid] = pool.pids
    left = asyncio.create_task(answers(pool, act("wait_for", str(gates[0]))))
    await asyncio.sleep(0)
    left.cancel()
    gates[0].touch()
    assert await answers(pool, act("pid")) == [str(pid)]
    slow = asyncio.create_task(answers(pool, act("wait_for", str(gates[1])), act("pid")))
    await asyncio.sleep(1.2 * GRACE_S)
    gates[1].touch()
    assert await slow == ["ok", str(pid)]


@shared
async def test_callers_that_leave_the_queue_take_their_bodies_along(
    pool: WorkerPool, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    blocking = asyncio.create_task(answers(pool, act("wait_for", str(gate))))
    await asyncio.sleep(0)
    for _ in range(100):
        leaving = pool.run(Job(Task.PARSE, bytes(1 << 20)))
        await asyncio.sleep(0)
        leaving.cancel()
    await asyncio.sleep(0)
    assert pool.queued == 0
    gate.touch()
    assert await blocking == ["ok"]


@shared
@pytest.mark.parametrize("ignored", [signal.SIGINT, signal.SIGTERM])
async def test_signals_to_the_whole_group_leave_workers_to_drain(
    pool: WorkerPool, ignored: signal.Signals
) -> None:
    [pid] = pool.pids
    os.kill(pid, ignored)
    assert await answers(pool, act("pid")) == [str(pid)]


async def test_two_workers_do_two_jobs_at_once(tmp_path: Path) -> None:
    pool, gate = make_pool(workers=2), tmp_path / "gate"
    await pool.start()
    blocked = asyncio.create_task(answers(pool, act("wait_for", str(gate))))
    await asyncio.sleep(0)
    assert await answers(pool, act("say", "meanwhile")) == ["meanwhile"]
    gate.touch()
    await blocked
    assert (pool.size, pool.alive, pool.restarts, pool.ready) == (2, 2, 0, True)
    await pool.close(5)
    assert (pool.alive, pool.ready) == (0, False)


async def test_a_worker_that_decodes_a_large_body_is_not_hung() -> None:
    pool = make_pool(build=build_slow_reader, hang_s=0.1)
    await pool.start()
    assert len((await pool.run(Job(Task.PARSE, bytes(2 * MIB)))).body) == 2 * MIB
    assert (await pool.run(Job(Task.PARSE, b"small"))).status == 422
    await pool.close(5)


async def test_a_handler_that_cannot_be_built_is_named_at_start() -> None:
    pool = make_pool(build=build_nothing)
    with pytest.raises(WorkerFailure, match="the toolset 'finance' has no tools"):
        await pool.start()
    assert not pool.ready


async def test_workers_that_die_at_birth_are_named_at_start(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    pool = make_pool(build=partial(build_stillborn, flag))
    with pytest.raises(WorkerFailure, match="before it was ready"):
        await pool.start()


async def test_a_job_waits_while_no_worker_can_be_had(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    pool = make_pool(build=partial(build_stillborn, flag))
    await pool.start()
    flag.touch()
    os.kill(pool.pids[0], signal.SIGKILL)
    await until(lambda: pool.alive == 0)
    waiting = asyncio.create_task(answers(pool, act("ok")))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    flag.unlink()
    assert await waiting == ["ok"]
    await pool.close(5)


async def test_the_template_is_replaced_too() -> None:
    pool = make_pool()
    await pool.start()
    os.kill(parent(pool.pids[0]), signal.SIGKILL)
    await until(lambda: pool.alive == 0)
    assert await answers(pool, act("ok")) == ["ok"]
    await pool.close(5)


async def test_a_template_that_is_stopped_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make_pool()
    await pool.start()
    monkeypatch.setattr("verifier_service.processes._FORK_TIMEOUT_S", 0.5)
    os.kill(parent(pool.pids[0]), signal.SIGSTOP)
    os.kill(pool.pids[0], signal.SIGKILL)
    await until(lambda: pool.alive == 0)
    assert await answers(pool, act("ok")) == ["ok"]
    await pool.close(5)


async def test_closing_waits_for_the_jobs_that_were_accepted(tmp_path: Path) -> None:
    pool, gate = make_pool(), tmp_path / "gate"
    await pool.start()
    running = asyncio.create_task(answers(pool, act("wait_for", str(gate)), act("exit")))
    queued = asyncio.create_task(answers(pool, act("ok")))
    await asyncio.sleep(0)
    closing = asyncio.create_task(pool.close(60))
    await asyncio.sleep(0)
    with pytest.raises(WorkerFailure, match="closing"):
        await pool.run(job(act("ok")))
    gate.touch()
    await closing
    assert [await running, await queued] == [["ok", "died"], ["ok"]]


async def test_closing_refuses_what_outlasts_the_grace_and_leaves_nothing_behind() -> None:
    before = open_files()
    pool = make_pool(workers=2)
    await pool.start()
    pids = pool.pids
    jobs = [asyncio.create_task(answers(pool, act("sleep"))) for _ in range(3)]
    await asyncio.sleep(0.05)
    await pool.close(0)
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [WorkerFailure] * 3
    assert all(map(gone, pids))
    assert open_files() == before


async def test_closing_twice_and_before_the_start_is_harmless() -> None:
    pool = make_pool()
    await pool.close(0)
    await pool.close(0)
    assert not pool.ready


def test_the_pool_runs_on_uvloop() -> None:
    async def round_trip() -> list[str]:
        pool = make_pool()
        await pool.start()
        answer = await answers(pool, act("exit"), act("ok"))
        await pool.close(5)
        return answer

    assert uvloop.run(round_trip()) == ["died", "ok"]


FRONT = """
import asyncio
from actors import act, body_of, build
from verifier_service.jobs import Job, Task
from verifier_service.workers import WorkerPool

async def main():
    pool = WorkerPool(build, workers=2, hang_s=60, memory_bytes=1 << 28)
    await pool.start()
    job = pool.run(Job(Task.SCORE, body_of(act("c"))))
    await asyncio.sleep(0.1)
    print(*pool.pids, flush=True)
    await job

asyncio.run(main())
"""


def test_workers_do_not_outlive_a_front_that_is_killed() -> None:
    front = subprocess.Popen(
        [sys.executable, "-c", FRONT],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with front:
        assert front.stdout is not None
        pids = [int(pid) for pid in front.stdout.readline().split()]
        front.kill()
    assert len(pids) == 2
    while not all(map(gone, pids)):
        time.sleep(0.01)


async def test_patience_grows_with_what_there_is_to_decode() -> None:
    pieces = (bytes(2 * MIB), bytes(2 * MIB))
    ticket = Ticket(Job(Task.SCORE, bytes(16 * MIB), pieces), 0.0, asyncio.Future())
    assert ticket.patience_s(NO_INDEX, hang_s=1.0) == 11.0
    assert ticket.patience_s(0, hang_s=1.0) == 1.0


@pytest.mark.parametrize(
    ("looks", "cpu_s", "wants_cpu", "hung"),
    [
        pytest.param(7, 1.0, True, False, id="not looked at often enough"),
        pytest.param(8, 1.0, True, True, id="burns CPU"),
        pytest.param(8, 0.0, False, True, id="sleeps"),
        pytest.param(8, 0.1, True, False, id="gets no CPU"),
        pytest.param(31, 0.1, True, False, id="gets no CPU for long"),
        pytest.param(32, 0.1, True, True, id="gets no CPU for too long"),
    ],
)
def test_starved_is_not_hung(looks: int, cpu_s: float, wants_cpu: bool, hung: bool) -> None:
    vigil = Vigil(pulse=(0, 0, 0), cpu_s=0.0, patience_s=1.0, looks=looks)
    assert vigil.hung(cpu_s, wants_cpu, hang_s=1.0) is hung
