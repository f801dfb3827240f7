"""Which requests are let in: a queue bounded in completions and bytes, and closed by a drain."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

_MEMORY_S: Final = 10.0
"""Throughput is remembered for about so long."""
_LONGEST_WAIT_S: Final = 60
_SAMPLE_BYTES: Final = 1024 * 1024
_GROUPED_COMPLETION_BYTES: Final = 1024


class QueueFull(Exception):
    """The queue has no room; `retry_after_s` is when it may have, going by recent throughput."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"no room for about {retry_after_s} s")


class Phase(Enum):
    """How far a shutdown is."""

    OPEN = "open"
    LEAVING = "leaving"
    """Readiness is off so that load balancers look elsewhere; requests are still taken."""
    CLOSED = "closed"
    """Running requests finish, new ones are refused."""


class Meter:
    """An amount that waits or is in work, its bound, and how fast it is worked off."""

    def __init__(self, bound: int, clock: Callable[[], float]) -> None:
        self.bound, self.used = bound, 0
        self._clock = clock
        self._recent, self._at = 0.0, clock()

    def take(self, amount: int, own: int = 0) -> None:
        """Take more; a share of `own` that is alone may grow beyond the bound.

        Raises:
            QueueFull: Others use the room.
        """
        excess = self.used + amount - self.bound
        if excess > 0 and self.used > own:
            raise QueueFull(self._wait_s(excess))
        self.used += amount

    def give_back(self, amount: int) -> None:
        self.used -= amount

    def work_off(self, amount: int) -> None:
        """Give back what was worked on until it was done: only this counts as throughput."""
        self.used -= amount
        self._recent = self._decayed() + amount

    def _decayed(self) -> float:
        now = self._clock()
        self._recent *= math.exp((self._at - now) / _MEMORY_S)
        self._at = now
        return self._recent

    def _wait_s(self, excess: int) -> int:
        per_second = self._decayed() / _MEMORY_S
        if per_second < 1:
            return 1
        return max(1, min(_LONGEST_WAIT_S, math.ceil(excess / per_second)))


@dataclass(slots=True)
class Share:
    """What one request uses of the queue."""

    _queue: Admission
    completions: int = 0
    bytes: int = 0

    def __enter__(self) -> Self:
        self._queue.requests += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.requests -= 1
        self._queue.completions.give_back(self.completions)
        self._queue.bytes.give_back(self.bytes)

    def add_bytes(self, amount: int) -> None:
        self._queue.bytes.take(amount, self.bytes)
        self.bytes += amount

    def add_completions(self, amount: int) -> None:
        self._queue.completions.take(amount, self.completions)
        self.completions += amount

    def answer(self, size: int) -> None:
        """The work is done: until it is sent, the answer is held in place of the request."""
        self._queue.completions.work_off(self.completions)
        self._queue.bytes.work_off(self.bytes)
        self._queue.bytes.used += size
        self.completions, self.bytes = 0, size


class Admission:
    """The bounded queue before the scoring processes.

    A request larger than a bound is let in when it is alone: otherwise it never could be.
    """

    def __init__(
        self,
        *,
        max_completions: int,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.completions = Meter(max_completions, clock)
        self.bytes = Meter(max_bytes, clock)
        self.requests = 0
        self.phase = Phase.OPEN

    def share(self) -> Share:
        """A request's share, given back when its block ends, however it ends."""
        return Share(self)


def estimated_completions(body: bytes) -> int:
    """About how many completions a body holds, without reading it; at least 1.

    Counts the members named `completion`; groups, whose completions have no name of their own,
    count one for each KiB. Only the first MiB is looked at, so the work does not grow.
    """
    seen = min(len(body), _SAMPLE_BYTES)
    named = body.count(b'"completion"', 0, seen)
    grouped = seen // _GROUPED_COMPLETION_BYTES if body.find(b'"completions"', 0, seen) >= 0 else 0
    return max(1, max(named, grouped) * len(body) // max(1, seen))
