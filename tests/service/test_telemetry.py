"""Logs: one JSON object a line, without texts or keys."""

from __future__ import annotations

import io
import json
import logging

import pytest
from fake_runner import Connect, FakeRunner

from verifier_service.auth import Keys
from verifier_service.telemetry import JsonLines

HEADERS = {"content-type": "application/json"}


@pytest.fixture
def lines() -> io.StringIO:
    """Everything that the service logs, as text."""
    stream, logger = io.StringIO(), logging.getLogger("verifier_service")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    before = logger.level
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(before)


async def test_a_request_is_one_line(connect: Connect, lines: io.StringIO) -> None:
    async with connect() as client:
        answer = await client.post("/score", content=b"{}", headers=HEADERS)
    (line,) = map(json.loads, lines.getvalue().splitlines())
    assert line["event"] == "request"
    assert (line["method"], line["path"], line["status"]) == ("POST", "/score", 200)
    assert line["completions"] == 1
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["duration_ms"] >= 0


async def test_probes_are_not_logged(connect: Connect, lines: io.StringIO) -> None:
    async with connect() as client:
        await client.get("/healthz")
    assert lines.getvalue() == ""


async def test_neither_texts_nor_keys_nor_paths_are_logged(
    connect: Connect, runner: FakeRunner, lines: io.StringIO
) -> None:
    runner.failure = RuntimeError("broken")
    async with connect(Keys(["sesame"])) as client:
        keyed = HEADERS | {"authorization": "Bearer sesame"}
        await client.post("/score", content=b'{"x": "swordfish"}', headers=keyed)
        await client.post("/score", content=b"{}", headers={"authorization": "Bearer tarragon"})
        await client.get("/marjoram?oregano=1", headers=keyed)
    text = lines.getvalue()
    assert not [w for w in ("sesame", "swordfish", "tarragon", "marjoram", "oregano") if w in text]


async def test_a_crash_is_logged_under_the_id_of_its_problem(
    connect: Connect, runner: FakeRunner, lines: io.StringIO
) -> None:
    runner.failure = RuntimeError("broken")
    async with connect() as client:
        answer = await client.post("/score", content=b"{}", headers=HEADERS)
    crash = json.loads(lines.getvalue().splitlines()[0])
    assert crash["event"] == "internal_error"
    assert crash["request_id"] == answer.json()["id"]
    assert "RuntimeError: broken" in crash["exception"]


def test_a_line_break_in_a_field_does_not_break_the_line() -> None:
    record = logging.makeLogRecord({"msg": "event", "levelname": "INFO", "field": "a\nb"})
    assert json.loads(JsonLines().format(record))["field"] == "a\nb"
    assert "\n" not in JsonLines().format(record)
