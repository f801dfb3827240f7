"""A whole service process around a fake pool; run as a script by the server's tests.

A job takes until the file named by its body exists, or no time where the body names none.
The answer to the body `large` is 64 MiB. The body `hold FILE` holds up the event loop until there
is such a file. `FAKE_LOADING` and `FAKE_CLOSING` name files until which the pool starts and ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from fake_runner import CATALOG, FakeRunner

from verifier_service.jobs import Job, Reply
from verifier_service.server import run
from verifier_service.settings import Settings


class FakePool(FakeRunner):
    async def start(self) -> None:
        self.ready = False
        await until_there(os.environ.get("FAKE_LOADING", ""))
        self.ready = True

    async def close(self, grace_s: float) -> None:  # noqa: ARG002 - as a pool has it
        await until_there(os.environ.get("FAKE_CLOSING", ""))

    async def answer(self, job: Job) -> Reply:
        if job.body == b"large":
            return Reply(200, b"x" * 2**26)
        verb, _, file = job.body.decode().rpartition(" ")
        while verb == "hold" and not Path(file).exists():  # noqa: ASYNC240 - that is the point
            time.sleep(0.01)  # noqa: ASYNC251 - likewise
        await until_there(file)
        return self.reply


async def until_there(file: str) -> None:
    while file and not Path(file).exists():  # noqa: ASYNC110, ASYNC240 - another process makes it
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    sys.exit(run(Settings(), FakePool(), CATALOG))
