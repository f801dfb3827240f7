"""Clocks, rounds and medians: what every benchmark measures with.

CPU seconds, not wall time, wherever a process does the work by itself: on a shared machine a
neighbour changes when something is done, and less what it costs. What is compared takes turns, and
the median of the rounds counts. Imports nothing but the standard library.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Tree = dict[str, Any]
"""Numbers under names, nested as deep as it reads well."""


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has taken. Source: clock_getcpuclockid(3) of Linux."""
    return time.clock_gettime((~pid << 3) | 2)


def children_cpu_s(pid: int) -> float:
    """CPU seconds of a process's children: those that live and those that have ended.

    Of the ended ones in ticks of the system. Source: proc_pid_stat(5), cutime and cstime.
    """
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = sum(map(int, after_name[13:15])) / os.sysconf("SC_CLK_TCK")
    return ended + sum(map(cpu_s, children(pid)))


def children(pid: int) -> list[int]:
    """Process ids of a process's children that live."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in found for child in file.read_text().split()]


def cpu_us_each(work: Callable[[], object], number: int) -> float:
    """CPU microseconds of this thread for each of the `number` things that `work` does.

    The clock of the process moves in ticks of 4 ms while a timer of its CPU time runs, as the time
    limit of a completion is one; that of the thread does not. What was garbage before is collected
    before: a collection is not the work that it happens to fall into.
    """
    gc.collect()
    started = time.thread_time()
    work()
    return (time.thread_time() - started) / number * 1e6


def resident_mib(pid: int) -> float:
    """Memory of a process that is in RAM, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kib) / 1024


def machine(cores: int) -> Tree:
    """What is measured on, and how busy it is; `cores` may be used."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": cores,
        "processor": models[0] if models else platform.machine(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def still_memory() -> None:
    """Keep what is loaded out of every later collection, as the service does in its processes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def medians(rounds: Sequence[Tree]) -> Tree:
    """Trees of one shape as one: each number the median of the rounds', with the least and most."""
    return {name: _median([each[name] for each in rounds]) for name in rounds[0]}


def _median(values: Sequence[Any]) -> Any:
    if isinstance(values[0], dict):
        return medians(values)
    found = {"median": statistics.median(values), "least": min(values), "most": max(values)}
    return {name: float(f"{value:.5g}") for name, value in found.items()}


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
