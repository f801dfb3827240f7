"""Scoring processes that are killed, stopped, or run out of memory under load."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.faults.completions import samples
from tests.faults.conftest import Scale
from tests.faults.probed import ProbedService
from tests.faults.scoring import scored_while
from tests.faults.watch import watched
from tests.running_service import RunningService

FRONT_MIB = 400
"""More than the front ever needs here, and far less than what would come of a leak."""
FULL_MIB = 1
CONTROLLERS = (
    ("memory.limit_in_bytes", Path("/sys/fs/cgroup/memory")),
    ("memory.max", Path("/sys/fs/cgroup")),
)
"""Of version 1 and of version 2. Source: cgroups(7)."""


@pytest.fixture
def too_small() -> Iterator[Path]:
    """A control group in which whoever allocates is killed by the kernel for want of memory."""
    for limit, root in CONTROLLERS:
        group = root / f"verifier-faults-{os.getpid()}"
        with suppress(OSError):
            group.mkdir()
            try:
                (group / limit).write_text(str(FULL_MIB * 2**20))
                yield group
                return
            finally:
                with suppress(OSError):
                    group.rmdir()
    pytest.skip("no control group for memory can be made here")


def signalled(service: RunningService, number: signal.Signals) -> None:
    """Send a signal to one of the workers."""
    with suppress(ProcessLookupError, IndexError):
        os.kill(random.choice(service.workers()), number)


@pytest.mark.parametrize(
    ("number", "times"), [(signal.SIGKILL, 200), (signal.SIGSTOP, 4)], ids=["killed", "stopped"]
)
def test_a_worker_that_is_lost_costs_no_reward_but_its_own(
    service: ProbedService,
    scale: Scale,
    figures: Callable[..., None],
    number: signal.Signals,
    times: int,
) -> None:
    with watched(service) as seen:
        scored = scored_while(
            service.url,
            samples(scale.completions),
            lambda: signalled(service, number),
            0.2,
            times,
        )
    figures(**asdict(scored), front_mib=seen.front_mib)
    assert scored.faults
    assert scored.told.unscored <= scored.faults
    assert seen.front_mib < FRONT_MIB


def test_a_worker_that_the_kernel_kills_for_memory_costs_no_reward_but_its_own(
    service: RunningService, too_small: Path, scale: Scale, figures: Callable[..., None]
) -> None:
    lost: set[int] = set()

    def starve() -> None:
        workers = service.workers()
        with suppress(OSError, IndexError):
            (too_small / "cgroup.procs").write_text(str(random.choice(workers)))
            lost.update(workers)

    scored = scored_while(service.url, samples(scale.completions), starve, 0.4)
    killed = len(lost - set(service.workers()))
    figures(**asdict(scored), killed=killed)
    assert killed
    assert scored.told.unscored <= scored.faults
