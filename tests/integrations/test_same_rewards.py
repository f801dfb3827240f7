"""One completion has one reward, whichever way a trainer asks for it.

The completions are in many formats, right and wrong, of several toolsets and behaviours; most are
text, the last are messages. ROLL needs torch: its test compares the same rewards.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.integrations.reference import PROMPT
from tests.integrations.test_art import StandInTrajectory
from tests.integrations.test_ms_swift import columns, plugin
from tests.integrations.test_open_instruct import verifier
from tests.integrations.test_rllm import conversation
from tests.integrations.test_rllm import task as rllm_task
from tests.integrations.test_skyrl import made, skyrl_gym
from tests.integrations.test_slime import PLAIN, Rollout
from tests.integrations.test_verifiers import data, trace
from tests.wires.trainers import TRAINERS
from verifier_service.integrations import (
    areal,
    art,
    aws_lambda,
    easyr1,
    eval_protocol,
    openrlhf_reward,
    rllm,
    slime,
    tinker,
    torchforge,
    trl,
    verifiers,
    verl,
)

__all__ = ["plugin", "skyrl_gym", "verifier"]

ROWS: Final = Path(__file__).parents[1] / "cases" / "wires" / "completions_200.jsonl"


@dataclass(frozen=True, slots=True)
class Case:
    completion: Any
    task: dict[str, Any]

    @property
    def carrier(self) -> str:
        return json.dumps(self.task)

    @property
    def message(self) -> dict[str, Any]:
        said = self.completion
        return {"role": "assistant", "content": said} if isinstance(said, str) else said

    @property
    def messages(self) -> list[Any]:
        return [*PROMPT, self.message]


CASES: Final = [
    Case(row["completion"], row["carrier"])
    for row in map(json.loads, ROWS.read_text("utf-8").splitlines())
]
TEXTS: Final = [case for case in CASES if isinstance(case.completion, str)]

Cases = Sequence[Case]
Rewards = list[float]


@pytest.fixture(scope="session")
def verdicts(url: str) -> list[dict[str, Any]]:
    """What POST /score says of every case."""
    items = [{**case.task, "completion": case.completion} for case in CASES]
    answer = httpx.post(f"{url}/score", json={"items": items}, timeout=60).raise_for_status()
    found: list[dict[str, Any]] = answer.json()["verdicts"]
    return found


def test_the_completions_are_of_many_kinds(verdicts: list[dict[str, Any]]) -> None:
    assert len(CASES) == 200
    assert all(verdict["outcome"] == "scored" for verdict in verdicts)
    assert {verdict["tier"] for verdict in verdicts} == {"none", "partial", "full"}
    assert len({verdict["format"] for verdict in verdicts}) >= 30
    behaviors = {verdict["behavior"]["expected"] for verdict in verdicts}
    assert behaviors == {"execute", "clarify", "refuse", "no_call"}


def posted(path: str, ask: Callable[[Case], Any], take: Callable[[Any], float]) -> Any:
    """A wire as a function of many cases."""

    def rewards(cases: Cases) -> Rewards:
        with httpx.Client(base_url=os.environ["VERIFIER_URL"], timeout=60) as client:
            answers = [client.post(path, json=ask(case)).raise_for_status() for case in cases]
        return [take(answer.json()) for answer in answers]

    return rewards


def one_by_one(reward: Callable[[Case], Awaitable[float]]) -> Any:
    """An asynchronous callable as a function of many cases."""

    async def rewards(cases: Cases) -> Rewards:
        return [await reward(case) for case in cases]

    return lambda cases: asyncio.run(rewards(cases))


def lists(cases: Cases) -> tuple[list[Any], list[Any], list[str]]:
    """Prompts, completions and carriers."""
    return ["?"] * len(cases), [case.completion for case in cases], [c.carrier for c in cases]


def _openrlhf(case: Case) -> Any:
    prompt = "<|im_start|>user\nWhat was it?<|im_end|>\n<|im_start|>assistant\n"
    return {"query": [prompt + case.completion], "prompts": [prompt], "labels": [case.carrier]}


def _slime(case: Case) -> Any:
    return {"prompt": "?", "response": case.completion, "label": case.carrier}


def _gemini(case: Case) -> Any:
    return STUBS["/gemini/reward"].ask(case.completion, case.carrier)


def _evaluate(case: Case) -> Any:
    return {"messages": case.messages, "ground_truth": case.carrier}


def _sagemaker(case: Case) -> Any:
    return [{"id": "p17-0", "messages": case.messages, "reference_answer": case.carrier}]


def _nemo_gym(case: Case) -> Any:
    said = {"type": "output_text", "text": case.completion, "annotations": []}
    message = {"type": "message", "role": "assistant", "content": [said], "status": "completed"}
    asked = {"input": [{"role": "user", "content": "What was it?"}]}
    response = {"id": "r", "object": "response", "output": [{"id": "m", **message}]}
    return {"carrier": case.carrier, "responses_create_params": asked, "response": response}


STUBS: Final = {trainer.path: trainer for trainer in TRAINERS}


def _trl(cases: Cases) -> Any:
    prompts, _, carriers = lists(cases)
    said = [[case.message] for case in cases]
    return trl.reward_sync(prompts, said, carrier=carriers)


def _trl_texts(cases: Cases) -> Any:
    prompts, completions, carriers = lists(cases)
    return asyncio.run(trl.reward(prompts, completions, carrier=carriers))


def _verl(cases: Cases) -> Any:
    sources, completions, carriers = lists(cases)
    batch = verl.compute_score_batch(sources, completions, carriers, [None] * len(cases))
    return [answer["score"] for answer in batch]


def _verl_single(cases: Cases) -> Any:
    answers = [verl.compute_score_sync("?", case.completion, case.carrier) for case in cases]
    return [answer["score"] for answer in answers]


def _easyr1(cases: Cases) -> Any:
    rows = [{"response": case.completion, "ground_truth": case.carrier} for case in cases]
    return [answer["overall"] for answer in easyr1.main(rows)]


def _openrlhf_file(cases: Cases) -> Any:
    prompts, completions, carriers = lists(cases)
    queries = [f"{prompt} {text}" for prompt, text in zip(prompts, completions, strict=True)]
    answer = openrlhf_reward.reward_func(queries, [f"{p} " for p in prompts], carriers)
    return [float(reward) for reward in answer["rewards"]]


def _slime_function(cases: Cases) -> Any:
    rollouts = [Rollout(case.completion, case.carrier) for case in cases]
    return asyncio.run(slime.custom_rm(PLAIN, rollouts))


def _areal(cases: Cases) -> Any:
    return [areal.reward_fn("?", c.completion, [1], [2], carrier=c.carrier) for c in cases]


def _rllm(cases: Cases) -> Any:
    said = [(rllm_task(case.task), conversation(case.messages)) for case in cases]
    return [rllm.evaluate(*each)["reward"] for each in said]


async def _verifiers(case: Case) -> float:
    return await verifiers.reward(data(case.task), trace(case.message))


async def _tinker(case: Case) -> float:
    reward, _ = await tinker.make_reward_fn(case.carrier, PROMPT)(case.messages)
    return reward


async def _art(case: Case) -> float:
    trajectory = StandInTrajectory(messages_and_choices=case.messages)
    return float((await art.score_trajectory(trajectory, case.carrier)).reward)


def _torchforge(cases: Cases) -> Any:
    reward = torchforge.ToolCallReward()
    return [reward("?", case.completion, case.carrier) for case in cases]


def _eval_protocol(cases: Cases) -> Any:
    return [eval_protocol.evaluate(case.messages, case.carrier)["score"] for case in cases]


def _skyrl(cases: Cases) -> Any:
    return [made(case.carrier).step(case.completion)["reward"] for case in cases]


def _lambda(cases: Cases) -> Any:
    batch = [sample for case in cases for sample in _sagemaker(case)]
    return [one["aggregate_reward_score"] for one in aws_lambda.nova_handler(batch, None)]


TEXT_CALLABLES: Final = {
    "openrlhf": posted("/get_reward", _openrlhf, STUBS["/get_reward"].take),
    "slime": posted("/slime", _slime, STUBS["/slime"].take),
    "slime, an object": posted("/slime?format=object", _slime, lambda answer: answer["score"]),
    "gemini": posted("/gemini/reward", _gemini, lambda answer: answer["reward"]),
    "nemo gym": posted("/nemo-gym/verify", _nemo_gym, lambda answer: answer["reward"]),
    "trl, of texts": _trl_texts,
    "verl": _verl,
    "verl, one by one": _verl_single,
    "easyr1": _easyr1,
    "openrlhf, a file": _openrlhf_file,
    "slime, a function": _slime_function,
    "areal": _areal,
    "torchforge": _torchforge,
    "skyrl": _skyrl,
}
"""Trainers that hand over text."""

CALLABLES: Final = {
    "eval_protocol": posted("/evaluate", _evaluate, STUBS["/evaluate"].take),
    "sagemaker": posted("/sagemaker/rlvr", _sagemaker, STUBS["/sagemaker/rlvr"].take),
    "sagemaker, an envelope": posted(
        "/sagemaker/rlvr?envelope=oss", _sagemaker, STUBS["/sagemaker/rlvr?envelope=oss"].take
    ),
    "trl, of messages": _trl,
    "rllm": _rllm,
    "verifiers": one_by_one(_verifiers),
    "tinker": one_by_one(_tinker),
    "art": one_by_one(_art),
    "eval_protocol, a function": _eval_protocol,
    "lambda": _lambda,
}
"""Trainers that hand over messages."""


@pytest.mark.parametrize("rewards", TEXT_CALLABLES.values(), ids=TEXT_CALLABLES.keys())
def test_texts_have_the_same_rewards_everywhere(
    verdicts: list[dict[str, Any]], rewards: Callable[[Cases], Rewards]
) -> None:
    assert rewards(TEXTS) == [verdict["reward"] for verdict in verdicts[: len(TEXTS)]]


@pytest.mark.parametrize("rewards", CALLABLES.values(), ids=CALLABLES.keys())
def test_messages_have_the_same_rewards_everywhere(
    verdicts: list[dict[str, Any]], rewards: Callable[[Cases], Rewards]
) -> None:
    assert rewards(CASES) == [verdict["reward"] for verdict in verdicts]


def test_ms_swift_has_the_same_rewards(plugin: Any, verdicts: list[dict[str, Any]]) -> None:
    completions = [case.completion for case in TEXTS]
    found = plugin(completions, **columns(completions, [case.task for case in TEXTS]))
    assert found == [verdict["reward"] for verdict in verdicts[: len(TEXTS)]]


def test_open_instruct_has_the_same_rewards(verifier: Any, verdicts: list[dict[str, Any]]) -> None:
    found = [verifier([1], case.completion, case.carrier, "?").score for case in TEXTS]
    assert found == [verdict["reward"] for verdict in verdicts[: len(TEXTS)]]
