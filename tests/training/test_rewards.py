"""The reward function, as TRL calls it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.running_service import RunningService
from trainer import tiny
from trainer.rewards import Verifier
from verifier_service.client import AsyncVerifierClient, VerifierAnswerError, VerifierUnavailable

TOKENIZER = tiny.tokenizer(["what is the weather in Oslo, 1 2 3"], ["get_weather"])
CALL = '<tool_call>{"name":"get_weather","arguments":{"city":"Oslo"}}</tool_call>'
WEATHER = (
    '{"behavior": "execute", "calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]}'
)
SCHEMA = json.dumps(
    [{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {}}}}]
)
Judge = Callable[[int, str], dict[str, Any]]
"""How often it has been asked, and a completion, to what the verdict on it says."""


def scored(reward: float) -> dict[str, Any]:
    return {"outcome": "scored", "reward": reward, "tier": "partial", "retryable": False}


def unscored(retryable: bool = False) -> dict[str, Any]:
    return {"outcome": "timeout", "reward": None, "tier": None, "retryable": retryable}


class Service:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self, judge: Judge) -> None:
        self.asked: list[dict[str, Any]] = []
        self.profile = {"name": "tiered", "digest": "sha256:1"}
        self._judge = judge

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.asked.append(body)
        verdicts = [
            {
                "id": None,
                "item": at,
                "completion": nth,
                "behavior": {"expected": None, "observed": None},
                "components": {},
                "failures": [],
                **self._judge(len(self.asked), text),
            }
            for at, item in enumerate(body["items"])
            for nth, text in enumerate(item["completions"])
        ]
        answer = {
            "rewards": [verdict["reward"] for verdict in verdicts],
            "verdicts": verdicts,
            "groups": [{"id": None, "mean": None, "std": None} for _ in body["items"]],
            "profile": self.profile,
            "toolset": None,
            "version": "0",
        }
        return httpx.Response(200, json=answer)


@dataclass
class State:
    """Of TRL's, what rewards look at."""

    global_step: int


def verifier(handler: Callable[[httpx.Request], httpx.Response]) -> Verifier:
    def connect() -> AsyncVerifierClient:
        transport = httpx.MockTransport(handler)
        return AsyncVerifierClient("http://service", transport=transport, retry_budget_s=0)

    return Verifier(connect, TOKENIZER, {"toolset": "assistant", "profile": "tiered"})


def ids(text: str) -> list[int]:
    return list(TOKENIZER(text)["input_ids"])


async def rewards(
    reward: Verifier, texts: Sequence[str], **columns: Sequence[Any]
) -> list[float | None]:
    columns = {"id": ["p"] * len(texts), "ground_truth": [WEATHER] * len(texts), **columns}
    return await reward.verifier(completion_ids=[ids(text) for text in texts], **columns)


async def test_completions_of_one_prompt_travel_as_one_item() -> None:
    service = Service(lambda _, __: scored(0.5))
    await rewards(verifier(service), ["a", "b", "c"], id=["p", "p", "q"])
    (request,) = service.asked
    assert [item["completions"] for item in request["items"]] == [["a", "b"], ["c"]]


async def test_a_request_names_the_step_it_is_for() -> None:
    service = Service(lambda _, __: scored(0.5))
    reward = verifier(service)
    for step in (0, 7):
        await reward.verifier([ids("a")], ground_truth=[WEATHER], trainer_state=State(step))
    assert [request["step"] for request in service.asked] == [0, 7]


async def test_rewards_come_in_the_order_of_the_completions() -> None:
    service = Service(lambda _, text: scored(float(text) / 10))
    texts = ["3", "1", "2", "5"]
    got = await rewards(verifier(service), texts, id=["p", "p", "q", "p"])
    assert got == [0.3, 0.1, 0.2, 0.5]


async def test_what_cannot_be_scored_is_none() -> None:
    service = Service(lambda _, text: unscored() if text == "b" else scored(0.0))
    assert await rewards(verifier(service), ["a", "b"]) == [0.0, None]


async def test_a_verdict_that_may_fare_better_is_asked_for_once_more() -> None:
    service = Service(lambda n, text: unscored(True) if text == "b" and n == 1 else scored(n / 4))
    assert await rewards(verifier(service), ["a", "b", "c"]) == [0.25, 0.5, 0.25]
    assert service.asked[1]["items"][0]["completions"] == ["b"]


async def test_a_verdict_that_never_fares_better_is_none_after_two_requests() -> None:
    service = Service(lambda _, __: unscored(True))
    assert await rewards(verifier(service), ["a"]) == [None]
    assert len(service.asked) == 2


async def test_special_tokens_reach_the_service_and_the_end_does_not() -> None:
    service = Service(lambda _, __: scored(1.0))
    await rewards(verifier(service), [f"<|im_start|>{CALL}{tiny.END}{tiny.PAD}{tiny.PAD}"])
    assert service.asked[0]["items"][0]["completions"] == [f"<|im_start|>{CALL}"]


async def test_a_large_integer_in_a_ground_truth_stays_what_it_is() -> None:
    service = Service(lambda _, __: scored(1.0))
    truth = WEATHER.replace('"Oslo"', str(2**63 + 1))
    await rewards(verifier(service), ["a"], ground_truth=[truth])
    (call,) = service.asked[0]["items"][0]["ground_truth"]["calls"]
    assert call["arguments"]["city"] == 2**63 + 1


@pytest.mark.parametrize(
    ("columns", "members"),
    [
        pytest.param({"toolset": "finance"}, {"toolset": "finance"}, id="toolset"),
        pytest.param({"toolset": None}, {}, id="toolset of the request"),
        pytest.param({"tool_schemas": SCHEMA}, {"tools": json.loads(SCHEMA)}, id="tools"),
        pytest.param(
            {"tool_schemas": SCHEMA, "toolset": "finance"},
            {"tools": json.loads(SCHEMA)},
            id="tools before a toolset",
        ),
        pytest.param(
            {"profile": "binary", "format": "hermes"},
            {"profile": "binary", "format": "hermes"},
            id="profile and format",
        ),
        pytest.param({"options": '{"repair": true}'}, {"options": {"repair": True}}, id="options"),
        pytest.param(
            {"profile": None, "format": None, "options": None, "tool_schemas": None}, {}, id="none"
        ),
    ],
)
async def test_a_row_says_how_it_is_judged(
    columns: dict[str, Any], members: dict[str, Any]
) -> None:
    service = Service(lambda _, __: scored(1.0))
    await rewards(verifier(service), ["a"], **{name: [each] for name, each in columns.items()})
    (item,) = service.asked[0]["items"]
    assert {k: v for k, v in item.items() if k not in {"completions", "ground_truth"}} == members


async def test_rows_of_one_id_that_are_judged_differently_are_different_items() -> None:
    service = Service(lambda _, __: scored(1.0))
    await rewards(verifier(service), ["a", "b"], profile=["binary", "tiered"])
    assert len(service.asked[0]["items"]) == 2


async def test_no_answer_is_kept_as_an_error_and_no_reward_is_made_up() -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    reward = verifier(down)
    assert await rewards(reward, ["a", "b"]) == [None, None]
    assert isinstance(reward.last.error, VerifierUnavailable)
    assert reward.last.verdicts == []


async def test_another_revision_of_the_rewards_during_a_run_is_an_error() -> None:
    service = Service(lambda _, __: scored(1.0))
    reward = verifier(service)
    await rewards(reward, ["a"])
    service.profile = {"name": "tiered", "digest": "sha256:2"}
    assert await rewards(reward, ["a"]) == [None]
    assert isinstance(reward.last.error, VerifierAnswerError)


async def test_the_service_itself_rewards_a_right_call_and_not_a_wrong_one(
    service: RunningService,
) -> None:
    reward = Verifier(lambda: AsyncVerifierClient(service.url), TOKENIZER, {"profile": "tiered"})
    texts = [CALL, CALL.replace("Oslo", "Rome"), "Sorry."]
    assert await rewards(reward, texts, tool_schemas=[SCHEMA] * 3) == [1.0, 0.5, 0.0]
    await reward.aclose()
