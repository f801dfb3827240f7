"""The service that the environment names, asked over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integrations.counted import score_requests
from tests.integrations.reference import GARBAGE, RIGHT, TASK, UNSCORABLE, Example
from tests.running_service import running_service
from verifier_service.client import VerifierRefused, VerifierUnavailable
from verifier_service.integrations import connection
from verifier_service.integrations.columns import column_samples, row_sample
from verifier_service.integrations.connection import (
    NotConfigured,
    Patience,
    Sample,
    Unscored,
    reward_of,
    score,
    score_async,
)
from verifier_service.integrations.once import score_once, score_once_async
from verifier_service.integrations.verdicts import measures_of

CALL = TASK["ground_truth"][0]  # type: ignore[index]
ANYTHING = [{"name": "f", "parameters": {"type": "object", "properties": {"x": {}}}}]


def samples(examples: list[Example]) -> list[Sample]:
    return [Sample(example.completion, example.carrier) for example in examples]


def rewards(examples: list[Example]) -> list[float]:
    return [example.reward for example in examples]


def reward(sample: Sample) -> float | None:
    [verdict] = score([sample])
    return verdict.reward


def called(**arguments: Any) -> str:
    return f"<tool_call>\n{json.dumps({'name': 'f', 'arguments': arguments})}\n</tool_call>"


# The same rewards


def test_the_rewards_are_the_services(chats: list[Example]) -> None:
    assert [reward_of(verdict) for verdict in score(samples(chats))] == rewards(chats)


async def test_on_an_event_loop_too(chats: list[Example]) -> None:
    assert [reward_of(verdict) for verdict in await score_async(samples(chats))] == rewards(chats)


def test_a_group_is_one_item_and_no_two_tasks_are_one() -> None:
    """To Python `1 == True`; as arguments they are not the same."""
    truths = [1, True, 1.0, 1]
    tasks = [
        {"tools": ANYTHING, "ground_truth": [{"name": "f", "arguments": {"x": x}}]} for x in truths
    ]
    found = [verdict.reward for verdict in score([Sample(called(x=1), task) for task in tasks])]
    assert found == [1.0, found[1], 1.0, 1.0]
    assert found[1] != 1.0


@pytest.mark.parametrize("garbage", GARBAGE)
def test_whatever_a_policy_writes_gets_a_finite_reward(garbage: str) -> None:
    assert reward(Sample(garbage, TASK)) == 0.0


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"x": float("nan")}, id="NaN"),
        pytest.param({"x": float("inf")}, id="Infinity"),
        pytest.param({"x": [10**400]}, id="a number that no float holds"),
        pytest.param(json.loads('{"x":' * 900 + "1" + "}" * 900), id="too deep"),
    ],
)
def test_arguments_that_are_no_json_are_the_policys_fault(arguments: Any) -> None:
    message = {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}
    message["tool_calls"][0]["function"]["arguments"] = arguments  # type: ignore[index]
    [verdict] = score([Sample([message], TASK)])
    assert (verdict.outcome, verdict.reward) == ("scored", 0.0)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param({"function": {"name": float("nan"), "arguments": {}}}, id="name NaN"),
        pytest.param({"function": {"name": json.loads("[" * 900 + "]" * 900)}}, id="name too deep"),
        pytest.param({"function": {"name": 5, "arguments": [1]}}, id="name a number"),
        pytest.param({"function": None}, id="no function"),
        pytest.param({"name": "f", "arguments": True}, id="arguments true"),
        pytest.param("f()", id="text"),
        pytest.param(None, id="null"),
    ],
)
def test_a_call_of_any_shape_is_the_policys_fault(call: Any) -> None:
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    [verdict] = score([Sample([message], TASK)])
    assert (verdict.outcome, verdict.reward) == ("scored", 0.0)


def test_arguments_as_an_object_are_those_as_text() -> None:
    call = {"type": "function", "function": {**CALL, "arguments": CALL["arguments"]}}
    assert reward(Sample({"role": "assistant", "content": "", "tool_calls": [call]}, TASK)) == 1.0


@pytest.mark.parametrize("end", ["<|im_end|>", "<|eot_id|>", "</s>", "<|im_end|>\n<|endoftext|>"])
def test_a_special_token_at_the_end_changes_nothing(texts: list[Example], end: str) -> None:
    ended = [Sample(f"{example.completion}{end}", example.carrier) for example in texts]
    assert [reward_of(verdict) for verdict in score(ended)] == rewards(texts)


# Carriers and rows


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"carrier": json.dumps(TASK)}, id="carrier"),
        pytest.param({"ground_truth": json.dumps(TASK)}, id="carrier as ground truth"),
        pytest.param({**TASK, "ground_truth": json.dumps(TASK["ground_truth"])}, id="own columns"),
        pytest.param(
            {"ground_truth": json.dumps(TASK), "reward_model": {"ground_truth": "[]"}},
            id="another trainer's beside it",
        ),
        pytest.param({"tool_calls": [{"function": CALL}], "toolset": "finance"}, id="tool_calls"),
        pytest.param(
            {"reward_model": {"ground_truth": TASK["ground_truth"]}, "toolset": "finance"},
            id="reward_model",
        ),
        pytest.param({"reward_model": {"ground_truth": json.dumps(TASK)}}, id="verl's, converted"),
        pytest.param({"reward_model": {"ground_truth": TASK, "style": "rule"}}, id="an object"),
        pytest.param({"reward_model": json.dumps({"ground_truth": TASK})}, id="verl's as text"),
        pytest.param(
            {"reward_model": {"ground_truth": TASK}, "toolset": "assistant"},
            id="a carrier goes before what stands beside verl's",
        ),
        pytest.param(
            {"reward_model": {"ground_truth": {"expected_calls": [CALL]}}, "toolset": "finance"},
            id="settings beside verl's",
        ),
        pytest.param(
            {"carrier": json.dumps(TASK["ground_truth"]), "toolset": "finance"},
            id="settings beside the carrier",
        ),
        pytest.param({**TASK, "tools": json.dumps(ANYTHING)}, id="a toolset goes before tools"),
        pytest.param({**TASK, "toolset": np.str_("finance")}, id="numpy"),
        pytest.param({**TASK, "answer": object(), "image": threading.Lock()}, id="other columns"),
    ],
)
def test_a_row_is_judged_by_its_task(row: dict[str, Any]) -> None:
    assert reward(row_sample(RIGHT, row)) == 1.0


@pytest.mark.parametrize("column", ["ground_truth", "expected_calls", "gold_call"])
def test_the_id_of_a_task_comes_back(column: str) -> None:
    [found] = score([row_sample(RIGHT, {column: [CALL], "toolset": "finance", "task_id": "t1"})])
    assert (found.id, found.reward) == ("t1", 1.0)


@pytest.mark.parametrize("column", ["tools", "tool_schemas"])
def test_tools_in_a_column_may_be_json(column: str) -> None:
    truth = json.dumps([{"name": "f", "arguments": {"x": 1}}])
    for row in ({"carrier": truth}, {"ground_truth": truth}):
        assert reward(row_sample(called(x=1), {**row, column: json.dumps(ANYTHING)})) == 1.0


def test_a_dataset_without_a_task_is_refused() -> None:
    with pytest.raises(NotConfigured, match="carrier"):
        column_samples(["a"], {"question": ["b"]})


def test_the_environment_fills_in_what_a_sample_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_TOOLSET", "finance")
    assert reward(Sample(RIGHT, [CALL])) == 1.0
    monkeypatch.setenv("VERIFIER_TOOLSET", "assistant")
    assert reward(Sample(RIGHT, [CALL])) is None
    assert reward(Sample(RIGHT, [CALL], {"toolset": "finance"})) == 1.0


def test_nothing_that_is_handed_over_is_changed(chats: list[Example]) -> None:
    before = json.dumps([(example.completion, example.carrier) for example in chats])
    score(samples(chats))
    assert json.dumps([(example.completion, example.carrier) for example in chats]) == before


# Samples without a reward


def test_a_carrier_without_a_task_leaves_the_others_alone() -> None:
    found = score([Sample(RIGHT, TASK), Sample(RIGHT, ""), Sample(RIGHT, TASK)])
    assert [verdict.reward for verdict in found] == [1.0, None, 1.0]
    assert found[1].outcome == "invalid_task"


WRONG_SETTINGS = [
    pytest.param({"toolset": None}, "VERIFIER_TOOLSET", id="no toolset"),
    pytest.param({"toolset": 5}, "VERIFIER_TOOLSET", id="toolset a number"),
    pytest.param({"toolset": "nowhere"}, "nowhere", id="toolset unknown"),
    pytest.param({"id": {}}, "/id", id="id an object"),
    pytest.param({"id": "x" * 100_000}, "/id", id="id too long"),
    pytest.param({"options": 5}, "/options", id="options a number"),
    pytest.param({"options": {"zz": 1}}, "/options/zz", id="option unknown"),
    pytest.param({"tools": []}, "VERIFIER_TOOLSET", id="tools and toolset"),
    pytest.param({"toolset": None, "tools": "x"}, "/tools", id="tools a text"),
    pytest.param({"format": 5}, "VERIFIER_FORMAT", id="format a number"),
    pytest.param({"profile": []}, "VERIFIER_PROFILE", id="profile a list"),
    pytest.param({"profile": "nowhere"}, "nowhere", id="profile unknown"),
    pytest.param(
        {"ground_truth": [{"name": "f", "arguments": {"x": float("nan")}}]}, "JSON", id="NaN"
    ),
    pytest.param({"ground_truth": json.loads("[" * 900 + "]" * 900)}, "deep", id="too deep"),
]


@pytest.mark.parametrize(("members", "named"), WRONG_SETTINGS)
def test_a_wrong_setting_costs_its_own_sample_alone(members: dict[str, Any], named: str) -> None:
    given = {name: value for name, value in {**TASK, **members}.items() if value is not None}
    batch = [Sample(RIGHT, one) for one in (TASK, given, given, TASK)]
    found = score(batch)
    assert [verdict.reward for verdict in found] == [1.0, None, None, 1.0]
    assert named in str(Unscored(found[1]))
    assert [one.reward for one in score_once(batch)] == [1.0, None, None, 1.0]


async def test_on_an_event_loop_too_it_costs_itself_alone() -> None:
    found = await score_async([Sample(RIGHT, TASK), Sample(RIGHT, {**TASK, "id": {}})])
    assert [verdict.reward for verdict in found] == [1.0, None]


def test_many_wrong_settings_cost_themselves_alone() -> None:
    wrong = [Sample(RIGHT, {**TASK, "id": {"row": place}}) for place in range(100)]
    found = score([*wrong, Sample(RIGHT, TASK)])
    assert [verdict.reward for verdict in found] == [*[None] * 100, 1.0]


@pytest.mark.parametrize("completion", [5, {}, [], None, [{"role": 5}]], ids=repr)
def test_a_completion_that_is_none_costs_itself_alone(completion: Any) -> None:
    found = score([Sample(RIGHT, TASK), Sample(completion, TASK), Sample(RIGHT, TASK)])
    assert [verdict.reward for verdict in found] == [1.0, None, 1.0]


CYCLIC: list[Any] = []
CYCLIC.append(CYCLIC)
DEEP: Any = "x"
for _ in range(3000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "completion",
    [
        pytest.param(float("nan"), id="NaN"),
        pytest.param(float("inf"), id="infinity"),
        pytest.param([float("nan")], id="NaN in a list"),
        pytest.param(CYCLIC, id="a list in itself"),
        pytest.param(DEEP, id="too deep"),
        pytest.param({1}, id="a set"),
        pytest.param(object(), id="an object"),
        pytest.param([{"role": "assistant", "content": object()}], id="an object in a message"),
    ],
)
def test_a_completion_that_cannot_be_sent_costs_itself_alone(completion: Any) -> None:
    batch = [Sample(RIGHT, TASK), Sample(completion, TASK), Sample(RIGHT, TASK)]
    found = score(batch)
    assert [verdict.reward for verdict in found] == [1.0, None, 1.0]
    assert "completion of sample 1 cannot be sent" in str(Unscored(found[1]))
    assert [one.reward for one in score_once(batch)] == [1.0, None, 1.0]


@pytest.mark.parametrize("depth", [100, 400, 900])
def test_however_deep_a_completion_is_it_costs_itself_alone(depth: int) -> None:
    deep: Any = json.loads("[" * depth + "]" * depth)
    found = score_once([Sample(RIGHT, TASK), Sample(deep, TASK), Sample(RIGHT, TASK)])
    assert [verdict.reward for verdict in found] == [1.0, None, 1.0]


@pytest.mark.parametrize("carrier", [UNSCORABLE, "", "{", {"toolset": "finance"}])
def test_an_unscored_sample_raises_and_says_why(carrier: Any) -> None:
    [verdict] = score([Sample(RIGHT, carrier)])
    with pytest.raises(Unscored, match="VERIFIER_UNSCORED"):
        reward_of(verdict)


def test_an_unscored_sample_counts_as_the_operator_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_UNSCORED", "-0.5")
    [verdict] = score([Sample(RIGHT, UNSCORABLE)])
    assert reward_of(verdict) == -0.5


def test_why_a_sample_has_no_reward_crosses_processes() -> None:
    [verdict] = score([Sample(RIGHT, UNSCORABLE)])
    assert str(pickle.loads(pickle.dumps(Unscored(verdict)))) == str(Unscored(verdict))


@pytest.mark.parametrize("carrier", [TASK, UNSCORABLE, ""])
def test_measures_have_the_same_names_for_every_verdict(carrier: Any) -> None:
    [verdict] = score([Sample(RIGHT, carrier)])
    assert list(measures_of(verdict)) == [
        "tier", "parse", "name", "schema", "arguments", "execution", "text", "unscored",
    ]  # fmt: skip


# The service


def test_without_an_address_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERIFIER_URL")
    with pytest.raises(NotConfigured, match="VERIFIER_URL"):
        score([Sample(RIGHT, TASK)])


@pytest.mark.parametrize("variable", ["TIMEOUT_S", "RETRY_BUDGET_S"])
def test_a_variable_that_is_no_number_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(f"VERIFIER_{variable}", "soon")
    with pytest.raises(NotConfigured, match=f"VERIFIER_{variable}.*soon"):
        score([Sample(RIGHT, TASK)])


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("VERIFIER_RETRY_BUDGET_S", "0.2")
    monkeypatch.setenv("VERIFIER_UNSCORED", "0")


@pytest.mark.usefixtures("outage")
def test_an_outage_raises_whatever_unscored_samples_count() -> None:
    with pytest.raises(VerifierUnavailable):
        score([Sample(RIGHT, TASK)])


@pytest.mark.usefixtures("outage")
async def test_an_outage_reaches_everyone_who_asked_and_is_asked_again() -> None:
    waiting = [score_once_async([Sample(RIGHT, TASK)]) for _ in range(3)]
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in found] == [VerifierUnavailable] * 3
    with pytest.raises(VerifierUnavailable):
        await score_once_async([Sample(RIGHT, TASK)])


def test_a_patience_is_kept_to() -> None:
    patience = connection._client_arguments(Patience(timeout_s=2.0, retry_budget_s=3.0))
    assert (patience["timeout_s"], patience["retry_budget_s"]) == (2.0, 3.0)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("guarded")
    with running_service(folder, "--workers", "1", VERIFIER_API_KEYS="right") as service:
        yield service.url


@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_service_that_wants_another_key_refuses_at_once(
    guarded: str, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    monkeypatch.setenv("VERIFIER_URL", guarded)
    if key:
        monkeypatch.setenv("VERIFIER_API_KEY", key)
    with pytest.raises(VerifierRefused, match="401") as refusal:
        score([Sample(RIGHT, TASK)])
    assert "wrong" not in str(refusal.value)


def test_a_key_is_sent(guarded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", guarded)
    monkeypatch.setenv("VERIFIER_API_KEY", "right")
    assert reward(Sample(RIGHT, TASK)) == 1.0


# Processes, threads and event loops


def _reward_of_a_child(queue: Any) -> None:
    queue.put((os.getpid(), reward(Sample(RIGHT, TASK)), len(connection._blocking)))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_process_has_connections_of_its_own(method: str) -> None:
    assert reward(Sample(RIGHT, TASK)) == 1.0
    context = get_context(method)
    queue = context.SimpleQueue()
    child = context.Process(target=_reward_of_a_child, args=(queue,))  # type: ignore[attr-defined]
    child.start()
    pid, found, clients = queue.get()
    child.join()
    assert (pid, found) == (child.pid, 1.0)
    assert clients == (2 if method == "fork" else 1)
    assert reward(Sample(RIGHT, TASK)) == 1.0


def test_threads_share_the_connections() -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(reward, [Sample(RIGHT, TASK)] * 32))
    assert found == [1.0] * 32
    assert len(connection._blocking) == 1


def test_event_loops_that_have_ended_leave_no_connections() -> None:
    async def one() -> float | None:
        [verdict] = await score_async([Sample(RIGHT, TASK)])
        return verdict.reward

    assert [asyncio.run(one()) for _ in range(5)] == [1.0] * 5
    assert len(connection._asynchronous) == 1


# One request


async def test_who_asks_at_once_shares_a_request(url: str, texts: list[Example]) -> None:
    before = score_requests(url)
    found = await asyncio.gather(*[score_once_async(samples(texts)) for _ in range(7)])
    assert [[verdict.reward for verdict in one] for one in found] == [rewards(texts)] * 7
    assert score_requests(url) == before + 1


def test_threads_that_ask_at_once_share_a_request(url: str, texts: list[Example]) -> None:
    before = score_requests(url)
    batch = [Sample(f"{example.completion} ", example.carrier) for example in texts]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(score_once, [batch] * 8))
    assert len({tuple(verdict.reward for verdict in one) for one in found}) == 1
    assert score_requests(url) == before + 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Sample(f"{RIGHT} ", TASK), id="completion"),
        pytest.param(Sample(RIGHT, {**TASK, "profile": "graded"}), id="carrier"),
        pytest.param(Sample(RIGHT, TASK, {"profile": "graded"}), id="settings"),
    ],
)
def test_another_batch_is_another_request(url: str, other: Sample) -> None:
    score_once([Sample(RIGHT, {**TASK, "id": "first"})])
    before = score_requests(url)
    score_once([Sample(RIGHT, {**TASK, "id": "first"})])
    score_once([other])
    assert score_requests(url) == before + 1


async def test_who_is_cancelled_takes_no_answer_away() -> None:
    batch = [Sample(RIGHT, {**TASK, "id": "cancelled"})]
    first = asyncio.create_task(score_once_async(batch))
    second = asyncio.create_task(score_once_async(batch))
    await asyncio.sleep(0)
    first.cancel()
    [verdict] = await second
    assert verdict.reward == 1.0


def test_only_the_last_answers_are_kept() -> None:
    from verifier_service.integrations import once  # noqa: PLC0415  its own state

    for number in range(once.KEPT + 3):
        score_once([Sample(RIGHT, {**TASK, "id": f"kept {number}"})])
    assert len(once._waiting) == once.KEPT
