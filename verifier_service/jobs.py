"""What the front and the scoring processes say to each other.

The front never reads a request body: it hands the bytes to a worker and relays the worker's bytes.
While it works, a worker reports how far it is; when it dies or hangs, the front gives the job to
another worker together with everything that was finished, and only the culprit goes unscored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypedDict

from sandbox_tools.types import Json


class Task(StrEnum):
    """What a worker can be asked to do with a request body."""

    SCORE = "score"
    PARSE = "parse"
    WIRE = "wire"
    """What a trainer sends in its own words; `Job.call` says whose."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a trainer's own request says besides its body."""

    wire: str
    """Name of the wire; see `verifier_service.wires`."""
    query: str = ""
    """Of the URL, as it was sent."""
    tail: str = ""
    """Last part of the path, where the path has one that varies."""
    cookie: str = ""
    """The header, as it was sent."""


class Fate(StrEnum):
    """Why a completion cannot be scored although nothing is wrong with its task."""

    TIMED_OUT = "timed_out"
    DIED = "died"


class Room(StrEnum):
    """Where a scoring process spends its time; the middle three only on completions that are new.

    In the order in which a request goes through them.
    """

    DECODE = "decode"
    PARSE = "parse"
    PREPARE = "prepare"
    JUDGE = "judge"
    ENCODE = "encode"


@dataclass(frozen=True, slots=True)
class Job:
    """One request body and what is already known of it."""

    task: Task
    body: bytes
    finished: tuple[bytes, ...] = ()
    """Opaque pieces that earlier workers reported, in order; they cover the first completions."""
    culprits: Mapping[int, Fate] = field(default_factory=dict)
    """Completions, by flat index, that took a worker down and are not tried again."""
    deadline_s: float = 30.0
    """Seconds this request may still take; what is unscored by then becomes `timeout`. The worker
    takes the smaller of this and the body's own `deadline_ms`."""
    elapsed_s: float = 0.0
    """Seconds since the request arrived; queueing and lost workers included."""
    call: Call | None = None
    """Only of `Task.WIRE`."""
    traced: bool = False
    """Whether the reply says where its time went."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A worker's whole answer to a job."""

    status: int
    """HTTP status: 200, or 422 and 400 with a problem document."""
    body: bytes
    media_type: str = "application/json"
    counts: Mapping[str, Json] = field(default_factory=dict)
    """See `Counts`."""
    cookie: str = ""
    """Value of a Set-Cookie header; empty for none."""
    timings: Mapping[str, Json] = field(default_factory=dict)
    """Only of a job that is traced: see `Timings`."""


class Progress(Protocol):
    """How a worker says where it is; both calls are cheap and safe to make for every completion."""

    def working_on(self, index: int) -> None:
        """The completion with this flat index is next."""

    def finished(self, piece: bytes) -> None:
        """An opaque piece that covers every completion since the last one."""


class Handler(Protocol):
    """What runs in a worker: built once per process, called once per job."""

    def __call__(self, job: Job, progress: Progress) -> Reply: ...


class Counts(TypedDict, total=False):
    """What a worker counts in one request: `Reply.counts`."""

    completions: list[tuple[str, str | None, str, int]]
    """Outcome, tier (None where there is no reward), profile, and how many."""
    failures: dict[str, int]
    """How many failures of each code."""
    behaviors: list[tuple[str | None, str | None, int]]
    """Expected behaviour, observed behaviour, and how many; scored completions only."""
    run: str | None
    """The training run that the request is of, if it says."""
    step: int | None
    """Its training step, if it says."""
    rewards: tuple[float, float]
    """Sum of the rewards, and of their squares."""
    groups: tuple[int, int]
    """Groups of two scored completions or more, and how many of them all earn the same."""
    unscored: list[tuple[str, str, str, int]]
    """On wires that carry no null: wire, outcome, what was answered (`refused` or `number`), and
    how many."""


class Timings(TypedDict):
    """Where the time of a job went: `Reply.timings`."""

    started_ns: int
    """When the work began, since 1970."""
    spent_ns: int
    """How long it took."""
    rooms: list[tuple[str, int, int]]
    """Each room, how long it took in all, and how often it was entered."""
