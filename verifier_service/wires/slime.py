"""slime's and miles' remote reward model: `--rm-type remote_rm --rm-url http://host:8080/slime`.

The whole answer is the reward: a bare number or, with `?format=object` and `--reward-key score`,
an object. Credentials go into the URL.
Source: slime 0.3.1 and miles 0.1.0, `rm_hub/__init__.py` of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from verifier_service.carrier import Json
from verifier_service.wires.types import Query, Result, Sample, Trainers, Wire, sample


class SlimeRequest(Trainers):
    """One sample."""

    prompt: Json = Field(default=None, description="Text or messages; not read.")
    response: str = Field(description="The completion; special tokens may be there or not.")
    label: Json = Field(default=None, description="The carrier: the column of `--label-key`.")


class SlimeAnswer(BaseModel):
    """For `--reward-key score`. The same numbers for every sample."""

    model_config = ConfigDict(extra="allow")

    score: float
    reason: str = Field(description="Why the reward is not 1.0; empty where it is.")


def read(request: SlimeRequest, query: Query) -> Sequence[Sample]:
    return [sample(request.response, request.label, query, "/label", "/response")]


def write(_request: SlimeRequest, results: Sequence[Result], query: Query) -> Json:
    [result] = results
    if query.own["format"] == "number":
        return result.reward
    return {"score": result.reward, **result.measures, "reason": result.reason}


WIRE: Final = Wire(
    name="slime",
    paths=("/slime",),
    summary="slime and miles: remote reward model",
    request=SlimeRequest,
    answer=float | SlimeAnswer,
    read=read,
    write=write,
    deadline_s=100.0,
    parameters={"format": ("number", "object")},
)
