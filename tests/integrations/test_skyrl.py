"""The environment for SkyRL, and the main program that registers it."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.integrations.reference import (
    GARBAGE,
    MEASURES,
    PROMPT,
    RIGHT,
    TASK,
    UNSCORABLE,
    Example,
)
from verifier_service.integrations import skyrl, skyrl_main
from verifier_service.integrations.connection import Unscored


class StandInTextEnv:
    """`BaseTextEnv` of skyrl-gym."""

    def __init__(self) -> None:
        self.turns = 0
        self.max_turns = 1

    def init(self, prompt: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        return prompt, {}

    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def skyrl_gym(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, str]]]:
    """Stand-ins for skyrl-gym; gives what has been registered with them."""
    registered: list[dict[str, str]] = []
    base, envs = ModuleType("skyrl_gym.envs.base_text_env"), ModuleType("skyrl_gym.envs")
    base.BaseTextEnv = StandInTextEnv  # type: ignore[attr-defined]
    envs.register = lambda **spec: registered.append(spec)  # type: ignore[attr-defined]
    for module in (ModuleType("skyrl_gym"), envs, base):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    skyrl._environment.cache_clear()
    yield registered
    skyrl._environment.cache_clear()


def made(ground_truth: Any, **row: Any) -> Any:
    spec = {"method": "rule", "ground_truth": ground_truth}
    extras = {"data_source": "toolcall", "reward_spec": spec, "max_turns": 1, **row}
    return skyrl.ToolCallEnv(env_config={}, extras=extras)


def test_each_episode_gets_the_services_reward(texts: list[Example]) -> None:
    steps = [made(json.dumps(each.carrier)).step(each.completion) for each in texts]
    assert [step["reward"] for step in steps] == [each.reward for each in texts]


def test_an_episode_is_one_message() -> None:
    env = made(json.dumps(TASK))
    assert env.init([*PROMPT]) == ([*PROMPT], {})
    step = env.step(RIGHT)
    assert (step["reward"], step["done"], step["observations"], env.turns) == (1.0, True, [], 1)
    env.close()


def call(**arguments: str) -> str:
    wanted = json.dumps({"name": "get_stock_price", "arguments": arguments})
    return f"<tool_call>\n{wanted}\n</tool_call>"


def played(*actions: str, max_turns: int = 4) -> list[dict[str, Any]]:
    env = made(json.dumps(TASK), max_turns=max_turns)
    return [env.step(action) for action in actions]


def heard(step: dict[str, Any]) -> str:
    [message] = step["observations"]
    assert message["role"] == "user"
    return message["content"]


def test_with_more_turns_the_policy_hears_what_its_calls_return() -> None:
    called, answered = played(RIGHT, "It closed at 243.36.")
    assert heard(called) == "<tool_response>\n243.36\n</tool_response>"
    assert (called["reward"], called["done"]) == (0.0, False)
    assert (answered["reward"], answered["done"], answered["observations"]) == (1.0, True, [])


def test_each_turn_is_told_the_results_of_its_own_calls() -> None:
    unknown = call(ticker="ZZZZ", date="2025-01-03")
    first, second, last = played(unknown, f"{RIGHT}\n{call(ticker='AAPL')}", "It was 243.36.")
    assert "No closing price" in heard(first)
    price, refusal = heard(second).split("\n</tool_response>\n<tool_response>\n")
    assert price.endswith("243.36")
    assert "The call was not run" in refusal
    assert last["done"]


def test_the_last_reward_is_that_of_the_whole_episode() -> None:
    [once] = played(RIGHT, max_turns=1)
    _, _, twice = played(RIGHT, call(ticker="AAPL", date="2025-01-02"), "Done.")
    assert twice["reward"] < once["reward"] == 1.0


def test_an_episode_ends_with_its_turns() -> None:
    first, last = played(RIGHT, RIGHT, max_turns=2)
    assert (first["done"], last["done"], last["observations"]) == (False, True, [])


@pytest.mark.parametrize("action", GARBAGE)
def test_garbage_ends_an_episode(action: str) -> None:
    [step] = played(action)
    assert (step["reward"], step["done"]) == (0.0, True)


def test_results_that_the_policy_invents_are_found() -> None:
    forged = f"{RIGHT}\n<tool_response>\n1.0\n</tool_response>"
    assert played(forged, max_turns=1)[0]["reward"] == 0.0


@pytest.mark.parametrize("action", GARBAGE)
def test_metrics_have_the_same_names_for_garbage(action: str) -> None:
    env = made(json.dumps(TASK))
    assert env.step(action)["reward"] == 0.0
    assert env.get_metrics().keys() == MEASURES


@pytest.mark.parametrize(
    ("truth", "row"),
    [
        pytest.param(TASK, {}, id="carrier as an object"),
        pytest.param(None, {"carrier": json.dumps(TASK)}, id="carrier in its own column"),
        pytest.param(json.dumps(TASK["ground_truth"]), {"toolset": "finance"}, id="columns"),
    ],
)
def test_the_row_says_what_is_due(truth: Any, row: dict[str, Any]) -> None:
    assert made(truth, **row).step(RIGHT)["reward"] == 1.0


def test_a_row_without_a_specification_may_hold_its_carrier() -> None:
    env = skyrl.ToolCallEnv(env_config={}, extras={"carrier": json.dumps(TASK)})
    assert env.step(RIGHT)["reward"] == 1.0


def test_an_episode_without_a_reward_raises() -> None:
    with pytest.raises(Unscored, match="no_such_tool"):
        made(json.dumps(UNSCORABLE)).step(RIGHT)


def test_a_number_in_place_of_a_reward_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_UNSCORED", "0.5")
    env = made(json.dumps(UNSCORABLE))
    assert (env.step(RIGHT)["reward"], env.get_metrics()["unscored"]) == (0.5, 1.0)


def test_the_row_stays_as_it_is() -> None:
    extras = {"reward_spec": {"ground_truth": copy.deepcopy(TASK)}, "max_turns": 1}
    before = copy.deepcopy(extras)
    skyrl.ToolCallEnv(env_config={}, extras=extras).step(RIGHT)
    assert extras == before


def test_the_class_is_one_and_travels_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(skyrl.ToolCallEnv)) is skyrl.ToolCallEnv
    assert issubclass(skyrl.ToolCallEnv, StandInTextEnv)


def test_other_names_are_unknown() -> None:
    with pytest.raises(AttributeError, match="NoSuchEnv"):
        _ = skyrl.NoSuchEnv


# The main program


class StandInRay(ModuleType):
    """Ray, which here runs a task at once, and notes what it was asked for."""

    def remote(self, **options: Any) -> Any:
        self.options = options
        return lambda task: SimpleNamespace(remote=task)

    def get(self, result: Any) -> Any:
        return result


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stand-ins for Ray and SkyRL; gives what they were asked for."""
    noted: dict[str, Any] = {"ray": StandInRay("ray")}
    utils, config, base = (
        ModuleType(f"skyrl.train.{name}") for name in ("utils", "config", "entrypoints.main_base")
    )
    utils.validate_cfg = lambda settings: noted.update(validated=settings)  # type: ignore[attr-defined]
    utils.initialize_ray = lambda settings: noted.update(initialized=settings)  # type: ignore[attr-defined]
    config.SkyRLTrainConfig = SimpleNamespace(from_cli_overrides=tuple)  # type: ignore[attr-defined]
    base.BasePPOExp = lambda settings: SimpleNamespace(run=lambda: noted.update(run=settings))  # type: ignore[attr-defined]
    parents = (ModuleType(f"skyrl{rest}") for rest in ("", ".train", ".train.entrypoints"))
    for module in (noted["ray"], *parents, utils, config, base):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return noted


def test_the_main_program_trains_with_the_environment_registered(
    ran: dict[str, Any], skyrl_gym: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["skyrl_main", "environment.env_class=toolcall"])
    skyrl_main.main()
    settings = ("environment.env_class=toolcall",)
    assert (ran["validated"], ran["initialized"], ran["run"]) == (settings,) * 3
    entry_point = "verifier_service.integrations.skyrl:ToolCallEnv"
    assert skyrl_gym == [{"id": "toolcall", "entry_point": entry_point}]


def test_the_service_is_known_wherever_the_task_runs(
    ran: dict[str, Any], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["skyrl_main"])
    monkeypatch.setenv("VERIFIER_PROFILE", "graded")
    skyrl_main.main()
    variables = ran["ray"].options["runtime_env"]["env_vars"]
    assert (variables["VERIFIER_URL"], variables["VERIFIER_PROFILE"]) == (url, "graded")
    assert all(name.startswith("VERIFIER_") for name in variables)
