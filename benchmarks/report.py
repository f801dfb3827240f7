"""Write docs/performance.md and its plots from the numbers of a run: `python -m benchmarks.report`.

python -m benchmarks.report [benchmarks/results.json]
"""

# ruff: noqa: E501 - the page's own lines and the rows of its tables
from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import Tree

ROOT: Final = Path(__file__).parent.parent
RESULTS: Final = Path(__file__).with_name("results.json")
PAGE: Final = ROOT / "docs/performance.md"
IMAGES: Final = ROOT / "docs/images"

CHECKS: Final = {
    "ours": ("verifier-service", "format, name, JSON Schema, arguments, execution, side effects; reasons"),
    "tutorial": ("a tutorial's reward, as in `benchmarks/peers/tutorial.py`", "name and arguments"),
    "plain_schema": ("json and `jsonschema` compiled once, `benchmarks/peers/plain_schema.py`",
                     "name, JSON Schema yes or no, arguments"),
    "bfcl": ("BFCL's decoder and `ast_checker`, bfcl-eval 2026.3.23; right calls only",
             "name, types, possible answers"),
    "reward_kit": ("reward-kit 0.4.1 `exact_tool_match_reward`", "name and arguments"),
    "nemo_gym": ("NeMo Gym 0.4.0 `/verify`, `single_step_tool_use_with_argument_comparison`",
                 "name and arguments"),
}  # fmt: skip
"""What is compared, and what it checks."""

STATES: Final = """\
The service remembers, within bounds and by content, tasks that it has prepared and what their completions came to: in 384 MiB a worker holds some 120,000 short
tasks with one completion each. What a completion costs depends on what of it has been met, so every figure says which:

| | |
|---|---|
| *new* | neither the task nor the completion was met before: the first time through a dataset, and nothing to be gained from memory |
| *known task* | the task was, the completion was not |
| *mixture* | as the corpus comes: 73 % right, half of the tasks among thirteen, so that {repeated:.0%} of its 200,000 completions equal one before |
| *seen* | all were met: the same few requests again and again |

How often a real run repeats itself is not known; it lies between *new* and *seen*. Figures of *seen* alone would say little about scoring.
"""

NOT_UNDER_LOAD: Final = """\
## Over HTTP

Throughput and latency by size of request were not measured in this run: `make bench` on a machine that has wrk and is not busy with other things.
"""

UNMEASURED: Final = """\
## Not measured

TLS, a network in between, Kubernetes, more than two cores, tools that do I/O, a trainer's real completions. wrk and the client share the cores with the
service. The peers check less, each something else (see the table), and their servers take one completion a request; a faster check is no better one.
"""


def page(results: Tree) -> str:
    """The whole page."""
    sections = [
        head(results),
        summary(results),
        in_process(results["in_process"]),
        over_http(results) if "throughput" in results else NOT_UNDER_LOAD,
        step(results["step"]),
        peers(results),
        growth(results),
        UNMEASURED,
    ]
    return "\n".join(sections)


def head(results: Tree) -> str:
    where = results["conditions"]
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    effort = "`make bench BENCH=--quick`" if where["quick"] else "`make bench`"
    return f"""\
# Performance

What a reward costs, measured in one run with what it is compared with. Written from `benchmarks/results.json` by `python -m benchmarks.report`.

```sh
make bench                 # about ten minutes; BENCH=--quick for two
make bench BENCH='--soak 1000000'
```

This run: {effort}, {where["date"]}, {where["cores"]} shared cores ({where["processor"]}), load average {where["load_average"]} at its beginning, Python {where["python"]},
{versions}. Contenders take turns; the figures are medians of {rounds(where)}. CPU is that of all processes of a
server. On shared cores the clock says little: compare CPU, and ratios within this page, not numbers of two machines.

{STATES.format(repeated=results["repeated"]["share"])}"""


def rounds(where: Tree) -> str:
    """How many, and which sections were measured by themselves with another number."""
    again = where.get("again", {})
    apart = ", ".join(f"{section.replace('_', ' ')}: {number}" for section, number in again.items())
    return f"{where['rounds']} rounds" + (
        f" (measured by themselves afterwards, {apart})" if apart else ""
    )


def summary(results: Tree) -> str:
    """Completions for the same CPU, as multiples of what others do."""
    rows = [*ratios_in_process(results["in_process"])]
    if "throughput" in results:
        rows += ratios_over_http(
            results["throughput"], results.get("peers_over_http", {}).get("measured", {})
        )
    columns = ("compared with", "how", *_STREAMS)
    return f"""\
## In one table

Completions that the service does for the CPU in which the other does one; above 1 it is the faster.

{table(columns, rows)}"""


_STREAMS: Final = ("new", "mixture", "seen")
_IN_PROCESS: Final = ("tutorial", "plain_schema", "bfcl", "reward_kit")
_SAME_STACK: Final = ("scoring taken out", "static, plain ASGI", "static, FastAPI")


def ratios_in_process(found: Tree) -> Iterator[tuple[str, ...]]:
    ours = found["core"]["bodies"]["64"]
    for name in _IN_PROCESS:
        if name in found:
            other = middle(found[name]["us"])
            shares = (other / middle(ours[stream]) for stream in _STREAMS)
            yield (CHECKS[name][0], "in process, 64 a request", *map(times, shares))


def ratios_over_http(throughput: Tree, others: Tree) -> Iterator[tuple[str, ...]]:
    for name in _SAME_STACK:
        for size, found in throughput.items():
            yield (name, f"HTTP, {size} a request", *_times(found, found[name]))
    for name in ("reward_kit", "nemo_gym"):
        if name in others:
            for size, found in throughput.items():
                how = f"HTTP, its 1 a request, our {size}"
                yield (CHECKS[name][0], how, *_times(found, others[name]))


def _times(ours: Tree, other: Tree) -> Iterator[str]:
    for stream in _STREAMS:
        mine, its = (middle(one["completions_per_cpu_s"]) for one in (ours[stream], other))
        yield times(mine / its)


def in_process(found: Tree) -> str:
    core = found["core"]
    kinds = [
        (kind, *(us(each[state]) for state in ("new", "known task", "seen")))
        for kind, each in core["kinds"].items()
    ]
    bodies = [
        (size, *(us(each[state]) for state in _STREAMS)) for size, each in core["bodies"].items()
    ]
    kinds_staged = list(core["stages"])
    stages = [
        (stage, *(us(core["stages"][kind][stage]) for kind in kinds_staged))
        for stage in core["stages"][kinds_staged[0]]
    ]
    return f"""\
## In process

CPU microseconds a completion, with the request read and the answer written, 64 completions a request. *State-changing* calls write to the sandbox, and
their writes are compared with the expected ones; a *trajectory* is three messages with a result in between; *long reasoning* is 1.5 KB before the call.

{table(("completion", "new", "known task", "seen"), kinds)}
![CPU by kind of completion](images/performance-kinds.png)

By completions in a request:

{table(("completions a request", *_STREAMS), bodies)}
By stage, new completions. A known task needs no preparing, a seen completion only the first two and the last:

{table(("stage", *kinds_staged), stages)}"""


def over_http(results: Tree) -> str:
    found = results["throughput"]
    throughput = [
        (
            size, name, thousands(each["completions_per_cpu_s"]), thousands(each["completions_per_s"]),
            us(each["front_us_per_request"]), us(each["workers_us_per_completion"]),
            ms(each["p50_ms"]), ms(each["p99_ms"]),
        )
        for size, by_name in found.items()
        for name, each in by_name.items()
    ]  # fmt: skip
    unloaded = [
        (size, *(ms(each[stream][p]) for stream in ("new", "mixture") for p in ("p50_ms", "p99_ms")))
        for size, each in results.get("latency", {}).items()
    ]  # fmt: skip
    workers = [
        (size, *(f"{two / one:.2f}" for one, two in _scaled(by_name)))
        for size, by_name in found.items()
    ]
    columns = (
        "a request", "", "completions a CPU second", "completions a second", "front, us a request",
        "workers, us a completion", "p50 ms", "p99 ms",
    )  # fmt: skip
    return f"""\
## Over HTTP

`POST /score`, the toolset by name, the whole verdict in the answer, wrk on 16 connections. *Scoring taken out* is the same service whose workers read,
check, count and answer, but look at no completion. *Static* is uvicorn with uvloop and httptools, which sends the same answer to everything.
What wrk leaves unanswered at the end of a round has cost CPU and counts for nothing, which tells at 1,024 a request.

{table(columns, throughput)}
![Throughput by size of request](images/performance-throughput.png)

One connection, one request at a time, ms:

{table(("completions a request", "new p50", "new p99", "mixture p50", "mixture p99"), unloaded)}
Two workers against one, completions a second of the clock. Two cores are all there is here, and the front and wrk want theirs, too: a second worker can
add what the others leave, which grows with the share of scoring: in small requests one worker and the front keep both cores busy. Machines with more
cores are not measured.

{table(("completions a request", "new", "new, best rounds", "mixture", "mixture, best rounds"), workers)}"""


def _scaled(by_name: Tree) -> Iterator[tuple[float, float]]:
    """By stream: of the medians, then of the best rounds, in which neighbours kept quietest."""
    for stream in ("new", "mixture"):
        one, two = (by_name[name]["completions_per_s"] for name in (stream, f"{stream}, 2 workers"))
        yield one["median"], two["median"]
        yield one["most"], two["most"]


def step(found: Tree) -> str:
    rows = [
        (
            way, f"{each['wall_p50_ms']:.0f}", f"{each['wall_p99_ms']:.0f}",
            f"{each['client_cpu_ms']:.1f}", f"{each['server_cpu_ms']:.1f}",
        )
        for way, each in found["ways"].items()
    ]  # fmt: skip
    columns = ("", "wall p50", "wall p99", "CPU of the client", "CPU of the service")
    return f"""\
## A step of GRPO

128 prompts with 8 rollouts each through our client, ms, {found["steps"]} steps: every rollout has a thought of its own of 300 bytes. Every task is new, but in *mixture*, where
half of them are among thirteen, and in *again*, which are the same steps once more, when both workers have met them. Two workers.
The client cuts a batch into requests of 512, so that several workers can share it.

{table(columns, rows)}"""


def peers(results: Tree) -> str:
    """What others take for the same completions."""
    found = results["in_process"]
    core = found["core"]["bodies"]["64"]
    ours = [
        (f"{CHECKS['ours'][0]}, {state}", CHECKS["ours"][1], us(core[state])) for state in _STREAMS
    ]
    others = [
        (*CHECKS[name], us(found[name]["us"])) for name in CHECKS if "us" in found.get(name, {})
    ]
    over = results.get("peers_over_http", {"measured": {}, "absent": {}})
    served = [
        (
            name,
            thousands(each["completions_per_cpu_s"]),
            ms(each["p50_ms"]),
            ms(each["p99_ms"]),
        )
        for name, each in _served(over["measured"], results.get("throughput", {}))
    ]
    absent = found["absent"] | over["absent"]
    missing = "".join(f"\nNot measured here: {name} ({why}).\n" for name, why in absent.items())
    batch = (
        f"\nThe service takes batches: with 64 completions a request of the mixture it is at "
        f"{middle(results['throughput']['64']['mixture']['completions_per_cpu_s']):,.0f} a CPU second.\n"
        if "throughput" in results
        else ""
    )
    return f"""\
## Beside others

The same completions of the mixture, in process, CPU microseconds a completion:

{table(("scorer", "what it checks", "us"), [*ours, *others])}
Over HTTP with one completion a request, which is all that these take, 16 connections, the same 1,024 requests of the mixture again and again, in turns, so that
the service remembers them:

{table(("server", "completions a CPU second", "p50 ms", "p99 ms"), served)}
{batch}
{missing}"""


def _served(measured: Tree, throughput: Tree) -> Iterator[tuple[str, Tree]]:
    """What answered one completion a request, by name; ours for each state of its memory."""
    for name, each in measured.items():
        if name == "ours":
            if throughput:
                yield f"{CHECKS[name][0]}, new", throughput["1"]["new"]
            yield f"{CHECKS[name][0]}, seen", each
        else:
            yield CHECKS[name][0], each


def growth(results: Tree) -> str:
    tasks = [
        (
            f"{int(number):,}", us(each["first"]), us(each["same completions"]),
            us(each["new completions"]), f"{each['grown_mib']:.0f}",
        )
        for number, each in results["tasks"].items()
    ]  # fmt: skip
    bodies = results["in_process"]["core"]["bodies"]
    ratios = [f"{middle(bodies['1024'][s]) / middle(bodies['64'][s]):.2f} ({s})" for s in _STREAMS]
    return f"""\
## Growth

From 64 to 1,024 completions a request, CPU a completion in process grows by a factor of {", ".join(ratios)}.

Distinct tasks that come in turn, 64 completions a request, in process, CPU microseconds a completion: the first time round, where each
task is prepared; the second time, with the same completions; then with others, all of them wrong.

{table(("distinct tasks", "first time", "the same again", "other completions", "memory grown by, MiB"), tasks)}
{soak(results["soak"]["points"]) if "soak" in results else ""}"""


def soak(points: Sequence[Tree]) -> str:
    few = points[:: max(1, len(points) // 8)]
    chosen = few if few[-1] is points[-1] else [*few, points[-1]]
    rows = [
        (
            f"{each['completions']:,}", f"{each['front_mib']:.1f}", f"{each['workers_mib']:.1f}",
            f"{each['completions_per_cpu_s']:,.0f}",
        )
        for each in chosen
    ]  # fmt: skip
    columns = ("completions so far", "front, MiB", "worker, MiB", "completions a CPU second")
    return f"""\
A soak of {points[-1]["completions"]:,} completions over HTTP, none of them remembered, one worker, resident memory:

{table(columns, rows)}"""


# Cells


def middle(measured: Tree) -> float:
    return float(measured["median"])


def us(measured: Any) -> str:
    value = middle(measured) if isinstance(measured, dict) else measured
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def ms(measured: Tree) -> str:
    value = middle(measured)
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}" if value >= 2 else f"{value:.2f}"


def times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 20 else f"{ratio:.1f}" if ratio >= 2 else f"{ratio:.2g}"


def thousands(measured: Tree) -> str:
    value = middle(measured)
    return f"{value / 1000:,.0f} k" if value >= 20_000 else f"{value / 1000:.1f} k"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    from benchmarks import plots  # noqa: PLC0415 - matplotlib is in one environment alone

    file = Path(sys.argv[1]) if sys.argv[1:] else RESULTS
    results = json.loads(file.read_text("utf-8"))
    PAGE.write_text(page(results), "utf-8")
    plots.draw(results, IMAGES)
    print(f"written: {PAGE}, {IMAGES}/performance-*.png")


if __name__ == "__main__":
    main()
