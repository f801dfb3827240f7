"""What a trainer's wire is: a table row that says how its words become ours, and ours its."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict

from verifier_service.carrier import CarrierFault, Json, item_of
from verifier_service.measures import measures, shares
from verifier_service.reasons import in_one_line
from verifier_service.wire import LONGEST_NAME

SETTINGS: Final = {"toolset": "toolset", "profile": "profile", "tool_call_format": "format"}
"""Parameters of every wire's URL, and the member of an item that each is the default of."""
RUN: Final = "run"
"""The parameter that names the training run, as in `POST /score`."""


class Trainers(BaseModel):
    """A body that a trainer sends: what we do not read may be there."""

    model_config = ConfigDict(extra="allow", frozen=True)


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of the URL: what a trainer that lets its user configure nothing else has."""

    defaults: Mapping[str, str] = field(default_factory=dict)
    """Members of an item, for what a carrier leaves out."""
    own: Mapping[str, str] = field(default_factory=dict)
    """Parameters of this wire alone."""
    run: str | None = None
    """The training run."""


class Spoiled(CarrierFault):
    """What the policy was told is our own failure: there is nothing to judge it by."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion and its task, as a trainer's request has them."""

    completion: Json
    """Text, a message, or messages."""
    item: Mapping[str, Json] | CarrierFault
    """The members of an item of `POST /score` besides its completion, or why there are none."""
    at: str
    """JSON Pointer to the carrier in the request."""
    said: str
    """JSON Pointer to what the completion was read from."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a wire answers with for one sample."""

    reward: float
    """The reward, or what the operator put in its place where there is none."""
    verdict: Mapping[str, Json]
    """As in the answer of `POST /score`."""

    @property
    def scored(self) -> bool:
        return bool(self.verdict["outcome"] == "scored")

    @property
    def measures(self) -> dict[str, float]:
        """Constant names, numeric values: see `verifier_service.measures`."""
        verdict = self.verdict
        return measures(verdict["tier"], verdict["components"], scored=self.scored)

    @property
    def shares(self) -> dict[str, float]:
        """What each component adds to the reward; they add up to it."""
        return shares(self.reward, self.verdict["components"])

    @property
    def reason(self) -> str:
        """Why the reward is not 1.0, in one line; empty where it is."""
        failures = self.verdict["failures"]
        return in_one_line((each["code"], each["path"], each["message"]) for each in failures)


@dataclass(frozen=True, slots=True)
class Wire:
    """How one trainer asks for rewards. No wire scores anything itself."""

    name: str
    """As in settings and metrics."""
    paths: tuple[str, ...]
    summary: str
    request: type[BaseModel]
    answer: type[BaseModel] | Any
    """What `write` returns, for the OpenAPI document: a model, or a type that pydantic knows."""
    read: Callable[[Any, Query], Sequence[Sample]]
    """The samples of a request that fits `request`."""
    write: Callable[[Any, Sequence[Result], Query], Json]
    """The answer to a request, from one result a sample."""
    deadline_s: float
    """Less than the trainer waits."""
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """This wire's own parameters of the URL, each with its values; the first is the default."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a trainer asks besides rewards: no completion is scored."""

    name: str
    """As in `verifier_service.errands`, where it is done."""
    paths: tuple[str, ...]
    """The last part of one may be `{tail}`, which stands for any one part."""
    summary: str
    request: type[BaseModel]
    answer: type[BaseModel]
    errors: type[BaseModel] | None = None
    """What is answered with `error_statuses`, besides problem documents."""
    error_statuses: tuple[int, ...] = ()
    settings: bool = False
    """Whether the parameters of every wire's URL may be given."""


class BadQuery(Exception):
    """A parameter of the URL is unknown or has a value that it cannot have."""

    def __init__(self, name: str, message: str) -> None:
        self.name, self.message = name, message
        super().__init__(message)


def read_query(text: str, wire: Wire) -> Query:
    """The parameters of a URL.

    Raises:
        BadQuery: An unknown one is refused, because a misspelt one must not silently change
            rewards.
    """
    pairs = parse_qsl(text, keep_blank_values=True)
    given = dict(pairs)
    known = (*SETTINGS, RUN, *wire.parameters)
    for name, value in pairs:
        if name not in known:
            raise BadQuery(name, f"unknown parameter of the URL; known are {', '.join(known)}")
        if given[name] != value:
            raise BadQuery(name, "stands in the URL twice, with different values")
        values = wire.parameters.get(name)
        if not value or (values and value not in values):
            raise BadQuery(name, f"must be {' or '.join(values) if values else 'a name'}")
    defaults = {member: given[name] for name, member in SETTINGS.items() if name in given}
    own = {name: given.get(name, values[0]) for name, values in wire.parameters.items()}
    if len(given.get(RUN, "")) > LONGEST_NAME:
        raise BadQuery(RUN, f"must have at most {LONGEST_NAME} characters")
    return Query(defaults, own, given.get(RUN))


def sample(completion: Json, carrier: Json, query: Query, at: str, said: str) -> Sample:
    """A sample whose task is in one value."""
    try:
        return Sample(completion, item_of(carrier, query.defaults), at, said)
    except CarrierFault as fault:
        return Sample(completion, fault, at, said)
