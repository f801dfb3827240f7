"""The endpoints, over a fake runner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fake_runner import Connect, FakeRunner

from verifier_service.admission import Phase
from verifier_service.jobs import Reply, Task
from verifier_service.workers import WorkerFailure

JSON = {"content-type": "application/json"}
PROBLEM = "application/problem+json"


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize(("path", "task"), [("/score", Task.SCORE), ("/parse", Task.PARSE)])
async def test_the_body_goes_to_a_worker_as_it_came(
    connect: Connect, runner: FakeRunner, path: str, task: Task
) -> None:
    async with connect() as client:
        await client.post(path, content=b"\xff not json", headers=JSON)
    (job,) = runner.jobs
    assert (job.task, job.body) == (task, b"\xff not json")


async def test_a_chunked_body_is_joined(connect: Connect, runner: FakeRunner) -> None:
    async with connect() as client:
        await client.post("/score", content=chunks(b"ab", b"", b"cd"), headers=JSON)
    assert runner.jobs[0].body == b"abcd"


async def test_the_workers_answer_is_relayed_as_it_is(connect: Connect, runner: FakeRunner) -> None:
    runner.reply = Reply(422, b'{"status":422}', PROBLEM)
    async with connect() as client:
        answer = await client.post("/score", content=b"{}", headers=JSON)
    assert (answer.status_code, answer.content) == (422, b'{"status":422}')
    assert answer.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'],
)
async def test_json_is_accepted(connect: Connect, content_type: str) -> None:
    async with connect() as client:
        answer = await client.post("/score", content=b"{}", headers={"content-type": content_type})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/jsonp"},
        JSON | {"content-encoding": "gzip"},
        JSON | {"content-encoding": "gzip, identity"},
        [*JSON.items(), ("content-encoding", "gzip"), ("content-encoding", "identity")],
        [*JSON.items(), ("content-type", "text/plain")],
        [("content-type", "text/plain"), *JSON.items()],
    ],
)
async def test_other_media_types_are_refused(
    connect: Connect, runner: FakeRunner, headers: dict[str, str] | list[tuple[str, str]]
) -> None:
    async with connect() as client:
        answer = await client.post("/score", content=b"{}", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (415, PROBLEM)
    assert runner.jobs == []


async def test_a_body_that_says_it_is_too_large_is_not_read(
    connect: Connect, runner: FakeRunner
) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    async with connect(max_body_bytes=1024) as client:
        headers = JSON | {"content-length": "1025"}
        answer = await client.post("/score", content=unread(), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)
    assert answer.headers["connection"] == "close"


async def test_a_body_that_does_not_say_is_read_up_to_the_limit(connect: Connect) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 512
            yield b"x" * 512

    async with connect(max_body_bytes=1024) as client:
        answer = await client.post("/score", content=endless(), headers=JSON)
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert sent <= 2048


async def test_a_body_of_exactly_the_limit_is_accepted(connect: Connect) -> None:
    async with connect(max_body_bytes=1024) as client:
        answer = await client.post("/score", content=b"x" * 1024, headers=JSON)
    assert answer.status_code == 200


async def test_a_body_that_never_ends_is_given_up(connect: Connect) -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with connect(body_timeout_s=0.01) as client:
        answer = await client.post("/score", content=stuck(), headers=JSON)
    assert answer.status_code == 408
    assert answer.headers["connection"] == "close"


async def test_a_full_queue_refuses_with_the_time_to_wait(
    connect: Connect, runner: FakeRunner
) -> None:
    runner.gate = asyncio.Event()
    async with connect(queue_completions=1) as client:
        first = asyncio.create_task(client.post("/score", content=b"{}", headers=JSON))
        await runner.asked.wait()
        second = await client.post("/score", content=b"{}", headers=JSON)
        runner.gate.set()
        assert (await first).status_code == 200
        third = await client.post("/score", content=b"{}", headers=JSON)
    assert (second.status_code, second.headers["content-type"]) == (429, PROBLEM)
    assert int(second.headers["retry-after"]) >= 1
    assert third.status_code == 200


async def test_a_caller_that_leaves_frees_its_share_and_its_job(
    connect: Connect, runner: FakeRunner
) -> None:
    runner.gate = asyncio.Event()
    async with connect() as client:
        app, leave = client._transport.app, asyncio.Event()
        parts = iter([{"type": "http.request", "body": b"{}", "more_body": False}])

        async def receive() -> dict[str, object]:
            if part := next(parts, None):
                return part
            await leave.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None: ...

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/score",
            "raw_path": b"/score",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        request = asyncio.create_task(app(scope, receive, send))
        await runner.asked.wait()
        assert client.front.admission.bytes.used == 2
        leave.set()
        await request
        assert client.front.admission.bytes.used == 0
    assert runner.cancelled == 1


async def test_an_answer_has_a_share_of_the_queue_until_it_is_sent(
    connect: Connect, runner: FakeRunner
) -> None:
    runner.reply = Reply(200, b"x" * 1000)
    async with connect() as client:
        app, admission = client._transport.app, client.front.admission
        parts = iter([{"type": "http.request", "body": b"{}", "more_body": False}])
        held: list[tuple[int, int, int]] = []

        async def receive() -> dict[str, object]:
            return next(parts, None) or await asyncio.Event().wait()

        async def send(message: dict[str, object]) -> None:
            held.append((admission.requests, admission.completions.used, admission.bytes.used))

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/score",
            "headers": [(b"content-type", b"application/json")],
        }
        await app(scope, receive, send)
    assert held == [(1, 0, 1000)] * 3
    assert (admission.requests, admission.bytes.used) == (0, 0)


async def test_a_job_says_how_long_its_body_took(connect: Connect, runner: FakeRunner) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.05)
        yield b"}"

    async with connect() as client:
        await client.post("/score", content=slow(), headers=JSON)
    assert runner.jobs[0].elapsed_s >= 0.05


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_may_ask_for_the_head(connect: Connect, path: str) -> None:
    async with connect() as client:
        answer = await client.head(path)
    assert answer.status_code == 200


async def test_a_worker_failure_may_be_retried(connect: Connect, runner: FakeRunner) -> None:
    runner.failure = WorkerFailure("three workers died")
    async with connect() as client:
        answer = await client.post("/score", content=b"{}", headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_crash_is_a_problem_without_a_traceback(
    connect: Connect, runner: FakeRunner
) -> None:
    runner.failure = RuntimeError("secret detail")
    async with connect() as client:
        answer = await client.post("/score", content=b"{}", headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert answer.json()["id"]
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/toolsets/nowhere", 404),
        ("POST", "/score/", 404),
        ("GET", "/score", 405),
        ("DELETE", "/toolsets", 405),
        ("POST", "/healthz", 405),
    ],
)
async def test_routing_errors_are_problems(
    connect: Connect, method: str, path: str, status: int
) -> None:
    async with connect() as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json()["status"] == status
    assert ("allow" in answer.headers) is (status == 405)


async def ready(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get("/readyz")


async def test_ready_while_all_is_well(connect: Connect) -> None:
    async with connect() as client:
        assert (await ready(client)).json()["status"] == "ready"


@pytest.mark.parametrize("state", [{"ready": False}, {"alive": 0}])
async def test_not_ready_without_workers(
    connect: Connect, runner: FakeRunner, state: dict[str, object]
) -> None:
    vars(runner).update(state)
    async with connect() as client:
        answer = await ready(client)
        assert (await client.get("/healthz")).status_code == 200
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)


async def test_not_ready_while_leaving_but_still_accepting(connect: Connect) -> None:
    async with connect() as client:
        client.front.admission.phase = Phase.LEAVING
        assert (await ready(client)).status_code == 503
        assert (await client.post("/score", content=b"{}", headers=JSON)).status_code == 200


async def test_closed_refuses_new_requests_and_their_connection(connect: Connect) -> None:
    async with connect() as client:
        client.front.admission.phase = Phase.CLOSED
        answer = await client.post("/score", content=b"{}", headers=JSON)
    assert (answer.status_code, answer.headers["connection"]) == (503, "close")
    assert answer.json()["type"] == "urn:verifier:problem:draining"


async def test_requests_are_refused_before_the_workers_are_up(
    connect: Connect, runner: FakeRunner
) -> None:
    runner.ready = False
    async with connect() as client:
        answer = await client.post("/score", content=b"{}", headers=JSON)
    assert answer.json()["type"] == "urn:verifier:problem:not-ready"


async def test_toolsets_are_listed_and_shown(connect: Connect) -> None:
    async with connect() as client:
        listed = (await client.get("/toolsets")).json()
        shown = (await client.get("/toolsets/finance")).json()
    assert listed["toolsets"][0]["tools"] == ["get_revenue"]
    assert shown["tools"][0]["function"]["name"] == "get_revenue"


async def test_profiles_are_listed(connect: Connect) -> None:
    async with connect() as client:
        listed = (await client.get("/profiles")).json()
    assert listed["profiles"][0] == {
        "name": "tiered",
        "digest": "sha256:bb",
        "description": "Tiers.",
    }


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
async def test_documentation_can_be_switched_off(connect: Connect, path: str) -> None:
    async with connect(docs=False) as client:
        assert (await client.get(path)).status_code == 404
    async with connect() as client:
        assert (await client.get(path)).status_code == 200
