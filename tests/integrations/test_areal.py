"""AReaL's reward function, called as AReaL calls it: in a pool of processes."""

from __future__ import annotations

import inspect
import json
import pickle
import socket
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any, Final

import pytest

from tests.integrations.reference import GARBAGE, RIGHT, TASK, UNSCORABLE, Example
from verifier_service.client import VerifierUnavailable
from verifier_service.integrations.areal import PATIENCE, reward_fn
from verifier_service.integrations.connection import NotConfigured, Unscored

LIMIT_S: Final = 15.0
"""After which AReaL counts a completion as 0."""


def rewarded(completion: str, /, **columns: Any) -> float:
    return reward_fn("What was it?", completion, [1], [2, 3], **columns)


def test_the_rewards_are_the_services_from_a_pool_of_processes(texts: list[Example]) -> None:
    calls = [
        partial(reward_fn, "?", f"{one.completion}<|im_end|>", [1], [2], carrier=one.carrier)
        for one in texts
    ]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = [future.result() for future in [pool.submit(call) for call in calls]]
    assert found == [example.reward for example in texts]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_whatever_a_policy_writes_is_worth_a_number(garbage: str) -> None:
    assert rewarded(garbage, carrier=TASK) == 0.0


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"carrier": json.dumps(TASK)}, id="carrier"),
        pytest.param({"ground_truth": json.dumps(TASK)}, id="ground truth"),
        pytest.param({**TASK, "prompt": "a", "completion": "b", "messages": []}, id="own names"),
    ],
)
def test_a_column_may_have_any_name(columns: dict[str, Any]) -> None:
    assert rewarded(RIGHT, **columns) == 1.0


def test_a_row_without_a_task_is_named() -> None:
    with pytest.raises(NotConfigured, match="carrier"):
        rewarded(RIGHT, answer="42")


def test_an_unscored_sample_raises_or_counts_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unscored):
        rewarded(RIGHT, carrier=UNSCORABLE)
    monkeypatch.setenv("VERIFIER_UNSCORED", "0.25")
    assert rewarded(RIGHT, carrier=UNSCORABLE) == 0.25


def test_a_service_that_never_answers_raises_before_areal_counts_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connecting_s = answering_s = PATIENCE.timeout_s
    assert PATIENCE.retry_budget_s + connecting_s + answering_s < LIMIT_S
    assert not PATIENCE.asks_again
    monkeypatch.setenv("VERIFIER_TIMEOUT_S", "0.1")
    monkeypatch.setenv("VERIFIER_RETRY_BUDGET_S", "0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("VERIFIER_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(VerifierUnavailable):
            rewarded(RIGHT, carrier=TASK)


def test_it_waits_and_can_be_sent() -> None:
    assert not inspect.iscoroutinefunction(reward_fn)
    assert pickle.loads(pickle.dumps(reward_fn)) is reward_fn
