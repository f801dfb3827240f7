"""Discrete events: a clock, processors that tasks share, and stations where tasks wait in order.

A process is a generator that yields what it waits for:

>>> clock = Clock()
>>> desk = Station(Unshared(clock))
>>> def customer():
...     yield desk.work(2.0)
...     print(clock.now)
>>> clock.start(customer())
>>> clock.start(customer())
>>> clock.run()
2.0
4.0
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from heapq import heappop, heappush
from typing import Final, Protocol

Event = Callable[[], None]
Wait = Callable[[Event], None]
"""What a process yields: given what comes next, it sees to it that it comes."""
Process = Iterator[Wait]


class Clock:
    """What is due next happens next; what is due together, in the order in which it was planned."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Event]] = []
        self._order = itertools.count()

    def after(self, delay_s: float, event: Event) -> None:
        heappush(self._due, (self.now + delay_s, next(self._order), event))

    def run(self) -> None:
        """Until nothing is due."""
        while self._due:
            self.now, _, event = heappop(self._due)
            event()

    def until(self, time_s: float) -> Wait:
        """Wait for a time; one that is past is now."""
        return partial(self.after, max(0.0, time_s - self.now))

    def start(self, process: Process, ended: Event = lambda: None) -> None:
        """Go on with `process` until it waits, and again after each wait."""
        wait = next(process, None)
        if wait is None:
            ended()
        else:
            wait(partial(self.start, process, ended))

    def all_of(self, processes: Iterable[Process]) -> Wait:
        """Start them together and wait for the last."""
        waiting = list(processes)

        def wait(then: Event) -> None:
            left = itertools.count(len(waiting) - 1, -1)
            for process in waiting:
                self.start(process, lambda: then() if next(left) == 0 else None)

        return wait


class Processor(Protocol):
    """What gives tasks CPU time."""

    def run(self, work_s: float, then: Event) -> None: ...


class Unshared:
    """A core for every task."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def run(self, work_s: float, then: Event) -> None:
        self._clock.after(work_s, then)


class Machine:
    """Cores that all running tasks share evenly, as a kernel's fair scheduler has it.

    Args:
        cores: How many; a task never has more than one.
        neighbours: Tasks of others that always want a core; `beset` changes how many.

    Works with the CPU time that each task has had since the beginning, the same for all that run:
    whoever needs least from here on ends first.
    """

    def __init__(self, clock: Clock, cores: float, neighbours: float = 0.0) -> None:
        self._clock = clock
        self._cores: Final = cores
        self._neighbours = neighbours
        self._running: list[tuple[float, int, Event]] = []
        self._order = itertools.count()
        self._given_s = 0.0
        self._since = 0.0
        self._plans = 0

    def run(self, work_s: float, then: Event) -> None:
        self._advance()
        heappush(self._running, (self._given_s + work_s, next(self._order), then))
        self._plan()

    def beset(self, neighbours: float) -> None:
        """From now on so many others want a core."""
        self._advance()
        self._neighbours = neighbours
        self._plan()

    @property
    def _speed(self) -> float:
        return min(1.0, self._cores / (len(self._running) + self._neighbours))

    def _advance(self) -> None:
        if self._running:
            self._given_s += (self._clock.now - self._since) * self._speed
        self._since = self._clock.now

    def _plan(self) -> None:
        if self._running:
            left_s = max(0.0, self._running[0][0] - self._given_s) / self._speed
            self._plans += 1
            self._clock.after(left_s, partial(self._end, self._plans))

    def _end(self, plan: int) -> None:
        if plan != self._plans:
            return  # Somebody came or went since: the end was planned anew.
        self._advance()
        self._given_s, _, then = heappop(self._running)
        self._plan()
        then()


class Station:
    """Does tasks in the order in which they come, `servers` at a time: a process, or a pool."""

    def __init__(self, processor: Processor, servers: int = 1) -> None:
        self._processor = processor
        self._waiting: deque[tuple[float, Event]] = deque()
        self._free = servers
        self.worked_s = 0.0

    def work(self, work_s: float) -> Wait:
        """Wait for a server and for its work."""
        return partial(self._come, work_s)

    def _come(self, work_s: float, then: Event) -> None:
        if self._free:
            self._free -= 1
            self._begin(work_s, then)
        else:
            self._waiting.append((work_s, then))

    def _begin(self, work_s: float, then: Event) -> None:
        self.worked_s += work_s
        self._processor.run(work_s, partial(self._done, then))

    def _done(self, then: Event) -> None:
        if self._waiting:
            self._begin(*self._waiting.popleft())
        else:
            self._free += 1
        then()
