"""The HTTP client: what it sends, what it gives back, when it tries again and when it stops."""

from __future__ import annotations

import asyncio
import json
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from verifier_service.client import (
    AsyncVerifierClient,
    Group,
    Revision,
    ScoreResult,
    VerifierAnswerError,
    VerifierClient,
    VerifierRefused,
    VerifierUnavailable,
)
from verifier_service.client.requests import Limits, caller_pointer, requests_for
from verifier_service.client.retries import backoff_s, seconds_of

URL = "http://verifier.test"
Handler = Callable[[httpx.Request], httpx.Response]

# --- A service in a few lines: a completion's reward is the number that it says ------------------


def reward_of(completion: object) -> float | None:
    return None if completion == "late" else float(str(completion))


def verdict(item: dict[str, Any], at: int, nth: int, reward: float | None) -> dict[str, Any]:
    return {
        "id": item.get("id"),
        "item": at,
        "completion": nth,
        "outcome": "timeout" if reward is None else "scored",
        "reward": reward,
        "tier": None if reward is None else "partial",
        "behavior": {"expected": "execute", "observed": None if reward is None else "execute"},
        "components": {"parse": reward},
        "failures": [{"code": "schema.type", "path": "/calls/0", "message": "m", "expected": "a"}],
        "format": "hermes",
        **({"retryable": True} if reward is None else {}),
    }


def group(item: dict[str, Any], rewards: Sequence[float | None]) -> dict[str, Any]:
    scored = [reward for reward in rewards if reward is not None]
    if not scored:
        return {"id": item.get("id"), "mean": None, "std": None}
    mean = sum(scored) / len(scored)
    deviation = (sum((reward - mean) ** 2 for reward in scored) / len(scored)) ** 0.5
    return {"id": item.get("id"), "mean": mean, "std": deviation}


def answer(body: dict[str, Any]) -> dict[str, Any]:
    rewards: list[float | None] = []
    verdicts, groups = [], []
    for at, item in enumerate(body["items"]):
        completions = item["completions"] if "completions" in item else [item["completion"]]
        own = [reward_of(completion) for completion in completions]
        rewards += own
        verdicts += [verdict(item, at, nth, reward) for nth, reward in enumerate(own)]
        groups.append(group(item, own))
    if body.get("detail") == "reward":
        verdicts = [each for each in verdicts if each["reward"] is None]
    return {
        "rewards": rewards,
        "verdicts": verdicts,
        "groups": groups,
        "profile": {"name": body.get("profile", "tiered"), "digest": "sha256:p"},
        "toolset": {"name": "finance", "digest": "sha256:t"},
        "version": "0.1.0",
    }


class Service:
    """Answers in turn what `script` says, a number being a bare status, then scores."""

    def __init__(self, *script: httpx.Response | Exception | int) -> None:
        self.script = list(script)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.script:
            step = self.script.pop(0)
            if isinstance(step, Exception):
                raise step
            return httpx.Response(step) if isinstance(step, int) else step
        return httpx.Response(200, json=answer(json.loads(request.content)))

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]


class Clock:
    """Time that passes only while someone sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    async def async_sleep(self, seconds: float) -> None:
        self.sleep(seconds)


def client(service: Handler, clock: Clock | None = None, **settings: Any) -> VerifierClient:
    clock = clock or Clock()
    settings = {"random": lambda: 1.0} | settings
    transport = httpx.MockTransport(service)
    return VerifierClient(URL, transport=transport, sleep=clock.sleep, clock=clock, **settings)


def async_client(
    service: Handler, clock: Clock | None = None, **settings: Any
) -> AsyncVerifierClient:
    clock = clock or Clock()
    settings = {"random": lambda: 1.0} | settings
    return AsyncVerifierClient(
        URL,
        transport=httpx.MockTransport(service),
        sleep=clock.async_sleep,
        clock=clock,
        **settings,
    )


def item(*rewards: float, **more: Any) -> dict[str, Any]:
    return {"ground_truth": "x", "completions": [str(reward) for reward in rewards], **more}


# --- What comes back ------------------------------------------------------------------------------


def test_rewards_and_reasons_come_back_typed() -> None:
    with client(Service()) as verifier:
        result = verifier.score([{"id": "a", "completion": "0.5", "ground_truth": "x"}])
    (verdict,) = result.verdicts
    assert result.rewards == [0.5]
    assert (verdict.id, verdict.item, verdict.completion, verdict.outcome) == ("a", 0, 0, "scored")
    assert (verdict.tier, verdict.behavior.observed, verdict.retryable) == (
        "partial",
        "execute",
        False,
    )
    assert verdict.failures[0].code == "schema.type"
    assert verdict.raw["format"] == "hermes"
    assert result.profile == Revision("tiered", "sha256:p")
    assert (result.toolset, result.version) == (Revision("finance", "sha256:t"), "0.1.0")


def test_what_could_not_be_scored_is_none_and_never_zero() -> None:
    result = client(Service()).score([{"completions": ["late", "0.0"], "ground_truth": "x"}])
    assert result.rewards == [None, 0.0]
    assert result.verdicts[0].retryable
    assert result.groups == [Group(None, 0.0, 0.0)]


def test_no_items_are_scored_without_a_request() -> None:
    service = Service()
    result = client(service).score([])
    assert (result.rewards, result.verdicts, result.groups, result.version) == ([], [], [], None)
    assert service.requests == []


def test_the_fields_of_the_request_are_sent_only_when_given() -> None:
    service = Service()
    client(service).score(
        [item(1)],
        toolset="finance",
        options={"repair": True},
        deadline_ms=500,
        detail="full",
        run="a",
        step=0,
    )
    assert service.bodies == [
        {
            "items": [item(1)],
            "toolset": "finance",
            "options": {"repair": True},
            "deadline_ms": 500,
            "detail": "full",
            "run": "a",
            "step": 0,
        }
    ]


def test_detail_reward_lists_only_what_has_no_reward() -> None:
    items = [item(1, 0), {"completions": ["1", "late"], "ground_truth": "x"}]
    result = client(Service(), max_request_completions=2).score(items, detail="reward")
    assert result.rewards == [1, 0, 1, None]
    assert [(each.item, each.completion) for each in result.verdicts] == [(1, 1)]


def test_text_beyond_ascii_travels_as_it_is() -> None:
    service = Service()
    client(service).score([item(1, id="名\u2028é")])
    assert service.bodies[0]["items"][0]["id"] == "名\u2028é"


def test_half_a_surrogate_pair_still_travels() -> None:
    service = Service()
    client(service).score([item(1, metadata={"text": "\ud83d"})])
    assert service.bodies[0]["items"][0]["metadata"] == {"text": "\ud83d"}


@pytest.mark.parametrize("metadata", [{"x": float("nan")}, {"x": object()}, {"x": {1, 2}}])
def test_an_item_that_is_not_json_is_named_before_anything_is_sent(metadata: object) -> None:
    service = Service()
    with pytest.raises(ValueError, match=r"items\[1\] is not JSON"):
        client(service).score([item(1), item(1, metadata=metadata)])
    assert service.requests == []


# --- Splitting ------------------------------------------------------------------------------------

groups_of_rewards = st.lists(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=7), max_size=8
)


def statistics(result: ScoreResult) -> list[float | None]:
    return [number for each in result.groups for number in (each.mean, each.std)]


@given(groups_of_rewards, st.integers(1, 9), st.integers(1, 400))
def test_many_requests_answer_like_one(
    groups: list[list[float]], completions: int, size: int
) -> None:
    items = [item(*rewards, id=f"p{index}") for index, rewards in enumerate(groups)]
    split = client(Service(), max_request_completions=completions, max_request_bytes=size)
    whole = client(Service()).score(items)
    result = split.score(items)
    assert result.rewards == whole.rewards
    assert result.verdicts == whole.verdicts
    assert [each.id for each in result.groups] == [each.id for each in whole.groups]
    assert statistics(result) == pytest.approx(statistics(whole))


@given(groups_of_rewards, st.integers(1, 9))
def test_a_group_is_split_only_where_it_is_larger_than_a_request(
    groups: list[list[float]], limit: int
) -> None:
    requests = requests_for([item(*rewards) for rewards in groups], {}, Limits(limit, 10**6))
    assert all(sum(piece.completions for piece in each.pieces) <= limit for each in requests)
    for index, rewards in enumerate(groups):
        holders = [each for each in requests if index in {piece.item for piece in each.pieces}]
        assert len(holders) == -(-len(rewards) // limit)


def test_requests_are_filled_up_to_the_limit() -> None:
    requests = requests_for([item(1, 1) for _ in range(10)], {}, Limits(4, 10**6))
    assert [len(each.pieces) for each in requests] == [2, 2, 2, 2, 2]


def test_the_size_of_a_body_is_bounded() -> None:
    items = [{"completion": "1" * 300, "ground_truth": "x"} for _ in range(9)]
    requests = requests_for(items, {}, Limits(512, 1000))
    assert [len(each.body) < 1100 for each in requests] == [True] * 5


def test_a_completion_beyond_the_size_limit_travels_alone() -> None:
    service = Service()
    client(service, max_request_bytes=100).score([item(1), {"completion": "0" * 500 + "1"}])
    assert [len(body["items"]) for body in service.bodies] == [1, 1]


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("/items/1/ground_truth", "/items/7/ground_truth"),
        ("/items/0/completions/2", "/items/6/completions/12"),
        ("/items/0/completions", "/items/6/completions"),
        ("/items/9/id", "/items/9/id"),
        ("/items", "/items"),
        ("/toolset", "/toolset"),
        ("", ""),
        ("/items/x/id", "/items/x/id"),
    ],
)
def test_pointers_into_a_request_become_pointers_into_the_batch(
    pointer: str, expected: str
) -> None:
    items = [item(1)] * 6 + [item(*[1] * 12)] + [item(1)]
    last = requests_for(items, {}, Limits(10, 10**6))[-1]
    assert caller_pointer(pointer, last.pieces) == expected


def test_requests_that_different_revisions_answered_are_no_result() -> None:
    def rolling(request: httpx.Request) -> httpx.Response:
        content = answer(json.loads(request.content))
        content["profile"]["digest"] = f"sha256:{content['rewards'][0]}"
        return httpx.Response(200, json=content)

    with pytest.raises(VerifierAnswerError, match="different revisions of its profile"):
        client(rolling, max_request_completions=1).score([item(1), item(0)])


# --- Trying again ---------------------------------------------------------------------------------

TEMPORARY = [
    *(pytest.param(status, id=str(status)) for status in (429, 500, 502, 503, 504)),
    pytest.param(httpx.ConnectError("refused"), id="connect"),
    pytest.param(httpx.ConnectTimeout("slow"), id="connect timeout"),
    pytest.param(httpx.ReadTimeout("slow"), id="read timeout"),
    pytest.param(httpx.ReadError("reset"), id="reset"),
    pytest.param(httpx.WriteError("broken pipe"), id="write"),
    pytest.param(httpx.RemoteProtocolError("disconnected"), id="disconnect"),
]


@pytest.mark.parametrize("trouble", TEMPORARY)
def test_what_may_pass_is_tried_again(trouble: int | Exception) -> None:
    service = Service(trouble, trouble)
    assert client(service).score([item(1)]).rewards == [1.0]
    assert len(service.requests) == 3


@pytest.mark.parametrize("trouble", TEMPORARY)
async def test_the_async_client_tries_the_same_again(
    trouble: int | Exception,
) -> None:
    service = Service(trouble, trouble)
    async with async_client(service) as verifier:
        assert (await verifier.score([item(1)])).rewards == [1.0]
    assert len(service.requests) == 3


@pytest.mark.parametrize("status", [301, 308, 400, 401, 403, 404, 405, 413, 415, 422])
def test_a_refusal_is_final(status: int) -> None:
    service = Service(status)
    with pytest.raises(VerifierRefused) as caught:
        client(service).score([item(1)])
    assert caught.value.status == status
    assert len(service.requests) == 1


def test_a_refusal_says_where_the_fault_is_in_the_whole_batch() -> None:
    problem = {
        "title": "Wrong shape",
        "detail": "1 fault",
        "errors": [{"pointer": "/items/0/ground_truth", "code": "missing", "detail": "is missing"}],
    }
    service = Service(
        httpx.Response(200, json=answer({"items": [item(1)]})), httpx.Response(422, json=problem)
    )
    with pytest.raises(VerifierRefused) as caught:
        client(service, max_request_completions=1).score([item(1), {"completion": "1"}])
    assert caught.value.pointers == ("/items/1/ground_truth",)
    assert caught.value.problem["title"] == "Wrong shape"
    assert "/items/1/ground_truth: is missing" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[1]", b'{"errors": 3}', b'{"errors": [1, {"pointer": 2}]}', b"\xff"],
)
def test_a_refusal_without_a_problem_document_is_still_one(content: bytes) -> None:
    with pytest.raises(VerifierRefused, match="refused with 400: no reason given"):
        client(Service(httpx.Response(400, content=content))).score([item(1)])


def test_the_waits_double_up_to_a_bound() -> None:
    clock = Clock()
    service = Service(*[503] * 9)
    client(service, clock).score([item(1)])
    assert clock.sleeps == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_anything_from_nothing_to_its_bound(failures: int, random: float) -> None:
    assert 0 <= backoff_s(failures, lambda: random) <= min(15.0, 0.25 * 2.0 ** min(failures, 99))


def test_retry_after_is_the_shortest_wait() -> None:
    clock = Clock()
    service = Service(httpx.Response(429, headers={"Retry-After": "7"}))
    client(service, clock, random=lambda: 0.5).score([item(1)])
    assert clock.sleeps == [7.125]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("1.5", 1.5),
        ("Thu, 01 Jan 1970 00:01:45 GMT", 5.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert seconds_of(header, now=100.0) == seconds


def test_a_spent_budget_says_what_was_tried() -> None:
    clock = Clock()
    with pytest.raises(VerifierUnavailable) as caught:
        client(lambda _: httpx.Response(503), clock, retry_budget_s=5).score([item(1)])
    assert (caught.value.url, caught.value.attempts) == (f"{URL}/score", 5)
    assert caught.value.seconds == clock.now <= 5
    assert caught.value.last_error == "503 Service Unavailable"
    assert "raise retry_budget_s" in str(caught.value)


async def test_the_async_client_spends_the_same_budget() -> None:
    clock = Clock()
    with pytest.raises(VerifierUnavailable) as caught:
        await async_client(lambda _: httpx.Response(503), clock, retry_budget_s=5).score([item(1)])
    assert caught.value.attempts == 5


def test_a_wait_longer_than_the_budget_is_not_begun() -> None:
    clock = Clock()
    service = Service(httpx.Response(429, headers={"Retry-After": "3600"}))
    with pytest.raises(VerifierUnavailable, match="asking to wait 3600 s"):
        client(service, clock).score([item(1)])
    assert clock.sleeps == []


def test_only_long_waits_are_warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "verifier_service.client")
    client(Service(503, 503, 503, 503)).score([item(1)])
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "WARNING", "WARNING"]
    assert "503 Service Unavailable; trying again in 2.0 s" in caplog.text


def test_a_retry_sends_the_same_bytes() -> None:
    service = Service(503, httpx.ReadTimeout("slow"))
    client(service).score([item(1, 0)])
    assert len({request.content for request in service.requests}) == 1


@pytest.mark.parametrize(
    ("deadline_ms", "read_timeout_s"), [(None, 20), (5_000, 20), (120_000, 130)]
)
def test_an_attempt_outlives_the_deadline_of_its_request(
    deadline_ms: int | None, read_timeout_s: float
) -> None:
    service = Service()
    client(service, timeout_s=20).score([item(1)], deadline_ms=deadline_ms)
    assert service.requests[0].extensions["timeout"]["read"] == read_timeout_s


# --- Answers that cannot be trusted ---------------------------------------------------------------


def changed(**changes: Any) -> bytes:
    return json.dumps(answer({"items": [item(1, 0)]}) | changes).encode()


def with_verdict(**changes: Any) -> bytes:
    first, second = answer({"items": [item(1, 0)]})["verdicts"]
    return changed(verdicts=[first | changes, second])


def with_group(**changes: Any) -> bytes:
    [group] = answer({"items": [item(1, 0)]})["groups"]
    return changed(groups=[group | changes])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>please log in</html>", id="html"),
        pytest.param(b'{"rewards": [1.0', id="truncated"),
        pytest.param(b"[1.0, 0.0]", id="list"),
        pytest.param(b"{}", id="nothing"),
        pytest.param(b"[" * 100_000, id="brackets"),
        pytest.param(changed(rewards=[1.0]), id="short"),
        pytest.param(changed(rewards=[1.0, 0.0, 0.0]), id="long"),
        pytest.param(changed(rewards=[1.0, "0"]), id="text"),
        pytest.param(changed(rewards=[True, 0.0]), id="boolean"),
        pytest.param(changed(rewards=[1.0, float("nan")]), id="not a number"),
        pytest.param(changed(rewards=[1.0, 10**400]), id="beyond a double"),
        pytest.param(changed(rewards=None), id="null"),
        pytest.param(changed(rewards=[0.0, 1.0]), id="verdicts in another order"),
        pytest.param(changed(verdicts=[]), id="no verdicts"),
        pytest.param(changed(groups=[]), id="no groups"),
        pytest.param(with_group(mean=float("nan")), id="a mean that is no number"),
        pytest.param(with_group(std="0"), id="a deviation as text"),
        pytest.param(changed(profile={"name": {}, "digest": ""}), id="a profile without a name"),
        pytest.param(changed(profile="tiered"), id="profile without a digest"),
        pytest.param(with_verdict(item=1), id="another item"),
        pytest.param(with_verdict(outcome="timeout"), id="a reward without a score"),
        pytest.param(with_verdict(reward=0.0), id="another reward"),
        pytest.param(with_verdict(behavior={"expected": "execute"}), id="half a behavior"),
        pytest.param(with_verdict(failures=None), id="no failures"),
        pytest.param(
            with_verdict(failures=[{"code": "schema.type"}]), id="a failure without a path"
        ),
    ],
)
def test_an_answer_that_does_not_fit_is_an_error_and_never_padded(content: bytes) -> None:
    with pytest.raises(VerifierAnswerError):
        client(Service(httpx.Response(200, content=content))).score([item(1, 0)])


# --- Keys and addresses ---------------------------------------------------------------------------


def test_the_key_is_a_bearer_token() -> None:
    service = Service()
    client(service, api_key="s3cret").score([item(1)])
    assert service.requests[0].headers["Authorization"] == "Bearer s3cret"


def failing(url: str, key: str | None) -> str:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    verifier = VerifierClient(
        url, api_key=key, transport=httpx.MockTransport(refuse), retry_budget_s=0
    )
    with pytest.raises(VerifierUnavailable) as caught:
        verifier.score([item(1)])
    return f"{verifier!r} {caught.value} {caught.value!r}"


def test_neither_key_nor_password_is_ever_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    shown = failing(URL, "s3cret") + failing("http://user:s3cret@verifier.test/prefix", None)
    assert "s3cret" not in shown + caplog.text
    assert "http://verifier.test/prefix" in shown


@pytest.mark.parametrize("key", ["s3cret\n", "s3cret key", "s3cretß"])
def test_a_key_that_no_header_can_carry_is_refused_unshown(key: str) -> None:
    with pytest.raises(ValueError, match="api_key holds") as caught:
        VerifierClient(URL, api_key=key)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://h", "http://", "http://h:s3cret"])
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="base_url must be an address") as caught:
        VerifierClient(url)
    assert "s3cret" not in str(caught.value)


def test_a_path_prefix_is_kept() -> None:
    service = Service()
    with VerifierClient(f"{URL}/rl/", transport=httpx.MockTransport(service)) as verifier:
        verifier.score([item(1)])
    assert service.requests[0].url == f"{URL}/rl/score"


@pytest.mark.parametrize(
    "error",
    [VerifierRefused(422, {"detail": "d"}, ("/a",)), VerifierUnavailable("u", 2, 1.0, "e")],
)
def test_errors_survive_pickling(error: Exception) -> None:
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


# --- The other endpoints --------------------------------------------------------------------------


def other_endpoints(request: httpx.Request) -> httpx.Response:
    contents: dict[str, Any] = {
        "/parse": {"parsed": [{"format": "hermes"}]},
        "/toolsets": {"toolsets": [{"name": "finance"}]},
        "/toolsets/a%2Fb": {"name": "a/b"},
        "/profiles": {"profiles": [{"name": "tiered"}]},
        "/readyz": {"status": "ready"},
    }
    return httpx.Response(200, json=contents[request.url.raw_path.decode()])


def test_the_other_endpoints_answer_with_what_they_hold() -> None:
    verifier = client(other_endpoints)
    assert verifier.parse(["x"], toolset="finance") == [{"format": "hermes"}]
    assert verifier.toolsets() == [{"name": "finance"}]
    assert verifier.toolset("a/b") == {"name": "a/b"}
    assert verifier.profiles() == [{"name": "tiered"}]
    assert verifier.ready()


async def test_the_async_client_has_the_same_endpoints() -> None:
    async with async_client(other_endpoints) as verifier:
        assert await verifier.parse(["x"]) == [{"format": "hermes"}]
        assert await verifier.toolsets() == [{"name": "finance"}]
        assert await verifier.toolset("a/b") == {"name": "a/b"}
        assert await verifier.profiles() == [{"name": "tiered"}]
        assert await verifier.ready()


@pytest.mark.parametrize("step", [503, httpx.ConnectError("refused"), 404])
def test_a_service_that_does_not_say_so_is_not_ready(step: int | Exception) -> None:
    service = Service(step)
    assert not client(service).ready()
    assert len(service.requests) == 1


def test_a_short_list_of_parsed_completions_is_an_error() -> None:
    with pytest.raises(VerifierAnswerError, match="1 parsed where 2 are due"):
        client(other_endpoints).parse(["x", "y"])


# --- Several at once ------------------------------------------------------------------------------


async def test_the_async_client_keeps_to_its_concurrency_and_order() -> None:
    running = most = 0

    async def slow(request: httpx.Request) -> httpx.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        content = answer(json.loads(request.content))
        await asyncio.sleep(0.001 * (1 - content["rewards"][0]))
        running -= 1
        return httpx.Response(200, json=content)

    rewards = [0.0, 1.0, 0.25, 0.5, 0.75, 1.0, 0.0, 0.5]
    async with AsyncVerifierClient(
        URL, transport=httpx.MockTransport(slow), max_request_completions=1, concurrency=3
    ) as verifier:
        result = await verifier.score([item(reward) for reward in rewards])
    assert result.rewards == rewards
    assert [each.item for each in result.verdicts] == list(range(8))
    assert most == 3


async def test_one_refused_request_ends_the_batch_and_leaves_nothing_running() -> None:
    async def refuse_one(request: httpx.Request) -> httpx.Response:
        if b'"0"' in request.content:
            return httpx.Response(422)
        await asyncio.sleep(3600)
        raise AssertionError

    before = asyncio.all_tasks()
    async with AsyncVerifierClient(
        URL, transport=httpx.MockTransport(refuse_one), max_request_completions=1
    ) as verifier:
        with pytest.raises(VerifierRefused):
            await verifier.score([item(1), item(0), item(1)])
    assert asyncio.all_tasks() == before


# --- Over a real socket ---------------------------------------------------------------------------


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    PORTS.add(scope["client"][1])
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json")],
        }
    )
    await send(
        {"type": "http.response.body", "body": json.dumps(answer(json.loads(body))).encode()}
    )


PORTS: set[int] = set()


@pytest.fixture
def address() -> Iterator[str]:
    PORTS.clear()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(asgi, log_level="error", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_connections_are_kept_over_calls(address: str) -> None:
    with VerifierClient(address, max_request_completions=2) as verifier:
        for _ in range(3):
            assert verifier.score([item(1), item(0), item(0.5)]).rewards == [1, 0, 0.5]
    assert len(PORTS) == 1


async def test_the_async_client_scores_over_a_socket(address: str) -> None:
    async with AsyncVerifierClient(address, max_request_completions=16) as verifier:
        results = await asyncio.gather(
            *(verifier.score([item(reward)] * 64) for reward in (0.0, 0.5, 1.0))
        )
    assert [result.rewards for result in results] == [[0.0] * 64, [0.5] * 64, [1.0] * 64]


def test_nobody_listening_is_unavailable() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            VerifierClient(address, retry_budget_s=0) as verifier,
            pytest.raises(VerifierUnavailable, match="ConnectError"),
        ):
            verifier.score([item(1)])


def test_the_client_needs_httpx_and_the_standard_library_alone() -> None:
    # httpx itself loads rich for its own command line where it is installed.
    script = """
import sys
for name in ("pydantic", "fastapi", "orjson", "typer", "jsonschema", "sandbox_tools"):
    sys.modules[name] = None
import verifier_service.client
ours = {name for name in sys.modules if name.startswith("verifier_service.")}
foreign = {name for name in ours if not name.startswith("verifier_service.client")}
assert foreign == {"verifier_service._version"}, foreign
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
