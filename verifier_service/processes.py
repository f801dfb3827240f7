"""The front's ends of its template process and of its workers; nothing here ever blocks."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import mmap
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson

from verifier_service import frames
from verifier_service.frames import MAX_BODY_BYTES, BadFrame, Decoder, Frame, Kind
from verifier_service.hardening import Layer, Report
from verifier_service.jobs import Fate, Job, Reply
from verifier_service.template import INDEX_BYTES, Blueprint

log = logging.getLogger(__name__)

NO_INDEX: Final = -1
"""Where a worker stands before it has named a completion."""

_BOOT: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]);"
    "from importlib import import_module; import_module(sys.argv[2]).main(int(sys.argv[3]))"
)
# The front's environment may hold keys; the processes get what Python and the C library read.
_ENVIRONMENT: Final = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH"})
_ENVIRONMENT_PREFIXES: Final = ("LC_", "PYTHON")
# Numeric libraries start threads when they are imported, and threads do not survive a fork.
_NO_THREADS: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

_EXIT_TIMEOUT_S: Final = 2.0
_FORK_TIMEOUT_S: Final = 5.0
"""For a fork and the hardening after it, which take about 20 ms."""


class WorkerFailure(Exception):
    """The pool could not start or could not do a job; retryable, and never a reward."""


class Template(asyncio.Protocol):
    """The process that workers are forked from."""

    def __init__(self, on_exit: Callable[[int, int], None]) -> None:
        """Call `on_exit(pid, exit_code)` for each worker that ends; a negative code is a signal."""
        self._on_exit = on_exit
        self._built: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._decoder = Decoder()
        self._control, far = socket.socketpair()
        with far:
            self._process = spawn("verifier_service.template", far)
        self._transport: Any = None
        self.alive = True

    async def build(self, blueprint: Blueprint) -> None:
        """Let the process build the handler.

        Raises:
            WorkerFailure: It could not; the message says why.
        """
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: self, sock=self._control)
        self._transport.writelines(frames.encoded(Kind.BUILD, {}, pickle.dumps(blueprint)))
        await self._built

    def fork(self, channel: socket.socket, index_descriptor: int) -> None:
        """Ask for a worker that serves on `channel` and writes its index into that memory file."""
        socket.send_fds(self._control, [b"f"], [channel.fileno(), index_descriptor])

    def kill(self) -> None:
        """End the process and every worker now: it is not in a state to do so by itself."""
        self.alive = False
        self._process.kill()

    async def stop(self) -> None:
        """End the process, which ends every worker."""
        if self._transport is not None:
            self._transport.abort()
            await asyncio.sleep(0)  # the transport closes the socket in the loop's next round
        else:
            self._control.close()
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        try:
            self._process.wait(_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for frame in self._decoder.feed(data):
            if frame.kind is Kind.EXITED:
                self._on_exit(frame.head["pid"], frame.head["exit_code"])
            elif self._built.done():
                continue
            elif frame.kind is Kind.BUILT:
                self._built.set_result(None)
            elif frame.kind is Kind.FAILED:
                reason = f"the workers' handler could not be built: {frame.head['error']}"
                self._built.set_exception(WorkerFailure(reason))

    def connection_lost(self, _error: Exception | None) -> None:
        self.alive = False
        if not self._built.done():
            reason = "the workers' template process ended while it was building the handler"
            self._built.set_exception(WorkerFailure(reason))


class Worker(asyncio.Protocol):
    """One process that does one job at a time."""

    def __init__(
        self, on_reply: Callable[[Worker, Reply], None], on_loss: Callable[[Worker], None]
    ) -> None:
        """Call `on_reply` for each job that is done, and `on_loss` once when the process is gone,
        with or without a job."""
        self._on_reply = on_reply
        self._on_loss = on_loss
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._decoder = Decoder()
        self._transport: Any = None
        self._received = 0
        descriptor = _memory_file()
        self._index_descriptor = descriptor
        self._memory = mmap.mmap(descriptor, INDEX_BYTES)
        self._index = memoryview(self._memory).cast("q")
        self.pid = 0
        self.report = Report(())
        self.busy = False
        self.pieces: list[bytes] = []
        """What the job in hand has finished so far."""
        self.index = NO_INDEX
        """Where a lost worker stood in its job."""
        self.fate = Fate.DIED
        """What a lost worker did."""

    async def start(self, template: Template) -> None:
        """Have the process forked, and wait until it is hardened.

        Raises:
            WorkerFailure: It ended before that, or the template is stuck, and then it is killed.
        """
        near, far = socket.socketpair()
        with far:
            await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=near)
            try:
                template.fork(far, self._index_descriptor)
            except OSError:
                self._transport.abort()
            finally:
                os.close(self._index_descriptor)
        try:
            async with asyncio.timeout(_FORK_TIMEOUT_S):
                await self._ready
        except TimeoutError:
            template.kill()
            self.disconnect()
            raise WorkerFailure("the workers' template process does not answer") from None

    @property
    def leaving(self) -> bool:
        """Whether the loss of this worker is only a matter of the loop's next rounds."""
        return bool(self._transport.is_closing())

    def begin(self, job: Job, *, waited_s: float) -> None:
        """Hand over a job: a reply or a loss follows. Waiting and retries count as elapsed."""
        self.busy = True
        self._received = 0
        self._index[0] = NO_INDEX
        self._transport.writelines(frames.encoded_job(job, waited_s=waited_s))

    def pulse(self) -> tuple[int, int, int]:
        """Something that differs from the last time if the job has moved since."""
        return self._index[0], self._received, self._transport.get_write_buffer_size()

    def kill(self, fate: Fate) -> None:
        """End the process now, whatever it is doing."""
        self.fate = fate
        with suppress(ProcessLookupError):
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)
        self.disconnect()

    def disconnect(self) -> None:
        """Give the process up: it ends as soon as it waits for a job."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        try:
            if self._received > MAX_BODY_BYTES:
                raise BadFrame("more bytes than a job may send")
            for frame in self._decoder.feed(data):
                self._take(frame)
        except BadFrame as error:
            log.warning("worker_broke_protocol", extra={"pid": self.pid, "error": str(error)})
            self.kill(Fate.DIED)

    def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.READY and not self.pid:
            self.pid = frame.head["pid"]
            self.report = Report(tuple(Layer(**layer) for layer in frame.head["layers"]))
            if not self._ready.done():
                self._ready.set_result(None)
        elif frame.kind is Kind.PIECE and self.busy:
            self.pieces.append(frame.body)
        elif frame.kind is Kind.REPLY and self.busy:
            reply = frames.reply_of(frame)
            self.busy = False
            self.pieces = []
            self._on_reply(self, reply)
        elif frame.kind is Kind.FAILED:
            log.error("worker_failed", extra={"pid": self.pid, "error": str(frame.head["error"])})
        else:
            raise BadFrame(f"{frame.kind.name} out of turn")

    def connection_lost(self, _error: Exception | None) -> None:
        self.index = self._index[0]
        self._index.release()
        self._memory.close()
        if not self._ready.done():
            self._ready.set_exception(WorkerFailure("a worker ended before it was ready"))
        self._on_loss(self)


def cpu_state(pid: int) -> tuple[float, bool]:
    """CPU seconds that a process has used, and whether it wants more.

    Where the system does not tell, it is taken to want none. Source: proc_pid_stat(5).
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0, False
    state, *fields = stat.rpartition(")")[2].split()
    ticks = int(fields[10]) + int(fields[11])
    return ticks / os.sysconf("SC_CLK_TCK"), state == "R"


def _memory_file() -> int:
    """A descriptor of shared memory that neither side can shrink under the other's feet."""
    if sys.platform != "linux":
        with tempfile.TemporaryFile() as file:
            file.truncate(INDEX_BYTES)
            return os.dup(file.fileno())
    descriptor = os.memfd_create("index", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, INDEX_BYTES)
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def spawn(module: str, control: socket.socket) -> subprocess.Popen[bytes]:
    """Start `main` of a module, with the descriptor of `control`, in a fresh interpreter.

    It has a session of its own, out of reach of the terminal's signals.
    """
    path = orjson.dumps([entry for entry in sys.path if isinstance(entry, str)]).decode()
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _ENVIRONMENT or name.startswith(_ENVIRONMENT_PREFIXES)
    }
    return subprocess.Popen(  # noqa: S603 - this interpreter, no shell
        [sys.executable, "-P", "-c", _BOOT, path, module, str(control.fileno())],
        pass_fds=[control.fileno()],
        env=kept | _NO_THREADS,
        stdin=subprocess.DEVNULL,
        stdout=2,  # what a tool prints must not mix with what the front says
        start_new_session=True,
    )
