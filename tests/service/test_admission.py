"""The bounded queue."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from verifier_service.admission import Admission, QueueFull, Share, estimated_completions


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def take(share: Share, completions: int = 0, size: int = 0) -> None:
    share.add_bytes(size)
    share.add_completions(completions)


def test_completions_beyond_the_bound_are_refused() -> None:
    queue = Admission(max_completions=10, max_bytes=100)
    with queue.share() as first, queue.share() as second:
        take(first, completions=8)
        with pytest.raises(QueueFull):
            take(second, completions=3)


def test_bytes_beyond_the_bound_are_refused() -> None:
    queue = Admission(max_completions=10, max_bytes=100)
    with queue.share() as first, queue.share() as second:
        take(first, size=90)
        with pytest.raises(QueueFull):
            take(second, size=11)


def test_a_request_larger_than_the_bound_is_let_in_alone() -> None:
    queue = Admission(max_completions=10, max_bytes=100)
    with queue.share() as only:
        take(only, completions=50, size=70)
        take(only, size=70)
        assert (queue.completions.used, queue.bytes.used) == (50, 140)


def test_a_share_is_given_back_however_its_request_ends() -> None:
    queue = Admission(max_completions=10, max_bytes=100)
    with suppress(ZeroDivisionError), queue.share() as share:
        take(share, completions=5, size=5)
        raise ZeroDivisionError
    assert (queue.completions.used, queue.bytes.used, queue.requests) == (0, 0, 0)


def test_a_refused_share_leaves_nothing_behind() -> None:
    queue = Admission(max_completions=10, max_bytes=100)
    with queue.share() as first:
        take(first, completions=10)
        with pytest.raises(QueueFull), queue.share() as second:
            take(second, completions=1, size=10)
        assert (queue.completions.used, queue.bytes.used) == (10, 0)


def test_the_wait_is_what_the_excess_takes_at_recent_throughput() -> None:
    clock = Clock()
    queue = Admission(max_completions=1000, max_bytes=10**9, clock=clock)
    for _ in range(100):
        clock.now += 1
        with queue.share() as done:
            take(done, completions=100)
            done.answer(0)
    with queue.share() as first, queue.share() as second:
        take(first, completions=1000)
        with pytest.raises(QueueFull) as caught:
            take(second, completions=500)
    assert 4 <= caught.value.retry_after_s <= 6


def test_without_any_throughput_the_wait_is_a_second() -> None:
    queue = Admission(max_completions=1, max_bytes=100)
    with queue.share() as first, queue.share() as second:
        take(first, completions=1)
        with pytest.raises(QueueFull) as caught:
            take(second, completions=10**9)
    assert caught.value.retry_after_s == 1


def test_what_was_abandoned_is_no_throughput() -> None:
    queue = Admission(max_completions=10**6, max_bytes=10**6, clock=Clock())
    with queue.share() as abandoned:
        take(abandoned, completions=10**5)
    with queue.share() as first, queue.share() as second:
        take(first, completions=10**6)
        with pytest.raises(QueueFull) as caught:
            take(second, completions=10**5)
    assert caught.value.retry_after_s == 1


def body(items: list[object]) -> bytes:
    return json.dumps({"toolset": "finance", "items": items}).encode()


def test_named_completions_are_counted() -> None:
    assert estimated_completions(body([{"completion": "x", "ground_truth": 1}] * 37)) == 37


def test_groups_count_by_their_size() -> None:
    text = body([{"completions": ["y" * 1020] * 64, "ground_truth": 1}])
    assert 60 <= estimated_completions(text) <= 70


def test_large_bodies_are_extrapolated() -> None:
    text = body([{"completion": "x" * 1000, "ground_truth": 1}] * 5000)
    assert estimated_completions(text) == pytest.approx(5000, rel=0.02)


@pytest.mark.parametrize("text", [b"", b"no json", b"{}"])
def test_any_body_counts_at_least_once(text: bytes) -> None:
    assert estimated_completions(text) == 1
