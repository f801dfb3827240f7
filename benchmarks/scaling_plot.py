"""The picture of docs/scaling.md, from `costs.json` and `replicas.json`.

.venv-trainer/bin/python -m benchmarks.scaling_plot    # matplotlib is the trainer's
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from matplotlib import pyplot
from matplotlib.axes import Axes

from benchmarks.contender import ROOT
from benchmarks.simulation import POLICIES, Costs, Setup, simulated

PICTURE: Final = ROOT / "docs" / "images" / "scaling.png"
CHECKED: Final = ROOT / "benchmarks" / "replicas.json"

HUNDRED_THOUSAND: Final = Setup(workers=2, trainers=1000, period_s=10.0, seconds=40.0)
REPLICAS: Final = (6, 7, 8, 9, 10, 12, 14, 16, 20, 24)


def by_replicas(axes: Axes) -> None:
    """p99 of a step, a line for each policy of the load balancer."""
    costs = Costs.measured()
    for policy in POLICIES:
        setups = [replace(HUNDRED_THOUSAND, policy=policy, replicas=each) for each in REPLICAS]
        axes.plot(
            REPLICAS, [simulated(each, costs).ms(0.99) for each in setups], marker="o", label=policy
        )
    axes.set(
        title="Simulated: 100,000 completions/s",
        xlabel="replicas of two workers",
        ylabel="p99 of a step of 1,024, ms",
        ylim=(0, None),
        xticks=range(6, 25, 2),
    )
    axes.legend()


def beside_reality(axes: Axes) -> None:
    """What was seen of real replicas over what the simulation said."""
    cases: list[dict[str, Any]] = json.loads(CHECKED.read_text("utf-8"))["cases"]
    runs = [run for case in cases for run in case["rounds"]]
    for quantile in ("p50", "p90", "p99"):
        said, seen = ([run[f"{kind}_{quantile}_ms"] for run in runs] for kind in ("here", "real"))
        axes.scatter(said, seen, label=quantile)
    most = max(axes.get_xlim()[1], axes.get_ylim()[1])
    axes.plot([0, most], [0, most], color="grey", linewidth=1)
    axes.set(
        title="Real replicas behind nginx",
        xlabel="simulated, ms",
        ylabel="measured, ms",
        xlim=(0, most),
        ylim=(0, most),
    )
    axes.legend()


def main() -> None:
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    by_replicas(left)
    beside_reality(right)
    figure.savefig(PICTURE, dpi=120)


if __name__ == "__main__":
    main()
