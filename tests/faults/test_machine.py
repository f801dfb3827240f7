"""The machine's own faults: its clock, its disk, and its wish that the service ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import httpx
import pytest

from tests.faults.burst import NO_CONNECTION, Plan, bursting
from tests.faults.completions import rewards_of, samples
from tests.faults.conftest import Scale
from tests.faults.probed import ProbedService, probed_service
from tests.faults.scoring import scored_while
from tests.running_service import running_service

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
DISK_MIB = 2


@pytest.mark.skipif(FAKETIME is None, reason="needs libfaketime (apt-get install libfaketime)")
def test_a_clock_that_jumps_costs_no_reward(
    tmp_path: Path, scale: Scale, figures: Callable[..., None]
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    environment = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    jumps = iter(("-1h", "+1d", "-10y", "+10y") * 1000)
    with running_service(tmp_path, "--workers", "2", **environment) as service:
        scored = scored_while(
            service.url, samples(scale.completions), lambda: _jump(clock, next(jumps)), 0.3
        )
        _jump(clock, "+10y")
        date = httpx.get(f"{service.url}/healthz").headers["date"]
    figures(**asdict(scored), date=date)
    assert scored.faults
    assert scored.told.unscored == 0


def _jump(clock: Path, to: str) -> None:
    clock.with_suffix(".new").write_text(to)
    clock.with_suffix(".new").rename(clock)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_costs_log_lines_and_no_reward(
    tmp_path: Path, small_disk: Path, scale: Scale, figures: Callable[..., None]
) -> None:
    settings = {"VERIFIER_SCORE_LOG": str(small_disk)}
    with probed_service(tmp_path, "--workers", "2", **settings) as service:
        scored = scored_while(service.url, samples(scale.completions), lambda: None, 0.5)
        dropped = _waited_for(service, 'verifier_score_log_drops_total{cause="disk"}')
        service.process.terminate()
        assert service.process.wait(timeout=60) == 0
    figures(**asdict(scored), dropped=dropped)
    assert scored.told.unscored == 0


def _waited_for(service: ProbedService, name: str) -> float:
    """The value of a counter, once it is above zero."""
    while True:
        for line in httpx.get(f"{service.probes}/metrics").text.splitlines():
            if line.startswith(f"{name} ") and float(line.split()[1]):
                return float(line.split()[1])


def test_sigterm_under_load_answers_what_it_took_and_refuses_the_rest_by_name(
    service: ProbedService, scale: Scale, figures: Callable[..., None]
) -> None:
    number = min(scale.burst, 16_384)
    with bursting(service.url, Plan(number), processes=2) as wait:
        name = 'verifier_requests_total{route="/score",status="200"}'
        _waited_for(service, name)
        service.process.send_signal(signal.SIGTERM)
        burst = wait()
        code = service.process.wait(timeout=150)
    figures(statuses=burst.statuses, seconds=burst.seconds, exit_code=code)
    assert code == 0
    assert set(burst.statuses) <= {200, 503, NO_CONNECTION}
    assert all(answer.retry_after for answer in burst.answers if answer.status == 503)
    for answer, due in zip(burst.answers, rewards_of(samples(number)), strict=True):
        assert answer.status != 200 or answer.rewards == [due]
