"""Counts that are read as Prometheus' own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.registry import Collector

from verifier_service.tallies import Distribution, Tally

COUNTED = [(2, ("/score", "200")), (1, ("/score", "429")), (0, ("/a", "500")), (3, ("/a", "500"))]
BOUNDS = (0.001, 0.25, 1, 10, 16384)
AMOUNTS = [0, 0.001, 0.0011, 0.25, 1, 1.5, 16384, 1e9]


def exposition(fill: Callable[[CollectorRegistry], None]) -> str:
    registry = CollectorRegistry()
    fill(registry)
    return generate_latest(registry).decode()


@pytest.fixture(autouse=True)
def no_times_of_creation() -> None:
    disable_created_metrics()


def test_a_tally_is_read_as_a_counter() -> None:
    def ours(registry: CollectorRegistry) -> None:
        tally = Tally("asked", "What was asked.", ["route", "status"])
        registry.register(tally)
        for amount, labels in COUNTED:
            tally.add(amount, *labels)

    def theirs(registry: CollectorRegistry) -> None:
        counter = Counter("asked", "What was asked.", ["route", "status"], registry=registry)
        for amount, labels in COUNTED:
            counter.labels(*labels).inc(amount)

    assert exposition(ours) == exposition(theirs)


def test_a_distribution_is_read_as_a_histogram() -> None:
    def ours(registry: CollectorRegistry) -> None:
        distribution = Distribution("took", "What it took.", ["route"], BOUNDS)
        registry.register(distribution)
        for amount in AMOUNTS:
            distribution.observe(amount, "/score")

    def theirs(registry: CollectorRegistry) -> None:
        histogram = Histogram("took", "What it took.", ["route"], buckets=BOUNDS, registry=registry)
        for amount in AMOUNTS:
            histogram.labels("/score").observe(amount)

    assert exposition(ours) == exposition(theirs)


@pytest.mark.parametrize("labels", [[], ["route"]], ids=["without labels", "with labels"])
def test_nothing_is_read_as_nothing(labels: list[str]) -> None:
    def registered(collector: Collector) -> Callable[[CollectorRegistry], None]:
        return lambda registry: registry.register(collector)

    ours = Distribution("took", "What it took.", labels, BOUNDS)
    theirs = Histogram("took", "What it took.", labels, buckets=BOUNDS, registry=None)
    assert exposition(registered(ours)) == exposition(registered(theirs))
