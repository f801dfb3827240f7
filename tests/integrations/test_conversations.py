"""Whose words count in a whole conversation: the same by every function and at every URL."""

from __future__ import annotations

import asyncio
import json
import math
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.integrations.reference import RIGHT, TASK
from tests.integrations.test_agent_lightning import StandInServer
from tests.integrations.test_art import StandInTrajectory
from tests.integrations.test_rllm import conversation, task
from verifier_service.conversation import RESULT_MARKS, ROLES, TURNS
from verifier_service.integrations import agent_lightning, art, eval_protocol, rllm
from verifier_service.integrations.connection import NotConfigured, Unscored
from verifier_service.scoring.parse import environment, messages

CASES: Final = json.loads(
    (Path(__file__).parents[1] / "cases" / "conversations.json").read_text("utf-8")
)
_ANSWERS: Final = {
    "right": RIGHT,
    "wrong": RIGHT.replace("2025-01-03", "2025-01-02"),
    "empty": "",
    "words": "It closed at 243.36.",
}
_RESULT: Final = {"type": "tool_result", "tool_use_id": "c1", "content": "243.36"}
_OTHERS: Final[dict[str, dict[str, Any]]] = {
    "result": {"role": "tool", "content": "243.36"},
    "user": {"role": "user", "content": "What did it close at?"},
    "system": {"role": "system", "content": "Call tools."},
    "none": {"content": RIGHT},
    "null": {"role": None, "content": RIGHT},
    "listed": {"role": ["assistant"], "content": RIGHT},
    "anthropic": {"role": "user", "content": [_RESULT]},
    "mixed": {"role": "user", "content": [_RESULT, {"type": "text", "text": "And the next day?"}]},
    "bedrock": {"role": "user", "content": [{"toolResult": {"content": [{"text": "243.36"}]}}]},
    "gemini": {"role": "user", "content": [{"functionResponse": {"response": {"price": 243.36}}}]},
    "hermes": {"role": "user", "content": "<tool_response>\n243.36\n</tool_response>"},
}


def message(said: str) -> dict[str, Any]:
    """A message by the name that a case has for it; else the right call in a role of that name."""
    if said in _ANSWERS:
        return {"role": "assistant", "content": _ANSWERS[said]}
    return _OTHERS.get(said, {"role": said, "content": RIGHT})


def posted(path: str, wrap: Callable[[Any], Any], take: Callable[[Any], Any]) -> Any:
    def reward(messages: list[Any], turns: str, _server: str) -> float | None:
        url = os.environ["VERIFIER_URL"] + path
        answer = httpx.post(url, params={"turns": turns}, json=wrap(messages), timeout=60)
        if answer.status_code == 200:
            return float(take(answer.json()))
        assert [fault["code"] for fault in answer.json()["errors"]] == ["task.completion"]
        return None

    return reward


def called(function: Callable[[list[Any], str], Any]) -> Any:
    """A function that is told by the environment which answers are the policy's."""

    def reward(messages: list[Any], turns: str, server: str) -> float | None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VERIFIER_TURNS", turns)
            try:
                return float(function(messages, server))
            except Unscored as unscored:
                [failure] = unscored.verdict.failures
                return None if failure.code == "task.completion" else math.nan

    return reward


def _art(messages: list[Any], _server: str) -> Any:
    trajectory = StandInTrajectory(messages_and_choices=messages)
    return asyncio.run(art.score_trajectory(trajectory, TASK)).reward


WAYS: Final = {
    "evaluate": posted(
        "/evaluate",
        lambda messages: {"messages": messages, "ground_truth": TASK},
        lambda answer: answer["score"],
    ),
    "sagemaker": posted(
        "/sagemaker/rlvr",
        lambda messages: [{"messages": messages, "reference_answer": TASK}],
        lambda answer: answer[0]["aggregate_reward_score"],
    ),
    "eval_protocol": called(lambda said, _: eval_protocol.evaluate(said, TASK)["score"]),
    "rllm": called(lambda said, _: rllm.evaluate(task(TASK), conversation(said))["reward"]),
    "art": called(_art),
    "agent_lightning": called(
        lambda said, server: agent_lightning.post_reward(server, "r1", said, TASK)
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with StandInServer() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running.url
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_only_what_the_policy_surely_wrote_is_judged(
    case: dict[str, Any], way: Any, server: str
) -> None:
    if way is WAYS["rllm"] and not case["said"]:
        pytest.skip("an empty list stands for no messages: the step's output is judged")
    messages = [message(said) for said in case["said"]]
    found = {turns: way(messages, turns, server) for turns in case["rewards"]}
    assert found == case["rewards"]


def test_a_refusal_says_what_to_do() -> None:
    with pytest.raises(Unscored, match="VERIFIER_TURNS"):
        eval_protocol.evaluate([message("right"), message("result"), message("words")], TASK)


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_TURNS", "last")
    said = [message("right"), message("result"), message("words")]
    assert eval_protocol.evaluate(said, TASK, turns="all")["score"] == 1.0


def test_a_value_that_there_is_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_TURNS", "first")
    with pytest.raises(NotConfigured, match=f"VERIFIER_TURNS.*{', '.join(TURNS)}.*first"):
        eval_protocol.evaluate([message("right")], TASK)


def test_an_unknown_role_is_named_with_those_known() -> None:
    with pytest.raises(Unscored, match=r"message 1 has the role 'model'.*assistant, tool"):
        eval_protocol.evaluate([message("user"), message("model"), message("right")], TASK)


def test_roles_and_marks_are_those_that_completions_are_read_by() -> None:
    assert set(ROLES) == messages.ROLES
    assert set(RESULT_MARKS) == set(environment.MARKS)
