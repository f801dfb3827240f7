"""NeMo Gym's resources server: rollouts verified, and tools called in sessions."""

from __future__ import annotations

import base64
import json
import math
import random
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.running_service import running_service
from tests.wires.trainers import ARGUMENTS, CARRIER, ENDLESS, GARBAGE, RIGHT, SLOW, TRUTH

ROOTS = ["", "/nemo-gym"]
PRICE = json.dumps(ARGUMENTS)
ORDER = {"ticker": "AAPL", "quantity": 1, "side": "buy"}
TWO_ORDERS = {
    "behavior": "execute",
    "calls": [{"name": "place_order", "arguments": ORDER}] * 2,
}

FORECAST = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "day": {"enum": ["today", "tomorrow"]}},
    "required": ["city", "day"],
    "additionalProperties": False,
}
OSLO = '{"city": "Oslo", "day": "tomorrow"}'
REFERENCE: dict[str, Any] = {
    "task_id": "wx-17",
    "expected_calls": [{"name": "get_forecast", "arguments": OSLO}],
    "responses_create_params": {
        "input": [{"role": "user", "content": "Weather in Oslo tomorrow?"}],
        "tools": [
            {
                "type": "function",
                "name": "get_forecast",
                "description": "Forecast",
                "parameters": FORECAST,
                "strict": True,
            }
        ],
    },
    "response": {
        "id": "resp_1",
        "object": "response",
        "created_at": 1756000000,
        "model": "policy",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "output": [
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "…"}],
            },
            {
                "type": "function_call",
                "call_id": "call_1",
                "name": "get_forecast",
                "arguments": OSLO,
            },
            {"type": "function_call_output", "call_id": "call_1", "output": '{"temp_c": 4}'},
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "About 4 °C.", "annotations": []}],
            },
        ],
    },
}
"""As in the documentation of the protocol."""


def called(name: str, arguments: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": "c", "name": name, "arguments": arguments}


def returned(output: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": "c", "output": output}


def said(text: str) -> dict[str, Any]:
    return {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


def rollout(*output: Any, **row: Any) -> dict[str, Any]:
    """A verify request; the row is a task of the toolset `finance` if none is given."""
    return {
        "responses_create_params": {"input": []},
        "response": {"output": list(output)},
        **(row or CARRIER),
    }


def verify(url: str, body: Any, query: str = "") -> httpx.Response:
    return httpx.post(f"{url}/nemo-gym/verify{query}", json=body, timeout=60)


def rewarded(url: str, *output: Any, **row: Any) -> float:
    answer = verify(url, rollout(*output, **row))
    assert answer.status_code == 200, answer.text
    return float(answer.json()["reward"])


# Verify


@pytest.mark.parametrize("root", ROOTS)
def test_the_documented_request_earns_the_whole_reward(service: str, root: str) -> None:
    answer = httpx.post(f"{service}{root}/verify", json=REFERENCE)
    assert (answer.status_code, answer.json()["reward"]) == (200, 1.0)


def test_the_answer_echoes_the_whole_request(service: str) -> None:
    extra = {"_ng_task_index": 3, "agent_ref": {"name": "a"}, "big": 2**70, "none": None}
    body = {**REFERENCE, **extra}
    answer = verify(service, body).json()
    assert {name: answer[name] for name in body} == body


def test_measures_stand_beside_the_reward(service: str) -> None:
    answer = verify(service, rollout(called("get_stock_price", PRICE))).json()
    assert (answer["tier"], answer["parse"], answer["unscored"]) == (2, 1, 0)
    assert answer["verdict"]["tier"] == "full"


def test_a_wrong_answer_says_why(service: str) -> None:
    answer = verify(service, rollout(called("get_stock_price", "{}"))).json()
    assert [one["code"] for one in answer["verdict"]["failures"]]


def test_texts_of_the_row_are_not_replaced_by_measures(service: str) -> None:
    row = {**CARRIER, "name": "a task", "text": {"of": "the row"}}
    answer = verify(service, rollout(called("get_stock_price", PRICE), **row)).json()
    assert (answer["name"], answer["text"]) == (row["name"], row["text"])


def test_an_answer_can_be_verified_again(service: str) -> None:
    """Gym's reverification sends finished rollouts."""
    wrong = verify(service, rollout(called("get_stock_price", "{}"))).json()
    mended = {**wrong, "response": {"output": [called("get_stock_price", PRICE)]}}
    fresh = verify(service, rollout(called("get_stock_price", PRICE))).json()
    assert verify(service, mended).json() == fresh


@pytest.mark.parametrize(
    ("output", "reward"),
    [
        pytest.param([called("get_stock_price", PRICE)], 1.0, id="a call"),
        pytest.param([said(RIGHT)], 1.0, id="a call as text"),
        pytest.param(
            [called("get_stock_price", PRICE), returned("243.36"), said("It closed at 243.36.")],
            1.0,
            id="a call, its result and an answer",
        ),
        pytest.param(
            [called("get_stock_price", PRICE), returned('{"error": "upstream"}')],
            1.0,
            id="what a tool is said to return is not the policy's",
        ),
        pytest.param(
            [called("get_stock_price", PRICE), returned("1"), called("get_stock_price", PRICE)],
            0.5,
            id="a surplus call in a later turn",
        ),
        pytest.param(
            [called("get_stock_price", '{"ticker": "AAPL", "date"')], 0.0, id="malformed arguments"
        ),
        pytest.param(
            [called("get_stock_price", '{"ticker": "AAPL", "date"'), said("Done.")],
            0.0,
            id="malformed arguments beside a text",
        ),
        pytest.param([called("no_such_tool", PRICE)], 0.0, id="an unknown tool"),
        pytest.param([{"type": "function_call"}], 0.0, id="a call of nothing"),
        pytest.param([said("It closed at 243.36.")], 0.0, id="no call"),
        pytest.param([{"type": "reasoning", "summary": []}], 0.0, id="thoughts only"),
        pytest.param([], 0.0, id="nothing"),
        pytest.param([{}], 0.0, id="an empty item"),
    ],
)
def test_a_rollout_earns(service: str, output: list[Any], reward: float) -> None:
    assert rewarded(service, *output) == reward


@pytest.mark.parametrize(
    "output",
    [
        [returned("243.36")],
        [{"role": "user", "content": "What did it close at?"}],
        [{"role": "system", "content": "Call tools."}, returned("243.36")],
    ],
    ids=["a result", "a user's message", "both"],
)
def test_items_of_others_alone_are_no_answer(service: str, output: list[Any]) -> None:
    answer = verify(service, rollout(*output))
    [fault] = answer.json()["errors"]
    found = (answer.status_code, fault["code"], fault["pointer"])
    assert found == (422, "task.completion", "/response/output")


@pytest.mark.parametrize(
    "item",
    [
        called("place_order", "{}"),
        called("get_stock_price", "{"),
        {"type": "mcp_call", "name": "place_order", "arguments": ORDER},
        {"type": "custom_tool_call", "name": "place_order", "input": json.dumps(ORDER)},
        {"type": "unheard_of", "tool": {"name": "place_order", "arguments": ORDER}},
    ],
    ids=lambda item: item["type"],
)
def test_no_call_hides_beside_a_right_one(service: str, item: Any) -> None:
    assert rewarded(service, called("get_stock_price", PRICE), item) < 1.0


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
def test_components_add_up_to_the_reward(service: str, text: str) -> None:
    """Within the tolerances of NeMo RL; the names are the same for every sample."""
    output = [said(text), called("get_stock_price", text), called("get_stock_price", PRICE)]
    body = json.dumps(rollout(*output))
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{service}/verify", content=body, headers=headers).json()
    total = sum(answer["reward_components"].values())
    assert math.isclose(total, answer["reward"], rel_tol=1e-5, abs_tol=1e-6)
    assert sorted(answer["reward_components"]) == [
        "arguments", "execution", "name", "other", "parse", "schema", "text",
    ]  # fmt: skip


@pytest.mark.parametrize("profile", ["tiered", "graded", "additive", "binary", "toolrl"])
@pytest.mark.parametrize("arguments", [PRICE, '{"ticker": "AAPL"}', "{", "{}"])
def test_components_add_up_in_every_profile(service: str, profile: str, arguments: str) -> None:
    body = rollout(called("get_stock_price", arguments), **CARRIER, profile=profile)
    answer = verify(service, body).json()
    total = sum(answer["reward_components"].values())
    assert math.isclose(total, answer["reward"], rel_tol=1e-5, abs_tol=1e-6)


@pytest.mark.parametrize(
    ("row", "query"),
    [
        pytest.param(CARRIER, "", id="members of the row"),
        pytest.param({"carrier": CARRIER, "options": ["A", "B"]}, "", id="a carrier"),
        pytest.param({"carrier": json.dumps(CARRIER)}, "", id="a carrier as text"),
        pytest.param({"ground_truth": TRUTH}, "?toolset=finance", id="a toolset in the URL"),
        pytest.param(
            {"reward_model": {"style": "rule", "ground_truth": json.dumps(CARRIER)}}, "", id="verl"
        ),
    ],
)
def test_the_task_may_stand_in(service: str, row: dict[str, Any], query: str) -> None:
    answer = verify(service, rollout(called("get_stock_price", PRICE), **row), query)
    assert answer.json()["reward"] == 1.0


def test_a_row_without_a_task_is_refused_by_name(service: str) -> None:
    answer = verify(service, rollout(said("x"), question="?"))
    assert (answer.status_code, answer.json()["type"]) == (
        422, "urn:verifier:problem:invalid-task",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"responses_create_params": {}}, "/response"),
        ({"response": {"output": []}}, "/responses_create_params"),
        ({"responses_create_params": {}, "response": {}}, "/response/output"),
        ({"responses_create_params": {}, "response": {"output": [1]}}, "/response/output/0"),
    ],
    ids=["response", "params", "output", "item"],
)
def test_missing_members_are_named(service: str, body: Any, pointer: str) -> None:
    answer = verify(service, {**CARRIER, **body})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_a_request_that_nests_too_deep_is_refused(service: str) -> None:
    deep = "[" * 1000 + "]" * 1000
    body = json.dumps(rollout(said("x"))).replace('{"output"', f'{{"deep": {deep}, "output"')
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{service}/verify", content=body, headers=headers)
    assert answer.status_code == 400


def test_what_times_out_is_no_zero(service: str) -> None:
    answer = verify(service, rollout(said(f"<tool_call>{ENDLESS}</tool_call>"), **SLOW))
    assert (answer.status_code, "reward" in answer.json()) == (503, False)


def test_a_rollout_that_we_spoiled_gets_no_reward(service: str) -> None:
    excuse = json.dumps({"type": "urn:verifier:problem:queue-full", "status": 429})
    answer = verify(service, rollout(called("get_stock_price", PRICE), returned(excuse)))
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["pointer"] == "/response/output/1"


@pytest.mark.parametrize(
    "output",
    [
        json.dumps({"type": "urn:verifier:problem:validation"}),
        json.dumps(json.dumps({"type": "urn:verifier:problem:queue-full"})),
        "urn:verifier:problem:queue-full",
    ],
    ids=["a fault of the call", "an echo", "prose"],
)
def test_no_policy_can_escape_its_reward(service: str, output: str) -> None:
    assert rewarded(service, called("no_such_tool", PRICE), returned(output)) == 0.0


def test_finished_rollouts_need_no_session(service: str) -> None:
    for root in ROOTS:
        assert httpx.get(f"{service}{root}/reverify_mode").json() == "stateless"


# Sessions


class Agent:
    """What Gym's `simple_agent` does: the cookies of the last answer replace all others."""

    def __init__(self, url: str, row: Any = None, seed: str = "/nemo-gym/seed_session") -> None:
        self.url = url
        answer = httpx.post(f"{url}{seed}", json=rollout(**(row or CARRIER)))
        assert (answer.status_code, answer.json()) == (200, {}), answer.text
        self.cookies = dict(answer.cookies)

    def call(self, tool: str, arguments: Any, url: str = "") -> tuple[int, Any]:
        address = f"{url or self.url}/nemo-gym/{tool}"
        answer = httpx.post(address, json=arguments, cookies=self.cookies)
        self.cookies = dict(answer.cookies)
        return answer.status_code, answer.json()


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_service(tmp_path_factory.mktemp("replica"), "--workers", "1") as running:
        yield running.url


def test_a_tool_answers_with_its_result(service: str) -> None:
    assert Agent(service).call("get_stock_price", ARGUMENTS) == (200, 243.36)


def test_a_session_may_begin_at_the_root(service: str) -> None:
    agent = Agent(service, seed="/seed_session")
    assert agent.call("get_stock_price", ARGUMENTS) == (200, 243.36)


def test_a_session_may_begin_with_a_toolset_in_the_url(service: str) -> None:
    agent = Agent(service, {"ground_truth": TRUTH}, "/nemo-gym/seed_session?toolset=finance")
    assert agent.call("get_stock_price", ARGUMENTS) == (200, 243.36)


def test_a_session_remembers_what_was_written(service: str) -> None:
    agent = Agent(service)
    orders = [agent.call("place_order", ORDER)[1] for _ in range(3)]
    assert [order.rpartition("-")[2] for order in orders] == ["1", "2", "3"]


def test_what_is_only_read_does_not_disturb_the_session(service: str) -> None:
    agent = Agent(service)
    first = agent.call("place_order", ORDER)[1]
    agent.call("get_stock_price", ARGUMENTS)
    second = agent.call("place_order", ORDER)[1]
    assert (first[-2:], second[-2:]) == ("-1", "-2")


def test_two_sessions_do_not_mix(service: str) -> None:
    one, other = Agent(service), Agent(service)
    orders = [agent.call("place_order", ORDER)[1][-2:] for agent in (one, other, one, other)]
    assert orders == ["-1", "-1", "-2", "-2"]


def test_any_replica_continues_a_session(service: str, replica: str) -> None:
    agent = Agent(service)
    orders = [agent.call("place_order", ORDER, url)[1] for url in (service, replica, service)]
    assert [order[-2:] for order in orders] == ["-1", "-2", "-3"]


def test_the_world_of_a_session_is_that_of_its_reward(service: str) -> None:
    agent, output = Agent(service, {"toolset": "finance", "ground_truth": TWO_ORDERS}), []
    for _ in range(2):
        _, result = agent.call("place_order", ORDER)
        output += [called("place_order", json.dumps(ORDER)), returned(json.dumps(result))]
    body = rollout(*output, toolset="finance", ground_truth=TWO_ORDERS)
    answer = httpx.post(f"{service}/verify", json=body, cookies=agent.cookies)
    assert answer.json()["reward"] == 1.0


def test_a_client_that_keeps_its_first_cookie_loses_no_reward(service: str) -> None:
    """As verifiers' taskset does: it is shown the same number for both orders."""
    agent, output = Agent(service, {"toolset": "finance", "ground_truth": TWO_ORDERS}), []
    first = agent.cookies
    for _ in range(2):
        agent.cookies = first
        _, result = agent.call("place_order", ORDER)
        output += [called("place_order", json.dumps(ORDER)), returned(json.dumps(result))]
    assert output[1] == output[3]
    assert rewarded(service, *output, toolset="finance", ground_truth=TWO_ORDERS) == 1.0


def test_verify_never_reads_the_cookie(service: str) -> None:
    agent = Agent(service)
    agent.call("place_order", ORDER)
    body = rollout(called("get_stock_price", PRICE))
    answers = [httpx.post(f"{service}/verify", json=body, cookies=c).content
               for c in ({}, agent.cookies, {"verifier_session": "forged"})]  # fmt: skip
    assert len(set(answers)) == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "status", "word"),
    [
        pytest.param("no_such_tool", {}, 404, "no such tool", id="an unknown tool"),
        pytest.param("get_stock_price", {"ticker": "AAPL"}, 422, "date", id="a missing argument"),
        pytest.param("get_stock_price", {**ARGUMENTS, "x": 1}, 422, "x", id="an unknown argument"),
        pytest.param("get_stock_price", [1], 422, "not an object", id="no object"),
        pytest.param(
            "get_stock_price", {**ARGUMENTS, "ticker": "ZZZ"}, 422, "No closing", id="a refusal"
        ),
        pytest.param("verify_", {}, 404, "no such tool", id="a path beside the protocol's"),
    ],
)
def test_the_model_reads_why_there_is_no_result(
    service: str, tool: str, arguments: Any, status: int, word: str
) -> None:
    agent = Agent(service)
    agent.call("place_order", ORDER)
    got, answer = agent.call(tool, arguments)
    assert (got, list(answer)) == (status, ["error"])
    assert word in answer["error"]
    assert agent.call("place_order", ORDER)[1].endswith("-2"), "the session goes on"


def test_tools_without_implementation_say_so(service: str) -> None:
    agent = Agent(service, {name: REFERENCE[name] for name in ("expected_calls",)} | {
        "responses_create_params": REFERENCE["responses_create_params"]})  # fmt: skip
    status, answer = agent.call("get_forecast", json.loads(OSLO))
    assert (status, "schemas only" in answer["error"]) == (404, True)


@pytest.mark.parametrize(
    ("row", "pointer"),
    [
        ({}, ""),
        ({"toolset": "no_such", "ground_truth": TRUTH}, "/toolset"),
        ({"toolset": ["finance"], "ground_truth": TRUTH}, "/toolset"),
    ],
    ids=["no task", "no such toolset", "no name"],
)
def test_a_wrong_row_is_refused_before_anything_is_sampled(
    service: str, row: Any, pointer: str
) -> None:
    answer = httpx.post(f"{service}/nemo-gym/seed_session", json=row)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def packed(content: Any) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(zlib.compress(text)).decode().rstrip("=")


FORGED = {
    "nothing": "",
    "no base64": "%%%",
    "no zlib": "AAAA",
    "cut off": packed({"toolset": "finance", "calls": [], "reads": {}})[:20],
    "no JSON": packed(b"{"),
    "no UTF-8": packed(b"\xff"),
    "no object": packed([1]),
    "other members": packed({"toolset": "finance", "calls": [], "reads": {}, "x": 1}),
    "no calls": packed({"toolset": "finance", "calls": [1], "reads": {}}),
    "a count beyond reason": packed({"toolset": "finance", "calls": [], "reads": {"f": 10**9}}),
    "no such toolset": packed({"toolset": "no_such", "calls": [], "reads": {}}),
    "a bomb": packed(b" " * 1_000_000),
    "too long": "A" * 8_000,
    "nested": packed(b"[" * 5_000),
}


@pytest.mark.parametrize("cookie", FORGED.values(), ids=FORGED)
def test_a_garbled_session_is_a_fault_of_the_request(service: str, cookie: str) -> None:
    headers = {"Cookie": f"verifier_session={cookie}"}
    answer = httpx.post(
        f"{service}/nemo-gym/get_stock_price", json=ARGUMENTS, headers=headers, timeout=60
    )
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:verifier:problem:bad-request")


def test_a_call_without_a_session_says_what_is_missing(service: str) -> None:
    answer = httpx.post(f"{service}/nemo-gym/get_stock_price", json=ARGUMENTS)
    assert (answer.status_code, "seed_session" in answer.json()["detail"]) == (400, True)


def test_calls_that_a_session_could_not_hold_are_not_run_again(service: str) -> None:
    calls = [["place_order", {**ORDER, "quantity": "many"}]]
    cookie = packed({"toolset": "finance", "calls": calls, "reads": {}})
    headers = {"Cookie": f"verifier_session={cookie}"}
    answer = httpx.post(f"{service}/nemo-gym/place_order", json=ORDER, headers=headers)
    assert (answer.status_code, list(answer.json())) == (422, ["error"])


@pytest.mark.parametrize("tool", ["place_order", "get_stock_price"])
def test_a_session_holds_as_many_calls_as_a_completion(service: str, tool: str) -> None:
    agent = Agent(service)
    arguments = ORDER if tool == "place_order" else ARGUMENTS
    answers = [agent.call(tool, arguments) for _ in range(33)]
    assert [status for status, _ in answers] == [200] * 32 + [422]
    assert answers[-1][1] == {"error": "The call was not run: a completion may hold 32 calls."}


def test_a_session_ends_before_its_cookie_is_too_long(service: str) -> None:
    agent = Agent(service)
    numbers = random.Random(7)
    for _ in range(32):
        before = agent.cookies
        quantity = numbers.randrange(10**399)
        status, answer = agent.call("place_order", {**ORDER, "quantity": quantity})
        if status != 200:
            break
    assert answer == {"error": "The call was not run: the calls of this session are too long."}
    assert agent.cookies == before
    assert agent.call("get_stock_price", ARGUMENTS) == (200, 243.36)


# Statistics


def test_no_answers_have_no_statistics(service: str) -> None:
    answer = httpx.post(f"{service}/aggregate_metrics", json={"verify_responses": []})
    assert answer.json() == {"group_level_metrics": [], "agent_metrics": {}, "key_metrics": {}}


def test_statistics_are_over_all_answers_and_by_task(service: str) -> None:
    answers = [
        {"_ng_task_index": index, "_ng_rollout_index": 0, "reward": reward, "right": reward == 1.0}
        for index, reward in ((0, 1.0), (0, 0.0), (1, 0.5))
    ]
    metrics = httpx.post(
        f"{service}/nemo-gym/aggregate_metrics", json={"verify_responses": answers}
    ).json()
    assert metrics["key_metrics"] == {"mean/reward": 0.5, "mean/right": 1 / 3}
    assert metrics["agent_metrics"]["std/reward"] == 0.5
    groups = metrics["group_level_metrics"]
    assert [(one["_ng_task_index"], one["mean/reward"]) for one in groups] == [(0, 0.5), (1, 0.5)]


def test_statistics_of_huge_numbers_are_finite(service: str) -> None:
    answers = [{"reward": 10**400, "x": 1e308}, {"reward": -(10**400), "x": -1e308}]
    metrics = httpx.post(
        f"{service}/aggregate_metrics", content=json.dumps({"verify_responses": answers}),
        headers={"Content-Type": "application/json"},
    ).json()  # fmt: skip
    assert all(map(math.isfinite, metrics["agent_metrics"].values()))
