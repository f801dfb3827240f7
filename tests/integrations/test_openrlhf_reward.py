"""OpenRLHF's reward function in a file, called as OpenRLHF calls it."""

from __future__ import annotations

import importlib.util
import json
import pickle
from typing import Any

import pytest

from tests.integrations.reference import GARBAGE, MEASURES, RIGHT, TASK, UNSCORABLE, Example
from verifier_service.client import VerifierUnavailable
from verifier_service.integrations import openrlhf_reward
from verifier_service.integrations.connection import Unscored
from verifier_service.integrations.openrlhf_reward import reward_func

PROMPT = "<|im_start|>user\nWhat was it?<|im_end|>\n<|im_start|>assistant\n"


def one(completion: str, task: Any) -> dict[str, Any]:
    """A call for one sample: current versions make one a sample."""
    return reward_func([f"{PROMPT}{completion}<|im_end|>"], [PROMPT], [task])


def test_the_rewards_are_the_services(texts: list[Example]) -> None:
    queries = [f"{PROMPT}{example.completion}<|im_end|>" for example in texts]
    labels = [json.dumps(example.carrier) for example in texts]
    found = reward_func(queries, [PROMPT] * len(texts), labels)
    assert found["rewards"] == [example.reward for example in texts]
    assert all(0.0 <= score <= 1.0 for score in found["scores"])


@pytest.mark.parametrize("completion", [RIGHT, *GARBAGE])
def test_the_names_and_sizes_never_change(completion: str) -> None:
    found = one(completion, TASK)
    assert set(found) == {"rewards", "scores", "extra_logs"}
    assert set(found["extra_logs"]) == MEASURES
    values = [found["rewards"], found["scores"], *found["extra_logs"].values()]
    assert all(len(each) == 1 and isinstance(each[0], float) for each in values)


def test_scores_stay_where_filtering_looks() -> None:
    found = one(RIGHT, {**TASK, "profile": "toolrl"})
    assert found["rewards"][0] > 1.0
    assert found["scores"] == [1.0]


def test_a_prompt_that_was_cut_is_no_completion() -> None:
    assert reward_func([f"{PROMPT[10:]}{RIGHT}"], [PROMPT], [TASK])["rewards"] == [1.0]


def test_an_unscored_sample_raises_or_counts_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unscored):
        one(RIGHT, UNSCORABLE)
    monkeypatch.setenv("VERIFIER_UNSCORED", "0")
    assert one(RIGHT, UNSCORABLE)["rewards"] == [0.0]


def test_an_outage_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("VERIFIER_RETRY_BUDGET_S", "0.1")
    with pytest.raises(VerifierUnavailable):
        one(RIGHT, TASK)


def test_empty_lists_get_empty_lists() -> None:
    found = reward_func([], [], [])
    assert found == {"rewards": [], "scores": [], "extra_logs": {name: [] for name in MEASURES}}


def test_the_file_loads_alone_and_its_function_can_be_sent() -> None:
    spec = importlib.util.spec_from_file_location("reward_func", openrlhf_reward.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.reward_func(queries=[RIGHT], prompts=[""], labels=[TASK])["rewards"] == [1.0]
    assert pickle.loads(pickle.dumps(reward_func)) is reward_func
