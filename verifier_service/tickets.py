"""A job on its way through the pool: whom to blame for a lost worker, and when to give up."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import Final

from verifier_service import problems
from verifier_service.jobs import Fate, Job, Reply
from verifier_service.problems import Kind
from verifier_service.processes import NO_INDEX, Worker, WorkerFailure

log = logging.getLogger(__name__)

MAX_FRUITLESS_LOSSES: Final = 3
"""Workers that a job may take down in a row with no new completion to blame (in decoding the body,
say). A culprit takes one or two; how many culprits there may be, the job's deadline bounds."""

LOOKS: Final = 8
"""How often a job is looked at within `hang_s`."""
_PATIENCE_WHEN_STARVED: Final = 4
"""As many times the patience is for a worker that wants the CPU and does not get it."""
_DECODED_BYTES_PER_S: Final = 2 << 20
"""A small part of what a slow machine decodes."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A job on its way through the pool, and how it has fared."""

    job: Job
    came: float
    """Loop time at which the pool was given the job."""
    answer: asyncio.Future[Reply]
    suspects: set[int] = field(default_factory=set)
    """Completions at which a worker died once: tried again, for it may not be their fault."""
    fruitless_losses: int = 0
    """Workers lost since one of them told anything new."""

    def learn_from(self, lost: Worker, now: float) -> None:
        """Keep what the lost worker had finished, and judge where it stood.

        After the deadline the handler has nothing left to do that could kill, and nobody to blame.
        """
        culprits = dict(self.job.culprits)
        overdue = now - self.came > self.job.deadline_s
        blameless = lost.index < 0 or lost.index in culprits
        self.fruitless_losses = self.fruitless_losses + 1 if blameless or overdue else 0
        proven = lost.fate is Fate.TIMED_OUT or lost.index in self.suspects
        if proven and not blameless:
            culprits[lost.index] = lost.fate
        self.suspects.add(lost.index)
        self.job = replace(self.job, finished=(*self.job.finished, *lost.pieces), culprits=culprits)

    def refuse(self, reason: str) -> None:
        """Tell whoever waits that the job will not be done."""
        if not self.answer.done():
            self.answer.set_exception(WorkerFailure(reason))

    def give_up(self) -> None:
        """Tell whoever waits that the request itself keeps workers from answering it."""
        log.error("job_given_up", extra={"task": self.job.task, "bytes": len(self.job.body)})
        if not self.answer.done():
            detail = "it ended every scoring process that tried; sent again, it would do the same"
            self.answer.set_result(problems.reply(Kind.UNPROCESSABLE.problem(detail)))

    def patience_s(self, index: int, hang_s: float) -> float:
        """How long a worker may stand at `index`: before the first completion it has to decode."""
        if index != NO_INDEX:
            return hang_s
        size = len(self.job.body) + sum(map(len, self.job.finished))
        return hang_s + size / _DECODED_BYTES_PER_S

    @property
    def hopeless(self) -> bool:
        return self.fruitless_losses >= MAX_FRUITLESS_LOSSES


@dataclass(slots=True)
class Vigil:
    """How long a worker's job has not moved."""

    pulse: tuple[int, int, int]
    cpu_s: float
    patience_s: float
    looks: int = 0

    def hung(self, cpu_s: float, wants_cpu: bool, hang_s: float) -> bool:
        """Whether the worker is stuck, and not merely starved on a busy machine."""
        starved = wants_cpu and cpu_s - self.cpu_s < self.patience_s / 2
        patience_s = self.patience_s * (_PATIENCE_WHEN_STARVED if starved else 1)
        return self.looks * hang_s / LOOKS >= patience_s
