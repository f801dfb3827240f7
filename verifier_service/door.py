"""Where connections come in: a few at a time, and only as many as there is room for.

What has not come in waits in the kernel's queue, where it costs next to nothing and is refused by
nobody. Taking all of a burst at once would close connections that have done nothing wrong, and
keep everybody waiting who is already in.
"""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from collections.abc import Callable
from typing import Final

import uvicorn

from verifier_service.connections import Connection, Patience, Waiting

log = logging.getLogger(__name__)

AT_ONCE: Final = 32
"""Connections that come in before those that are in get their turn: a few milliseconds."""
LOOK_S: Final = 0.05
"""Until it is looked again whether there is room."""
_SHORTAGE_S: Final = 1.0
"""The same when the system itself has no file or no memory left."""


class Door:
    """Accepts connections on a listening socket while there is room for them."""

    def __init__(
        self,
        listening: socket.socket,
        connection: Callable[[], Connection],
        waiting: Waiting,
    ) -> None:
        self.sockets = (listening,)
        self._listening, self._connection, self._waiting = listening, connection, waiting
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[object]] = set()
        self._later: asyncio.TimerHandle | None = None
        listening.setblocking(False)
        self._open()

    def close(self) -> None:
        """Accept nothing more; what is in stays."""
        if self._later is not None:
            self._later.cancel()
        self._loop.remove_reader(self._listening.fileno())
        self._listening.close()

    async def wait_closed(self) -> None:
        """Nothing is left to be done."""

    @property
    def somebody_waits(self) -> bool:
        """Whether somebody is there who has not come in, or who is just coming."""
        there = select.poll()  # Not `select`, which knows no file beyond the first 1,024.
        there.register(self._listening, select.POLLIN)
        return bool(self._entering or there.poll(0))

    def _open(self) -> None:
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listening.fileno())
        self._later = self._loop.call_later(seconds, self._open)

    def _accept(self) -> None:
        """Somebody is there: let them in, or see to it that there is room the next time."""
        if not self._has_room:
            if not self._waiting.make_room():
                self._pause(LOOK_S)
            return
        for _ in range(AT_ONCE):
            try:
                client, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # No file or no memory is left; both come back.
                log.warning("connections_wait", extra={"reason": error.strerror or str(error)})
                self._pause(_SHORTAGE_S)
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            entering = self._loop.create_task(self._enter(client))
            self._entering.add(entering)
            entering.add_done_callback(self._entering.discard)
            if not self._has_room:
                return

    @property
    def _has_room(self) -> bool:
        return self._waiting.has_room(len(self._entering))

    async def _enter(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._connection, client)
        except OSError:
            client.close()  # The client has left already.


class Server(uvicorn.Server):
    """Uvicorn with a door of ours before it."""

    def __init__(self, config: uvicorn.Config, most: int, patience: Patience) -> None:
        """Let in `most` connections at once."""
        super().__init__(config)
        self._waiting = Waiting(most, self.server_state.connections, patience)
        self._doors: list[Door] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._doors = [Door(each, self._connection, self._waiting) for each in sockets or ()]
        self.servers = self._doors  # type: ignore[assignment]  # only closing is asked of them
        self.started = True

    @property
    def somebody_waits(self) -> bool:
        """Whether somebody waits to come in."""
        return any(door.somebody_waits for door in self._doors)

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, self._waiting)
