"""eval-protocol's and reward-kit's remote reward function, at `/evaluate`.

`RewardFunction(mode="remote", endpoint="http://host:8080/evaluate")`. The carrier is the ground
truth; other arguments fill in what it leaves out. The key comes from `FIREWORKS_API_KEY` there.
Source: eval-protocol 0.3 and reward-kit, `reward_function.py`, `generic_server.py`, `models.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, Field

from verifier_service.carrier import NESTED, Json
from verifier_service.conversation import TURNS, completion_in
from verifier_service.evaluate_result import evaluate_result
from verifier_service.wires.rows import carrier_in, sample_in
from verifier_service.wires.types import Query, Result, Sample, Trainers, Wire


class EvalProtocolRequest(Trainers):
    """One conversation; keyword arguments beside it, or in `kwargs`."""

    messages: Annotated[list[dict[str, Json]], Field(fail_fast=True)] = Field(
        description="Ends with the answer that is judged; see `turns`."
    )
    ground_truth: Json = Field(
        default=None, description="The carrier. Where it is missing, `carrier` is looked for."
    )
    kwargs: dict[str, Json] | None = None

    @property
    def row(self) -> dict[str, Json]:
        """Every argument by its name."""
        given = {**(self.model_extra or {}), **(self.kwargs or {})}
        # The client fills in for a missing ground truth what stands before the last message.
        missing = self.ground_truth is None or self.ground_truth == self.messages[:-1]
        return given if missing else {**given, "ground_truth": self.ground_truth}


class Metric(BaseModel):
    """One measure. reward-kit reads `success` where eval-protocol reads `is_score_valid`."""

    score: float = Field(ge=0, le=1)
    is_score_valid: bool
    success: bool
    reason: str


class EvalProtocolAnswer(BaseModel):
    """An `EvaluateResult`."""

    score: float
    is_score_valid: bool = Field(description="False where the score stands for none.")
    reason: str = Field(description="Why the score is not 1.0; empty where it is.")
    metrics: dict[str, Metric] = Field(description="The same names for every conversation.")
    error: str | None = Field(default=None, description="Why there is no score.")


def read(request: EvalProtocolRequest, query: Query) -> Sequence[Sample]:
    row = request.row
    name = carrier_in(row, ("ground_truth", NESTED))
    completion = completion_in(request.messages, query.own["turns"])
    at = "/kwargs" if name in (request.kwargs or {}) else ""
    return [sample_in(row, name, completion, query, at, "/messages")]


def write(_request: EvalProtocolRequest, results: Sequence[Result], _query: Query) -> Json:
    [result] = results
    components = result.verdict["components"]
    return evaluate_result(result.reward, components, result.reason, scored=result.scored)


WIRE: Final = Wire(
    name="eval_protocol",
    paths=("/evaluate",),
    summary="eval-protocol and reward-kit: remote reward function",
    request=EvalProtocolRequest,
    answer=EvalProtocolAnswer,
    read=read,
    write=write,
    deadline_s=110.0,
    parameters={"turns": TURNS},
)
