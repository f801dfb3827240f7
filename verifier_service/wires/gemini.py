"""Gemini's reinforcement tuning on Vertex AI: a Cloud Run scorer at `/gemini/reward`.

References are texts; one of them, `carrier`, holds the carrier as JSON. Google clips rewards to
-1..1. Cloud Run checks who calls before this service is reached: give it no keys of its own.
Source: python-genai, `google/genai/types.py` (`ReinforcementTuning…`); Vertex AI's documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, Field

from verifier_service.carrier import NESTED, Json
from verifier_service.wires.rows import carrier_in, sample_in
from verifier_service.wires.types import Query, Result, Sample, Trainers, Wire


class Example(Trainers):
    """A row of the dataset."""

    references: dict[str, str] = Field(
        description="`carrier`, or a single one of any name, or one for each member of a carrier."
    )


class Content(Trainers):
    """What the policy wrote."""

    parts: Annotated[list[dict[str, Json]], Field(fail_fast=True)] | None = Field(
        default=None, description="Text, thoughts and `functionCall`."
    )


class GeminiRequest(Trainers):
    """One sample."""

    example: Example
    response: Content


class GeminiAnswer(BaseModel):
    reward: float = Field(description="Google clips it to -1..1.")
    user_requested_aux_info: str = Field(
        description="The tier, and why the reward is not 1.0. Begins with `unscored` where the "
        "reward stands for none."
    )


def read(request: GeminiRequest, query: Query) -> Sequence[Sample]:
    references = request.example.references
    message = {"role": "model", "parts": request.response.parts or []}
    at = "/example/references"
    return [sample_in(references, _carrier(references), message, query, at, "/response")]


def write(_request: GeminiRequest, results: Sequence[Result], _query: Query) -> Json:
    [result] = results
    said = f"tier={result.verdict['tier']}" if result.scored else "unscored"
    told = f"{said}; {result.reason}" if result.reason else said
    return {"reward": result.reward, "user_requested_aux_info": told}


def _carrier(references: Mapping[str, str]) -> str | None:
    """The reference that holds the carrier: the only one, or the one named so."""
    if len(references) == 1:
        return next(iter(references))
    return carrier_in(references, (NESTED, "ground_truth"))


WIRE: Final = Wire(
    name="gemini",
    paths=("/gemini/reward",),
    summary="Gemini on Vertex AI: Cloud Run scorer",
    request=GeminiRequest,
    answer=GeminiAnswer,
    read=read,
    write=write,
    deadline_s=55.0,
)
