"""More at once than can be scored at once: absorbed up to the bound, refused by name beyond."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.faults.burst import Burst, burst
from tests.faults.completions import body, rewards_of, samples
from tests.faults.conftest import Scale
from tests.faults.watch import Seen, milliseconds_at, watched
from tests.running_service import RunningService, running_service

HEALTH_MS = 50.0
FRONT_MIB = 2048
SHARES = (0.5, 0.99, 1.0)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("batch", [1, 512], ids=["ones", "batches"])
def test_a_burst_is_absorbed_without_a_refusal(
    service: RunningService, scale: Scale, figures: Callable[..., None], batch: int
) -> None:
    with watched(service) as seen:
        found = burst(service.url, scale.burst, batch)
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
    with running_service(tmp_path, "--workers", "1", **settings) as service:
        with watched(service) as seen:
            found = burst(service.url, number, batch)
        again_s = recovery_s(service)
    figures(**described(found, seen), recovery_s=again_s)
    assert set(found.statuses) == {200, 429}
    assert found.statuses[200] * batch >= bound
    refused = [answer for answer in found.answers if answer.status == 429]
    assert all(int(answer.retry_after) >= 1 for answer in refused)
    expected = rewards_of(samples(number))
    for index, answer in enumerate(found.answers):
        due = expected[index * batch : (index + 1) * batch]
        assert answer.status == 429 or answer.rewards == due


def recovery_s(service: RunningService) -> float:
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
        "healthz_anew_ms": [milliseconds_at(share, seen.new_probe_s) for share in SHARES],
        "front_mib": round(seen.front_mib),
        "all_mib": round(seen.all_mib),
    }
