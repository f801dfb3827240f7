"""verl's reward functions and manager, called as verl calls them."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any, Final

import numpy as np
import pytest

from tests.integrations.counted import score_requests
from tests.integrations.reference import GARBAGE, MEASURES, RIGHT, TASK, UNSCORABLE, Example
from verifier_service.client import VerifierUnavailable
from verifier_service.integrations import verl
from verifier_service.integrations.connection import Unscored

KEYS: Final = {"score", "acc", *MEASURES}
EXTRA: Final = {"index": 17, "num_turns": np.int32(2), "rollout_reward_scores": {}}
CALL: Final = TASK["ground_truth"]
Answer = Mapping[str, float]


def single(solution: str, task: Any, **more: Any) -> dict[str, Any]:
    return {
        "data_source": "toolcalls",
        "solution_str": solution,
        "ground_truth": task,
        "extra_info": EXTRA,
        **more,
    }


def batched(solutions: list[str], tasks: list[Any]) -> dict[str, Any]:
    return {
        "data_sources": ["toolcalls"] * len(solutions),
        "solution_strs": solutions,
        "ground_truths": tasks,
        "extra_infos": [EXTRA] * len(solutions),
    }


async def answers(examples: list[Example]) -> list[Answer]:
    calls = [single(one.completion, json.dumps(one.carrier)) for one in examples]
    return await asyncio.gather(*[verl.compute_score(**call) for call in calls])


async def test_the_scores_are_the_services(texts: list[Example]) -> None:
    found = await answers(texts)
    assert [answer["score"] for answer in found] == [example.reward for example in texts]
    assert [answer["acc"] for answer in found] == [one.tier == "full" for one in texts]


async def test_all_three_functions_give_the_same(texts: list[Example]) -> None:
    found = await answers(texts)
    solutions = [example.completion for example in texts]
    tasks = [example.carrier for example in texts]
    assert verl.compute_score_batch(**batched(solutions, tasks)) == found
    pairs = zip(solutions, tasks, strict=True)
    assert [verl.compute_score_sync(**single(*pair)) for pair in pairs] == found


def test_a_batch_is_one_request(url: str, texts: list[Example]) -> None:
    before = score_requests(url)
    solutions = [example.completion for example in texts]
    verl.compute_score_batch(**batched(solutions, [example.carrier for example in texts]))
    assert score_requests(url) == before + 1


@pytest.mark.parametrize("solution", [RIGHT, *GARBAGE])
def test_an_answer_holds_the_same_numbers_always(solution: str) -> None:
    answer = verl.compute_score_sync(**single(solution, TASK))
    assert set(answer) == KEYS
    assert all(isinstance(value, float) for value in answer.values())


def test_an_unscored_sample_raises_or_counts_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unscored):
        verl.compute_score_sync(**single(RIGHT, UNSCORABLE))
    monkeypatch.setenv("VERIFIER_UNSCORED", "0")
    answer = verl.compute_score_sync(**single(RIGHT, UNSCORABLE))
    assert set(answer) == KEYS
    assert (answer["score"], answer["unscored"]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("task", "extra", "kwargs"),
    [
        pytest.param(TASK, {}, {"toolset": "assistant"}, id="the carrier first"),
        pytest.param(CALL, {"toolset": "finance"}, {"toolset": "assistant"}, id="then the row"),
        pytest.param(CALL, {}, {"toolset": "finance"}, id="then the configuration"),
        pytest.param(CALL, {"toolset": "finance", "tools": []}, {}, id="a toolset before tools"),
        pytest.param(TASK, None, {"reward_router_address": "x"}, id="what is not ours"),
    ],
)
def test_settings_are_found_where_they_stand(
    task: Any, extra: Mapping[str, Any] | None, kwargs: Mapping[str, Any]
) -> None:
    answer = verl.compute_score_sync(**{**single(RIGHT, task), "extra_info": extra}, **kwargs)
    assert answer["score"] == 1.0


def test_what_verl_hands_over_is_not_changed() -> None:
    extra = {**EXTRA, "toolset": "finance", "tools": np.array(["a"], dtype=object)}
    before = dict(extra)
    verl.compute_score_sync("toolcalls", RIGHT, CALL, extra)
    assert list(extra) == list(before)
    assert all(extra[name] is before[name] for name in before)


@pytest.mark.parametrize(
    ("function", "awaited"),
    [
        (verl.compute_score, True),
        (verl.compute_score_sync, False),
        (verl.compute_score_batch, False),
    ],
)
def test_verl_knows_what_to_await_and_can_send_it(
    function: Callable[..., Any], awaited: bool
) -> None:
    assert inspect.iscoroutinefunction(partial(function, toolset="finance")) == awaited
    assert pickle.loads(pickle.dumps(function)) is function


def test_an_outage_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("VERIFIER_RETRY_BUDGET_S", "0.1")
    with pytest.raises(VerifierUnavailable):
        verl.compute_score_sync(**single(RIGHT, TASK))


# The reward manager. Against verl itself it runs in tests/trainers.


class Base(ABC):
    """What verl's base class demands of a manager."""

    @abstractmethod
    async def run_single(self, data: Any) -> Any: ...


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    path = "verl.experimental.reward_loop.reward_manager.base"
    module = ModuleType(path)
    module.RewardManagerBase = Base  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, path, module)
    verl._manager.cache_clear()
    yield verl.ToolCallRewardManager
    verl._manager.cache_clear()


class Tokenizer:
    """Every character is a token, a special one among them."""

    def decode(self, ids: list[int], *, skip_special_tokens: bool) -> str:
        kept = [token for token in ids if not (skip_special_tokens and token == 1)]
        return "".join("[TOOL_CALLS]" if token == 1 else chr(token) for token in kept)


class Sequences:
    """A DataProto of sequences: their prompt and padding are no part of a response."""

    def __init__(self, *responses: list[int], task: Any) -> None:
        self.batch = [self._padded(response) for response in responses]
        columns = {"data_source": "toolcalls", "reward_model": {"ground_truth": task}}
        self.non_tensor_batch = {**columns, "extra_info": dict(EXTRA)}

    @staticmethod
    def _padded(response: list[int]) -> dict[str, Any]:
        responses = np.array([*response, 0, 0])
        mask = np.array([1, 1, 1, *([1] * len(response)), 0, 0])
        return {"responses": responses, "attention_mask": mask}

    def __len__(self) -> int:
        return len(self.batch)

    def __getitem__(self, place: int) -> Sequences:
        one = object.__new__(Sequences)
        one.batch, one.non_tensor_batch = self.batch[place], self.non_tensor_batch  # type: ignore[assignment]
        return one


MISTRAL: Final = [1, *map(ord, json.dumps(CALL))]


async def test_the_manager_keeps_special_tokens(manager: Any) -> None:
    made = manager(config={}, tokenizer=Tokenizer(), compute_score=None)
    found = await made.run_single(Sequences([120], MISTRAL, task=json.dumps(TASK)))
    assert found["reward_score"] == 1.0
    assert set(found["reward_extra_info"]) == KEYS


async def test_the_manager_reads_the_configuration_of_the_function(manager: Any) -> None:
    configured = {"reward": {"custom_reward_function": {"reward_kwargs": {"toolset": "finance"}}}}
    made = manager(config=configured, tokenizer=Tokenizer())
    found = await made.run_single(Sequences(MISTRAL, task=json.dumps(CALL)))
    assert found["reward_score"] == 1.0


def test_no_other_name_is_made_up() -> None:
    with pytest.raises(AttributeError, match="NoSuchManager"):
        verl.NoSuchManager  # noqa: B018  asked for as verl asks
