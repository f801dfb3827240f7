"""Logs: one JSON object a line, without texts or keys."""

from __future__ import annotations

import io
import json
import logging
import os
import threading

import pytest
from fake_runner import Connect, FakeRunner

from verifier_service.auth import Keys
from verifier_service.telemetry import JsonLines, LineWriter

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


@pytest.mark.parametrize("value", ["\udcff", 10**30, {1: "\udcff"}, object()])
def test_any_field_makes_a_line(lines: io.StringIO, value: object) -> None:
    logging.getLogger("verifier_service").warning("odd", extra={"field": value})
    (line,) = map(json.loads, lines.getvalue().splitlines())
    assert (line["event"], "field" in line) == ("odd", True)


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


def test_a_log_that_nobody_reads_loses_lines_and_stalls_nothing() -> None:
    reading, writing = os.pipe()
    handler = LineWriter(writing, bound=100)
    line = logging.makeLogRecord({"msg": "x" * 1000})
    while not handler.dropped:
        handler.emit(line)
    with os.fdopen(reading, "rb") as reader:
        threading.Thread(target=lambda: (handler.close(), os.close(writing))).start()
        written = reader.read().splitlines()
    assert {len(text) for text in written} == {1000}
    assert len(written) >= 100


def test_lines_that_cannot_be_written_are_counted_as_dropped() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    handler = LineWriter(writing)
    handler.emit(logging.makeLogRecord({"msg": "lost"}))
    handler.close()
    os.close(writing)
    assert handler.dropped == 1


def test_the_last_lines_are_written_when_the_handler_is_closed() -> None:
    reading, writing = os.pipe()
    handler = LineWriter(writing)
    handler.emit(logging.makeLogRecord({"msg": "last"}))
    handler.close()
    assert os.read(reading, 100) == b"last\n"
    os.close(reading)
    os.close(writing)
