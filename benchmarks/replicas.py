"""Real replicas behind nginx: what a request costs at each station, and how long steps take.

    python -m benchmarks.replicas costs    # writes costs.json, which the simulation draws from
    python -m benchmarks.replicas check    # real bursts beside simulated ones; writes replicas.json

Every replica has one worker. Trainers are processes of their own, each with an asynchronous client,
and begin their steps when the simulated ones do. Everything runs on the few cores of this machine:
the simulation is told how many there are, and how many others wanted one meanwhile.

Needs nginx (`apt-get install nginx-light`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.corpus import TOOLSET, groups
from benchmarks.measure import cpu_s, machine, quantile, still_memory
from benchmarks.simulation import COSTS, NEIGHBOURS_S, Costs, Setup, begins, simulated
from tests.running_service import RunningService, children, running_service
from verifier_service.client import AsyncVerifierClient
from verifier_service.client.requests import Limits, requests_for
from verifier_service.client.terms import REQUEST_BYTES, REQUEST_COMPLETIONS
from verifier_service.settings import available_cores

CHECKED: Final = Path(__file__).with_name("replicas.json")
ROLLOUTS: Final = 8
COSTED: Final = 200
"""Requests whose cost is measured."""
WARMING: Final = 20
AHEAD_S: Final = 0.5
"""From when all trainers are ready to their common zero."""
NEW: Final = 1_000_000
"""Seeds of real steps from one run to the next: what is scored is new each time."""
STEPS_OF_A_TRAINER: Final = 10_000
"""The same from one trainer to the next."""

BURSTS: Final = Setup(trainers=2, completions=3 * REQUEST_COMPLETIONS, period_s=1.0, seconds=25)
"""About a quarter of two cores: what waits, waits for bursts and not for a machine that is full."""
CASES: Final = (
    replace(BURSTS, replicas=1),
    replace(BURSTS, replicas=3),
    replace(BURSTS, replicas=3, policy="least connections"),
    replace(BURSTS, replicas=3, policy="random"),
    replace(BURSTS, replicas=3, arrivals="synchronised"),
)

NGINX: Final = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_max_body_size 64m;
  client_body_buffer_size 8m;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/answers;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_buffers 64 64k;
  proxy_busy_buffers_size 1m;
  upstream replicas {{
    {policy}
    {servers}
    keepalive 32;
  }}
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 1000000;
    location / {{
      proxy_pass http://replicas;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout 130s;
    }}
  }}
}}
"""
"""Bodies and answers stay in memory; the connections to the replicas stay open."""
DIRECTIVES: Final = {
    "round robin": "",
    "least connections": "least_conn;",
    "random": "random;",
}


@dataclass(frozen=True, slots=True)
class Balanced:
    """Replicas behind a load balancer."""

    url: str
    balancer: int
    """Process id, as those below."""
    fronts: Sequence[int]
    workers: Sequence[int]

    @property
    def pids(self) -> Sequence[int]:
        return (self.balancer, *self.fronts, *self.workers)

    def cpu_s(self) -> float:
        return sum(map(cpu_s, self.pids))


@contextmanager
def balanced(policy: str, replicas: Sequence[RunningService]) -> Iterator[Balanced]:
    """nginx before `replicas`."""
    with tempfile.TemporaryDirectory() as name:
        port = _free_port()
        folder = Path(name)
        folder.chmod(0o755)
        servers = (f"server {each.url.removeprefix('http://')};" for each in replicas)
        text = NGINX.format(
            folder=folder, port=port, policy=DIRECTIVES[policy], servers="\n    ".join(servers)
        )
        (folder / "nginx.conf").write_text(text)
        command = [_nginx(), "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")]
        process = subprocess.Popen(command)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url)
            workers = tuple(pid for each in replicas for pid in each.workers())
            fronts = tuple(each.process.pid for each in replicas)
            yield Balanced(url, children(process.pid)[0], fronts, workers)
        finally:
            process.terminate()
            process.wait()


@contextmanager
def running_replicas(number: int) -> Iterator[Sequence[RunningService]]:
    """Replicas of one worker each."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                running_service(
                    Path(stack.enter_context(tempfile.TemporaryDirectory())), "--workers", "1"
                )
            )
            for _ in range(number)
        ]


def _nginx() -> str:
    # Not every user's path has /usr/sbin, where Debian puts it.
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        sys.exit("no nginx here: apt-get install nginx-light")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    for _ in range(100):
        try:
            httpx.get(f"{url}/readyz").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"nginx did not start at {url}")


def steps_of(seed: int, number: int, completions: int) -> list[list[dict[str, Any]]]:
    """Steps that nobody has scored before, unless of the same seed."""
    return [groups(seed + step, completions // ROLLOUTS, ROLLOUTS) for step in range(number)]


# ── What a request costs ──────────────────────────────────────────────────────────────────────────


def costs() -> dict[str, Any]:
    """CPU microseconds and bytes a completion, of requests as our client cuts them."""
    steps = steps_of(0, WARMING + COSTED, REQUEST_COMPLETIONS)
    with running_replicas(1) as replicas, balanced("round robin", replicas) as service:
        found = asyncio.run(_costs(service, steps))
        sizes = bytes_of_a_completion(replicas[0].url)
    return {
        "conditions": machine(available_cores()),
        "completions_of_a_request": REQUEST_COMPLETIONS,
        "bytes_per_completion": sizes,
        "us_per_completion": {name: sorted(values) for name, values in found.items()},
    }


async def _costs(service: Balanced, steps: list[Any]) -> dict[str, list[float]]:
    """One request after the other, so that all processes rest when their clocks are read."""
    pids = {"balancer": service.balancer, "front": service.fronts[0], "worker": service.workers[0]}
    found: dict[str, list[float]] = {name: [] for name in ("encoding", "reading", *pids)}
    limits = Limits(REQUEST_COMPLETIONS, REQUEST_BYTES)
    still_memory()
    async with AsyncVerifierClient(service.url) as client:
        for number, items in enumerate(steps):
            encoding_s = _own_s(partial(requests_for, items, {}, limits))
            before = {name: cpu_s(pid) for name, pid in pids.items()}
            own_s = time.thread_time()
            await client.score(items, toolset=TOOLSET)
            own_s = time.thread_time() - own_s
            await asyncio.sleep(0.005)
            taken = {name: cpu_s(pid) - before[name] for name, pid in pids.items()}
            if number >= WARMING:
                taken |= {"encoding": encoding_s, "reading": own_s - encoding_s}
                for name, seconds in taken.items():
                    found[name].append(round(seconds / REQUEST_COMPLETIONS * 1e6, 3))
    return found


def _own_s(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def bytes_of_a_completion(url: str) -> dict[str, float]:
    """Bytes of the body of a request, and of its answer with and without reasons."""
    items = groups(NEW, REQUEST_COMPLETIONS // ROLLOUTS, ROLLOUTS)
    limits = Limits(REQUEST_COMPLETIONS, REQUEST_BYTES)
    texts = sum(len(text.encode()) for item in items for text in item["completions"])
    sizes = {"completion": texts}
    for name, detail in (("answer", "verdict"), ("answer, rewards alone", "reward")):
        (request,) = requests_for(items, {"toolset": TOOLSET, "detail": detail}, limits)
        answer = httpx.post(f"{url}/score", content=request.body, headers=JSON)
        sizes |= {"request": len(request.body), name: len(answer.raise_for_status().content)}
    return {name: round(size / REQUEST_COMPLETIONS, 1) for name, size in sizes.items()}


JSON: Final = {"Content-Type": "application/json"}


# ── Real bursts beside simulated ones ─────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Observed:
    """A real run."""

    step_s: list[float]
    neighbours: Sequence[float]
    """Sessions of others that wanted a core, every `NEIGHBOURS_S` seconds."""
    service_us: float
    """CPU microseconds a completion that load balancer and replicas took."""


def check(rounds: int) -> dict[str, Any]:
    """Every case several times, in turns."""
    drawn = Costs.measured()
    found: dict[Setup, list[dict[str, float]]] = {setup: [] for setup in CASES}
    with running_replicas(max(setup.replicas for setup in CASES)) as replicas:
        for number in range(rounds):
            for index, case in enumerate(CASES):
                setup = replace(case, seed=number)
                with balanced(setup.policy, replicas[: setup.replicas]) as service:
                    seen = observed(service, setup, NEW * (2 + number * len(CASES) + index))
                found[case].append(compared(setup, seen, drawn))
                print(_told(case, found[case][-1]), flush=True)
    return {
        "conditions": machine(available_cores()),
        "rounds": rounds,
        "cases": [
            {
                "setup": {name: value for name, value in asdict(setup).items() if name in _SHOWN},
                "rounds": each,
            }
            for setup, each in found.items()
        ],
    }


_SHOWN: Final = ("replicas", "policy", "trainers", "completions", "period_s", "arrivals", "seconds")


def compared(setup: Setup, seen: Observed, drawn: Costs) -> dict[str, float]:
    """A real run beside the same one simulated: on this machine, and on cores for all.

    What a completion costs depends on who else uses caches and cores: the costs of this machine
    are those of the run itself, as one factor on all that was measured before.
    """
    slower = seen.service_us / drawn.service
    here = replace(setup, cores=float(available_cores()), neighbours=seen.neighbours)
    outcomes = {
        "here": simulated(here, drawn.times(slower)),
        "unshared": simulated(setup, drawn),
    }
    found = {f"real_p{p}_ms": quantile(seen.step_s, p / 100) * 1e3 for p in (50, 90, 99)}
    for name, outcome in outcomes.items():
        found |= {f"{name}_p{p}_ms": outcome.ms(p / 100) for p in (50, 90, 99)}
    found |= {"neighbours": statistics.fmean(seen.neighbours), "slower": slower}
    return {name: round(value, 2) for name, value in found.items()}


def _told(setup: Setup, found: dict[str, float]) -> str:
    pairs = ", ".join(
        f"p{p} {found[f'real_p{p}_ms']:.0f} ms, simulated {found[f'here_p{p}_ms']:.0f}"
        for p in (50, 90, 99)
    )
    return (
        f"{setup.replicas} x {setup.policy}, {setup.trainers} {setup.arrivals} trainers,"
        f" {setup.completions} a step: {pairs}; {found['neighbours']:.1f} neighbours,"
        f" {found['slower']:.2f} times the costs"
    )


def observed(service: Balanced, setup: Setup, seed: int) -> Observed:
    """Steps of all trainers, each in a process of its own."""
    context = get_context("spawn")
    ready = context.Barrier(setup.trainers + 1)
    with context.Pool(setup.trainers, _join, (ready,)) as pool:
        asked = [(service.url, setup, number, seed) for number in range(setup.trainers)]
        running = pool.starmap_async(trainer, asked, chunksize=1)
        ready.wait()
        own = {os.getsid(0), *map(os.getsid, service.pids)}
        before_s, ready_s = service.cpu_s(), time.monotonic()
        neighbours: list[float] = []
        while not running.ready():
            neighbours.append(len(_sessions_at_work() - own))
            running.wait(max(0.0, ready_s + len(neighbours) * NEIGHBOURS_S - time.monotonic()))
        service_s = service.cpu_s() - before_s
        step_s = [s for each in running.get() for s in each]
    scored = len(step_s) * setup.completions
    return Observed(step_s, neighbours[round(AHEAD_S / NEIGHBOURS_S) :], service_s / scored * 1e6)


def _sessions_at_work() -> set[int]:
    """Sessions of which a process runs or waits for a core.

    Linux shares its cores between sessions, whatever the number of their processes. Source:
    sched(7), "The autogroup feature"; proc(5), /proc/PID/stat.
    """
    found = set()
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, _group, session = file.read_text().rpartition(")")[2].split()[:4]
            if state == "R":
                found.add(int(session))
    return found


_ready: Barrier


def _join(ready: Barrier) -> None:
    global _ready  # noqa: PLW0603 - a pool's process can be given it at no other time
    _ready = ready


def trainer(url: str, setup: Setup, number: int, seed: int) -> list[float]:
    """Sends the steps when the simulated trainer of this number does."""
    planned = list(begins(setup, number))
    steps = steps_of(seed + number * STEPS_OF_A_TRAINER, 1 + len(planned), setup.completions)
    still_memory()
    return asyncio.run(_trained(url, planned, steps))


async def _trained(url: str, planned: list[float], steps: list[Any]) -> list[float]:
    async with AsyncVerifierClient(url) as client:
        await client.score(steps[0], toolset=TOOLSET)
        _ready.wait()
        zero_s = time.monotonic() + AHEAD_S
        step_s = []
        for begin_s, items in zip(planned, steps[1:], strict=True):
            await asyncio.sleep(max(0.0, zero_s + begin_s - time.monotonic()))
            called_s = time.monotonic()
            await client.score(items, toolset=TOOLSET)
            step_s.append(time.monotonic() - called_s)
        return step_s


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.replicas",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("costs", "check"))
    parser.add_argument("--rounds", type=int, default=3, help="of every case of `check`")
    arguments = parser.parse_args()
    if arguments.what == "costs":
        COSTS.write_text(written(costs()))
    else:
        CHECKED.write_text(written(check(arguments.rounds)))


def written(found: dict[str, Any]) -> str:
    """JSON with each list of numbers on a line."""
    text = json.dumps(found, indent=1)
    numbers = re.compile(r"\[\s+([-\d.,\s]+?)\s+\]")
    return numbers.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"


if __name__ == "__main__":
    main()
