"""A thread of its own for probes, so that they wait for nobody, and the pulse that keeps them true.

On the main port a new connection waits behind all that came before it, and then for its turn in the
event loop. A kubelet opens a new connection for every probe, and must not take a burst for a fault.
"""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import uvicorn
import uvloop

BEAT_S: Final = 1.0
STALLED_S: Final = 10.0
"""A full collection takes a second where there are 20,000 connections. What takes ten times as long
does not end."""


class Pulse:
    """Whether an event loop turns, for those who ask from another thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = math.inf

    def beat(self) -> None:
        """Beat from now on, in the loop that runs."""
        self._at = self._clock()
        asyncio.get_running_loop().call_later(BEAT_S, self.beat)

    @property
    def stalled(self) -> bool:
        """Whether the loop has begun to turn, and does not any more."""
        return self._clock() - self._at > STALLED_S


@asynccontextmanager
async def answering_apart(server: uvicorn.Server, listening: socket.socket) -> AsyncIterator[None]:
    """Serve from another thread, in an event loop of its own, until the block ends."""

    def serve() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(server.serve([listening]))

    serving = asyncio.create_task(asyncio.to_thread(serve))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
