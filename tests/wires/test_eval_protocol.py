"""The remote reward function of eval-protocol and reward-kit."""

from __future__ import annotations

from typing import Any

from tests.wires import cases
from verifier_service.measures import COMPONENTS

PATH = "/evaluate"


@cases.answered("eval_protocol")
def test_a_conversation_has_its_score(service: str, case: dict[str, Any]) -> None:
    answer = cases.answer(service, PATH, case)
    assert answer["is_score_valid"] is True
    if "below" in case:
        assert answer["score"] < case["below"]
    else:
        assert answer["score"] == case["score"]


@cases.refused("eval_protocol")
def test_a_request_without_sense_is_refused(service: str, case: dict[str, Any]) -> None:
    cases.refuses(service, PATH, case)


def test_every_component_is_a_metric(service: str) -> None:
    answer = cases.answer(service, PATH, cases.read("eval_protocol")[0])
    assert set(answer["metrics"]) == {*COMPONENTS, "unscored"}


def test_the_reason_says_what_was_wrong(service: str) -> None:
    answer = cases.answer(service, PATH, cases.read("eval_protocol")[1])
    assert "arguments." in answer["reason"]
    assert answer["metrics"]["arguments"]["score"] < 1.0


def test_an_invented_score_is_not_valid(lenient: str) -> None:
    (case,) = [c for c in cases.read("eval_protocol") if c["id"] == "no ground truth anywhere"]
    answer = cases.answer(lenient, PATH, case)
    assert answer["is_score_valid"] is False
    assert answer["metrics"]["unscored"]["score"] == 1.0
    assert "no ground truth" in answer["error"]
