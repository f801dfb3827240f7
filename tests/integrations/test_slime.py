"""slime's and miles' reward function, called as they call it."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
from dataclasses import asdict, dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from tests.integrations.counted import score_requests
from tests.integrations.reference import GARBAGE, MEASURES, RIGHT, TASK, UNSCORABLE, Example
from verifier_service.client import VerifierUnavailable
from verifier_service.integrations.connection import Unscored
from verifier_service.integrations.slime import custom_rm

PLAIN = SimpleNamespace(reward_key=None, eval_reward_key=None)
KEYED = SimpleNamespace(reward_key="score", eval_reward_key=None)


@dataclass
class Rollout:
    """What slime's sample holds, as far as a reward function reads it."""

    response: str
    label: Any = None
    metadata: Any = field(default_factory=dict)
    prompt: Any = "What was it?"


def rollouts(examples: list[Example]) -> list[Rollout]:
    return [Rollout(example.completion, json.dumps(example.carrier)) for example in examples]


async def test_a_list_gets_the_services_rewards_by_one_request(
    url: str, texts: list[Example]
) -> None:
    before = score_requests(url)
    found = await custom_rm(PLAIN, rollouts(texts), evaluation=False)
    assert found == [example.reward for example in texts]
    assert score_requests(url) == before + 1


async def test_a_single_sample_gets_its_reward(texts: list[Example]) -> None:
    found = await asyncio.gather(*[custom_rm(PLAIN, one) for one in rollouts(texts)])
    assert found == [example.reward for example in texts]


@pytest.mark.parametrize(
    "sample",
    [
        pytest.param(Rollout(RIGHT, TASK), id="label"),
        pytest.param(Rollout(RIGHT, json.dumps(TASK), None), id="label as text"),
        pytest.param(Rollout(RIGHT, None, {"carrier": json.dumps(TASK)}), id="carrier"),
        pytest.param(Rollout(RIGHT, "42", dict(TASK)), id="members of the metadata"),
        pytest.param(
            Rollout(
                RIGHT, TASK["ground_truth"], {"toolset": "finance", "tools": [], "rm_type": "x"}
            ),
            id="label and settings",
        ),
    ],
)
async def test_the_task_stands_in_label_or_metadata(sample: Rollout) -> None:
    before = json.dumps(asdict(sample))
    assert await custom_rm(PLAIN, sample) == 1.0
    assert json.dumps(asdict(sample)) == before


@pytest.mark.parametrize(
    "metadata",
    [
        {"tool_calls": []}, {"tool_calls": [{"x": 1}]}, {"ground_truth": ""}, {"carrier": ""},
        {"ground_truth": "Which one?"}, {"reward_model": {}}, {"toolset": "assistant"},
        {"tools": []}, {"tool_schemas": []}, {"id": {}}, {"options": 5}, {"options": ["A", "B"]},
        {"format": 5}, {"profile": []},
    ],
    ids=str,
)  # fmt: skip
async def test_unrelated_metadata_does_not_hide_the_label(metadata: dict[str, Any]) -> None:
    for label in (TASK, json.dumps(TASK)):
        assert await custom_rm(PLAIN, Rollout(RIGHT, label, metadata)) == 1.0


@pytest.mark.parametrize("text", [RIGHT, *GARBAGE])
async def test_with_a_key_a_reward_is_an_object_of_the_same_members(text: str) -> None:
    found = await custom_rm(KEYED, Rollout(text, TASK))
    assert set(found) == {"score", "reason", *MEASURES}
    assert isinstance(found[KEYED.reward_key], float)


async def test_arguments_without_those_options_are_fine() -> None:
    assert await custom_rm(SimpleNamespace(), Rollout(RIGHT, TASK)) == 1.0


async def test_an_unscored_sample_raises_or_counts_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for label in (UNSCORABLE, None, ""):
        with pytest.raises(Unscored):
            await custom_rm(PLAIN, Rollout(RIGHT, label))
    monkeypatch.setenv("VERIFIER_UNSCORED", "-1")
    assert await custom_rm(PLAIN, [Rollout(RIGHT, TASK), Rollout(RIGHT, None)]) == [1.0, -1.0]
    assert (await custom_rm(KEYED, Rollout(RIGHT, UNSCORABLE)))["score"] == -1.0


async def test_an_outage_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("VERIFIER_RETRY_BUDGET_S", "0.1")
    with pytest.raises(VerifierUnavailable):
        await custom_rm(PLAIN, Rollout(RIGHT, TASK))


async def test_an_empty_list_gets_an_empty_list() -> None:
    assert await custom_rm(PLAIN, []) == []


def test_it_can_be_awaited_and_sent() -> None:
    assert inspect.iscoroutinefunction(custom_rm)
    assert pickle.loads(pickle.dumps(custom_rm)) is custom_rm
