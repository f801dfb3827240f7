"""EasyR1's reward function, loaded from its file as EasyR1 loads it."""

from __future__ import annotations

import importlib.util
import json
import sys
from functools import partial
from typing import Any

import pytest

from tests.integrations.counted import score_requests
from tests.integrations.reference import GARBAGE, MEASURES, RIGHT, TASK, UNSCORABLE, Example
from verifier_service.client import VerifierUnavailable
from verifier_service.integrations import easyr1
from verifier_service.integrations.connection import Unscored


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("custom_reward_fn", easyr1.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "custom_reward_fn", module)
    spec.loader.exec_module(module)
    assert (module.REWARD_NAME, module.REWARD_TYPE) == ("verifier", "batch")
    return module.main


def inputs(*pairs: tuple[str, Any]) -> list[dict[str, Any]]:
    return [
        {"response": response, "response_length": len(response), "ground_truth": task}
        for response, task in pairs
    ]


def test_the_rewards_are_the_services_by_one_request(
    main: Any, url: str, texts: list[Example]
) -> None:
    before = score_requests(url)
    found = main(inputs(*[(one.completion, json.dumps(one.carrier)) for one in texts]))
    assert [answer["overall"] for answer in found] == [example.reward for example in texts]
    assert [answer["accuracy"] for answer in found] == [one.tier == "full" for one in texts]
    assert score_requests(url) == before + 1


def test_an_answer_holds_the_same_numbers_always(
    main: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_UNSCORED", "0")
    found = main(inputs((RIGHT, TASK), (RIGHT, UNSCORABLE), *[(text, TASK) for text in GARBAGE]))
    assert {frozenset(answer) for answer in found} == {MEASURES | {"overall", "accuracy"}}
    assert all(isinstance(value, float) for answer in found for value in answer.values())


def test_settings_come_from_the_configuration(main: Any) -> None:
    configured = partial(main, toolset="finance")
    [answer] = configured(inputs((RIGHT, json.dumps(TASK["ground_truth"]))))
    assert answer["overall"] == 1.0


def test_an_unscored_sample_raises(main: Any) -> None:
    with pytest.raises(Unscored):
        main(inputs((RIGHT, UNSCORABLE)))


def test_an_outage_raises(main: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("VERIFIER_RETRY_BUDGET_S", "0.1")
    with pytest.raises(VerifierUnavailable):
        main(inputs((RIGHT, TASK)))


def test_an_empty_batch_has_no_rewards(main: Any) -> None:
    assert main([]) == []
