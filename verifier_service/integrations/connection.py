"""The service that the environment names: what every callable scores with.

| variable | meaning |
|---|---|
| `VERIFIER_URL` | address of the service; required |
| `VERIFIER_API_KEY` | its key |
| `VERIFIER_TOOLSET`, `VERIFIER_PROFILE`, `VERIFIER_FORMAT` | what a carrier leaves out |
| `VERIFIER_TIMEOUT_S`, `VERIFIER_RETRY_BUDGET_S` | for one attempt, and for all of one request |
| `VERIFIER_UNSCORED` | `raise` (default), or the number to return for a sample without a reward |

A sample that could not be scored has no reward. Trainers that know null get null; others get
`Unscored` raised, unless `VERIFIER_UNSCORED` names a number. An outage always raises, once the
client's retries are spent.

Connections are kept for each process and, in asynchronous code, for each event loop: a callable may
be pickled, forked and called from any thread.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final
from weakref import WeakKeyDictionary

from verifier_service.carrier import CarrierFault, Json, item_of
from verifier_service.client import (
    AsyncVerifierClient,
    Behavior,
    Failure,
    Verdict,
    VerifierClient,
    terms,
)
from verifier_service.integrations.plain import plain
from verifier_service.measures import COMPONENTS

_RAISE: Final = "raise"


class NotConfigured(Exception):
    """An environment variable is missing or wrong; says which and what to write."""


class Unscored(Exception):
    """A sample has no reward and the trainer takes nothing else: `verdict` says why."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        super().__init__(
            f"{verdict.outcome}: {_reason(verdict)}. Nothing was invented in its place; set "
            "VERIFIER_UNSCORED to a number if such samples should count as that"
        )

    def __reduce__(self) -> tuple[type[Unscored], tuple[Verdict]]:
        return Unscored, (self.verdict,)


@dataclass(frozen=True, slots=True)
class Sample:
    """What a trainer hands over for one completion."""

    completion: Json
    """Text, a message, or messages."""
    carrier: Json
    """See `verifier_service.carrier`."""


def score(samples: Sequence[Sample]) -> list[Verdict]:
    """One verdict a sample, in order; waits.

    Raises:
        NotConfigured: `VERIFIER_URL` is missing, or a variable has no sense.
        VerifierError: There is no answer, or the service refused the request.
    """
    batch = _Batch(samples, defaults())
    client = _blocking_client()
    while batch.open:
        batch.put(client.score(batch.items()).verdicts)
    return batch.verdicts


async def score_async(samples: Sequence[Sample]) -> list[Verdict]:
    """The same for code on an event loop.

    Raises:
        NotConfigured, VerifierError: As `score`.
    """
    batch = _Batch(samples, defaults())
    client = _asynchronous_client()
    while batch.open:
        batch.put((await client.score(batch.items())).verdicts)
    return batch.verdicts


def reward_of(verdict: Verdict) -> float:
    """The reward, for trainers that take nothing but a number.

    Raises:
        Unscored: There is none, and `VERIFIER_UNSCORED` names no number.
    """
    if verdict.reward is not None:
        return verdict.reward
    instead = os.environ.get("VERIFIER_UNSCORED", _RAISE)
    if instead == _RAISE:
        raise Unscored(verdict)
    return _number("VERIFIER_UNSCORED", instead)


def defaults() -> dict[str, str]:
    """What the environment says for samples whose carrier does not."""
    names = ("toolset", "profile", "format")
    return {name: said for name in names if (said := os.environ.get(f"VERIFIER_{name.upper()}"))}


def reason(verdict: Verdict) -> str:
    """Why the reward is not 1.0, in one line; empty where it is."""
    return "; ".join(
        f"{failure.code} {failure.path}: {failure.message}" for failure in verdict.failures
    )


class _Batch:
    """Samples on their way to verdicts. What may fare better a second time is asked for twice."""

    def __init__(self, samples: Sequence[Sample], settings: Mapping[str, str]) -> None:
        self._found: list[Verdict | None] = [None] * len(samples)
        self._rows: dict[int, tuple[dict[str, Json], Json]] = {}
        for place, sample in enumerate(samples):
            try:
                item = item_of(plain(sample.carrier), settings)
            except CarrierFault as fault:
                self._found[place] = _invalid(place, fault)
            else:
                self._rows[place] = (item, plain(sample.completion))
        self.open = list(self._rows)
        self._last_time = False

    @property
    def verdicts(self) -> list[Verdict]:
        return [verdict for verdict in self._found if verdict is not None]

    def items(self) -> Iterator[dict[str, Json]]:
        """One item for each run of samples with the same carrier: its group."""
        rows = (self._rows[place] for place in self.open)
        for item, group in groupby(rows, key=lambda row: row[0]):
            yield {**item, "completions": [completion for _, completion in group]}

    def put(self, verdicts: Sequence[Verdict]) -> None:
        self._found_all(verdicts)
        again = [] if self._last_time else [p for p in self.open if self._retryable(p)]
        self.open, self._last_time = again, True

    def _found_all(self, verdicts: Sequence[Verdict]) -> None:
        for place, verdict in zip(self.open, verdicts, strict=True):
            self._found[place] = verdict

    def _retryable(self, place: int) -> bool:
        verdict = self._found[place]
        return verdict is not None and verdict.retryable


def _invalid(place: int, fault: CarrierFault) -> Verdict:
    """The verdict of a sample whose carrier is no task, as the service words it."""
    failure = Failure("task.ground_truth", fault.pointer, f"The carrier is no task: {fault}.")
    raw = {"outcome": "invalid_task", "reward": None, "retryable": False}
    return Verdict(
        id=None,
        item=place,
        completion=0,
        outcome="invalid_task",
        reward=None,
        tier=None,
        behavior=Behavior(None, None),
        components=dict.fromkeys(COMPONENTS),
        failures=(failure,),
        retryable=False,
        raw=raw,
    )


def _reason(verdict: Verdict) -> str:
    return reason(verdict).rstrip(".") or "no reason given"


# Clients

_blocking: dict[int, VerifierClient] = {}
"""By process: a fork must not share its parent's connections."""
_asynchronous: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[int, AsyncVerifierClient]] = (
    WeakKeyDictionary()
)


def _blocking_client() -> VerifierClient:
    process = os.getpid()
    if process not in _blocking:
        _blocking.clear()
        _blocking[process] = VerifierClient(**_client_arguments())
    return _blocking[process]


def _asynchronous_client() -> AsyncVerifierClient:
    loop, process = asyncio.get_running_loop(), os.getpid()
    known = _asynchronous.get(loop)
    if known is None or known[0] != process:
        known = _asynchronous[loop] = (process, AsyncVerifierClient(**_client_arguments()))
    return known[1]


def _client_arguments() -> dict[str, Any]:
    url = os.environ.get("VERIFIER_URL")
    if not url:
        raise NotConfigured("set VERIFIER_URL to the service's address, http://host:8080")
    timeout_s = os.environ.get("VERIFIER_TIMEOUT_S", str(terms.TIMEOUT_S))
    budget_s = os.environ.get("VERIFIER_RETRY_BUDGET_S", str(terms.RETRY_BUDGET_S))
    return {
        "base_url": url,
        "api_key": os.environ.get("VERIFIER_API_KEY") or None,
        "timeout_s": _number("VERIFIER_TIMEOUT_S", timeout_s),
        "retry_budget_s": _number("VERIFIER_RETRY_BUDGET_S", budget_s),
    }


def _number(variable: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise NotConfigured(f"{variable} must be a number, not {text[:40]!r}")
    return number
