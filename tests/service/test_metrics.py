"""What is counted."""

from __future__ import annotations

import pytest
from fake_runner import Connect, FakeRunner
from prometheus_client.parser import text_string_to_metric_families

from verifier_service.jobs import Reply
from verifier_service.metrics import FAILURES

HEADERS = {"content-type": "application/json"}


async def metrics(client: object) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its labels' values, in the order of the labels' names."""
    text = (await client.get("/metrics")).text  # type: ignore[attr-defined]
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_request_and_its_completions_are_counted_once(connect: Connect) -> None:
    async with connect() as client:
        await client.post("/score", content=b"{}", headers=HEADERS)
        found = await metrics(client)
    assert found["verifier_requests_total", "/score", "200"] == 1
    assert found["verifier_completions_total", "scored", "tiered", "full"] == 1
    assert found["verifier_behaviors_total", "execute", "execute"] == 1
    assert found["verifier_failures_total", "schema.type"] == 2
    assert found["verifier_batch_size_sum",] == 1
    assert found["verifier_request_duration_seconds_count", "/score"] == 1


async def test_what_alerts_wait_for_is_there_before_it_happens(connect: Connect) -> None:
    """The first of a kind is no increase to Prometheus where its series begins with it."""
    async with connect() as client:
        found = await metrics(client)
    for path in ("/score", "/get_reward", "/slime"):
        for status in FAILURES:
            assert found["verifier_requests_total", path, status] == 0
    for outcome in ("invalid_task", "timeout", "verifier_error"):
        assert found["verifier_completions_total", outcome, "tiered", "unscored"] == 0
        assert found["verifier_wire_unscored_total", "number", outcome, "slime"] == 0


async def test_unknown_names_do_not_become_labels(connect: Connect, runner: FakeRunner) -> None:
    counts = {
        "completions": [["odd", "odd", "odd", 1], ["timeout", None, "tiered", 1]],
        "behaviors": [["odd", None, 1]],
        "failures": {"odd": 1},
    }
    runner.reply = Reply(200, b"{}", counts=counts)
    async with connect() as client:
        await client.post("/score", content=b"{}", headers=HEADERS)
        found = await metrics(client)
    assert ("verifier_completions_total", "other", "other", "other") in found
    assert ("verifier_completions_total", "timeout", "tiered", "unscored") in found
    assert ("verifier_behaviors_total", "other", "none") in found
    assert ("verifier_failures_total", "other") in found


async def test_paths_that_callers_invent_do_not_become_labels(connect: Connect) -> None:
    async with connect() as client:
        for path in ("/a", "/b", "/toolsets/c", "/toolsets/d"):
            await client.get(path)
        found = await metrics(client)
    assert found["verifier_requests_total", "unmatched", "404"] == 2
    assert found["verifier_requests_total", "/toolsets/{name}", "404"] == 2


async def test_workers_and_queue_are_read_when_asked(connect: Connect, runner: FakeRunner) -> None:
    runner.alive, runner.restarts = 1, 3
    async with connect() as client:
        with client.front.admission.share() as share:
            share.add_completions(5)
            share.add_bytes(7)
            found = await metrics(client)
    assert found["verifier_workers_alive",] == 1
    assert found["verifier_workers_wanted",] == 2
    assert found["verifier_worker_restarts_total",] == 3
    assert found["verifier_log_drops_total",] == 0
    assert found["verifier_queue_completions",] == 5
    assert found["verifier_queue_completions_limit",] == 131_072
    assert found["verifier_queue_bytes",] == 7
    assert found["verifier_queue_bytes_limit",] == 1024**3


@pytest.mark.parametrize("name", ["verifier_build_info"])
async def test_the_version_is_told(connect: Connect, name: str) -> None:
    async with connect() as client:
        assert any(sample[0] == name for sample in await metrics(client))


async def test_metrics_leave_the_main_port_for_their_own(connect: Connect) -> None:
    async with connect(metrics_port=0) as client:
        assert (await client.get("/metrics")).status_code == 404
