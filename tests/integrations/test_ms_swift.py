"""ms-swift's plugin, loaded and called as ms-swift does. Against ms-swift: tests/trainers."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

import verifier_service
from tests.integrations.counted import score_requests
from tests.integrations.reference import GARBAGE, PROMPT, RIGHT, TASK, UNSCORABLE, Example
from verifier_service.client import VerifierUnavailable
from verifier_service.integrations.connection import NotConfigured

FOLDER: Final = Path(verifier_service.__file__).parent / "integrations" / "msswift"
PLUGIN: Final = FOLDER / "verifier_swift_plugin.py"


class Orm:
    """What ms-swift's base class keeps."""

    def __init__(self, args: Any = None, **_: Any) -> None:
        self.args = args


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An instance of the class that the plugin registers."""
    rewards = ModuleType("swift.rewards")
    rewards.ORM, rewards.orms = Orm, {}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "swift.rewards", rewards)
    spec = importlib.util.spec_from_file_location("_swift_external", PLUGIN)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return rewards.orms["verifier"](args="the trainer's")


def columns(completions: Sequence[str], tasks: Sequence[Any]) -> dict[str, Any]:
    return {
        "messages": [[*PROMPT, {"role": "assistant", "content": text}] for text in completions],
        "carrier": [json.dumps(task) for task in tasks],
        "prompt_id": ["p"] * len(completions),
        "trainer_state": object(),
        "tools": None,
    }


def test_the_rewards_are_the_services_by_one_request(
    plugin: Any, url: str, texts: list[Example]
) -> None:
    completions = [f"\n{example.completion}" for example in texts]
    rows = columns(completions, [example.carrier for example in texts])
    before = score_requests(url)
    found = plugin(completions, **rows)
    assert plugin(completions, **rows) == found
    assert found == [example.reward for example in texts]
    assert score_requests(url) == before + 1


def test_a_sample_without_a_reward_is_none(plugin: Any) -> None:
    completions = [RIGHT, RIGHT, *GARBAGE]
    found = plugin(completions, **columns(completions, [TASK, UNSCORABLE, *[TASK] * len(GARBAGE)]))
    assert found == [1.0, None, *[0.0] * len(GARBAGE)]


@pytest.mark.parametrize("role", ["tool", "tool_response"])
@pytest.mark.parametrize(("turns", "reward"), [(None, None), ("last", 0.0), ("all", 1.0)])
def test_calls_before_the_last_words_count_where_all_is_the_policys(
    plugin: Any, role: str, turns: str | None, reward: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if turns:
        monkeypatch.setenv("VERIFIER_TURNS", turns)
    episode = [
        {"role": "assistant", "content": RIGHT},
        {"role": role, "content": "243.36"},
        {"role": "assistant", "content": "It closed at 243.36."},
    ]
    found = plugin(
        ["It closed at 243.36."], messages=[[*PROMPT, *episode]], carrier=[json.dumps(TASK)]
    )
    assert found == [reward]


@pytest.mark.parametrize(("turns", "reward"), [("auto", None), ("last", 0.0)])
def test_calls_of_the_prompt_are_not_the_policys(
    plugin: Any, turns: str, reward: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_TURNS", turns)
    prompt = [
        *PROMPT,
        {"role": "assistant", "content": RIGHT},
        {"role": "tool", "content": "243.36"},
    ]
    messages = [*prompt, {"role": "assistant", "content": ""}]
    assert plugin([""], messages=[messages], carrier=[json.dumps(TASK)]) == [reward]


def test_without_messages_the_completion_is_judged(plugin: Any) -> None:
    assert plugin([RIGHT], carrier=[json.dumps(TASK)]) == [1.0]


@pytest.mark.parametrize("turns", ["auto", "all"])
@pytest.mark.parametrize("messages", [None, [], [None]], ids=repr)
def test_messages_that_are_none_cost_their_own_sample_alone(
    plugin: Any, turns: str, messages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_TURNS", turns)
    rows = columns([RIGHT] * 3, [TASK] * 3)
    rows["messages"][1] = messages
    assert plugin([RIGHT] * 3, **rows) == [1.0, None, 1.0]


def test_a_message_that_cannot_be_sent_costs_its_own_sample_alone(
    plugin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_TURNS", "all")
    rows = columns([RIGHT] * 3, [TASK] * 3)
    rows["messages"][1] = [*PROMPT, {"role": "assistant", "content": object()}]
    assert plugin([RIGHT] * 3, **rows) == [1.0, None, 1.0]


def test_all_turns_cannot_be_judged_without_them(
    plugin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_TURNS", "all")
    with pytest.raises(NotConfigured, match="messages"):
        plugin([RIGHT], carrier=[json.dumps(TASK)])


def test_a_dataset_without_a_task_is_named(plugin: Any) -> None:
    with pytest.raises(NotConfigured, match="carrier"):
        plugin([RIGHT], solution=["42"])


def test_an_outage_raises(plugin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("VERIFIER_RETRY_BUDGET_S", "0.1")
    with pytest.raises(VerifierUnavailable):
        plugin([RIGHT], **columns([RIGHT], [TASK]))


def test_an_empty_batch_has_no_rewards(plugin: Any) -> None:
    assert plugin([]) == []


def test_the_plugin_is_alone_in_its_folder() -> None:
    """ms-swift puts the folder first on the module path: a `trl.py` there would hide TRL."""
    assert [path.name for path in FOLDER.iterdir() if path.name != "__pycache__"] == [PLUGIN.name]


def test_the_plugin_keeps_its_arguments(plugin: Any) -> None:
    assert plugin.args == "the trainer's"
