"""What runs in a scoring process: take a job, score it, say how far it is, answer, again.

Also `time_limit`, by which a handler bounds the work on one completion without losing the process.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import threading
from contextlib import AbstractContextManager, nullcontext
from math import ceil
from types import FrameType, TracebackType
from typing import Final

from verifier_service import frames, problems
from verifier_service.frames import BadFrame, Kind
from verifier_service.jobs import Handler, Reply


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
            _answer(channel, handler(frames.job_of(frame), progress))
    except ConnectionError:
        return 1  # The front is gone: there is nobody to tell.
    except BaseException as error:  # noqa: BLE001 - the front logs it and gives the job again
        frames.send(channel, Kind.FAILED, {"error": _whereabouts(error)})
        return 1
    return 0


def _answer(channel: socket.socket, reply: Reply) -> None:
    try:
        frames.send_reply(channel, reply)
    except BadFrame:  # Tried again, it would be as large.
        excuse = problems.Kind.INTERNAL.problem("the answer is larger than the service can send")
        frames.send_reply(channel, problems.reply(excuse))


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

    CPU time, so that a busy machine times nobody out; it is counted in ticks of 10 ms, and a block
    gets up to two more. The guard may be kept and entered again and again: that takes 0.3 us. It
    interrupts Python code and `re`; a call into C that never looks at signals is not interrupted,
    and the pool kills the worker instead.

    Limits do not nest. Outside of the main thread, where Python delivers no signals, the block is
    not limited.
    """
    if threading.current_thread() is not threading.main_thread():
        return nullcontext()
    return _TimeLimit(seconds)


_TICK_S: Final = 0.01


class _TimeLimit:
    """All limits share one timer, which runs on between blocks: entering makes no system call."""

    __slots__ = ("_ticks",)

    left = 0
    """Ticks until the running block is interrupted; 0 while none runs."""
    ticking = False

    def __init__(self, seconds: float) -> None:
        self._ticks = 1 + ceil(seconds / _TICK_S)

    def __enter__(self) -> None:
        if _TimeLimit.left:
            raise RuntimeError("time limits do not nest")
        _TimeLimit.left = self._ticks
        if not _TimeLimit.ticking:
            _TimeLimit.ticking = True
            signal.signal(signal.SIGPROF, _tick)
            signal.setitimer(signal.ITIMER_PROF, _TICK_S, _TICK_S)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _TimeLimit.left = 0


# Interrupted there, a block would begin without an end, or a limit would outlast its block.
_NEVER_IN: Final = (_TimeLimit.__enter__.__code__, _TimeLimit.__exit__.__code__)


def _tick(_signal: int, frame: FrameType | None) -> None:
    if not _TimeLimit.left:
        _stop_ticking()
    elif _TimeLimit.left > 1:
        _TimeLimit.left -= 1
    elif frame is None or frame.f_code not in _NEVER_IN:
        # Raised again at every tick until the block is left: in a destructor it would be lost.
        raise TimeLimitExceeded


def _stop_ticking() -> None:
    if _TimeLimit.ticking:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _TimeLimit.ticking = False


def _forget_timer() -> None:
    _TimeLimit.left, _TimeLimit.ticking = 0, False


atexit.register(_stop_ticking)  # a tick after Python took its handler away would kill the process
os.register_at_fork(after_in_child=_forget_timer)  # a child inherits no timer
