"""Measure everything in one run: `make bench`, or `python -m benchmarks [--quick]`.

What is compared takes turns in the same run on the same machine; the medians of the rounds and the
ratios between them are what counts. Writes `benchmarks/results.json`; `python -m benchmarks.report`
makes the page and its plots of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks import growth, over_http, step
from benchmarks.contender import Contender, Failed
from benchmarks.measure import Tree, machine, medians, quantile
from benchmarks.over_http import peer_python
from benchmarks.servers import our_service, wrk
from tests.trainers.__main__ import NotInstalled
from verifier_service.settings import available_cores

RESULTS: Final = Path(__file__).with_name("results.json")
VERSIONS: Final = (
    "verifier-service", "fastapi", "httpx", "jsonschema", "jsonschema-rs", "orjson", "pydantic",
    "starlette", "uvicorn", "uvloop",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Effort:
    """How long everything is measured."""

    rounds: int
    seconds: int
    """Of load in a round."""
    step_rounds: int
    most_tasks: int
    soak_completions: int


FULL: Final = Effort(3, 2, 8, 100_000, 200_000)
QUICK: Final = Effort(1, 1, 3, 10_000, 0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about two minutes instead of ten")
    parser.add_argument("--soak", type=int, help="completions of the soak; 1000000 takes minutes")
    parser.add_argument("--only", nargs="+", help="sections to measure again; the others stay")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the numbers go")
    arguments = parser.parse_args()
    effort = QUICK if arguments.quick else FULL
    soak = effort.soak_completions if arguments.soak is None else arguments.soak
    results: Tree = {"conditions": conditions(effort, quick=arguments.quick)}
    if arguments.only:
        results = json.loads(arguments.out.read_text("utf-8"))
        again = dict.fromkeys(arguments.only, effort.rounds)
        results["conditions"].setdefault("again", {}).update(again)
    for section, found in measured(effort, soak, arguments.only):
        results[section] = found
        arguments.out.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(f"{arguments.out}: now `python -m benchmarks.report`")
    return 0


def measured(effort: Effort, soak: int, only: Sequence[str] | None) -> Iterator[tuple[str, Tree]]:
    """Every section with its name, as it is done; without wrk, those that need none."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sections: dict[str, Callable[[], Tree]] = {
            "repeated": lambda: {"share": over_http.repeated(over_http.DISTINCT)},
            "in_process": lambda: in_process(effort.rounds),
            "step": lambda: steps(folder, effort.step_rounds),
            "tasks": lambda: by_tasks(effort.most_tasks),
        }
        if wrk() is None:
            print("no wrk here (apt-get install wrk): nothing is measured under load")
        else:
            sections |= {
                "throughput": lambda: over_http.throughput(folder, effort.rounds, effort.seconds),
                "latency": lambda: over_http.latency(folder, effort.rounds, effort.seconds),
                "peers_over_http": lambda: over_http.peers(folder, effort.rounds, effort.seconds),
            }
            if soak:
                sections["soak"] = lambda: growth.soak(folder, soak)
        for section, measure in sections.items():
            if not only or section in only:
                yield section, _told(section, measure)


def _told(section: str, measure: Callable[[], Tree]) -> Tree:
    print(f"{section} …", end=" ", flush=True)
    began = time.monotonic()
    found = measure()
    print(f"{time.monotonic() - began:.0f} s")
    return found


def in_process(rounds: int) -> Tree:
    """The core and other scorers, each in its own process and environment, in turns."""
    modules = {
        "core": ("benchmarks.core", None),
        "tutorial": ("benchmarks.peers.tutorial", None),
        "plain_schema": ("benchmarks.peers.plain_schema", None),
        "bfcl": ("benchmarks.peers.bfcl", "bfcl"),
        "reward_kit": ("benchmarks.peers.reward_kit", "reward_kit"),
    }
    taken: dict[str, list[Tree]] = {}
    absent: Tree = {}
    with ExitStack() as stack:
        contenders: dict[str, Contender] = {}
        for name, (module, peer) in modules.items():
            try:
                python = sys.executable if peer is None else peer_python(peer)
                contenders[name] = stack.enter_context(Contender(python, module))
                contenders[name].round(1000)  # imports and warms; does not count
            except (NotInstalled, Failed) as reason:
                absent[name] = str(reason)
                contenders.pop(name, None)
        for number in range(rounds):
            for name, contender in contenders.items():
                taken.setdefault(name, []).append(contender.round(number))
    return {"absent": absent, **{name: medians(found) for name, found in taken.items()}}


def by_tasks(most: int) -> Tree:
    found: Tree = {}
    for tasks in growth.DISTINCT_TASKS:
        if tasks <= most:
            with Contender(sys.executable, "benchmarks.growth", str(tasks)) as contender:
                found[str(tasks)] = contender.round(0)
    return found


def steps(folder: Path, rounds: int) -> Tree:
    """Wall p50 and p99 of a step, and the CPU that it takes on both sides; two workers."""
    with our_service(folder, workers=2) as service:
        url = service.url.removesuffix("/score")
        pids = (str(service.front), str(service.template))
        with Contender(sys.executable, "benchmarks.step", url, *pids) as contender:
            taken = [contender.round(number) for number in range(rounds)]
    return {
        "steps": rounds * step.STEPS,
        "ways": {name: _step([each[name] for each in taken]) for name in taken[0]},
    }


def _step(rounds: list[Tree]) -> Tree:
    wall_ms, client_ms, server_ms = (
        [value for each in rounds for value in each[name]]
        for name in ("wall_ms", "client_cpu_ms", "server_cpu_ms")
    )
    return {
        "wall_p50_ms": quantile(wall_ms, 0.5),
        "wall_p99_ms": quantile(wall_ms, 0.99),
        "client_cpu_ms": quantile(client_ms, 0.5),
        "server_cpu_ms": quantile(server_ms, 0.5),
    }


def conditions(effort: Effort, *, quick: bool) -> Tree:
    """What was measured where."""
    return {
        **machine(available_cores()),
        "versions": {name: version(name) for name in VERSIONS},
        "rounds": effort.rounds,
        "quick": quick,
    }


if __name__ == "__main__":
    sys.exit(main())
