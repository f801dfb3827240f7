"""A handler that does to its worker whatever the request body says.

A module of its own, because the workers' template process imports it.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

from verifier_service.frames import MAX_HEAD_BYTES
from verifier_service.jobs import Handler, Job, Progress, Reply, Task

EXCESSIVE = b"excessive"


def act(name: str, argument: str = "") -> str:
    """One completion for the actor: what it shall do, and with what."""
    return f"{name} {argument}"


def body_of(*acts: str) -> bytes:
    return json.dumps(acts).encode()


class Actor:
    """Acts on one completion after the other; each answer is a piece, the reply joins them.

    A body to PARSE is echoed; an `EXCESSIVE` one gets a reply that no frame can hold. The acts
    `deadline` and `elapsed` tell what the job says of them.
    """

    def __call__(self, job: Job, progress: Progress) -> Reply:
        if job.body == EXCESSIVE:
            return Reply(200, b"", counts={"x" * 2 * MAX_HEAD_BYTES: 1})
        if job.task is Task.PARSE:
            return Reply(200, job.body, "text/plain", {"bytes": len(job.body)})
        answers = list(job.finished)
        acts = json.loads(job.body)
        for index in range(len(answers), len(acts)):
            progress.working_on(index)
            name, _, argument = acts[index].partition(" ")
            if name in {"deadline", "elapsed"}:
                answer = repr(getattr(job, f"{name}_s"))
            else:
                answer = job.culprits.get(index) or ACTS[name](argument)
            progress.finished(answer.encode())
            answers.append(answer.encode())
        return Reply(200, b",".join(answers))


def _loop_in_python(argument: str) -> str:
    while True:
        pass


def _loop_in_c(argument: str) -> str:
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
    return str(re.match(r"(a+)+$", "a" * 60 + "b"))


def _allocate(argument: str) -> str:
    return str(len(bytearray(int(argument))))


def _wait_for(path: str) -> str:
    while not Path(path).exists():
        time.sleep(0.002)
    return "ok"


def _babble(argument: str) -> str:
    """What a worker could do that hostile text has taken over: garbage on its channel."""
    for descriptor in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.write(descriptor, b"\xff" * 64)
        except OSError:
            continue
    return _loop_in_python(argument)


ACTS: dict[str, Callable[[str], str]] = {
    "ok": lambda _: "ok",
    "say": lambda words: words,
    "pid": lambda _: str(os.getpid()),
    "exit": lambda _: os._exit(3),
    "segfault": lambda _: str(ctypes.string_at(0)),
    "raise": lambda _: str(1 // 0),
    "python": _loop_in_python,
    "c": _loop_in_c,
    "sleep": lambda _: str(signal.sigwait([])),
    "allocate": _allocate,
    "wait_for": _wait_for,
    "babble": _babble,
}


def build() -> Handler:
    return Actor()


def build_slow_reader() -> Handler:
    """Takes 0.3 s before its first completion, however large the body is."""

    def read_slowly(job: Job, progress: Progress) -> Reply:
        time.sleep(0.3)
        return Actor()(job, progress)

    return read_slowly


def build_nothing() -> Handler:
    raise ValueError("the toolset 'finance' has no tools")


def build_stillborn(flag: Path) -> Handler:
    """Every worker dies at birth as long as `flag` exists."""

    def die_at_birth() -> None:
        if flag.exists():
            os._exit(3)

    os.register_at_fork(after_in_child=die_at_birth)
    return Actor()
