"""The process: starts the scoring processes, serves, and drains when it is told to stop.

Exit codes: 0 after a drain, 1 when something broke or running requests were cut off, 2 when the
service refuses to start; 128 plus the signal's number when a second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

import uvicorn
import uvloop
from starlette.types import ASGIApp

from verifier_service.admission import Admission, Phase
from verifier_service.app import create_app, create_metrics_app
from verifier_service.auth import Keys, StartRefused, open_keys
from verifier_service.catalog import Catalog
from verifier_service.connections import (
    WITH_PROBES,
    WITH_TRAINERS,
    Patience,
    allow_files,
    most_connections,
)
from verifier_service.door import Server
from verifier_service.front import Front
from verifier_service.probes import answering_apart
from verifier_service.runner import Runner
from verifier_service.score_log.channel import ScoreLog
from verifier_service.settings import Settings, misspelt
from verifier_service.telemetry import Event, configure_logging, log
from verifier_service.workers import WorkerFailure

REFUSED: Final = 2
BACKLOG: Final = 65_535
"""Connections that wait to be accepted; the system allows fewer (net.core.somaxconn)."""
KEEP_ALIVE_S: Final = 75
"""Longer than most clients keep idle connections, so that it is they who close them."""
PROBES: Final = 256
"""Most connections to the metrics port; those of all are bounded by the limit on open files."""
_LAST_ANSWERS_S: Final = 1
"""For whoever reads metrics when the service ends; a drain says how long others have."""
_LOOK_S: Final = 0.02
_ONE_SIGNAL_S: Final = 0.5
"""Wrappers such as timeout(1) signal a process and then its group: that is one wish."""
_GC_THRESHOLDS: Final = (2_000, 10, 200)
"""A full collection looks at every open connection, for half a second where there are 10,000: it
must be rare. It still comes before garbage takes some hundred MiB."""


class Pool(Runner, Protocol):
    """A runner with a beginning and an end."""

    async def start(self) -> None: ...

    async def close(self, grace_s: float) -> None: ...


def run(settings: Settings, pool: Pool, catalog: Catalog) -> int:
    """Serve until a signal; returns the exit code of the process."""
    configure_logging(settings.log_level, sys.stderr.fileno())
    for name, meant in misspelt(os.environ).items():
        log(logging.WARNING, Event.SETTING_IGNORED, variable=name, meant=meant)
    allow_files()
    try:
        keys = open_keys(settings)
        with contextlib.ExitStack() as sockets:
            listening = sockets.enter_context(listen(settings.host, settings.port))
            metrics = None
            if settings.metrics_port is not None:
                metrics = sockets.enter_context(listen(settings.host, settings.metrics_port))
            service = _Service(settings, pool, catalog, keys)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(service.run(listening, metrics))
    except StartRefused as refusal:
        sys.stderr.write(f"verifier: {refusal}\n")
        return REFUSED
    except WorkerFailure as failure:
        sys.stderr.write(f"verifier: the scoring processes do not start: {failure}\n")
        return 1


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; connections wait in it until the service is ready.

    Raises:
        StartRefused: The address cannot be bound.
    """
    try:
        return socket.create_server(
            (host, port),
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            backlog=BACKLOG,
        )
    except OSError as error:
        raise StartRefused(
            f"cannot listen on {host} port {port}: {error.strerror or error}"
        ) from None


class _Server(Server):
    """Without signal handling of its own: here, a signal begins a drain."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: ASGIApp, most: int, patience: Patience) -> _Server:
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
    )
    return _Server(config, most, patience)


class _Service:
    """The service from its first signal handler to the end of its drain."""

    def __init__(self, settings: Settings, pool: Pool, catalog: Catalog, keys: Keys | None) -> None:
        self._settings, self._pool, self._catalog, self._keys = settings, pool, catalog, keys
        self._app = create_app(settings, pool, catalog, keys)
        self._front: Front = self._app.state.front
        self._admission: Admission = self._front.admission
        self._score_log: ScoreLog | None = self._front.score_log
        self._stopping = asyncio.Event()
        self._asked_to_stop = math.inf

    async def run(self, listening: socket.socket, metrics: socket.socket | None) -> int:
        self._handle_signals()
        self._front.pulse.beat()
        most = most_connections(self._settings.workers)
        probes = 0 if metrics is None else max(1, min(PROBES, most // 8))
        # Probes are answered first and last: they tell of a start and of a drain.
        async with self._answering_probes(metrics, probes):
            finished = await self._serve(listening, metrics, max(1, most - probes))
        log(logging.INFO, Event.STOPPED, finished=finished)
        return 0 if finished else 1

    def _answering_probes(
        self, metrics: socket.socket | None, most: int
    ) -> AbstractAsyncContextManager[None]:
        if metrics is None:
            return contextlib.nullcontext()
        return answering_apart(_server(create_metrics_app(self._front), most, WITH_PROBES), metrics)

    async def _serve(
        self, listening: socket.socket, metrics: socket.socket | None, most: int
    ) -> bool:
        """Everything between the first process and the last; False if requests were cut off."""
        try:
            await self._pool.start()
            if self._score_log is not None:
                await self._score_log.start()
            server = _server(self._app, most, WITH_TRAINERS)
            async with asyncio.TaskGroup() as running:
                running.create_task(server.serve([listening]))
                await self._started(server)
                self._announce(listening, metrics)
                await self._stopping.wait()
                return await self._drain(server)
        finally:
            await self._pool.close(0)
            if self._score_log is not None:
                await self._score_log.close()
            if self._app.tracing is not None:
                self._app.tracing.close()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _reload(self) -> None:
        if self._keys is not None:
            self._keys.reload()

    def _stop(self, number: int) -> None:
        now = time.monotonic()
        if now - self._asked_to_stop > _ONE_SIGNAL_S:
            os._exit(128 + number)  # Asked twice: nothing is waited for, workers see the pipe end.
        self._asked_to_stop = min(self._asked_to_stop, now)
        self._stopping.set()

    async def _started(self, server: _Server) -> None:
        while not server.started:  # noqa: ASYNC110 - no event
            await asyncio.sleep(_LOOK_S)
        # What is loaded by now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)

    def _announce(self, listening: socket.socket, metrics: socket.socket | None) -> None:
        host, port = listening.getsockname()[:2]
        where = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        toolsets, workers = ", ".join(sorted(self._catalog.toolsets)), self._pool.size
        plural = "" if workers == 1 else "s"
        sys.stdout.write(f"verifier ready on {where} ({toolsets}; {workers} worker{plural})\n")
        sys.stdout.flush()
        if self._settings.port_file is not None:
            self._settings.port_file.write_text(f"{port}\n")
        metrics_port = port if metrics is None else metrics.getsockname()[1]
        log(
            logging.INFO,
            Event.STARTED,
            host=host,
            port=port,
            metrics_port=metrics_port,
            workers=workers,
        )

    async def _drain(self, server: _Server) -> bool:
        """Stop taking requests and let those that run finish; False if some were cut off."""
        settings, admission = self._settings, self._admission
        log(logging.INFO, Event.DRAIN_STARTED, requests=admission.requests)
        admission.phase = Phase.LEAVING
        await asyncio.sleep(settings.drain_grace_s)
        admission.phase = Phase.CLOSED
        finished, loop = True, asyncio.get_running_loop()
        ends = loop.time() + settings.drain_s
        try:
            async with asyncio.timeout_at(ends):
                # Who has connected gets an answer, at the least a 503.
                while admission.requests or server.somebody_waits:  # noqa: ASYNC110 - no events
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            if admission.requests:
                log(logging.ERROR, Event.DRAIN_TIMED_OUT, requests=admission.requests)
                finished = False
        server.should_exit = True
        server.config.timeout_graceful_shutdown = max(0, int(ends - loop.time()))
        return finished
