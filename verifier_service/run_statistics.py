"""What completions earn, run by run: the signs by which a policy that games its reward is seen.

The label `run` is the caller's own text, so only so many runs have statistics of their own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from verifier_service.jobs import Counts
from verifier_service.scoring.codes import Code
from verifier_service.scoring.types import Tier

NO_RUN: Final = "none"
"""Stands for the run of a request that names none."""
OTHER_RUNS: Final = "other"
"""Stands for all runs beyond the bound."""
FORGOTTEN_AFTER_S: Final = 3600.0
"""A run that has sent nothing for so long makes room for a new one."""

_TIERS: Final = {None: "unscored"} | {tier.value: tier.value for tier in Tier}
_SIGNALS: Final = {
    Code.SURPLUS_CALL.value: "surplus_call",
    Code.SURPLUS_WRITE.value: "surplus_call",
    Code.REPAIRED.value: "repaired",
}


@dataclass(slots=True)
class _Statistics:
    """The sums of one run."""

    seen: float = 0.0
    step: int | None = None
    rewards: float = 0.0
    squared_rewards: float = 0.0
    tiers: Counter[str] = field(default_factory=Counter)
    signals: Counter[str] = field(
        default_factory=lambda: Counter(dict.fromkeys(_SIGNALS.values(), 0))
    )
    groups: int = 0
    even_groups: int = 0


def shown(run: str) -> str:
    """A run's name as a label: what steers a terminal or turns a text around cannot be seen."""
    return "".join(character if character.isprintable() else "\ufffd" for character in run)


class RunStatistics(Collector):
    """Counts rewards by run, for at most so many runs at once."""

    def __init__(self, most_runs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most_runs, clock
        self._runs: dict[str, _Statistics] = {}

    def count(self, counts: Counts) -> None:
        """Count what one request's completions came to."""
        if "rewards" not in counts:
            return
        of_run = self._of(counts.get("run"))
        if counts.get("step") is not None:
            of_run.step = counts["step"]
        rewards, squared_rewards = counts["rewards"]
        of_run.rewards += rewards
        of_run.squared_rewards += squared_rewards
        groups, even_groups = counts.get("groups", (0, 0))
        of_run.groups += groups
        of_run.even_groups += even_groups
        for _, tier, _, count in counts.get("completions", ()):
            of_run.tiers[_TIERS.get(tier, "unscored")] += count
        for code, count in counts.get("failures", {}).items():
            if code in _SIGNALS:
                of_run.signals[_SIGNALS[code]] += count

    def _of(self, run: str | None) -> _Statistics:
        name = NO_RUN if run is None else shown(run)
        if name not in self._runs:
            if name != NO_RUN and not self._has_room():
                name = OTHER_RUNS
            self._runs.setdefault(name, _Statistics())
        of_run = self._runs[name]
        of_run.seen = self._clock()
        return of_run

    def _has_room(self) -> bool:
        """Whether one more run fits; one that is over makes room."""
        named = self._runs.keys() - {NO_RUN, OTHER_RUNS}
        if len(named) < self._most:
            return True
        oldest = min(named, key=lambda name: self._runs[name].seen, default=None)
        if oldest is None or self._clock() - self._runs[oldest].seen < FORGOTTEN_AFTER_S:
            return False
        del self._runs[oldest]
        return True

    def collect(self) -> Iterable[Metric]:
        completions = CounterMetricFamily(
            "verifier_run_completions",
            "Completions judged, by run and tier.",
            labels=["run", "tier"],
        )
        rewards = CounterMetricFamily(
            "verifier_run_rewards", "Sum of rewards, by run.", labels=["run"]
        )
        squared_rewards = CounterMetricFamily(
            "verifier_run_squared_rewards", "Sum of squared rewards, by run.", labels=["run"]
        )
        groups = CounterMetricFamily(
            "verifier_run_groups",
            "Groups of at least two scored completions, by run and spread: `none` where all earn "
            "the same, so that nothing is learnt from them.",
            labels=["run", "spread"],
        )
        signals = CounterMetricFamily(
            "verifier_run_signals",
            "Calls that nobody asked for (`surplus_call`) and mended calls (`repaired`), by run.",
            labels=["run", "signal"],
        )
        step = GaugeMetricFamily(
            "verifier_run_step", "Training step of the last request that named one.", labels=["run"]
        )
        for run, of_run in list(self._runs.items()):  # Another thread may add one meanwhile.
            for tier in _TIERS.values():
                completions.add_metric([run, tier], of_run.tiers[tier])
            rewards.add_metric([run], of_run.rewards)
            squared_rewards.add_metric([run], of_run.squared_rewards)
            groups.add_metric([run, "none"], of_run.even_groups)
            groups.add_metric([run, "some"], of_run.groups - of_run.even_groups)
            for signal, count in of_run.signals.items():
                signals.add_metric([run, signal], count)
            if of_run.step is not None:
                step.add_metric([run], of_run.step)
        return (completions, rewards, squared_rewards, groups, signals, step)
