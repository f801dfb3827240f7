"""OpenTelemetry traces: a span for each request, and below it where its time went.

Opt-in: the libraries are an extra. Their own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`,
`OTEL_TRACES_SAMPLER`, …) say where spans go and how many; what is not sampled is not timed.
"""

# ruff: noqa: PLC0415 - OpenTelemetry is an extra: it is imported only where it is asked for.

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verifier_service._version import __version__
from verifier_service.auth import StartRefused
from verifier_service.front import CLIENT_GONE
from verifier_service.jobs import Reply, Room
from verifier_service.middleware import PROBES, route_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

NAME: Final = "verifier-service"
LAST_SPANS_S: Final = 2.0
_CONTEXT: Final = (b"traceparent", b"tracestate")


def open_tracing() -> Tracing:
    """Traces to where OpenTelemetry's own variables say, by OTLP over HTTP.

    Raises:
        StartRefused: The libraries are not installed, or a variable of theirs cannot be.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise StartRefused(
            "VERIFIER_OTEL needs OpenTelemetry: pip install 'verifier-service[otel]'"
        ) from None
    # Of a context that is none its libraries would log what the caller wrote, once a request.
    logging.getLogger("opentelemetry.trace").setLevel(logging.ERROR)
    ours = Resource({"service.name": NAME, "service.version": __version__})
    try:
        resource = ours.merge(OTELResourceDetector().detect())
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    except (ValueError, OSError) as error:
        raise StartRefused(f"an OTEL_… variable cannot be: {error}") from None
    return Tracing(provider)


class Tracing:
    """Spans of requests, in the caller's trace where it names one (W3C Trace Context)."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._context = TraceContextTextMapPropagator()
        self._provider = provider
        self.tracer = provider.get_tracer(NAME, __version__)

    def start(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> RequestSpan | None:
        """The span of a request that has arrived; None where it is not sampled."""
        from opentelemetry.trace import SpanKind

        caller = {n.decode(): value.decode("latin-1") for n, value in headers if n in _CONTEXT}
        context = self._context.extract(caller)
        attributes = {"http.request.method": method}
        span = self.tracer.start_span(method, context, SpanKind.SERVER, attributes)
        return RequestSpan(self, span) if span.is_recording() else None

    def close(self) -> None:
        """Give what waits two seconds to be sent."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(LAST_SPANS_S)


class RequestSpan:
    """The span of one request that is sampled."""

    def __init__(self, tracing: Tracing, span: Span) -> None:
        self._tracing, self._span = tracing, span

    def worked(self, submitted_ns: int, reply: Reply) -> None:
        """Add what a scoring process says of its time.

        The rooms of a batch take turns at its completions. Their spans stand one behind the other,
        each as long as its room took in all.
        """
        work = _Work.of(reply.timings, submitted_ns, time.time_ns())
        if work is None:
            return
        self._child(self._span, "queue", submitted_ns, work.started_ns)
        whole = self._child(self._span, "work", work.started_ns, work.ended_ns)
        begins_ns = work.started_ns
        for room, spent_ns, times in work.rooms:
            self._child(whole, room, begins_ns, begins_ns + spent_ns, {"verifier.times": times})
            begins_ns += spent_ns

    def end(self, scope: Scope, status: int) -> None:
        """The request is answered, or its caller has left."""
        from opentelemetry.trace import StatusCode

        route = route_of(scope)
        self._span.update_name(f"{scope['method']} {route}")
        state = scope.get("state", {})
        self._span.set_attributes(
            {
                "http.route": route,
                "http.response.status_code": status,
                "verifier.completions": state.get("completions", 0),
                "verifier.request_id": state.get("request_id", ""),
            }
        )
        if status >= 500:
            self._span.set_status(StatusCode.ERROR)
        self._span.end()

    def _child(
        self,
        parent: Span,
        name: str,
        begins_ns: int,
        ends_ns: int,
        attributes: Mapping[str, int] | None = None,
    ) -> Span:
        from opentelemetry.trace import set_span_in_context

        span = self._tracing.tracer.start_span(
            name, set_span_in_context(parent), attributes=attributes, start_time=begins_ns
        )
        span.end(ends_ns)
        return span


@dataclass(frozen=True, slots=True)
class _Work:
    """What a scoring process says of its time, within what the front has seen of it."""

    started_ns: int
    ended_ns: int
    rooms: list[tuple[str, int, int]]

    @classmethod
    def of(cls, timings: Mapping[str, Any], submitted_ns: int, answered_ns: int) -> Self | None:
        """None where a process says nothing, or nothing that can be: hostile text runs in it."""
        try:
            started = max(submitted_ns, min(int(timings["started_ns"]), answered_ns))
            left = answered_ns - started
            spent = max(0, min(int(timings["spent_ns"]), left))
            told = {room: (int(ns), int(times)) for room, ns, times in timings["rooms"]}
        except (KeyError, TypeError, ValueError):
            return None
        rooms = [
            (room.value, max(0, min(told[room][0], spent)), told[room][1])
            for room in Room
            if room in told
        ]
        return cls(started, started + spent, rooms)


class Trace:
    """Puts the span of each sampled request into its state; probes have none."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app, self._tracing = app, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        span = None
        if scope["type"] == "http" and scope["path"] not in PROBES:
            span = self._tracing.start(scope["method"], scope["headers"])
        if span is None:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["span"] = span
        status = 0

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        finally:
            span.end(scope, status or CLIENT_GONE)
