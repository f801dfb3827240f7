"""Traces: where the time of a request went, in the trace of its caller."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from fake_runner import CATALOG, FakeRunner
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler

from tests.running_service import running_service
from verifier_service.app import Application, create_app
from verifier_service.auth import StartRefused
from verifier_service.engine import EngineConfig
from verifier_service.handler import RequestHandler, build_handler
from verifier_service.jobs import Job, Reply, Task
from verifier_service.settings import Settings
from verifier_service.tracing import Tracing, open_tracing

HEADERS = {"content-type": "application/json"}
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALL = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
REQUEST = {
    "toolset": "finance",
    "items": [{"completions": [json.dumps(CALL), "swordfish"], "ground_truth": [CALL]}],
}


class Traced:
    """A service in this process, and the spans of its requests."""

    def __init__(self, runner: FakeRunner, sampler: Sampler) -> None:
        self.runner, self._exporter = runner, InMemorySpanExporter()
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        front = create_app(Settings(), runner, CATALOG).front
        self._app = Application(front, None, Tracing(provider))

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._exporter.get_finished_spans()}

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://front") as client:
            yield client

    async def score(self, **headers: str) -> httpx.Response:
        async with self.client() as client:
            return await client.post("/score", json=REQUEST, headers=headers)


def replying(timings: object) -> FakeRunner:
    return FakeRunner(reply=Reply(200, b"{}", timings=timings))  # type: ignore[arg-type]


def context(*, sampled: bool) -> dict[str, str]:
    return {"traceparent": f"00-{TRACE}-{PARENT}-{'01' if sampled else '00'}"}


async def test_a_request_is_a_span_of_its_callers_trace(runner: FakeRunner) -> None:
    service = Traced(runner, ParentBased(ALWAYS_OFF))
    answer = await service.score(**context(sampled=True))
    span = service.spans["POST /score"]
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "/score",
        "http.response.status_code": 200,
        "verifier.completions": 1,
        "verifier.request_id": answer.headers["x-request-id"],
    }


async def test_what_is_not_sampled_is_neither_told_nor_timed(runner: FakeRunner) -> None:
    service = Traced(runner, ParentBased(ALWAYS_ON))
    await service.score(**context(sampled=False))
    assert service.spans == {}
    assert [job.traced for job in runner.jobs] == [False]


@pytest.mark.parametrize("value", ["", "nonsense", "00-0-0-01", f"00-{'0' * 32}-{PARENT}-01"])
async def test_a_context_that_is_none_begins_a_trace(runner: FakeRunner, value: str) -> None:
    service = Traced(runner, ParentBased(ALWAYS_ON))
    assert (await service.score(traceparent=value)).status_code == 200
    assert service.spans["POST /score"].parent is None


async def test_probes_have_no_spans(runner: FakeRunner) -> None:
    service = Traced(runner, ALWAYS_ON)
    async with service.client() as client:
        for path in ("/healthz", "/readyz", "/metrics"):
            await client.get(path)
    assert service.spans == {}


async def test_a_fault_of_ours_is_an_error(runner: FakeRunner) -> None:
    runner.failure = RuntimeError("broken")
    service = Traced(runner, ALWAYS_ON)
    await service.score()
    assert not service.spans["POST /score"].status.is_ok


async def test_rooms_stand_one_behind_the_other_below_the_work() -> None:
    now = time.time_ns() + 10**9  # of a clock that goes before: spans stay within the request
    rooms = [("encode", 1, 1), ("decode", 2, 1)]
    service = Traced(replying({"started_ns": now, "spent_ns": 5, "rooms": rooms}), ALWAYS_ON)
    await service.score()
    spans = service.spans
    assert {name: spans[name].parent.span_id for name in ("queue", "work", "decode")} == {
        "queue": spans["POST /score"].context.span_id,
        "work": spans["POST /score"].context.span_id,
        "decode": spans["work"].context.span_id,
    }
    assert spans["decode"].start_time == spans["work"].start_time
    assert spans["encode"].start_time == spans["decode"].end_time
    assert spans["encode"].end_time <= spans["POST /score"].end_time


@pytest.mark.parametrize(
    "timings",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"started_ns": "x", "spent_ns": 1, "rooms": []}, id="a text for a time"),
        pytest.param({"started_ns": 1, "spent_ns": 1, "rooms": [["a"]]}, id="a room without time"),
        pytest.param({"started_ns": 1, "spent_ns": 1, "rooms": 5}, id="a number for rooms"),
    ],
)
async def test_what_cannot_be_is_left_out(timings: object) -> None:
    service = Traced(replying(timings), ALWAYS_ON)
    assert (await service.score()).status_code == 200
    assert service.spans.keys() == {"POST /score"}


async def test_rooms_that_do_not_exist_make_no_spans() -> None:
    rooms = [(f"room {number}", 1, 1) for number in range(1000)]
    timings = {"started_ns": 1, "spent_ns": 10**20, "rooms": rooms}
    service = Traced(replying(timings), ALWAYS_ON)
    await service.score()
    assert service.spans.keys() == {"POST /score", "queue", "work"}


@pytest.fixture(scope="module")
def handler() -> RequestHandler:
    return build_handler(EngineConfig())


class Silent:
    def working_on(self, index: int) -> None: ...

    def finished(self, piece: bytes) -> None: ...


def test_a_scoring_process_says_where_its_time_went(handler: RequestHandler) -> None:
    reply = handler(Job(Task.SCORE, json.dumps(REQUEST).encode(), traced=True), Silent())
    times = {room: times for room, _, times in reply.timings["rooms"]}
    assert times.keys() == {"decode", "parse", "prepare", "judge", "encode"}
    assert (times["prepare"], times["judge"]) == (2, 2)
    spent = sum(spent for _, spent, _ in reply.timings["rooms"])
    assert 0 < spent <= reply.timings["spent_ns"]


def test_a_trace_changes_no_answer(handler: RequestHandler) -> None:
    body = json.dumps(REQUEST).encode()
    traced = handler(Job(Task.SCORE, body, traced=True), Silent())
    plain = handler(Job(Task.SCORE, body), Silent())
    assert (traced.body, plain.timings) == (plain.body, {})


def test_traces_without_their_libraries_are_refused_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(StartRefused, match=r"pip install 'verifier-service\[otel\]'"):
        open_tracing()


def test_a_variable_of_theirs_that_cannot_be_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "0")
    with pytest.raises(StartRefused, match="max_queue_size must be a positive integer"):
        open_tracing()


@pytest.fixture
def collector() -> Iterator[tuple[str, queue.Queue[ExportTraceServiceRequest]]]:
    """Where OTLP goes to, and what has come."""
    arrived: queue.Queue[ExportTraceServiceRequest] = queue.Queue()

    class Collect(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.put(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collect)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", arrived
    server.shutdown()
    server.server_close()


def test_a_running_service_sends_its_traces(
    tmp_path: Path, collector: tuple[str, queue.Queue[ExportTraceServiceRequest]]
) -> None:
    url, arrived = collector
    variables = {
        "VERIFIER_OTEL": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    }
    with running_service(tmp_path, "--workers", "1", **variables) as service:
        answer = httpx.post(f"{service.url}/score", json=REQUEST, headers=context(sampled=True))
        assert answer.status_code == 200
        spans, sent = {}, b""
        while "POST /score" not in spans:
            request = arrived.get(timeout=30)
            (resource,) = request.resource_spans
            spans |= {s.name: s for scope in resource.scope_spans for s in scope.spans}
            sent += request.SerializeToString()
    assert spans.keys() >= {"queue", "work", "decode", "parse", "prepare", "judge", "encode"}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert attributes["service.name"] == "verifier-service"
    assert attributes["deployment.environment.name"] == "test"
    assert b"swordfish" not in sent


@pytest.mark.parametrize(
    "header",
    [{"traceparent": "swordfish" * 100}, {"tracestate": "swordfish=="}],
    ids=["traceparent", "tracestate"],
)
def test_a_context_that_is_none_is_not_logged(
    tmp_path: Path,
    collector: tuple[str, queue.Queue[ExportTraceServiceRequest]],
    capfd: pytest.CaptureFixture[str],
    header: dict[str, str],
) -> None:
    variables = {"VERIFIER_OTEL": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": collector[0]}
    with running_service(tmp_path, "--workers", "1", **variables) as service:
        told = context(sampled=True) | header
        assert httpx.post(f"{service.url}/score", json=REQUEST, headers=told).status_code == 200
        service.process.terminate()
        service.process.wait(60)
    assert capfd.readouterr().err == ""
