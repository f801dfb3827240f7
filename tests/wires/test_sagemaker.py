"""What the Lambda of SageMaker's RLVR and of Bedrock forwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.wires import cases
from tests.wires.trainers import CARRIER, CARRIER_TEXT, PROMPT, RIGHT, take_results

PATH = "/sagemaker/rlvr"


@cases.answered("sagemaker")
def test_every_sample_has_its_result(service: str, case: dict[str, Any]) -> None:
    answer = cases.answer(service, PATH, case)
    if "answer" in case:
        assert answer == case["answer"]
    else:
        ids = list(case["rewards"])
        assert take_results(answer, ids) == list(case["rewards"].values())


@cases.refused("sagemaker")
def test_a_request_without_sense_is_refused(service: str, case: dict[str, Any]) -> None:
    cases.refuses(service, PATH, case)


def test_the_envelope_holds_the_same_results(service: str) -> None:
    (case,) = [c for c in cases.read("sagemaker") if c["id"].startswith("a batch")]
    wrapped = cases.answer(service, PATH, {**case, "query": "envelope=oss"})
    assert json.loads(wrapped["body"]) == cases.answer(service, PATH, case)


def test_the_reward_is_a_metric_of_its_own_type(service: str) -> None:
    [result] = cases.answer(service, PATH, cases.read("sagemaker")[0])
    rewards = [metric for metric in result["metrics_list"] if metric["type"] == "Reward"]
    assert rewards == [{"name": "reward", "value": 1.0, "type": "Reward"}]


@pytest.mark.parametrize("place", ["sample", "metadata"])
@pytest.mark.parametrize("carrier", [CARRIER, CARRIER_TEXT], ids=["object", "text"])
def test_a_row_of_verl_is_judged_by_the_carrier_in_it(
    service: str, carrier: Any, place: str
) -> None:
    task = {"reward_model": {"style": "rule", "ground_truth": carrier}}
    said = [*PROMPT, {"role": "assistant", "content": RIGHT}]
    sample = {"messages": said, **(task if place == "sample" else {"metadata": task})}
    [result] = cases.answer(service, PATH, {"body": [sample]})
    assert result["aggregate_reward_score"] == 1.0


def test_what_is_wrong_in_a_row_of_verl_is_named_there(service: str) -> None:
    task = {"reward_model": {"ground_truth": {"ground_truth": [{}], "zz": 1}}}
    said = [*PROMPT, {"role": "assistant", "content": RIGHT}]
    case = {"body": [{"messages": said, **task}], "refused": "/0/reward_model/ground_truth/zz"}
    cases.refuses(service, PATH, case)


@pytest.mark.parametrize("given", ["p17", 7, 0, {"row": 7}])
def test_an_id_comes_back_as_it_was(service: str, given: Any) -> None:
    first = cases.read("sagemaker")[0]
    body = [{**first["body"][0], "id": given, "metadata": {"key": "another"}}]
    [result] = cases.answer(service, PATH, {"body": body})
    assert result["id"] == given
