"""Reward profiles: data that turns a judgement into a number.

A profile is immutable once loaded and carries a digest, so that a reward can be traced to the rule
that made it. Source: scoring.md section 7; `toolrl` follows Qian et al., "ToolRL: Reward is All
Tool Learning Needs", arXiv 2504.13958, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox_tools.types import Json
from verifier_service.scoring.calls import share
from verifier_service.scoring.codes import Code
from verifier_service.scoring.types import Judgement, Tier

Reward = Callable[[Judgement], float]
Weights = TypeVar("Weights", bound=BaseModel)
Share = Annotated[float, Field(ge=0.0, le=1.0)]

PARTIAL: Final = 0.5
"""Where prose is judged, a partial text earns this in every profile with a partial tier."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One loaded profile."""

    name: str
    description: str
    digest: str
    """`sha256:` over everything that can change a reward."""
    rule: Reward
    lowest: float = 0.0
    highest: float = 1.0
    caps: Mapping[Code, float] = field(default_factory=dict)
    settings: Mapping[str, Json] = field(default_factory=dict)
    """`kind`, and what else the profile's file may say, with defaults filled in."""

    def reward(self, judgement: Judgement) -> float:
        """The reward, in [lowest, highest]; `highest` only for a completion that is right."""
        reward = self.rule(judgement)
        caps = [self.caps[f.code] for f in judgement.failures if f.code in self.caps]
        return round(max(self.lowest, min([reward, self.highest, *caps])), 9)

    def tier(self, judgement: Judgement, reward: float) -> Tier:
        if judgement.full and reward >= self.highest:
            return Tier.FULL
        return Tier.PARTIAL if reward > self.lowest else Tier.NONE


def _checked_sum(model: Weights, weights: Sequence[float]) -> Weights:
    if abs(math.fsum(weights) - 1.0) > 1e-9:
        raise ValueError(f"the weights sum to {math.fsum(weights)}; make them sum to 1")
    return model


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    description: str = ""
    caps: dict[Code, Share] = Field(default_factory=dict)

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, 1.0


class TieredSpec(_Spec):
    """Three numbers: right, on the way, neither. `binary` is this with a partial of 0."""

    kind: Literal["tiered"]
    partial: Annotated[float, Field(ge=0.0, lt=1.0)] = PARTIAL

    def rule(self) -> Reward:
        def tiered(judgement: Judgement) -> float:
            if judgement.full:
                return 1.0
            on_the_way = judgement.right_functions or bool(judgement.text)
            return self.partial if on_the_way and judgement.ceiling is not Tier.NONE else 0.0

        return tiered


def _settled(judgement: Judgement) -> float | None:
    """The reward of what needs no weighing: right, beyond credit, or prose; else None."""
    if judgement.full:
        return 1.0
    return 0.0 if judgement.ceiling is Tier.NONE else judgement.text


class GradedWeights(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Share = 0.2
    schema_: Share = Field(default=0.2, alias="schema")
    argument_names: Share = 0.2
    argument_values: Share = 0.4

    @model_validator(mode="after")
    def _sum_to_one(self) -> GradedWeights:
        weights = (self.name, self.schema_, self.argument_names, self.argument_values)
        return _checked_sum(self, weights)


class GradedSpec(_Spec):
    """Below the full reward, `partial` times a quality in [0, 1] that rises with every room."""

    kind: Literal["graded"]
    partial: Annotated[float, Field(ge=0.0, lt=1.0)] = PARTIAL
    weights: GradedWeights = Field(default_factory=lambda: GradedWeights(schema=0.2))

    def rule(self) -> Reward:
        w = self.weights

        def graded(judgement: Judgement) -> float:
            settled = _settled(judgement)
            if settled is not None:
                return settled
            matched = [p for p in judgement.pairs if p.name]
            if not matched:
                return 0.0
            qualities = [
                w.name
                + w.schema_ * p.schema
                + w.argument_names * p.argument_names
                + w.argument_values * p.argument_values
                for p in matched
            ]
            quality = math.fsum(qualities) / len(matched)
            counts = 2 * len(matched) / (judgement.n_calls + judgement.n_expected)
            return self.partial * quality * counts

        return graded


class AdditiveWeights(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    parse: Share = 0.2
    name: Share = 0.3
    schema_: Share = Field(default=0.3, alias="schema")
    execution: Share = 0.2

    @model_validator(mode="after")
    def _sum_to_one(self) -> AdditiveWeights:
        return _checked_sum(self, (self.parse, self.name, self.schema_, self.execution))


class AdditiveSpec(_Spec):
    """The sum of what each call earned, room by room; a later room counts after the earlier."""

    kind: Literal["additive"]
    partial: Annotated[float, Field(ge=0.0, lt=1.0)] = PARTIAL
    """What a completion earns at most whose calls are right but which is capped."""
    weights: AdditiveWeights = Field(default_factory=lambda: AdditiveWeights(schema=0.3))

    def rule(self) -> Reward:
        w = self.weights

        def additive(judgement: Judgement) -> float:
            settled = _settled(judgement)
            if settled is not None:
                return settled
            # Without execution its weight is earned by right arguments, the room before it.
            earnings = [
                w.parse * p.declared
                + w.name * p.name
                + w.schema_ * p.schema
                + w.execution * (p.arguments and p.execution is not False)
                for p in judgement.pairs
            ]
            earned = share(earnings, judgement.n_calls, judgement.n_expected)
            return min(earned, self.partial) if judgement.ceiling is Tier.PARTIAL else earned

        return additive


class ToolRLSpec(_Spec):
    """Format 0 or 1, and correctness from -3 to 3: 4 at most, -3 at least.

    S = jaccard(names) + sum over pairs of (jaccard(argument names) + number of equal values),
    scaled from [0, 1 + expected calls + expected arguments] to [-3, 3]. Ours: the pairs are the
    assignment's, values are typed, and a completion that is capped stays at or below 0.
    """

    kind: Literal["toolrl"]

    @property
    def bounds(self) -> tuple[float, float]:
        return -3.0, 4.0

    def rule(self) -> Reward:
        return _toolrl


def _toolrl(judgement: Judgement) -> float:
    well_formed = 1.0 if judgement.components.parse == 1.0 else 0.0
    if judgement.full:
        return 4.0
    if judgement.ceiling is Tier.NONE:
        return -3.0
    if judgement.text is not None:
        return well_formed + 6.0 * judgement.text - 3.0
    matched = [p for p in judgement.pairs if p.name]
    # F1 = 2J / (1 + J): the Jaccard index of argument names follows from their F1.
    parts = [p.argument_names / (2.0 - p.argument_names) + p.n_equal_values for p in matched]
    n_union = judgement.n_calls + judgement.n_expected - len(matched)
    largest = 1 + judgement.n_expected + judgement.n_expected_arguments
    correctness = 6.0 * (len(matched) / n_union + math.fsum(parts)) / largest - 3.0
    capped = judgement.ceiling is Tier.PARTIAL
    return well_formed + (min(correctness, 0.0) if capped else correctness)
