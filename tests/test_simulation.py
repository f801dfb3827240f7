"""The simulation of replicas agrees with queueing theory, with our client, and with its page."""

from __future__ import annotations

import contextlib
import io
import random
import re
import shlex
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import simulation
from benchmarks.queueing import Clock, Machine, Process, Processor, Station, Unshared
from benchmarks.simulation import ARRIVALS, POLICIES, Costs, Setup, requests, simulated
from verifier_service.client import terms
from verifier_service.client.requests import Limits, requests_for

PAGE = Path(__file__).parent.parent / "docs" / "scaling.md"

COSTS = Costs(
    encoding=[3.0],
    reading=[8.0, 12.0],
    balancer=[1.0],
    front=[4.0, 5.0],
    worker=[80.0, 100.0, 250.0],
)
WORKER_ALONE = Costs(encoding=[0.0], reading=[0.0], balancer=[0.0], front=[0.0], worker=[100.0])
BURSTS = Setup(trainers=6, completions=2048, period_s=1.0, seconds=60)


def mean_stay_s(clock: Clock, station: Station, utilisation: float, tasks: int) -> float:
    """Of tasks of one second that come at random."""
    rng = random.Random(1)
    stays: list[float] = []

    def task(comes_s: float) -> Process:
        yield clock.until(comes_s)
        yield station.work(1.0)
        stays.append(clock.now - comes_s)

    def coming() -> Iterator[float]:
        comes_s = 0.0
        for _ in range(tasks):
            comes_s += rng.expovariate(utilisation)
            yield comes_s

    for comes_s in coming():
        clock.start(task(comes_s))
    clock.run()
    return statistics.fmean(stays)


@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
def test_one_server_in_order_agrees_with_pollaczek_and_khinchine(utilisation: float) -> None:
    clock = Clock()
    stay_s = mean_stay_s(clock, Station(Unshared(clock)), utilisation, 40_000)
    assert stay_s == pytest.approx(1 + utilisation / (2 * (1 - utilisation)), rel=0.05)


@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
def test_a_shared_core_agrees_with_processor_sharing(utilisation: float) -> None:
    clock = Clock()
    everybody_at_once = Station(Machine(clock, cores=1), servers=10**9)
    stay_s = mean_stay_s(clock, everybody_at_once, utilisation, 40_000)
    assert stay_s == pytest.approx(1 / (1 - utilisation), rel=0.05)


def ends_s(processor: Processor, clock: Clock, tasks: list[tuple[float, float]]) -> list[float]:
    """When tasks end that come at one time and need another."""
    found: dict[int, float] = {}

    def task(number: int, comes_s: float, work_s: float) -> Process:
        yield clock.until(comes_s)
        yield Station(processor).work(work_s)
        found[number] = clock.now

    for number, (comes_s, work_s) in enumerate(tasks):
        clock.start(task(number, comes_s, work_s))
    clock.run()
    return [found[number] for number in range(len(tasks))]


def test_two_tasks_on_one_core_each_have_half_of_it() -> None:
    clock = Clock()
    assert ends_s(Machine(clock, cores=1), clock, [(0, 2), (1, 2)]) == [3, 4]


def test_neighbours_take_their_part_of_the_cores() -> None:
    clock = Clock()
    assert ends_s(Machine(clock, cores=1, neighbours=1), clock, [(0, 2), (1, 2)]) == [5.5, 6.5]


def test_neighbours_that_leave_take_no_more() -> None:
    clock = Clock()
    machine = Machine(clock, cores=1, neighbours=1)
    clock.after(2, lambda: machine.beset(0))
    assert ends_s(machine, clock, [(0, 2)]) == [3]


def test_enough_cores_are_as_good_as_one_for_each_task() -> None:
    tasks = [(0, 2), (1, 2), (1.5, 0.25), (2, 1)]
    clock, other_clock = Clock(), Clock()
    assert ends_s(Machine(clock, cores=4), clock, tasks) == pytest.approx(
        ends_s(Unshared(other_clock), other_clock, tasks)
    )


def test_a_step_alone_takes_the_sum_of_what_its_request_costs() -> None:
    costs = Costs(encoding=[3.0], reading=[9.0], balancer=[1.0], front=[4.0], worker=[100.0])
    setup = Setup(trainers=1, completions=512, arrivals="synchronised", seconds=3)
    assert simulated(setup, costs).step_s == pytest.approx([512 * 117e-6] * 3)


def test_a_client_has_no_more_requests_in_flight_than_ours() -> None:
    setup = Setup(
        replicas=100, trainers=1, completions=100 * 512, arrivals="synchronised", seconds=1
    )
    rounds = -(-100 // terms.CONCURRENCY)
    assert simulated(setup, WORKER_ALONE).step_s == pytest.approx([rounds * 512 * 100e-6])


@pytest.mark.parametrize("completions", [8, 512, 520, 1024, 1032, 4096])
def test_a_step_is_cut_as_our_client_cuts_it(completions: int) -> None:
    items = [{"completions": ["x"] * 8, "ground_truth": {}} for _ in range(completions // 8)]
    limits = Limits(terms.REQUEST_COMPLETIONS, terms.REQUEST_BYTES)
    cut = [
        sum(piece.completions for piece in request.pieces)
        for request in requests_for(items, {}, limits)
    ]
    assert requests(completions) == cut


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("arrivals", ARRIVALS)
def test_a_seed_decides_everything(policy: str, arrivals: str) -> None:
    setup = replace(BURSTS, policy=policy, arrivals=arrivals, seed=5)
    assert simulated(setup, COSTS) == simulated(setup, COSTS)
    assert simulated(setup, COSTS) != simulated(replace(setup, seed=6), COSTS)


@pytest.mark.parametrize("policy", ["round robin", "least connections"])
@pytest.mark.parametrize("arrivals", ARRIVALS)
def test_more_replicas_are_never_worse(policy: str, arrivals: str) -> None:
    setup = replace(BURSTS, policy=policy, arrivals=arrivals)
    outcomes = [simulated(replace(setup, replicas=number), COSTS) for number in (1, 2, 4, 8, 16)]
    for share in (0.5, 0.99):
        waits = [round(outcome.ms(share), 6) for outcome in outcomes]
        assert waits == sorted(waits, reverse=True)


def test_workers_are_as_busy_as_the_work_that_comes() -> None:
    setup = replace(BURSTS, replicas=2, workers=2, arrivals="synchronised")
    outcome = simulated(setup, WORKER_ALONE)
    assert outcome.worker == pytest.approx(outcome.completions_per_s * 100e-6 / 4)


def test_least_connections_spares_a_replica_that_is_still_at_work() -> None:
    """Of three requests one is long: taking turns puts another behind it."""
    uneven = replace(WORKER_ALONE, worker=[20.0, 20.0, 20.0, 2000.0])
    p90_ms = {
        policy: simulated(replace(BURSTS, policy=policy, seconds=200), uneven).ms(0.9)
        for policy in ("round robin", "least connections", "random")
    }
    assert p90_ms["least connections"] < p90_ms["round robin"] < p90_ms["random"]


def test_a_connection_stays_with_its_replica() -> None:
    replicas = simulation.Simulation(Setup(replicas=8), COSTS).replicas
    choice = POLICIES["by connection"](replicas, random.Random(3))
    first = {connection: choice(0, connection) for connection in range(50)}
    assert all(choice(0, connection) is replica for connection, replica in first.items())
    assert len(set(map(id, first.values()))) > 1


def test_what_was_measured_can_be_drawn_from() -> None:
    costs = Costs.measured()
    for values in (costs.encoding, costs.reading, costs.balancer, costs.front, costs.worker):
        assert len(values) >= 100
        assert min(values) > 0


SHOWN = re.compile(r"^    \$ python -m benchmarks\.simulation (.*)\n\n((?:\|.*\n)+)", re.MULTILINE)


def shown(page: str) -> list[tuple[str, str]]:
    """Commands of the page, and the tables below them."""
    return [(match[1], match[2]) for match in SHOWN.finditer(page)]


@pytest.mark.parametrize(("command", "table"), shown(PAGE.read_text("utf-8")))
def test_the_page_shows_what_its_commands_print(
    command: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    simulation.main(shlex.split(command))
    assert capsys.readouterr().out == table


def page(text: str) -> str:
    """The page with every table as its command prints it now."""

    def printed(match: re.Match[str]) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            simulation.main(shlex.split(match[1]))
        return f"    $ python -m benchmarks.simulation {match[1]}\n\n{out.getvalue()}"

    return SHOWN.sub(printed, text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
