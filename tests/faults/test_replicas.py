"""What stands between a client and its rewards goes wrong: replicas, balancers, the network."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import asdict

import pytest

from benchmarks.replicas import balanced, running_replicas
from tests.faults.completions import samples
from tests.faults.conftest import Scale
from tests.faults.injection import injecting, nginx
from tests.faults.scoring import scored_while
from tests.running_service import RunningService

pytestmark = pytest.mark.skipif(nginx() is None, reason="needs nginx (apt-get install nginx-light)")


def test_a_replica_killed_and_one_drained_cost_no_reward(
    scale: Scale, figures: Callable[..., None]
) -> None:
    with running_replicas(3) as replicas, balanced("round robin", replicas) as service:
        leaving = iter(((replicas[0], signal.SIGKILL), (replicas[1], signal.SIGTERM)))

        def lose_one() -> None:
            for replica, number in leaving:
                replica.process.send_signal(number)
                return

        scored = scored_while(service.url, samples(scale.completions), lose_one, 0.1)
        assert scored.faults >= 2
        drained = replicas[1].process.wait(timeout=60)
    figures(**asdict(scored))
    assert scored.told.unscored == 0
    assert drained == 0


def test_503s_and_delays_cost_no_reward(
    service: RunningService, scale: Scale, figures: Callable[..., None]
) -> None:
    with injecting(service.url) as url:
        scored = scored_while(url, samples(scale.completions), lambda: None, 0.5)
    figures(**asdict(scored))
    assert scored.told.unscored == 0
