"""Who answers jobs: the seam between the HTTP front and the scoring processes."""

from __future__ import annotations

import asyncio
from typing import Protocol

from verifier_service.jobs import Job, Reply


class Runner(Protocol):
    """Runs jobs, one a worker at a time, first come, first served."""

    def run(self, job: Job) -> asyncio.Future[Reply]:
        """The answer to a job; cancelling it gives up the job.

        Raises:
            WorkerFailure: No worker could answer: our fault, and the caller may try again.
        """
        ...

    @property
    def alive(self) -> int:
        """Workers that run."""
        ...

    @property
    def size(self) -> int:
        """Workers that should run."""
        ...

    @property
    def restarts(self) -> int:
        """Workers that were replaced so far."""
        ...

    @property
    def ready(self) -> bool:
        """Whether jobs are answered: everything is loaded and a worker is alive."""
        ...
