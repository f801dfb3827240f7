"""How long trainers wait for their rewards, simulated: training steps against N replicas.

    python -m benchmarks.simulation --replicas 1 2 4 8 --trainers 16 --period 1

Trainers send the completions of a step together, cut into requests as our client cuts them, at most
so many at once as it sends. A request takes CPU time of the client, the load balancer, a replica's
front and one of its workers, each drawn from what `python -m benchmarks.replicas costs` measured
(`benchmarks/costs.json`); at each of them it waits behind those that came before. Seeded: the same
numbers on every machine.

Not covered: the network's own time (add a round trip), replicas that fail, requests refused.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import statistics
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Final

from benchmarks.measure import quantile
from benchmarks.queueing import Clock, Machine, Process, Processor, Station, Unshared
from verifier_service.client.terms import CONCURRENCY, REQUEST_COMPLETIONS

COSTS: Final = Path(__file__).with_name("costs.json")
NEIGHBOURS_S: Final = 0.25
"""For how long a number of neighbours holds; the last one holds on."""


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU microseconds a completion along the way, each as measured values to draw from.

    A request has about `REQUEST_COMPLETIONS`; one that is much smaller costs more a completion.
    """

    encoding: Sequence[float]
    """The client, before it sends the first request of a step."""
    reading: Sequence[float]
    """The client, for sending a request and reading its answer."""
    balancer: Sequence[float]
    front: Sequence[float]
    worker: Sequence[float]

    @classmethod
    def measured(cls, file: Path = COSTS) -> Costs:
        return cls(**json.loads(file.read_text("utf-8"))["us_per_completion"])

    @property
    def service(self) -> float:
        """Of load balancer and replica together, on average."""
        return sum(statistics.fmean(each) for each in (self.balancer, self.front, self.worker))

    def times(self, factor: float) -> Costs:
        """The same on a processor that is so much slower."""
        return Costs(**{name: [factor * each for each in us] for name, us in asdict(self).items()})


@dataclass(frozen=True, slots=True)
class Setup:
    """Who asks whom, and how often."""

    replicas: int = 3
    workers: int = 1
    """Of each replica."""
    policy: str = "round robin"
    balancers: int = 1
    """Processes of the load balancer."""
    trainers: int = 8
    completions: int = 1024
    """Of a step."""
    period_s: float = 1.0
    """From the beginning of a trainer's step to that of its next, on average."""
    arrivals: str = "poisson"
    seconds: float = 100.0
    """In which steps begin."""
    seed: int = 0
    cores: float = math.inf
    """That all processes of all sides share; infinite: none ever waits for a core."""
    neighbours: Sequence[float] = ()
    """Others that want one of those cores: how many, every `NEIGHBOURS_S` seconds."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Times of steps as trainers saw them, and the share of time each part was busy."""

    step_s: Sequence[float]
    worker: float
    front: float
    balancer: float
    client: float
    completions_per_s: float

    def ms(self, share: float) -> float:
        """The time that `share` of the steps did not exceed."""
        return quantile(self.step_s, share) * 1e3


@dataclass(slots=True, eq=False)
class Replica:
    front: Station
    workers: Station
    connections: int = 0
    """Requests that the balancer has given it and not got back."""


Choice = Callable[[int, int], Replica]
"""The replica for the next request of a trainer on one of its connections."""


def round_robin(replicas: Sequence[Replica], _rng: random.Random) -> Choice:
    turns = itertools.cycle(replicas)
    return lambda _trainer, _connection: next(turns)


def least_connections(replicas: Sequence[Replica], _rng: random.Random) -> Choice:
    """Those with equally few take turns, as in nginx."""
    turns = deque(replicas)

    def choice(_trainer: int, _connection: int) -> Replica:
        turns.rotate(-1)
        return min(turns, key=attrgetter("connections"))

    return choice


def at_random(replicas: Sequence[Replica], rng: random.Random) -> Choice:
    return lambda _trainer, _connection: rng.choice(replicas)


def by_connection(replicas: Sequence[Replica], rng: random.Random) -> Choice:
    """As a balancer of connections does it, a plain Kubernetes Service among them: a connection
    goes to a replica at random and stays there."""
    settled: dict[tuple[int, int], Replica] = {}
    return lambda *connection: settled.setdefault(connection, rng.choice(replicas))


POLICIES: Final[Mapping[str, Callable[[Sequence[Replica], random.Random], Choice]]] = {
    "round robin": round_robin,
    "least connections": least_connections,
    "random": at_random,
    "by connection": by_connection,
}


def poisson(setup: Setup, trainer: int) -> Iterator[float]:
    """Each trainer on its own: exponential gaps, from a random beginning on."""
    rng = random.Random(f"{setup.seed} arrivals {trainer}")
    begin_s = 0.0
    while True:
        begin_s += rng.expovariate(1 / setup.period_s)
        yield begin_s


def synchronised(setup: Setup, _trainer: int) -> Iterator[float]:
    """All at once, every period."""
    return (number * setup.period_s for number in itertools.count(1))


ARRIVALS: Final[Mapping[str, Callable[[Setup, int], Iterator[float]]]] = {
    "poisson": poisson,
    "synchronised": synchronised,
}


def begins(setup: Setup, trainer: int) -> Iterator[float]:
    """Seconds at which a trainer would begin its steps; it does not before the last has ended."""
    planned = ARRIVALS[setup.arrivals](setup, trainer)
    return itertools.takewhile(lambda begin_s: begin_s <= setup.seconds, planned)


def requests(completions: int) -> list[int]:
    """Completions of each request of a step, for groups that divide a request evenly."""
    whole, rest = divmod(completions, REQUEST_COMPLETIONS)
    return [REQUEST_COMPLETIONS] * whole + [rest] * bool(rest)


class Simulation:
    """One run of a setup."""

    def __init__(self, setup: Setup, costs: Costs) -> None:
        self._setup = setup
        self._costs = costs
        self._clock = Clock()
        cpu: Processor = Unshared(self._clock)
        if not math.isinf(setup.cores):
            cpu = Machine(self._clock, setup.cores)
            self._clock.start(self._neighbours(cpu))
        self.replicas = [
            Replica(Station(cpu), Station(cpu, setup.workers)) for _ in range(setup.replicas)
        ]
        self._balancer = Station(cpu, setup.balancers)
        self._clients = [Station(cpu) for _ in range(setup.trainers)]
        rng = random.Random(f"{setup.seed} choices")
        self._choice = POLICIES[setup.policy](self.replicas, rng)
        self._step_s: list[float] = []

    def run(self) -> Outcome:
        for number in range(self._setup.trainers):
            self._clock.start(self._trainer(number))
        self._clock.run()
        setup, elapsed_s = self._setup, self._clock.now
        scored = len(self._step_s) * setup.completions
        return Outcome(
            step_s=self._step_s,
            worker=_busy([each.workers for each in self.replicas], elapsed_s) / setup.workers,
            front=_busy([each.front for each in self.replicas], elapsed_s),
            balancer=_busy([self._balancer], elapsed_s) / setup.balancers,
            client=_busy(self._clients, elapsed_s),
            completions_per_s=scored / elapsed_s,
        )

    def _neighbours(self, machine: Machine) -> Process:
        for number, neighbours in enumerate(self._setup.neighbours):
            yield self._clock.until(number * NEIGHBOURS_S)
            machine.beset(neighbours)

    def _trainer(self, number: int) -> Process:
        rng = random.Random(f"{self._setup.seed} costs {number}")
        for begin_s in begins(self._setup, number):
            yield self._clock.until(begin_s)
            called_s = self._clock.now
            yield self._clients[number].work(
                self._setup.completions * rng.choice(self._costs.encoding) * 1e-6
            )
            waiting = iter(requests(self._setup.completions))
            connections = range(CONCURRENCY)
            yield self._clock.all_of(self._sent(number, each, waiting, rng) for each in connections)
            self._step_s.append(self._clock.now - called_s)

    def _sent(
        self, trainer: int, connection: int, waiting: Iterator[int], rng: random.Random
    ) -> Process:
        """A connection takes one request after the other of those that a step still has."""
        for completions in waiting:
            yield from self._request(trainer, connection, completions, rng)

    def _request(
        self, trainer: int, connection: int, completions: int, rng: random.Random
    ) -> Process:
        balancer_s, front_s, worker_s, reading_s = (
            completions * rng.choice(values) * 1e-6
            for values in (
                self._costs.balancer,
                self._costs.front,
                self._costs.worker,
                self._costs.reading,
            )
        )
        yield self._balancer.work(balancer_s / 2)
        replica = self._choice(trainer, connection)
        replica.connections += 1
        yield replica.front.work(front_s / 2)
        yield replica.workers.work(worker_s)
        yield replica.front.work(front_s / 2)
        replica.connections -= 1
        yield self._balancer.work(balancer_s / 2)
        yield self._clients[trainer].work(reading_s)


def _busy(stations: Sequence[Station], elapsed_s: float) -> float:
    return sum(station.worked_s for station in stations) / len(stations) / elapsed_s


def simulated(setup: Setup, costs: Costs) -> Outcome:
    """What would be seen of `setup`."""
    return Simulation(setup, costs).run()


HEAD: Final = """\
| replicas | step p50 ms | p99 ms | workers busy | fronts | balancer | clients | completions/s |
|---|---|---|---|---|---|---|---|"""


def row(replicas: int, outcome: Outcome) -> str:
    busy = (outcome.worker, outcome.front, outcome.balancer, outcome.client)
    cells = (
        f"{replicas:,}",
        f"{outcome.ms(0.5):.1f}",
        f"{outcome.ms(0.99):.1f}",
        *(f"{share:.1%}" for share in busy),
        f"{outcome.completions_per_s:,.0f}",
    )
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each number of replicas."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    usual, add = Setup(), parser.add_argument
    add("--replicas", type=int, nargs="+", default=[1, 2, 3, 4, 6, 8], help="a row for each")
    add("--workers", type=int, default=usual.workers, help="of each replica")
    add("--policy", choices=POLICIES, default=usual.policy, help="of the load balancer")
    add("--balancers", type=int, default=usual.balancers, help="processes of the load balancer")
    add("--trainers", type=int, default=usual.trainers, help="each with a client of its own")
    add("--completions", type=int, default=usual.completions, help="of a step")
    add("--period", dest="period_s", type=float, default=usual.period_s, help="seconds a step")
    add("--arrivals", choices=ARRIVALS, default=usual.arrivals, help="when steps begin")
    add("--seconds", type=float, default=usual.seconds, help="in which steps begin")
    add("--seed", type=int, default=usual.seed)
    add("--cores", type=float, default=usual.cores, help="that everything shares; none: no limit")
    add("--neighbours", type=float, nargs="+", default=(), help="others that want one of them")
    add("--costs", type=Path, default=COSTS, help="measured by `benchmarks.replicas costs`")
    options = vars(parser.parse_args(arguments))
    numbers, costs = options.pop("replicas"), Costs.measured(options.pop("costs"))
    setup = Setup(**options)
    print(HEAD)
    for replicas in numbers:
        print(row(replicas, simulated(replace(setup, replicas=replicas), costs)), flush=True)


if __name__ == "__main__":
    main()
