"""More at once than can be scored at once: absorbed up to the bound, refused by name beyond."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.faults.burst import Burst, Plan, burst
from tests.faults.completions import body, new_samples, rewards_of, samples
from tests.faults.conftest import Scale
from tests.faults.probed import ProbedService, probed_service
from tests.faults.watch import Seen, milliseconds_at, watched

HEALTH_MS = 50.0
FRONT_MIB = 2048
SHARES = (0.5, 0.99, 1.0)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("batch", [1, 512], ids=["ones", "batches"])
def test_a_burst_is_absorbed_without_a_refusal(
    service: ProbedService, scale: Scale, figures: Callable[..., None], batch: int
) -> None:
    with watched(service) as seen:
        found = burst(service.url, Plan(scale.burst, batch))
    again_s = recovery_s(service)
    figures(**described(found, seen), recovery_s=again_s)
    assert set(found.statuses) == {200}
    assert found.rewards == rewards_of(samples(scale.burst))
    assert seen.failed_probes == 0
    assert seen.front_mib < FRONT_MIB
    if scale.whole:
        assert milliseconds_at(0.99, seen.probe_s) < HEALTH_MS


@pytest.mark.timeout(900)
def test_only_beyond_the_bound_are_requests_refused_and_told_when_to_come_again(
    tmp_path: Path, scale: Scale, figures: Callable[..., None]
) -> None:
    bound, batch = (131_072, 512) if scale.whole else (1_024, 64)
    number = 2 * bound
    settings = {"VERIFIER_QUEUE_COMPLETIONS": str(bound)}
    with probed_service(tmp_path, "--workers", "1", **settings) as service:
        with watched(service) as seen:
            found = burst(service.url, Plan(number, batch))
        again_s = recovery_s(service)
    figures(**described(found, seen), recovery_s=again_s)
    assert set(found.statuses) == {200, 429}
    assert found.statuses[200] * batch >= bound
    assert seen.failed_probes == 0
    assert all_told_when_to_come_again(found)
    expected = rewards_of(samples(number))
    for index, answer in enumerate(found.answers):
        due = expected[index * batch : (index + 1) * batch]
        assert answer.status == 429 or answer.rewards == due


BATCH = 64


@dataclass(frozen=True, slots=True)
class Overload:
    """Numbers of one form."""

    bound: int
    """Of the queue, in completions."""
    measured: int
    """Completions by which the capacity is measured."""
    times: float
    """How much more than the capacity comes."""
    seconds: int


OVERLOAD = {True: Overload(16_384, 32_768, 2, 60), False: Overload(1_024, 8_192, 4, 4)}
"""The short form cannot measure well, so it asks for more."""


@pytest.mark.timeout(900)
def test_more_than_can_be_scored_for_a_while_is_refused_in_part_and_over_when_it_ends(
    tmp_path: Path, scale: Scale, figures: Callable[..., None]
) -> None:
    overload = OVERLOAD[scale.whole]
    capacity = capacity_per_s(tmp_path, overload.measured)
    number = int(overload.times * capacity * overload.seconds) // BATCH
    plan = Plan(number * BATCH, BATCH, overload.seconds / number, new=True)
    settings = {"VERIFIER_QUEUE_COMPLETIONS": str(overload.bound)}
    with probed_service(tmp_path, "--workers", "1", **settings) as service:
        with watched(service) as seen:
            found = burst(service.url, plan)
        again_s = recovery_s(service)
    taken = [index for index, answer in enumerate(found.answers) if answer.status == 200]
    over_s = max(found.answers[index].seconds + index * plan.every_s for index in taken)
    figures(
        **described(found, seen),
        capacity_per_s=round(capacity),
        offered_per_s=round(plan.completions / overload.seconds),
        scored_per_s=round(len(taken) * BATCH / over_s),
        over_after_s=round(over_s - overload.seconds, 1),
        recovery_s=again_s,
    )
    assert set(found.statuses) == {200, 429}
    assert all_told_when_to_come_again(found)
    first = next(index for index, answer in enumerate(found.answers) if answer.status == 429)
    assert first * BATCH >= overload.bound
    for index in taken:
        assert found.answers[index].rewards == rewards_of(new_samples(index, BATCH))
    assert seen.failed_probes == 0
    assert seen.front_mib < FRONT_MIB
    if scale.whole:
        assert milliseconds_at(0.99, seen.probe_s) < HEALTH_MS


def capacity_per_s(folder: Path, completions: int) -> float:
    """New completions that one worker scores in a second while others wait."""
    plan = Plan(completions, BATCH, new=True)
    with probed_service(folder, "--workers", "1") as service:
        found = burst(service.url, plan)
    assert set(found.statuses) == {200}
    return completions / found.seconds_at(1.0)


def all_told_when_to_come_again(found: Burst) -> bool:
    refused = [answer for answer in found.answers if answer.status == 429]
    return all(int(answer.retry_after) >= 1 for answer in refused)


def recovery_s(service: ProbedService) -> float:
    """Until a request is answered as if nothing had been."""
    began = time.monotonic()
    one = samples(1)
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{service.url}/score", content=body(one), headers=headers, timeout=60)
    assert answer.json()["rewards"] == rewards_of(one)
    return round(time.monotonic() - began, 3)


def described(found: Burst, seen: Seen) -> dict[str, object]:
    return {
        "statuses": found.statuses,
        "seconds": round(found.seconds, 1),
        "answer_p50_s": round(found.seconds_at(0.5), 2),
        "answer_p99_s": round(found.seconds_at(0.99), 2),
        "healthz_ms": [milliseconds_at(share, seen.probe_s) for share in SHARES],
        "healthz_main_ms": [milliseconds_at(share, seen.open_probe_s) for share in SHARES],
        "healthz_main_anew_ms": [milliseconds_at(share, seen.new_probe_s) for share in SHARES],
        "front_mib": round(seen.front_mib),
        "all_mib": round(seen.all_mib),
    }
