"""The evaluator for rLLM."""

from __future__ import annotations

import inspect
import json
import tomllib
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel

from tests.integrations.reference import (
    GARBAGE,
    MEASURES,
    PROMPT,
    RIGHT,
    TASK,
    UNSCORABLE,
    Example,
    assistant,
)
from verifier_service.integrations.connection import Unscored
from verifier_service.integrations.rllm import evaluate

ROOT: Final = Path(__file__).parents[2]


@dataclass
class StandInTask:
    """`Task` of rLLM."""

    id: str
    instruction: str
    metadata: dict[str, Any] = field(default_factory=dict)


class StandInStep(BaseModel):
    """`Step` of rLLM."""

    output: Any = None
    chat_completions: list[Any] = []


class StandInTrajectory(BaseModel):
    """`Trajectory` of rLLM."""

    steps: list[StandInStep] = []
    output: Any = None


class StandInEpisode(BaseModel):
    """`Episode` of rLLM."""

    trajectories: list[StandInTrajectory] = []


def task(carrier: Any) -> StandInTask:
    return StandInTask("t", "What was it?", {"question": "…", "carrier": json.dumps(carrier)})


def conversation(messages: list[Any]) -> StandInEpisode:
    steps = [StandInStep(output="not what was said", chat_completions=messages)]
    return StandInEpisode(trajectories=[StandInTrajectory(steps=steps)])


def outputs(*texts: str) -> StandInEpisode:
    steps = [StandInStep(output=text) for text in texts]
    return StandInEpisode(trajectories=[StandInTrajectory(steps=steps)])


def test_each_episode_gets_the_services_reward(
    chats: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_TURNS", "all")
    found = [evaluate(task(each.carrier), conversation(each.messages)) for each in chats]
    assert [result["reward"] for result in found] == [each.reward for each in chats]
    assert [result["is_correct"] for result in found] == [each.tier == "full" for each in chats]


def test_steps_without_messages_are_judged_by_what_they_put_out(texts: list[Example]) -> None:
    found = [evaluate(task(each.carrier), outputs(each.completion)) for each in texts]
    assert [result["reward"] for result in found] == [each.reward for each in texts]


def test_a_trajectory_without_steps_is_judged_by_what_it_puts_out() -> None:
    episode = StandInEpisode(trajectories=[StandInTrajectory(output=RIGHT)])
    assert evaluate(task(TASK), episode)["reward"] == 1.0


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"carrier": TASK}, id="carrier"),
        pytest.param({"ground_truth": json.dumps(TASK)}, id="carrier in ground_truth"),
        pytest.param(dict(TASK), id="the members as columns"),
    ],
)
def test_the_task_may_be_its_row(row: dict[str, Any]) -> None:
    assert evaluate(row, conversation([*PROMPT, assistant(RIGHT)]))["reward"] == 1.0


@pytest.mark.parametrize("text", GARBAGE)
def test_signals_have_the_same_names_for_garbage(text: str) -> None:
    found = evaluate(task(TASK), outputs(text))
    assert (found["reward"], found["signals"].keys()) == (0.0, MEASURES)


@pytest.mark.parametrize(
    "episode",
    [StandInEpisode(), StandInEpisode(trajectories=[StandInTrajectory()]), conversation([*PROMPT])],
    ids=["no trajectory", "nothing put out", "no answer"],
)
def test_an_episode_without_an_answer_has_no_reward(episode: StandInEpisode) -> None:
    with pytest.raises(Unscored, match=r"task\.completion"):
        evaluate(task(TASK), episode)


WRONG: Final = RIGHT.replace("2025-01-03", "2025-01-02")


def steps(*conversations: list[Any]) -> StandInEpisode:
    each = [StandInStep(chat_completions=messages) for messages in conversations]
    return StandInEpisode(trajectories=[StandInTrajectory(steps=each)])


APART: Final = {
    "messages": steps([*PROMPT, assistant(WRONG)], [*PROMPT, assistant(RIGHT)]),
    "outputs": outputs(WRONG, RIGHT),
    "the same messages again": steps([*PROMPT, assistant(RIGHT)], [*PROMPT, assistant(RIGHT)]),
    "the same output again": outputs(RIGHT, RIGHT),
    "messages, then an output": StandInEpisode(
        trajectories=[
            StandInTrajectory(
                steps=[
                    StandInStep(chat_completions=[*PROMPT, assistant(WRONG)]),
                    StandInStep(output=RIGHT),
                ]
            )
        ]
    ),
}


@pytest.mark.parametrize("episode", APART.values(), ids=APART)
def test_steps_apart_hide_no_answer(
    episode: StandInEpisode, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unscored, match="VERIFIER_TURNS"):
        evaluate(task(TASK), episode)
    monkeypatch.setenv("VERIFIER_TURNS", "last")
    assert evaluate(task(TASK), episode)["reward"] == 1.0
    monkeypatch.setenv("VERIFIER_TURNS", "all")
    assert evaluate(task(TASK), episode)["reward"] < 1.0


def test_steps_that_hold_those_before_them_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_TURNS", "all")
    first = [*PROMPT, assistant(RIGHT)]
    closing = [{"role": "tool", "content": "243.36"}, assistant("It closed at 243.36.")]
    assert evaluate(task(TASK), steps(first, [*first, *closing]))["reward"] == 1.0


@pytest.mark.parametrize("turns", ["auto", "last", "all"])
def test_a_last_step_of_nothing_leaves_no_earlier_one_to_judge(
    turns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_TURNS", turns)
    with pytest.raises(Unscored, match=r"task\.completion"):
        evaluate(task(TASK), steps([*PROMPT, assistant(RIGHT)], []))


def test_a_step_without_an_answer_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_TURNS", "all")
    with pytest.raises(Unscored, match=r"task\.completion"):
        evaluate(task(TASK), steps([*PROMPT, PROMPT[0]], [*PROMPT, assistant(RIGHT)]))


def test_an_empty_answer_is_scored() -> None:
    assert evaluate(task(TASK), outputs(""))["reward"] == 0.0


@pytest.mark.parametrize("carrier", [UNSCORABLE, {}], ids=["a tool unknown", "no ground truth"])
def test_a_task_without_a_reward_raises(carrier: Any) -> None:
    with pytest.raises(Unscored, match="invalid_task"):
        evaluate(task(carrier), outputs(RIGHT))


def test_a_number_in_place_of_a_reward_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_UNSCORED", "0")
    found = evaluate(task(UNSCORABLE), outputs(RIGHT))
    assert (found["signals"]["unscored"], found["is_correct"]) == (1.0, False)
    assert found["metadata"]["outcome"] == "invalid_task"


def test_the_parameters_are_those_that_rllm_passes() -> None:
    assert [*inspect.signature(evaluate).parameters] == ["task", "episode"]


def test_the_package_registers_it() -> None:
    group = "rllm.evaluators"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    [(name, value)] = project["entry-points"][group].items()
    assert (name, EntryPoint(name, value, group).load()) == ("toolcall", evaluate)
