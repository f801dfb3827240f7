"""The metrics of the service, each defined once, in Prometheus' terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Final, cast

from prometheus_client import (
    CollectorRegistry,
    Info,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sandbox_tools.types import Json
from verifier_service._version import __version__
from verifier_service.admission import Admission
from verifier_service.jobs import Counts
from verifier_service.run_statistics import RunStatistics
from verifier_service.runner import Runner
from verifier_service.scoring.codes import Code
from verifier_service.scoring.types import Behavior, Observed, Outcome, Tier
from verifier_service.tallies import Distribution, Tally
from verifier_service.telemetry import dropped_lines
from verifier_service.wires import ASKED, WIRES

EXPOSITION_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

# A time of creation beside each series would double them, and nothing here reads it.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no type for it

FAILURES: Final = ("429", "500", "503")
"""Statuses by which requests fail that are not at fault."""
_OTHER: Final = "other"
_OUTCOMES: Final = {name.value: name.value for name in Outcome}
_TIERS: Final = {None: "unscored"} | {name.value: name.value for name in Tier}
_EXPECTED: Final = {None: "none"} | {name.value: name.value for name in Behavior}
_OBSERVED: Final = {None: "none"} | {name.value: name.value for name in Observed}
_WIRES: Final = {name: name for name in WIRES}
_ANSWERED: Final = {name: name for name in ("refused", "number")}
_CODES: Final = {name.value: name.value for name in Code}


class Metrics:
    """The metrics of one service, in a registry of their own.

    Every label has a bounded set of values: a name that is not known is counted as `other`.
    """

    def __init__(
        self, runner: Runner, admission: Admission, profiles: Iterable[str], most_runs: int
    ) -> None:
        self.registry = CollectorRegistry()
        self._profiles = frozenset(profiles)
        self._requests = Tally(
            "verifier_requests",
            "Requests answered, by route and HTTP status.",
            ["route", "status"],
        )
        self._duration = Distribution(
            "verifier_request_duration_seconds",
            "Time from the request's head to the end of its answer.",
            ["route"],
            (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
        )
        self._completions = Tally(
            "verifier_completions",
            "Completions judged, by outcome, tier and profile.",
            ["outcome", "tier", "profile"],
        )
        self._behaviors = Tally(
            "verifier_behaviors",
            "Completions scored, by the behaviour that was due and the one observed.",
            ["expected", "observed"],
        )
        self._failures = Tally(
            "verifier_failures", "Failures found in completions, by code.", ["code"]
        )
        self._batch_size = Distribution(
            "verifier_batch_size",
            "Completions in one request.",
            [],
            (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384),
        )
        self._unscored = Tally(
            "verifier_wire_unscored",
            "Completions without a reward on wires that carry no null, by wire, outcome and what "
            "was answered.",
            ["wire", "outcome", "answered"],
        )
        self._runs = RunStatistics(most_runs)
        for each in (
            self._requests,
            self._duration,
            self._completions,
            self._behaviors,
            self._failures,
            self._batch_size,
            self._unscored,
        ):
            self.registry.register(each)
        Info("verifier_build", "Version of the service.", registry=self.registry).info(
            {"version": __version__}
        )
        self.registry.register(self._runs)
        self.registry.register(_Gauges(runner, admission))
        self._begin_at_nothing()

    def _begin_at_nothing(self) -> None:
        """Have the series that alerts wait for: the step from no series to 1 is no increase."""
        for path in ("/score", *(path for wire in ASKED for path in wire.paths)):
            for status in FAILURES:
                self._requests.add(0, path, status)
        for outcome in _OUTCOMES.keys() - {Outcome.SCORED.value}:
            for profile in (*self._profiles, _OTHER):
                self._completions.add(0, outcome, _TIERS[None], profile)
            for wire, answered in product(_WIRES, _ANSWERED):
                self._unscored.add(0, wire, outcome, answered)

    def request(self, route: str, status: int, duration_s: float) -> None:
        """Count one answered request."""
        self._requests.add(1, route, str(status))
        self._duration.observe(duration_s, route)

    def judged(self, counts: Mapping[str, Json]) -> int:
        """Count what one request's completions came to; returns how many there were."""
        counted = cast("Counts", counts)
        size = 0
        for outcome, tier, profile, count in counted.get("completions", ()):
            size += count
            self._completions.add(
                count,
                _OUTCOMES.get(outcome, _OTHER),
                _TIERS.get(tier, _OTHER),
                profile if profile in self._profiles else _OTHER,
            )
        for expected, observed, count in counted.get("behaviors", ()):
            labels = _EXPECTED.get(expected, _OTHER), _OBSERVED.get(observed, _OTHER)
            self._behaviors.add(count, *labels)
        for code, count in counted.get("failures", {}).items():
            self._failures.add(count, _CODES.get(code, _OTHER))
        for wire, outcome, answered, count in counted.get("unscored", ()):
            self._unscored.add(
                count,
                _WIRES.get(wire, _OTHER),
                _OUTCOMES.get(outcome, _OTHER),
                _ANSWERED.get(answered, _OTHER),
            )
        self._runs.count(counted)
        if size:
            self._batch_size.observe(size)
        return size

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class _Gauges(Collector):
    """What is read when metrics are asked for, because others keep it."""

    def __init__(self, runner: Runner, admission: Admission) -> None:
        self._runner, self._admission = runner, admission

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "verifier_queue_completions",
            "Completions waiting or in work, as estimated on arrival.",
            self._admission.completions.used,
        )
        yield GaugeMetricFamily(
            "verifier_queue_completions_limit",
            "Completions beyond which requests are refused.",
            self._admission.completions.bound,
        )
        yield GaugeMetricFamily(
            "verifier_queue_bytes",
            "Bytes of bodies waiting or in work, and of answers being sent.",
            self._admission.bytes.used,
        )
        yield GaugeMetricFamily(
            "verifier_queue_bytes_limit",
            "Bytes beyond which requests are refused.",
            self._admission.bytes.bound,
        )
        yield GaugeMetricFamily(
            "verifier_workers_alive", "Scoring processes that run.", self._runner.alive
        )
        yield GaugeMetricFamily(
            "verifier_workers_wanted", "Scoring processes that should run.", self._runner.size
        )
        yield CounterMetricFamily(
            "verifier_worker_restarts",
            "Scoring processes that were replaced.",
            self._runner.restarts,
        )
        yield CounterMetricFamily(
            "verifier_log_drops", "Lines of the log that were not written.", dropped_lines()
        )
