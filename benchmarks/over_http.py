"""Throughput and latency over HTTP: the service beside its own stack without it, and beside others.

All servers run from the beginning to the end, and wrk asks them in turn.
"""

from __future__ import annotations

import itertools
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from benchmarks.contender import Failed
from benchmarks.core import bodies_of
from benchmarks.corpus import always_new, mixed
from benchmarks.measure import Tree, medians
from benchmarks.peers import nemo_gym, reward_kit
from benchmarks.servers import (
    Server,
    load,
    other_server,
    our_service,
    write_bodies,
)
from tests.trainers.__main__ import TABLE, NotInstalled, environment

SIZES: Final = (1, 8, 64, 1024)
DISTINCT: Final = 200_000
"""Completions in a stream: more than are sent in a run, and than a worker remembers of what is
new."""
PEER_SAMPLES: Final = 1024
PEERS: Final = Path(__file__).with_name("peers.toml")


@dataclass(frozen=True, slots=True)
class Asked:
    """A server and what it is sent."""

    name: str
    server: Server
    bodies: Path
    size: int
    """Completions in each body."""
    warm: bool = False
    """Whether what the server has met before matters."""


def peer_python(name: str) -> Path:
    """The Python of a peer's environment, which is made where it is not there.

    Raises:
        NotInstalled: It cannot be had here; says why.
    """
    table = tomllib.loads(PEERS.read_text("utf-8")) | {
        key: row for key, row in tomllib.loads(TABLE.read_text("utf-8")).items() if key in SHARED
    }
    return environment(name, table[name])


SHARED: Final = ("nemo_gym", "reward_kit")
"""Rows that are those of `make test-trainers`."""


class Streams:
    """Files of request bodies, by what of them the service has met."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self, size: int) -> Path:
        """Every completion and every task differs."""
        bodies = bodies_of(always_new(size), size, DISTINCT // size)
        return write_bodies(self._folder / f"new-{size}", bodies)

    def mixture(self, size: int) -> Path:
        """As the corpus comes: half of the tasks are among thirteen."""
        bodies = bodies_of(mixed(size), size, DISTINCT // size)
        return write_bodies(self._folder / f"mixture-{size}", bodies)

    def seen(self, size: int, detail: str = "verdict") -> Path:
        """Few completions of the mixture, again and again."""
        bodies = bodies_of(mixed(size), size, max(2, 2048 // size), detail=detail)
        return write_bodies(self._folder / f"seen-{size}-{detail}", bodies)


def repeated(count: int) -> float:
    """The share of the mixture's first completions that are equal, task and text, to one before."""
    met = {
        (json.dumps(each.calls), str(each.completion)) for each in itertools.islice(mixed(8), count)
    }
    return (count - len(met)) / count


def throughput(folder: Path, rounds: int, seconds: int) -> Tree:
    """Completions a second by size of request: of the service, and of its stack without it."""
    found: Tree = {}
    streams = Streams(folder)
    with ExitStack() as stack:
        one = stack.enter_context(our_service(folder))
        two = stack.enter_context(our_service(folder, workers=2))
        unscored = stack.enter_context(
            our_service(folder, program="benchmarks.peers.unscored:main")
        )
        _refuse_scoring(unscored, streams.seen(8))
        for size in SIZES:
            new, mixture, seen = streams.new(size), streams.mixture(size), streams.seen(size)
            rewards = streams.seen(size, "reward")
            with ExitStack() as static:
                answer = _answer_of(one, seen, folder / f"answer-{size}")
                plain, fastapi = (
                    static.enter_context(_static(answer, name)) for name in ("asgi", "fastapi")
                )
                asked = [
                    Asked("new", one, new, size),
                    Asked("mixture", one, mixture, size, warm=True),
                    Asked("seen", one, seen, size, warm=True),
                    Asked("seen, rewards alone", one, rewards, size, warm=True),
                    Asked("new, 2 workers", two, new, size),
                    Asked("mixture, 2 workers", two, mixture, size, warm=True),
                    Asked("scoring taken out", unscored, mixture, size),
                    Asked("static, plain ASGI", plain, mixture, size),
                    Asked("static, FastAPI", fastapi, mixture, size),
                ]
                found[str(size)] = in_turns(asked, rounds, seconds)
    return found


def latency(folder: Path, rounds: int, seconds: int) -> Tree:
    """One request at a time: p50 and p99 in ms by size of request."""
    streams = Streams(folder)
    with our_service(folder) as service:
        return {
            str(size): {
                name: _latency([Asked(name, service, bodies, size)] * rounds, seconds)
                for name, bodies in (("new", streams.new(size)), ("mixture", streams.mixture(size)))
            }
            for size in SIZES
        }


def _latency(asked: Sequence[Asked], seconds: int) -> Tree:
    taken = [load(a.server, a.bodies, a.size, seconds, connections=1, warm=False) for a in asked]
    return medians([{"p50_ms": one["p50_ms"], "p99_ms": one["p99_ms"]} for one in taken])


def peers(folder: Path, rounds: int, seconds: int) -> Tree:
    """One completion a request, which is all that the others take."""
    samples = list(itertools.islice(mixed(1), PEER_SAMPLES))
    sent = {
        "reward_kit": ("/reward", [json.dumps(reward_kit.body(s)).encode() for s in samples]),
        "nemo_gym": ("/verify", [json.dumps(nemo_gym.body(s)).encode() for s in samples]),
    }
    absent: Tree = {}
    with ExitStack() as stack:
        service = stack.enter_context(our_service(folder))
        ours = write_bodies(folder / "ours-1", bodies_of(samples, 1, PEER_SAMPLES))
        asked = [Asked("ours", service, ours, 1)]
        for name, (path, bodies) in sent.items():
            try:
                python = peer_python(name)
                server = stack.enter_context(other_server(python, f"benchmarks.peers.{name}", path))
            except (NotInstalled, Failed) as reason:
                absent[name] = str(reason)
                continue
            file = write_bodies(folder / name, bodies)
            _refuse_failures(name, server, bodies[0])
            asked.append(Asked(name, server, file, 1))
        return {"measured": in_turns(asked, rounds, seconds), "absent": absent}


def in_turns(asked: Sequence[Asked], rounds: int, seconds: int) -> Tree:
    """Medians of all, each asked once a round."""
    taken: dict[str, list[Tree]] = {each.name: [] for each in asked}
    for _ in range(rounds):
        for each in asked:
            found = load(each.server, each.bodies, each.size, seconds, warm=each.warm)
            taken[each.name].append(found)
    return {name: medians(rounds_taken) for name, rounds_taken in taken.items()}


def _static(answer: Path, name: str) -> Iterator[Server]:
    return other_server(sys.executable, "benchmarks.peers.static", "/score", str(answer), name)


def _answer_of(service: Server, bodies: Path, file: Path) -> Path:
    """What the service answers to the first of the bodies, in a file."""
    file.write_bytes(_posted(service, _first(bodies)).content)
    return file


def _refuse_scoring(unscored: Server, bodies: Path) -> None:
    rewards = _posted(unscored, _first(bodies)).json()["rewards"]
    if set(rewards) != {1.0}:
        raise Failed(f"scoring is not taken out: {rewards}")


def _refuse_failures(name: str, server: Server, body: bytes) -> None:
    answer = _posted(server, body).json()
    if (answer.get("reward"), answer.get("score")) not in {(1.0, None), (None, 1.0)}:
        raise Failed(f"{name} does not reward a right call: {str(answer)[:200]}")


def _posted(server: Server, body: bytes) -> httpx.Response:
    headers: Mapping[str, str] = {"content-type": "application/json"}
    return httpx.post(server.url, content=body, headers=headers, timeout=60).raise_for_status()


def _first(bodies: Path) -> bytes:
    with bodies.open("rb") as file:
        return file.readline().strip()
