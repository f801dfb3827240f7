"""The process that every worker is a copy of.

It builds the handler once, has one thread, sees no hostile byte, and forks a worker whenever the
front asks for one: a worker that was lost is replaced in milliseconds, however long the toolsets
took to load, and all workers share the loaded memory. When the front goes away, so do all of them.
"""

from __future__ import annotations

import faulthandler
import gc
import mmap
import os
import pickle
import signal
import socket
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NoReturn

from verifier_service import frames
from verifier_service.frames import Kind
from verifier_service.hardening import harden, kernel
from verifier_service.jobs import Handler
from verifier_service.worker import serve

INDEX_BYTES: Final = 8
"""Size of the shared memory in which a worker says which completion it works on."""

_PR_SET_PDEATHSIG: Final = 1
_GC_THRESHOLDS: Final = (50_000, 20, 20)
"""Full collections over what is loaded cost 15 to 25 ms; this much may pile up before one."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What every worker of a pool is made of."""

    build: Callable[[], Handler]
    memory_bytes: int
    readable: tuple[Path, ...] = ()


def main(control_descriptor: int) -> None:
    """Build what the front orders, then fork workers until the front closes the channel."""
    for ignored in (signal.SIGINT, signal.SIGTERM):  # to end or to drain is the front's to say
        signal.signal(ignored, signal.SIG_IGN)
    faulthandler.enable()
    with socket.socket(fileno=control_descriptor) as control:
        order = frames.receive(control)
        if order is None:
            return
        try:
            blueprint: Blueprint = pickle.loads(order.body)  # noqa: S301 - the front's own words
            handler = blueprint.build()
        except BaseException as error:  # noqa: BLE001 - whatever is wrong, the front must be told
            frames.send(control, Kind.FAILED, {"error": f"{type(error).__name__}: {error}"})
            return
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        frames.send(control, Kind.BUILT, {})
        _fork_on_demand(control, handler, blueprint)


def _fork_on_demand(control: socket.socket, handler: Handler, blueprint: Blueprint) -> None:
    """A byte with two descriptors, a worker's channel and its index, asks for a worker."""
    with _reaped_children(control) as children, suppress(ConnectionError):
        while True:
            byte, descriptors, _flags, _address = socket.recv_fds(control, 1, 2)
            if not byte:
                return
            with suppress(OSError):  # No process to be had: the front sees the channel close.
                template = os.getpid()
                pid = os.fork()
                if pid == 0:
                    control.close()
                    _become_worker(handler, blueprint, template, *descriptors)
                children.add(pid)
            for descriptor in descriptors:
                os.close(descriptor)


@contextmanager
def _reaped_children(control: socket.socket) -> Iterator[set[int]]:
    """The workers that live; the front is told of each that ends, and at the end all are killed."""
    children: set[int] = set()

    def reap(*_: object) -> None:
        for child in tuple(children):
            try:
                pid, status = os.waitpid(child, os.WNOHANG)
            except ChildProcessError:  # the next signal came in the midst of this and reaped it
                continue
            if pid:
                children.discard(pid)
                exit_code = os.waitstatus_to_exitcode(status)
                frames.send(control, Kind.EXITED, {"pid": pid, "exit_code": exit_code})

    signal.signal(signal.SIGCHLD, reap)
    try:
        yield children
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for pid in children:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _become_worker(
    handler: Handler,
    blueprint: Blueprint,
    template: int,
    channel_descriptor: int,
    index_descriptor: int,
) -> NoReturn:
    """Harden, say so, and serve; the template's stack is never returned to."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _die_with(template)
        channel = socket.socket(fileno=channel_descriptor)
        index = memoryview(mmap.mmap(index_descriptor, INDEX_BYTES)).cast("q")
        os.close(index_descriptor)
        sink = os.open(os.devnull, os.O_WRONLY)  # while files can still be opened for writing
        report = harden(blueprint.memory_bytes, blueprint.readable)
        layers = [asdict(layer) for layer in report.layers]
        _silence(sink)
        frames.send(channel, Kind.READY, {"pid": os.getpid(), "layers": layers})
        status = serve(handler, channel, index)
    except BaseException:  # noqa: BLE001 - the front sees the exit code, the log what came before hardening
        traceback.print_exc()
    finally:
        os._exit(status)


def _silence(sink: int) -> None:
    """What tools print, which may be hostile text, is nobody's log and fails no call."""
    for output in (1, 2):
        os.dup2(sink, output)
    os.close(sink)


def _die_with(template: int) -> None:
    """Let the kernel kill this worker when the template ends, even in the middle of a job."""
    with suppress(OSError):  # other than on Linux, an idle worker sees its channel close
        kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != template:
        os._exit(1)
