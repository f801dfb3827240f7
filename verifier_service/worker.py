"""What runs in a scoring process: take a job, score it, say how far it is, answer, again.

Also `time_limit`, by which a handler bounds the work on one completion without losing the process.
"""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import AbstractContextManager, nullcontext
from types import FrameType, TracebackType
from typing import Final

from verifier_service import frames
from verifier_service.frames import Kind
from verifier_service.jobs import Handler


class Reporter:
    """The `Progress` of the jobs of one worker."""

    __slots__ = ("_channel", "_index")

    def __init__(self, channel: socket.socket, index: memoryview) -> None:
        self._channel = channel
        self._index = index

    def working_on(self, index: int) -> None:
        """The front reads this from shared memory when the process dies: no system call."""
        self._index[0] = index

    def finished(self, piece: bytes) -> None:
        """The front keeps the piece until the job is done."""
        frames.send(self._channel, Kind.PIECE, {}, piece)


def serve(handler: Handler, channel: socket.socket, index: memoryview) -> int:
    """Answer jobs until the front closes the channel.

    What escapes the handler ends the process, and the front takes it for a death at the completion
    that the process worked on. The traceback is told without its message: that is hostile text.

    Returns:
        The exit status for the process.
    """
    progress = Reporter(channel, index)
    try:
        while (frame := frames.receive(channel)) is not None:
            frames.send_reply(channel, handler(frames.job_of(frame), progress))
    except ConnectionError:
        return 1  # The front is gone: there is nobody to tell.
    except BaseException as error:  # noqa: BLE001 - the front logs it and gives the job again
        frames.send(channel, Kind.FAILED, {"error": _whereabouts(error)})
        return 1
    return 0


def _whereabouts(error: BaseException) -> str:
    lines = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        lines.append(f"{code.co_filename}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return f"{type(error).__name__} at {' > '.join(lines[-5:])}"


class TimeLimitExceeded(BaseException):
    """The work in a `time_limit` block took too long.

    Not an `Exception`: code inside the block that catches everything must not swallow it.
    """


def time_limit(seconds: float) -> AbstractContextManager[None]:
    """Raise `TimeLimitExceeded` inside the block once it has used `seconds` of CPU time.

    CPU time, so that a busy machine times nobody out; it is counted in the kernel's ticks (1 to
    10 ms). Entering and leaving take about 2 us. It interrupts Python code and `re`; a call into C
    that never looks at signals is not interrupted, and the pool kills the worker instead.

    Limits do not nest: the inner one would end the outer. Outside of the main thread, where Python
    delivers no signals, the block is not limited.
    """
    if threading.current_thread() is not threading.main_thread():
        return nullcontext()
    return _TimeLimit(seconds)


class _TimeLimit:
    __slots__ = ("_seconds",)

    running = False
    """One for the process, as there is one timer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        if _TimeLimit.running:
            raise RuntimeError("time limits do not nest")
        if signal.getsignal(signal.SIGPROF) is not _time_is_up:
            signal.signal(signal.SIGPROF, _time_is_up)
        _TimeLimit.running = True
        signal.setitimer(signal.ITIMER_PROF, self._seconds, _AGAIN_AFTER_S)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _TimeLimit.running = False
        signal.setitimer(signal.ITIMER_PROF, 0.0)


# An exception that is raised in a destructor or a comparison in C is lost: so the timer repeats.
_AGAIN_AFTER_S: Final = 0.05

# A signal that arrives while the block is being entered or left must not be raised there:
# `__exit__` would not run to its end, and the timer would fire into whatever comes next.
_NOT_IN: Final = (_TimeLimit.__enter__.__code__, _TimeLimit.__exit__.__code__)


def _time_is_up(_signal: int, frame: FrameType | None) -> None:
    if _TimeLimit.running and (frame is None or frame.f_code not in _NOT_IN):
        raise TimeLimitExceeded
