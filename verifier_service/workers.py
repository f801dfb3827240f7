"""The pool of scoring processes: one job each at a time, replaced when they die or hang.

A job outlives the workers that it takes down: it goes to the next worker together with what was
finished, and only the completion that did it stays unscored. Why an own pool:
`docs/decisions/0001-own-worker-pool.md`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from verifier_service.hardening import Report
from verifier_service.jobs import Fate, Handler, Job, Reply
from verifier_service.processes import Template, Worker, WorkerFailure, cpu_state
from verifier_service.template import Blueprint
from verifier_service.tickets import LOOKS, Ticket, Vigil

__all__ = ["WorkerFailure", "WorkerPool"]

log = logging.getLogger(__name__)

GRACE_S: Final = 0.5
"""What a worker gets to finish a job whose caller has left; replacing it costs about 20 ms."""
_FIRST_DELAY_S: Final = 0.05
_LONGEST_DELAY_S: Final = 30.0


class WorkerPool:
    """Long-lived, hardened processes that do jobs in the order in which they came.

    Not covered: bounding the queue, which is the caller's to do before `run`.
    """

    def __init__(
        self,
        build: Callable[[], Handler],
        *,
        workers: int,
        hang_s: float,
        memory_bytes: int,
        readable: tuple[Path, ...] = (),
    ) -> None:
        """Describe the pool; `start` starts it.

        Args:
            build: Makes the handler, once, in a process of its own that the workers are forked
                from: a module-level function or a `functools.partial` of one. It must leave no
                threads behind, and sees of the environment only what Python itself needs.
            workers: How many processes.
            hang_s: A job that neither reports a completion nor sends a byte for so long is hung;
                before its first completion it may take longer, in proportion to its body.
            memory_bytes: What a worker may allocate on top of what it was forked with.
            readable: Files and folders, besides Python's, that jobs may read.
        """
        self._blueprint = Blueprint(build, memory_bytes, readable)
        self._size = workers
        self._hang_s = hang_s
        self._template: Template | None = None
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        self._waiting: deque[Ticket] = deque()
        self._busy: dict[Worker, Ticket] = {}
        self._vigils: dict[Worker, Vigil] = {}
        self._vacancy = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._closed = False
        self._restarts = 0
        self._fruitless = 0

    @property
    def size(self) -> int:
        """How many workers there should be."""
        return self._size

    @property
    def alive(self) -> int:
        """How many workers are hardened and take jobs."""
        return len(self._idle) + len(self._busy)

    @property
    def ready(self) -> bool:
        """Whether all workers have come up once and the pool still takes jobs."""
        return bool(self._tasks) and not self._closing

    @property
    def restarts(self) -> int:
        """How many workers have been replaced."""
        return self._restarts

    @property
    def queued(self) -> int:
        """How many jobs wait for a worker."""
        return len(self._waiting)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that take jobs."""
        return tuple(worker.pid for worker in (*self._idle, *self._busy))

    @property
    def hardening(self) -> Report:
        """What the workers gave up; empty while there is no worker."""
        return next((worker.report for worker in (*self._idle, *self._busy)), Report(()))

    async def start(self) -> None:
        """Start every worker.

        Raises:
            WorkerFailure: The handler cannot be built, or a worker dies before it is ready.
        """
        try:
            await self._fill()
        except BaseException:
            await self.close(0)
            raise
        for layer in self.hardening.missing:
            log.warning("hardening_missing", extra={"layer": layer.name, "reason": layer.detail})
        self._tasks = [asyncio.create_task(self._refill()), asyncio.create_task(self._watch())]

    def run(self, job: Job) -> asyncio.Future[Reply]:
        """Have a worker do `job`, and another one go on with it where a worker is lost.

        A job that takes worker after worker down without getting on is answered with a problem.
        Where the answer is cancelled, its job leaves the queue at once; if it is being done
        already, its worker is replaced unless it finishes soon, and nobody gets the reply.

        Raises:
            WorkerFailure: The pool closes.
        """
        if self._closing:
            raise WorkerFailure("the pool is closing")
        loop = asyncio.get_running_loop()
        ticket = Ticket(job, loop.time(), loop.create_future())
        ticket.answer.add_done_callback(partial(self._settled, ticket))
        self._waiting.append(ticket)
        self._dispatch()
        return ticket.answer

    async def close(self, grace_s: float) -> None:
        """Refuse new jobs, give those that were accepted `grace_s`, then end every process."""
        self._closing = True
        if accepted := [ticket.answer for ticket in (*self._waiting, *self._busy.values())]:
            await asyncio.wait(accepted, timeout=grace_s)
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for ticket in self._waiting:
            ticket.refuse("the pool was closed")
        for worker in tuple(self._workers):
            worker.disconnect()
        while self._workers:
            self._vacancy.clear()
            await self._vacancy.wait()
        if self._template is not None:
            await self._template.stop()
            self._template = None

    def _dispatch(self) -> None:
        """Pair free workers, the last used and warmest first, with the oldest jobs."""
        now = asyncio.get_running_loop().time()
        while self._idle and self._waiting:
            if self._idle[-1].leaving:
                self._idle.pop()
                continue
            ticket = self._waiting.popleft()
            if ticket.answer.done():
                continue  # Its caller is just leaving.
            worker = self._idle.pop()
            self._busy[worker] = ticket
            worker.begin(ticket.job, waited_s=now - ticket.came)

    def _settled(self, ticket: Ticket, answer: asyncio.Future[Reply]) -> None:
        """Spend no more on a job that nobody waits for."""
        if not answer.cancelled():
            return
        if ticket in self._waiting:
            self._waiting.remove(ticket)
            return
        loop = asyncio.get_running_loop()
        for worker, its in self._busy.items():
            if its is ticket:  # The timer holds no body.
                loop.call_later(GRACE_S, self._end_abandoned, worker, ticket.answer)

    def _end_abandoned(self, worker: Worker, answer: asyncio.Future[Reply]) -> None:
        ticket = self._busy.get(worker)
        if ticket is not None and ticket.answer is answer:
            worker.kill(Fate.DIED)

    def _replied(self, worker: Worker, reply: Reply) -> None:
        ticket = self._busy.pop(worker)
        self._vigils.pop(worker, None)
        self._idle.append(worker)
        self._fruitless = 0
        if not ticket.answer.done():
            ticket.answer.set_result(reply)
        self._dispatch()

    def _lost(self, worker: Worker) -> None:
        self._workers.discard(worker)
        self._vigils.pop(worker, None)
        if worker in self._idle:
            self._idle.remove(worker)
        if ticket := self._busy.pop(worker, None):
            self._retry(ticket, worker)
        else:
            self._fruitless += 1
        self._vacancy.set()

    def _retry(self, ticket: Ticket, lost: Worker) -> None:
        if ticket.answer.done():
            log.info("worker_abandoned", extra={"pid": lost.pid})
            return
        ticket.learn_from(lost, asyncio.get_running_loop().time())
        told = {"pid": lost.pid, "fate": lost.fate, "completion": lost.index}
        log.warning("worker_lost", extra=told)
        if self._closed:
            ticket.refuse("the pool was closed")
        elif ticket.hopeless:
            ticket.give_up()
        else:
            self._waiting.appendleft(ticket)
            self._dispatch()

    async def _fill(self) -> None:
        """Start as many workers as are missing."""
        if self._template is None or not self._template.alive:
            await self._replace_template()
        for _ in range(self._size - len(self._workers)):
            await self._hire()

    async def _replace_template(self) -> None:
        if self._template is not None:
            await self._template.stop()
        self._template = Template(self._exited)
        await self._template.build(self._blueprint)

    async def _hire(self) -> None:
        assert self._template is not None  # noqa: S101 - `_fill` saw to it
        worker = Worker(self._replied, self._lost)
        self._workers.add(worker)
        await worker.start(self._template)
        if self._tasks:
            self._restarts += 1
        if worker in self._workers:
            self._idle.append(worker)
            self._dispatch()

    def _exited(self, pid: int, exit_code: int) -> None:
        """The worker is dead even if something that it started keeps its channel open."""
        log.log(
            logging.WARNING if exit_code else logging.INFO,
            "worker_exited",
            extra={"pid": pid, "exit_code": exit_code},
        )
        for worker in self._workers:
            if worker.pid == pid:
                worker.disconnect()

    async def _refill(self) -> None:
        """Replace what is lost: at once, and ever more slowly while that helps nothing."""
        while True:
            await self._vacancy.wait()
            self._vacancy.clear()
            await asyncio.sleep(self._delay_s())
            try:
                await self._fill()
            except (WorkerFailure, OSError) as error:
                log.error("workers_not_replaced", extra={"reason": str(error)})
                self._fruitless += self._size
                self._vacancy.set()

    def _delay_s(self) -> float:
        """Nothing until the whole pool was lost without one reply; then doubling."""
        rounds = self._fruitless / self._size
        if rounds <= 1:
            return 0.0
        return min(_FIRST_DELAY_S * 2 ** min(rounds, 16), _LONGEST_DELAY_S)

    async def _watch(self) -> None:
        """Kill what hangs. Looks are counted, not seconds: a stalled event loop blames nobody."""
        while True:
            await asyncio.sleep(self._hang_s / LOOKS)
            for worker in tuple(self._busy):
                if self._hangs(worker):
                    worker.kill(Fate.TIMED_OUT)

    def _hangs(self, worker: Worker) -> bool:
        pulse = worker.pulse()
        cpu_s, wants_cpu = cpu_state(worker.pid)
        vigil = self._vigils.get(worker)
        if vigil is None or vigil.pulse != pulse:
            patience_s = self._busy[worker].patience_s(pulse[0], self._hang_s)
            self._vigils[worker] = Vigil(pulse, cpu_s, patience_s)
            return False
        vigil.looks += 1
        return vigil.hung(cpu_s, wants_cpu, self._hang_s)
