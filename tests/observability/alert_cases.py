"""When each alert fires and when it does not: series in promtool's notation, one value a minute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """What there was, and what fires after so many minutes."""

    alert: str
    about: str
    minutes: int
    series: Series
    fires: tuple[Mapping[str, str], ...] = ()
    """Labels of each alert that fires, besides `job`."""


def series(metric: str, values: Mapping[str, str]) -> Series:
    """Series of one metric, by their labels as they stand between braces."""
    made = {}
    for labels, value in values.items():
        comma = "," if labels else ""
        made[f'{metric}{{job="verifier"{comma}{labels}}}'] = value
    return made


def requests(good: str, bad: str, status: str = "503") -> Series:
    values = {'route="/score",status="200"': good, f'route="/score",status="{status}"': bad}
    return series("verifier_requests_total", values)


def durations(all_of_them: str, quick: str) -> Series:
    name = "verifier_request_duration_seconds"
    return {
        **series(f"{name}_count", {'route="/score"': all_of_them}),
        **series(f"{name}_bucket", {'route="/score",le="2.5"': quick}),
    }


def queue(completions: str, size: str) -> Series:
    used = {"verifier_queue_completions": completions, "verifier_queue_bytes": size}
    limits = {f"{name}_limit": "1000x40" for name in used}
    return {
        key: value
        for name, values in {**used, **limits}.items()
        for key, value in series(name, {'instance="a"': values}).items()
    }


def workers(alive: str) -> Series:
    return {
        **series("verifier_workers_alive", {'instance="a"': alive}),
        **series("verifier_workers_wanted", {'instance="a"': "2x40"}),
    }


def restarts(values: str) -> Series:
    return series("verifier_worker_restarts_total", {'instance="a"': values})


def completions(**outcomes: str) -> Series:
    values = {f'outcome="{name}"': value for name, value in outcomes.items()}
    return series("verifier_completions_total", values)


def wire_unscored(**answered: str) -> Series:
    values = {f'wire="slime",answered="{name}"': value for name, value in answered.items()}
    return series("verifier_wire_unscored_total", values)


def score_log_drops(values: str) -> Series:
    return series("verifier_score_log_drops_total", {'cause="disk"': values})


def groups(none: str, some: str) -> Series:
    values = {'run="a",spread="none"': none, 'run="a",spread="some"': some}
    return series("verifier_run_groups_total", values)


def tiers(run: str = "a", **values: str) -> Series:
    by_labels = {f'run="{run}",tier="{tier}"': value for tier, value in values.items()}
    return series("verifier_run_completions_total", by_labels)


def signals(name: str, values: str) -> Series:
    return series("verifier_run_signals_total", {f'run="a",signal="{name}"': values})


def rewards(values: str, run: str = "a") -> Series:
    return series("verifier_run_rewards_total", {f'run="{run}"': values})


def of_replica(instance: str, given: Series) -> Series:
    """The series as one replica has them."""
    return {key.replace("{", f'{{instance="{instance}",', 1): v for key, v in given.items()}


def replicas(given: Series) -> Series:
    """The same series of two replicas."""
    return of_replica("a", given) | of_replica("b", given)


ABSENT: Final = {"severity": "critical"}
CRITICAL: Final = {"severity": "critical", "pace": "fast"}
SLOWLY: Final = {"severity": "warning", "pace": "slow"}
WARNING: Final = {"severity": "warning"}
OF_RUN: Final = {**WARNING, "run": "a"}
OF_REPLICA: Final = {**WARNING, "instance": "a"}

AVAILABILITY: Final = "VerifierAvailabilityBurn"
LATENCY: Final = "VerifierLatencyBurn"
QUEUE: Final = "VerifierQueueSaturated"
NUMBERS: Final = "VerifierNumbersForRewards"
LOG_DROPS: Final = "VerifierScoreLogDrops"
TIER: Final = "VerifierTierDominant"
JUMP: Final = "VerifierRewardJump"

BUILD: Final = "verifier_build_info"
JUMPING: Final = "0+20x90 1800+80x30"
"""From 0.2 a completion to 0.8, where 100 a minute are scored."""

CASES: Final = (
    Case("VerifierAbsent", "no replica", 10, series("up", {"": "0x10"}), (ABSENT,)),
    Case("VerifierAbsent", "a replica", 10, series(BUILD, {"": "1x10"})),
    Case("VerifierAbsent", "a gap", 10, series(BUILD, {"": "1x3 _x4 1x9"})),
    Case(AVAILABILITY, "2 % fail", 90, requests("0+98x90", "0+2x90"), (CRITICAL, SLOWLY)),
    Case(AVAILABILITY, "1 % fail", 90, requests("0+990x90", "0+10x90"), (SLOWLY,)),
    Case(AVAILABILITY, "2 % refused", 90, requests("0+98x90", "0+2x90", "429"), (CRITICAL, SLOWLY)),
    Case(AVAILABILITY, "0.05 % fail", 90, requests("0+9995x90", "0+5x90")),
    Case(AVAILABILITY, "wrong requests", 90, requests("0+90x90", "0+10x90", "422")),
    Case(AVAILABILITY, "it is over", 110, requests("0+98x110", "0+2x60 120x50")),
    Case(LATENCY, "20 % are slow", 90, durations("0+100x90", "0+80x90"), (CRITICAL, SLOWLY)),
    Case(LATENCY, "8 % are slow", 90, durations("0+100x90", "0+92x90"), (SLOWLY,)),
    Case(LATENCY, "0.5 % are slow", 90, durations("0+1000x90", "0+995x90")),
    Case(LATENCY, "nobody calls", 90, durations("7x90", "3x90")),
    Case(QUEUE, "completions", 20, queue("900x40", "10x40"), (OF_REPLICA,)),
    Case(QUEUE, "bytes", 20, queue("10x40", "900x40"), (OF_REPLICA,)),
    Case(QUEUE, "half full", 20, queue("500x40", "500x40")),
    Case(QUEUE, "a burst", 20, queue("10x13 900x3 10x24", "10x40")),
    Case("VerifierWorkersRestarting", "one a minute", 20, restarts("0+1x40"), (WARNING,)),
    Case("VerifierWorkersRestarting", "three in all", 20, restarts("0+1x3 3x40")),
    Case("VerifierWorkersMissing", "one of two", 20, workers("2x5 1x35"), (OF_REPLICA,)),
    Case("VerifierWorkersMissing", "all", 20, workers("2x40")),
    Case("VerifierWorkersMissing", "one is replaced", 20, workers("2x17 1x2 2x20")),
    Case(
        "VerifierUnscorable", "1 % time out", 40,
        completions(scored="0+99x40", timeout="0+1x40"), (WARNING,),
    ),
    Case(
        "VerifierUnscorable", "1 % break it", 40,
        completions(scored="0+99x40", verifier_error="0+1x40"), (WARNING,),
    ),
    Case(
        "VerifierUnscorable", "one burst of them", 27,
        completions(scored="0x20 1000x20", timeout="0x20 100x20"), (WARNING,),
    ),
    Case(
        "VerifierUnscorable", "0.1 % time out", 40,
        completions(scored="0+999x40", timeout="0+1x40"),
    ),
    Case(
        "VerifierUnscorable", "the tasks are wrong", 40,
        completions(scored="0+50x40", invalid_task="0+50x40"),
    ),
    Case(
        "VerifierInvalidTasks", "half", 40,
        completions(scored="0+50x40", invalid_task="0+50x40"), (WARNING,),
    ),
    Case(
        "VerifierInvalidTasks", "one in a thousand", 40,
        completions(scored="0+999x40", invalid_task="0+1x40"),
    ),
    Case(NUMBERS, "numbers", 20, wire_unscored(number="0+1x20"), ({**WARNING, "wire": "slime"},)),
    Case(
        NUMBERS, "one, once", 20,
        wire_unscored(number="0x12 1x8"), ({**WARNING, "wire": "slime"},),
    ),
    Case(NUMBERS, "refusals", 20, wire_unscored(refused="0+1x20", number="5x20")),
    Case(LOG_DROPS, "a full disk", 20, score_log_drops("0+9x20"), ({**WARNING, "cause": "disk"},)),
    Case(LOG_DROPS, "one, once", 20, score_log_drops("0x12 1x8"), ({**WARNING, "cause": "disk"},)),
    Case(LOG_DROPS, "long ago", 40, score_log_drops("0+9x5 45x40")),
    Case("VerifierZeroVariance", "nine in ten", 60, groups("0+9x60", "0+1x60"), (OF_RUN,)),
    Case("VerifierZeroVariance", "half", 60, groups("0+5x60", "0+5x60")),
    Case("VerifierZeroVariance", "few groups", 60, groups("0+1x60", "0x60")),
    Case(TIER, "full", 60, tiers(full="0+98x60", none="0+2x60"), ({**OF_RUN, "tier": "full"},)),
    Case(TIER, "none", 60, tiers(full="0+1x60", none="0+99x60"), ({**OF_RUN, "tier": "none"},)),
    Case(TIER, "four in five", 60, tiers(full="0+80x60", none="0+20x60")),
    Case(TIER, "few completions", 60, tiers(full="0+10x60")),
    Case(TIER, "nothing is scored", 60, tiers(unscored="0+100x60", full="0x60")),
    Case(
        "VerifierSurplusCalls", "three in ten", 60,
        tiers(full="0+100x60") | signals("surplus_call", "0+30x60"), (OF_RUN,),
    ),
    Case(
        "VerifierSurplusCalls", "one in ten", 60,
        tiers(full="0+100x60") | signals("surplus_call", "0+10x60"),
    ),
    Case(
        "VerifierRepairs", "two in ten", 60,
        tiers(full="0+100x60") | signals("repaired", "0+20x60"), (OF_RUN,),
    ),
    Case(
        "VerifierRepairs", "one in twenty", 60,
        tiers(full="0+100x60") | signals("repaired", "0+5x60"),
    ),
    Case(JUMP, "upwards", 103, tiers(full="0+100x130") | rewards(JUMPING), (OF_RUN,)),
    Case(
        JUMP, "downwards", 103,
        tiers(full="0+100x130") | rewards("0+80x90 7200+20x30"), (OF_RUN,),
    ),
    Case(
        JUMP, "upwards, of two replicas", 103,
        replicas(tiers(full="0+50x130")) | replicas(rewards("0+10x90 900+40x30")), (OF_RUN,),
    ),
    Case(
        JUMP, "one replica restarts", 103,
        replicas(tiers(full="0+50x90 0+50x40")) | replicas(rewards("0+25x90 0+25x40")),
    ),
    Case(
        JUMP, "a replica is added, another goes", 103,
        of_replica("a", tiers(full="0+100x90 _x40") | rewards("0+50x90 _x40"))
        | of_replica("b", tiers(full="_x90 0+100x40") | rewards("_x90 0+50x40")),
    ),
    Case(JUMP, "a new run", 103, tiers(full="_x95 0+100x40") | rewards("_x95 0+80x40")),
    Case(
        JUMP, "another run beside it", 103,
        tiers(full="0+100x130") | rewards("0+20x130")
        | tiers("b", full="_x90 0+100x40") | rewards("_x90 0+80x40", "b"),
    ),
    Case(
        TIER, "over two replicas", 60,
        of_replica("a", tiers(full="0+98x60", none="0+2x60"))
        | of_replica("b", tiers(full="0+40x60", none="0+60x60")),
    ),
    Case(JUMP, "steady", 103, tiers(full="0+100x130") | rewards("0+50x130")),
    Case(JUMP, "long ago", 180, tiers(full="0+100x190") | rewards("0+20x90 1800+80x100")),
    Case(JUMP, "few completions", 103, tiers(full="0+1x130") | rewards("0+0.2x90 18+0.8x30")),
    Case(
        JUMP, "of runs that share a label", 103,
        tiers("other", full="0+100x130") | rewards(JUMPING, "other"),
    ),
)  # fmt: skip
