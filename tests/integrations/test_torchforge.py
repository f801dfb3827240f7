"""The reward function for torchforge."""

from __future__ import annotations

import json
import pickle

import pytest

from tests.integrations.reference import GARBAGE, RIGHT, TASK, UNSCORABLE, Example
from verifier_service.integrations.connection import Unscored
from verifier_service.integrations.torchforge import ToolCallReward


def test_each_response_gets_the_services_reward(texts: list[Example]) -> None:
    reward = ToolCallReward()
    found = [reward("prompt", each.completion, json.dumps(each.carrier)) for each in texts]
    assert found == [each.reward for each in texts]


@pytest.mark.parametrize("response", GARBAGE)
def test_garbage_is_scored(response: str) -> None:
    assert ToolCallReward()("prompt", response, TASK) == 0.0


def test_a_sample_without_a_reward_raises() -> None:
    with pytest.raises(Unscored, match="no_such_tool"):
        ToolCallReward()("prompt", RIGHT, UNSCORABLE)


def test_a_number_may_stand_for_a_missing_reward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_UNSCORED", "-1")
    assert ToolCallReward()("prompt", RIGHT, UNSCORABLE) == -1.0


def test_it_travels_to_the_reward_actor() -> None:
    assert pickle.loads(pickle.dumps(ToolCallReward()))("prompt", RIGHT, TASK) == 1.0
