"""A trainer's view of the running service: real processes, real HTTP, real faults."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running_service import RunningService, running_service
from verifier_service.client import VerifierClient
from verifier_service.local import LocalVerifier
from verifier_service.wire import ScoreResponse

PRICE = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
NEAR = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-02"}}
TRUTH = {"behavior": "execute", "calls": [PRICE]}
RIGHT, WRONG = json.dumps(PRICE), json.dumps(NEAR)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("service"), "--workers", "2") as running:
        yield running


def item(completion: str, **members: Any) -> dict[str, Any]:
    return {"completion": completion, "ground_truth": TRUTH, **members}


def score(service: RunningService, request: dict[str, Any]) -> dict[str, Any]:
    response = httpx.post(f"{service.url}/score", json=request, timeout=60)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    ScoreResponse.model_validate_json(response.content)
    return answer


def finance(*items: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"toolset": "finance", "items": list(items), **members}


def slow_item(**members: Any) -> dict[str, Any]:
    """A completion whose judging takes forever: the user's own schema backtracks, and looks ahead,
    so that `re` alone can match it."""
    tool = {
        "name": "f",
        "parameters": {
            "type": "object",
            "properties": {"x": {"type": "string", "pattern": "^(?=(a+)+$)"}},
            "required": ["x"],
        },
    }
    call = {"name": "f", "arguments": {"x": "a" * 40 + "!"}}
    truth = [{"name": "f", "arguments": {"x": "aa"}}]
    return {"completion": json.dumps(call), "ground_truth": truth, "tools": [tool], **members}


def test_of_a_member_that_stands_twice_the_last_one_counts(service: RunningService) -> None:
    """As docs/api.md says."""
    text = json.dumps(finance(item(RIGHT), item(WRONG)))
    text = text.replace('"toolset"', '"toolset": "assistant", "toolset"', 1)
    text = text.replace('"completion"', '"completion": "", "completion"')
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{service.url}/score", content=text, headers=headers).json()
    assert answer["rewards"] == score(service, finance(item(RIGHT), item(WRONG)))["rewards"]
    assert answer["toolset"]["name"] == "finance"


def test_a_batch_answers_in_order(service: RunningService) -> None:
    answer = score(service, finance(item(RIGHT), item(WRONG), item("Hello."), item("")))
    assert answer["rewards"] == [1.0, 0.5, 0.0, 0.0]


def test_a_group_shares_its_ground_truth_and_has_mean_and_deviation(
    service: RunningService,
) -> None:
    group = {"id": "g", "completions": [RIGHT, WRONG], "ground_truth": TRUTH}
    answer = score(service, finance(group))
    assert answer["rewards"] == [1.0, 0.5]
    assert answer["groups"] == [{"id": "g", "mean": 0.75, "std": 0.25}]


def test_the_answer_is_that_of_the_process_itself(service: RunningService) -> None:
    request = finance(item(RIGHT), item(WRONG), slow_item(), detail="full")
    there = httpx.post(f"{service.url}/score", json=request, timeout=60).json()
    assert there == LocalVerifier().score(request)


def test_the_near_miss_of_a_string_for_an_array_is_a_schema_failure(
    service: RunningService,
) -> None:
    name = "calculate_standard_deviation"
    truth = [{"name": name, "arguments": {"numbers": [10, 20, 30, 40, 50]}}]
    near = json.dumps({"name": name, "arguments": {"numbers": "10, 20, 30, 40, 50"}})
    items = [{"completion": near, "ground_truth": truth}]
    (verdict,) = score(service, {"toolset": "assistant_heldout", "items": items})["verdicts"]
    assert verdict["reward"] == 0.5
    (failure,) = verdict["failures"]
    assert (failure["code"], failure["path"]) == ("schema.type", "/calls/0/arguments/numbers")


def test_a_catastrophic_pattern_times_out_its_item_and_nothing_else(
    service: RunningService,
) -> None:
    answer = score(service, finance(item(RIGHT), slow_item(), item(WRONG)))
    assert answer["rewards"] == [1.0, None, 0.5]
    slow = answer["verdicts"][1]
    assert (slow["outcome"], slow["retryable"]) == ("timeout", True)


def test_one_wrong_task_never_fails_a_batch(service: RunningService) -> None:
    wrong = item(RIGHT) | {"ground_truth": [{"name": "nothing", "arguments": {}}]}
    answer = score(service, finance(wrong, item(RIGHT), item(RIGHT, toolset="none")))
    assert answer["rewards"] == [None, 1.0, None]
    assert [v["outcome"] for v in answer["verdicts"]] == ["invalid_task", "scored", "invalid_task"]


def test_half_a_surrogate_pair_does_not_fail_its_batch(service: RunningService) -> None:
    body = b'{"toolset": "finance", "items": [{"completion": "\\ud800", "ground_truth": "No."}]}'
    headers = {"content-type": "application/json"}
    response = httpx.post(f"{service.url}/score", content=body, headers=headers)
    assert response.status_code == 200


def test_huge_integers_are_exact(service: RunningService) -> None:
    tool = {"name": "f", "parameters": {"properties": {"n": {"type": "integer"}}}}
    big = 123456789012345678901234567890
    truth = [{"name": "f", "arguments": {"n": big}}]
    texts = [json.dumps({"name": "f", "arguments": {"n": n}}) for n in (big, big + 1)]
    items = [{"completions": texts, "ground_truth": truth}]
    assert score(service, {"tools": [tool], "items": items})["rewards"] == [1.0, 0.5]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        pytest.param({"toolset": "fin"}, "/toolset", id="unknown toolset"),
        pytest.param({"profile": "x"}, "/profile", id="unknown profile"),
        pytest.param({"format": "x"}, "/format", id="unknown format"),
        pytest.param({"detial": "full"}, "/detial", id="misspelt field"),
        pytest.param({"items": []}, "/items", id="no items"),
        pytest.param(
            {"items": [{"completion": 5, "ground_truth": "x"}]}, "/items/0/completion", id="number"
        ),
        pytest.param({"options": {"narate": 1}}, "/options/narate", id="misspelt option"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_with_a_pointer(
    service: RunningService, change: dict[str, Any], pointer: str
) -> None:
    response = httpx.post(f"{service.url}/score", json=finance(item(RIGHT)) | change)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert pointer in [error["pointer"] for error in response.json()["errors"]]


def test_killing_workers_in_the_middle_of_a_batch_loses_no_reward(
    service: RunningService,
) -> None:
    n = 1024
    completions = [RIGHT if i % 3 else WRONG for i in range(n)]
    # Half a second of work, so that the kills find it in the middle.
    slow = [slow_item() if i % 512 == 100 else item(c) for i, c in enumerate(completions)]
    stop = threading.Event()

    def kill() -> int:
        killed = 0
        while not stop.is_set() and killed < 3:
            time.sleep(0.1)
            for pid in service.workers():
                os.kill(pid, signal.SIGKILL)
                killed += 1
        return killed

    with ThreadPoolExecutor() as threads:
        killing = threads.submit(kill)
        answer = score(service, finance(*slow))
        stop.set()
        assert killing.result() > 0
    expected = [None if "tools" in i else 1.0 if i["completion"] == RIGHT else 0.5 for i in slow]
    assert answer["rewards"] == expected
    # A completion on which workers die twice is given up; here only the slow ones can be that.
    outcomes = {v["outcome"] for v in answer["verdicts"] if v["reward"] is None}
    assert outcomes <= {"timeout", "verifier_error"}


def test_ten_thousand_completions_through_one_client(service: RunningService) -> None:
    items = [item(RIGHT if i % 2 else WRONG) for i in range(10_000)]
    with VerifierClient(service.url) as verifier:
        rewards = verifier.score(items, toolset="finance").rewards
    assert rewards == [1.0 if i % 2 else 0.5 for i in range(10_000)]


def test_metrics_count_completions_and_restarts(service: RunningService) -> None:
    score(service, finance(item(RIGHT)))
    text = httpx.get(f"{service.url}/metrics").text
    assert 'verifier_completions_total{outcome="scored",profile="tiered",tier="full"}' in text
    assert "verifier_worker_restarts_total" in text


def test_sigterm_drains_and_exits_0(tmp_path: Path) -> None:
    with running_service(tmp_path, "--workers", "1") as running, ThreadPoolExecutor() as threads:
        pending = threads.submit(score, running, finance(*[slow_item()] * 4, item(RIGHT)))
        time.sleep(0.3)
        running.process.terminate()
        assert pending.result()["rewards"][-1] == 1.0
        assert running.process.wait(30) == 0


def test_half_a_surrogate_pair_reads_the_same_in_process_and_over_http(
    service: RunningService,
) -> None:
    question = {"completion": "Please say which date \ud83d", "ground_truth": "Which date?"}
    request = finance(question, detail="full")
    headers = {"content-type": "application/json"}
    body = json.dumps(request).encode()
    there = httpx.post(f"{service.url}/score", content=body, headers=headers).json()
    assert there == LocalVerifier().score(request)


def test_a_schema_that_takes_long_to_compile_costs_its_item_and_nothing_else(
    service: RunningService,
) -> None:
    slow = {"type": "object", "properties": {f"p{i}": {"type": "string"} for i in range(20_000)}}
    truth = [{"name": "f", "arguments": {"p1": "x"}}]
    group = {
        "tools": [{"name": "f", "parameters": slow}],
        "completions": [json.dumps(truth[0])] * 5,
        "ground_truth": truth,
    }
    answer = score(service, finance(item(RIGHT), group, item(WRONG)))
    assert answer["rewards"] == [1.0, None, None, None, None, None, 0.5]
    assert {verdict["outcome"] for verdict in answer["verdicts"][1:6]} == {"timeout"}


def test_an_unknown_profile_of_any_length_costs_its_item_and_nothing_else(
    service: RunningService,
) -> None:
    items = [item(RIGHT, profile=f"profile-{i}" * 20) for i in range(200)]
    answer = score(service, finance(item(RIGHT), *items))
    assert answer["rewards"] == [1.0, *[None] * 200]


def test_a_body_of_too_many_values_is_refused(service: RunningService) -> None:
    body = b'{"toolset": "finance", "items": [' + b"1," * 4_000_001 + b"1]}"
    headers = {"content-type": "application/json"}
    response = httpx.post(f"{service.url}/score", content=body, headers=headers, timeout=60)
    assert response.status_code == 413
