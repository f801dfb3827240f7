"""The evaluators for eval-protocol."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from types import ModuleType
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, ConfigDict

from tests.integrations.reference import (
    GARBAGE,
    PROMPT,
    RIGHT,
    TASK,
    UNSCORABLE,
    Example,
    assistant,
)
from verifier_service.integrations.connection import Unscored
from verifier_service.integrations.eval_protocol import evaluate, evaluate_row
from verifier_service.measures import COMPONENTS

WRONG = RIGHT.replace("2025-01-03", "2025-01-02")


class StandInMetricResult(BaseModel):
    """`MetricResult` of eval-protocol."""

    is_score_valid: bool = True
    score: float
    reason: str


class StandInEvaluateResult(BaseModel):
    """`EvaluateResult` of eval-protocol."""

    score: float
    is_score_valid: bool = True
    reason: str | None = None
    metrics: dict[str, StandInMetricResult] = {}


class StandInInputMetadata(BaseModel):
    """`InputMetadata` of eval-protocol."""

    model_config = ConfigDict(extra="allow")
    dataset_info: dict[str, Any] | None = None


class StandInEvaluationRow(BaseModel):
    """`EvaluationRow` of eval-protocol."""

    messages: list[Any] = []
    input_metadata: StandInInputMetadata = StandInInputMetadata()
    ground_truth: Any = None
    evaluation_result: StandInEvaluateResult | None = None


@pytest.fixture(autouse=True)
def eval_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    models = ModuleType("eval_protocol.models")
    models.EvaluateResult = StandInEvaluateResult  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "eval_protocol", ModuleType("eval_protocol"))
    monkeypatch.setitem(sys.modules, "eval_protocol.models", models)


def row(messages: list[Any], ground_truth: Any) -> StandInEvaluationRow:
    return StandInEvaluationRow(messages=messages, ground_truth=ground_truth)


def test_each_conversation_gets_the_services_reward(chats: list[Example]) -> None:
    found = [evaluate(each.messages, json.dumps(each.carrier), turns="all") for each in chats]
    assert [result["score"] for result in found] == [each.reward for each in chats]


async def test_each_row_gets_the_services_reward(texts: list[Example]) -> None:
    rows = [await evaluate_row(row(each.messages, each.carrier)) for each in texts]
    assert [one.evaluation_result.score for one in rows] == [each.reward for each in texts]
    assert all(one.evaluation_result.is_score_valid for one in rows)


async def test_the_dataset_may_carry_the_task_in_its_information() -> None:
    metadata = StandInInputMetadata(dataset_info={"carrier": TASK})
    given = StandInEvaluationRow(messages=[assistant(RIGHT)], input_metadata=metadata)
    assert (await evaluate_row(given)).evaluation_result.score == 1.0


def test_what_the_carrier_leaves_out_may_be_an_argument() -> None:
    truth = json.dumps(TASK["ground_truth"])
    assert evaluate([assistant(RIGHT)], truth, toolset="finance", task_id="t")["score"] == 1.0


@pytest.mark.parametrize("text", GARBAGE)
def test_metrics_have_the_same_names_for_garbage(text: str) -> None:
    found = evaluate([*PROMPT, assistant(text)], TASK)
    assert (found["score"], [*found["metrics"]]) == (0.0, [*COMPONENTS, "unscored"])
    assert all(0.0 <= metric["score"] <= 1.0 for metric in found["metrics"].values())


def test_the_reason_says_what_is_wrong() -> None:
    assert "behavior.mismatch" in evaluate([assistant("It was 3.")], TASK)["reason"]


@pytest.mark.parametrize("turns", [{}, {"turns": "last"}, {"turns": "all"}], ids=str)
def test_the_same_part_of_a_conversation_is_judged_as_at_the_url(
    turns: dict[str, Any], url: str
) -> None:
    said = [*PROMPT, assistant(WRONG), {"role": "user", "content": "Try again."}, assistant(RIGHT)]
    body = {"messages": said, "ground_truth": TASK}
    answer = httpx.post(f"{url}/evaluate", params=turns, json=body, timeout=60).json()
    assert (answer["score"] == 1.0) is (turns.get("turns") != "all")
    assert evaluate(said, TASK, **turns) == answer
    judged = asyncio.run(evaluate_row(row(said, TASK), **turns))
    assert judged.evaluation_result.score == answer["score"]


def test_a_conversation_without_an_answer_has_no_score() -> None:
    with pytest.raises(Unscored, match=r"task\.completion"):
        evaluate(PROMPT, TASK)


def test_a_conversation_without_a_reward_raises() -> None:
    with pytest.raises(Unscored, match="no_such_tool"):
        evaluate([assistant(RIGHT)], UNSCORABLE)


async def test_a_number_in_place_of_a_reward_is_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_UNSCORED", "0")
    result = (await evaluate_row(row([assistant(RIGHT)], UNSCORABLE))).evaluation_result
    assert (result.score, result.is_score_valid) == (0.0, False)
    valid = {name: metric.score for name, metric in result.metrics.items() if metric.is_score_valid}
    assert valid == {"unscored": 1.0}


async def test_the_row_stays_as_it_is() -> None:
    given = row([*PROMPT, assistant(RIGHT)], TASK)
    before = given.model_copy(deep=True)
    await evaluate_row(given)
    assert given == before


def test_the_signature_is_that_of_a_reward_function() -> None:
    parameters = inspect.signature(evaluate).parameters
    assert [*parameters][:2] == ["messages", "ground_truth"]
    assert parameters["kwargs"].kind is inspect.Parameter.VAR_KEYWORD
