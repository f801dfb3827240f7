"""A whole service process around a fake pool; run as a script by the server's tests.

A job takes until the file named by its body exists, or no time where the body names none.
The answer to the body `large` is 64 MiB.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from fake_runner import CATALOG, FakeRunner

from verifier_service.jobs import Job, Reply
from verifier_service.server import run
from verifier_service.settings import Settings


class FakePool(FakeRunner):
    async def start(self) -> None: ...

    async def close(self, grace_s: float) -> None: ...

    async def run(self, job: Job) -> Reply:
        if job.body == b"large":
            return Reply(200, b"x" * 2**26)
        gate = job.body.decode()
        while gate and not Path(gate).exists():  # noqa: ASYNC110, ASYNC240 - another process opens it
            await asyncio.sleep(0.01)
        return self.reply


if __name__ == "__main__":
    sys.exit(run(Settings(), FakePool(), CATALOG))
