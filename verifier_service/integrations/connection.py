"""The service that the environment names: what every callable scores with.

| variable | meaning |
|---|---|
| `VERIFIER_URL` | address of the service; required |
| `VERIFIER_API_KEY` | its key |
| `VERIFIER_TOOLSET`, `VERIFIER_PROFILE`, `VERIFIER_FORMAT` | what a carrier leaves out |
| `VERIFIER_TURNS` | whose answers a whole conversation holds: see `verifier_service.conversation` |
| `VERIFIER_TIMEOUT_S`, `VERIFIER_RETRY_BUDGET_S` | for one attempt, and for all of one request |
| `VERIFIER_TOKENIZER` | name or path of the policy's tokenizer, for TRL: see `trl` |
| `VERIFIER_UNSCORED` | `raise` (default), or the number to return for a sample without a reward |

A sample that could not be scored has no reward. Trainers that know null get null; others get
`Unscored` raised, unless `VERIFIER_UNSCORED` names a number. An outage always raises, once the
client's retries are spent.

Connections are kept for each process and, in asynchronous code, for each event loop: a callable may
be pickled, forked and called from any thread.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, TypeAlias

from verifier_service.carrier import NESTED, CarrierFault, Json, item_of, item_of_row
from verifier_service.client import (
    AsyncVerifierClient,
    Behavior,
    Failure,
    Verdict,
    VerifierClient,
    VerifierRefused,
    terms,
)
from verifier_service.conversation import NoCompletion
from verifier_service.integrations.plain import plain, written
from verifier_service.measures import COMPONENTS
from verifier_service.reasons import in_one_line

VARIABLES: Final = (
    "VERIFIER_URL",
    "VERIFIER_API_KEY",
    "VERIFIER_TOOLSET",
    "VERIFIER_PROFILE",
    "VERIFIER_FORMAT",
)
"""Which service is asked, and what for."""
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

    completion: Json | NoCompletion
    """Text, a message, messages, or why there is none."""
    carrier: Json
    """See `verifier_service.carrier`."""
    settings: Mapping[str, Json] = field(default_factory=dict)
    """For what the carrier leaves out; they go before those of the environment."""

    def item(self) -> dict[str, Json]:
        """The item of `POST /score`, without its completion.

        Raises:
            CarrierFault: The carrier is no task.
        """
        return item_of(plain(self.carrier), plain(self.settings))


class Row(Sample):
    """A sample whose carrier is a row of a dataset, or a member of it: see `item_of_row`.

    The whole carrier may also stand in the member `ground_truth`, which most trainers have.
    """

    __slots__ = ()

    def item(self) -> dict[str, Json]:
        row, settings = plain(self.carrier), plain(self.settings)
        whole = NESTED not in row and "expected_result" not in row
        if whole and row.get("ground_truth") is not None:
            return item_of(row["ground_truth"], {"id": row.get("task_id"), **settings})
        return item_of_row(row, settings)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a trainer may be kept waiting; the environment's variables go before it."""

    timeout_s: float = terms.TIMEOUT_S
    """For one attempt."""
    retry_budget_s: float = terms.RETRY_BUDGET_S
    """For all attempts of one request, but the last one's duration."""
    asks_again: bool = True
    """Whether samples that may fare better a second time are sent a second time."""


PATIENT: Final = Patience()


def score(
    samples: Sequence[Sample],
    patience: Patience = PATIENT,
    detail: terms.Detail = "verdict",
) -> list[Verdict]:
    """One verdict a sample, in order; waits.

    Args:
        detail: `full` leaves what was parsed and executed in each verdict's `raw`.

    Raises:
        NotConfigured: `VERIFIER_URL` is missing, or a variable has no sense.
        VerifierError: There is no answer, or the service refused the request.
    """
    batch = _Batch(samples, defaults(), patience)
    client = _blocking_client(patience)
    while batch.open:
        try:
            batch.put(client.score(batch.items(), detail=detail).verdicts)
        except VerifierRefused as refusal:
            batch.leave_out(refusal)
    return batch.verdicts


async def score_async(
    samples: Sequence[Sample],
    patience: Patience = PATIENT,
    detail: terms.Detail = "verdict",
) -> list[Verdict]:
    """The same for code on an event loop.

    Raises:
        NotConfigured, VerifierError: As `score`.
    """
    batch = _Batch(samples, defaults(), patience)
    client = await _asynchronous_client(patience)
    while batch.open:
        try:
            batch.put((await client.score(batch.items(), detail=detail)).verdicts)
        except VerifierRefused as refusal:
            batch.leave_out(refusal)
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
    return in_one_line((each.code, each.path, each.message) for each in verdict.failures)


class _Batch:
    """Samples on their way to verdicts.

    What may fare better a second time is asked for twice. What the service refuses has no reward,
    and the others are asked for without it.
    """

    def __init__(
        self, samples: Sequence[Sample], settings: Mapping[str, str], patience: Patience
    ) -> None:
        self._found: list[Verdict | None] = [None] * len(samples)
        self._rows: dict[int, _Ready] = {}
        for place, sample in enumerate(samples):
            try:
                self._rows[place] = _ready(sample, settings, place)
            except CarrierFault as fault:
                self._found[place] = _invalid(place, fault)
        self.open = list(self._rows)
        self._last_time = not patience.asks_again

    @property
    def verdicts(self) -> list[Verdict]:
        return [verdict for verdict in self._found if verdict is not None]

    def items(self) -> Iterator[dict[str, Json]]:
        """One item for each run of samples with the same carrier: its group."""
        for group in self._groups():
            completions = [self._rows[place].completion for place in group]
            yield {**self._rows[group[0]].item, "completions": completions}

    def put(self, verdicts: Sequence[Verdict]) -> None:
        self._found_all(verdicts)
        again = [] if self._last_time else [p for p in self.open if self._retryable(p)]
        self.open, self._last_time = again, True

    def leave_out(self, refusal: VerifierRefused) -> None:
        """Without a reward for the samples that a refusal names: fewer are open afterwards.

        Raises:
            VerifierRefused: It names none, or something that is none.
        """
        groups = list(self._groups())
        told = zip(refusal.pointers, refusal.problem.get("errors", ()), strict=False)
        wrong: dict[int, CarrierFault] = {}
        for pointer, error in told:
            places, fault = _named(pointer, str(error.get("detail", "wrong")), groups)
            for place in places:
                wrong.setdefault(place, fault)
        if not wrong:
            raise refusal
        for place, fault in wrong.items():
            self._found[place] = _invalid(place, fault)
        self.open = [place for place in self.open if place not in wrong]

    def _groups(self) -> Iterator[list[int]]:
        for _, same in groupby(self.open, key=lambda place: self._rows[place].text):
            yield list(same)

    def _found_all(self, verdicts: Sequence[Verdict]) -> None:
        for place, verdict in zip(self.open, verdicts, strict=True):
            self._found[place] = verdict

    def _retryable(self, place: int) -> bool:
        verdict = self._found[place]
        return verdict is not None and verdict.retryable


@dataclass(frozen=True, slots=True)
class _Ready:
    """A sample that can be sent."""

    item: Mapping[str, Json]
    text: str
    """The item as JSON. To Python, 1 and true are equal; to a ground truth they are not."""
    completion: Json


def _ready(sample: Sample, settings: Mapping[str, Json], place: int) -> _Ready:
    """A sample as it is sent.

    Raises:
        CarrierFault: It cannot be; says why.
    """
    if isinstance(sample.completion, NoCompletion):
        raise sample.completion
    try:
        item = item_of(sample.item(), settings)
        text = json.dumps(item, allow_nan=False)
    except _NO_JSON as error:
        raise CarrierFault("", f"it cannot be sent as JSON: {_why(error)}") from None
    if "toolset" not in item and "tools" not in item:
        raise CarrierFault("", _NO_TOOLS)
    return _Ready(item, text, _sendable(sample.completion, place))


def _sendable(completion: Json, place: int) -> Json:
    """A completion in JSON values.

    Raises:
        NoCompletion: It holds something else; says why. A policy writes text, so that this is no
            doing of its own.
    """
    try:
        sent = written(completion)
        if not isinstance(sent, str):
            json.dumps(sent, allow_nan=False)
    except _NO_JSON as error:
        raise NoCompletion(
            f"the completion of sample {place} cannot be sent as JSON: {_why(error)}"
        ) from None
    return sent


_NO_JSON: Final = (ValueError, TypeError, RecursionError)


def _why(error: Exception) -> str:
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)


_NO_TOOLS: Final = (
    "it names no toolset and no tools; add a column toolset or tools, or set VERIFIER_TOOLSET"
)
_FROM_ENVIRONMENT: Final = {
    "/toolset": "; correct the column toolset, or VERIFIER_TOOLSET",
    "/tools": "; give tools or a toolset (VERIFIER_TOOLSET), not both",
    "/profile": "; correct the column profile, or VERIFIER_PROFILE",
    "/format": "; correct the column format, or VERIFIER_FORMAT",
}


def _named(
    pointer: str, detail: str, groups: Sequence[Sequence[int]]
) -> tuple[Sequence[int], CarrierFault]:
    """The samples that a fault at a JSON Pointer into the request is about, and what is wrong."""
    match pointer.split("/")[1:]:
        case ["items", item, "completions", completion, *_] if _within(item, groups):
            group = groups[int(item)]
            one = [group[int(completion)]] if _within(completion, group) else group
            return one, NoCompletion(detail)
        case ["items", item, *rest] if _within(item, groups):
            member = "".join(f"/{step}" for step in rest)
            remedy = _FROM_ENVIRONMENT.get(member, "")
            return groups[int(item)], CarrierFault(member, detail + remedy)
    return (), CarrierFault(pointer, detail)


def _within(index: str, places: Sequence[object]) -> bool:
    return index.isascii() and index.isdigit() and int(index) < len(places)


def _invalid(place: int, fault: CarrierFault) -> Verdict:
    """The verdict of a sample whose carrier is no task, as the service words it."""
    lacking = isinstance(fault, NoCompletion)
    code = "task.completion" if lacking else "task.ground_truth"
    said = fault.message if lacking else f"The carrier is no task: {fault}"
    failure = Failure(code, fault.pointer, f"{said}.")
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

_Key: TypeAlias = tuple[Any, ...]
"""The process, because a fork must not share its parent's connections, and the settings."""
_blocking: dict[_Key, VerifierClient] = {}
_Opened: TypeAlias = tuple[AsyncGenerator[AsyncVerifierClient, None], AsyncVerifierClient]
_asynchronous: dict[asyncio.AbstractEventLoop, dict[_Key, _Opened]] = {}


def _blocking_client(patience: Patience) -> VerifierClient:
    arguments = _client_arguments(patience)
    key = (os.getpid(), *arguments.values())
    known = _blocking.get(key)
    # Of several threads that find none, all have to end with the same.
    return known or _blocking.setdefault(key, VerifierClient(**arguments))


async def _asynchronous_client(patience: Patience) -> AsyncVerifierClient:
    for ended in [loop for loop in list(_asynchronous) if loop.is_closed()]:
        _asynchronous.pop(ended, None)
    arguments = _client_arguments(patience)
    key = (os.getpid(), *arguments.values())
    clients = _asynchronous.setdefault(asyncio.get_running_loop(), {})
    if key not in clients:
        opened = _opened(arguments)
        clients[key] = opened, await anext(opened)
    return clients[key][1]


async def _opened(arguments: Mapping[str, Any]) -> AsyncGenerator[AsyncVerifierClient, None]:
    """A client that its loop closes: a loop that ends closes the generators that it has begun."""
    client = AsyncVerifierClient(**arguments)
    try:
        yield client
    finally:
        await client.aclose()


def _client_arguments(patience: Patience) -> dict[str, Any]:
    url = os.environ.get("VERIFIER_URL")
    if not url:
        raise NotConfigured("set VERIFIER_URL to the service's address, http://host:8080")
    timeout_s = os.environ.get("VERIFIER_TIMEOUT_S", str(patience.timeout_s))
    budget_s = os.environ.get("VERIFIER_RETRY_BUDGET_S", str(patience.retry_budget_s))
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
