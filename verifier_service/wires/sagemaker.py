"""Amazon SageMaker's RLVR and Bedrock's reinforcement fine-tuning: what their Lambda is given.

A list of samples in, a list of results out. AWS calls a Lambda, not a URL: `verifier path lambda`
names the file of one that posts its event here.
Source: sagemaker-python-sdk, `rlvr_reward_verifier.py`; Amazon's guides to SageMaker, Nova and
Bedrock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from verifier_service.carrier import NESTED, Json
from verifier_service.conversation import TURNS, completion_in
from verifier_service.wires.rows import carrier_in, sample_in
from verifier_service.wires.types import Query, Result, Sample, Trainers, Wire

_CARRIERS: Final = ("reference_answer", "ground_truth", NESTED)

_VERL: Final = "reward_model"
"""What open-weight recipes ask for; its `ground_truth` is the carrier."""


class RLVRSample(Trainers):
    """One conversation."""

    id: Json = Field(
        default=None, description="Comes back. Else `metadata.key`, else the sample's place."
    )
    messages: list[dict[str, Json]] = Field(
        description="Ends with the answer that is judged; see `turns`."
    )
    reference_answer: Json = Field(
        default=None,
        description="The carrier, here or in `metadata`; `ground_truth`, `carrier` and verl's "
        "`reward_model` will do.",
    )
    metadata: dict[str, Json] | None = None
    extra_info: dict[str, Json] | None = Field(
        default=None, description="`toolset`, `profile`, `format` and `options`, if not elsewhere."
    )
    tools: Json = Field(
        default=None, description="What the policy was shown; used if no toolset is named."
    )


class RLVRRequest(RootModel[list[RLVRSample]]):
    """Samples; none get an empty answer."""

    model_config = ConfigDict(frozen=True)


class RLVRMetric(BaseModel):
    name: str
    value: float
    type: Literal["Metric", "Reward"]


class RLVRResult(BaseModel):
    """One for each sample, in order."""

    id: Json
    aggregate_reward_score: float
    metrics_list: list[RLVRMetric] = Field(description="The same names for every sample.")


class Envelope(BaseModel):
    """With `?envelope=oss`, which open-weight models need."""

    statusCode: Literal[200]  # noqa: N815  AWS's name
    headers: dict[str, str]
    body: str = Field(description="The list of results, as JSON.")


def read(request: RLVRRequest, query: Query) -> Sequence[Sample]:
    return [_sample(each, query, f"/{index}") for index, each in enumerate(request.root)]


def write(request: RLVRRequest, results: Sequence[Result], query: Query) -> Json:
    answers = [
        {
            "id": _id(sample, index),
            "aggregate_reward_score": result.reward,
            "metrics_list": _metrics(result),
        }
        for index, (sample, result) in enumerate(zip(request.root, results, strict=True))
    ]
    if query.own["envelope"] == "nova":
        return answers
    headers = {"content-type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(answers)}


def _sample(sample: RLVRSample, query: Query, at: str) -> Sample:
    completion = completion_in(sample.messages, query.own["turns"])
    said = f"{at}/messages"
    settings = {**(sample.extra_info or {}), "tools": sample.tools}
    for place, path in ((dict(sample), at), (sample.metadata or {}, f"{at}/metadata")):
        name = carrier_in(place, (*_CARRIERS, _VERL))
        if name is not None:
            row = {**settings, name: place[name]}
            carrier = None if name == _VERL else name
            return sample_in(row, carrier, completion, query, path, said)
    nothing = {_CARRIERS[0]: None}
    return sample_in(nothing, _CARRIERS[0], completion, query, at, said)


def _id(sample: RLVRSample, index: int) -> Json:
    key = (sample.metadata or {}).get("key")
    return next((given for given in (sample.id, key) if given not in (None, "")), str(index))


def _metrics(result: Result) -> list[Mapping[str, Json]]:
    measured = [
        {"name": name, "value": value, "type": "Metric"} for name, value in result.measures.items()
    ]
    return [*measured, {"name": "reward", "value": result.reward, "type": "Reward"}]


WIRE: Final = Wire(
    name="sagemaker",
    paths=("/sagemaker/rlvr",),
    summary="SageMaker RLVR and Bedrock RFT: what a Lambda forwards",
    request=RLVRRequest,
    answer=list[RLVRResult] | Envelope,
    read=read,
    write=write,
    deadline_s=110.0,
    parameters={"envelope": ("nova", "oss"), "turns": TURNS},
)
