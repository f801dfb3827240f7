"""OpenRLHF's remote reward model: `--reward.remote_url http://host:8080/get_reward`.

One sample a request; versions before 0.9.10 send the whole batch. Credentials go into the URL.
Source: OpenRLHF 0.11, `openrlhf/utils/agent.py` and `openrlhf/trainer/ppo_utils/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from verifier_service.carrier import Json
from verifier_service.completion_text import completion_of
from verifier_service.measures import MEASURES
from verifier_service.wires.types import Query, Result, Sample, Trainers, Wire, sample


class OpenRLHFRequest(Trainers):
    """Samples in parallel lists; empty ones get empty answers. A single sample may come bare."""

    query: Annotated[list[str], Field(fail_fast=True)] | str = Field(
        description="Prompt and completion, with special tokens."
    )
    prompts: Annotated[list[str], Field(fail_fast=True)] | str = Field(
        description="The prompt, as the chat template made it."
    )
    labels: Json = Field(default=None, description="Carriers: the column of `--data.label_key`.")

    @model_validator(mode="after")
    def _lists_are_parallel(self) -> Self:
        if not len(self.rows) == len(_listed(self.query)) == len(_listed(self.prompts)):
            raise PydanticCustomError(
                "parallel_lists", "query, prompts and labels must have one entry a sample"
            )
        return self

    @property
    def rows(self) -> list[tuple[str, str, Json]]:
        queries, prompts = _listed(self.query), _listed(self.prompts)
        batched = isinstance(self.query, list)
        given = isinstance(self.labels, list) and batched
        labels = self.labels if given else [self.labels] * len(queries)
        return list(zip(queries, prompts, labels, strict=False))


class OpenRLHFAnswer(BaseModel):
    """Numbers in lists as long as the request's."""

    rewards: list[float]
    scores: list[float] = Field(description="In 0..1, for `--algo.dynamic_filtering`.")
    extra_logs: dict[str, list[float]] = Field(description="The same names for every sample.")


def read(request: OpenRLHFRequest, query: Query) -> Sequence[Sample]:
    return [
        sample(completion_of(text, prompt), label, query, f"/labels/{index}", f"/query/{index}")
        for index, (text, prompt, label) in enumerate(request.rows)
    ]


def write(_request: OpenRLHFRequest, results: Sequence[Result], _query: Query) -> Json:
    measured = [result.measures for result in results]
    return {
        "rewards": [result.reward for result in results],
        "scores": [min(1.0, max(0.0, result.reward)) for result in results],
        "extra_logs": {name: [row[name] for row in measured] for name in MEASURES},
    }


def _listed(texts: list[str] | str) -> list[str]:
    return texts if isinstance(texts, list) else [texts]


WIRE: Final = Wire(
    name="openrlhf",
    paths=("/get_reward",),
    summary="OpenRLHF: remote reward model",
    request=OpenRLHFRequest,
    answer=OpenRLHFAnswer,
    read=read,
    write=write,
    deadline_s=120.0,
)
