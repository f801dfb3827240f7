"""Where the time of one request goes in a scoring process; asked for only where it is traced."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from sandbox_tools.types import Json
from verifier_service.engine import Engine
from verifier_service.jobs import Room, Timings
from verifier_service.known import Known
from verifier_service.scoring.judge import Task
from verifier_service.scoring.pipeline import Completion
from verifier_service.scoring.types import Parsed, Verdict
from verifier_service.setting import Setting


class Rooms:
    """Time that is spent in each room."""

    def __init__(self) -> None:
        self._started_ns = time.time_ns()
        self._since = time.perf_counter_ns()
        self._spent_ns = dict.fromkeys(Room, 0)
        self._entered = dict.fromkeys(Room, 0)

    @contextmanager
    def entered(self, room: Room) -> Iterator[None]:
        """Counts the time that the block takes."""
        self._entered[room] += 1
        since = time.perf_counter_ns()
        try:
            yield
        finally:
            self._spent_ns[room] += time.perf_counter_ns() - since

    def timings(self) -> Mapping[str, Json]:
        """Where the time went since this was made."""
        timings: Timings = {
            "started_ns": self._started_ns,
            "spent_ns": time.perf_counter_ns() - self._since,
            "rooms": [
                (room.value, self._spent_ns[room], times)
                for room, times in self._entered.items()
                if times
            ],
        }
        return cast("Mapping[str, Json]", timings)


class TimedEngine(Engine):
    """An engine that tells rooms how long each completion is in them."""

    def __init__(self, engine: Engine, rooms: Rooms) -> None:
        vars(self).update(vars(engine))  # what is loaded and what is cached are one and the same
        self._rooms = rooms

    def prepare(self, known: Known) -> Task:
        with self._rooms.entered(Room.PREPARE):
            return super().prepare(known)

    def _plain(self, text: str, setting: Setting) -> Parsed | None:
        with self._rooms.entered(Room.PARSE):
            return super()._plain(text, setting)

    def _parsed(self, completion: Completion, setting: Setting) -> Parsed:
        with self._rooms.entered(Room.PARSE):
            return super()._parsed(completion, setting)

    def _scored(self, parsed: Parsed, task: Task, setting: Setting) -> Verdict:
        with self._rooms.entered(Room.JUDGE):
            return super()._scored(parsed, task, setting)
