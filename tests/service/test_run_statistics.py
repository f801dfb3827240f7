"""What is counted of a training run, and of how many runs."""

from __future__ import annotations

import json

import pytest
from fake_runner import Connect, FakeRunner
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from test_metrics import HEADERS, metrics

from verifier_service.engine import EngineConfig
from verifier_service.handler import RequestHandler, build_handler
from verifier_service.jobs import Counts, Job, Reply, Task
from verifier_service.run_statistics import FORGOTTEN_AFTER_S, RunStatistics

CALL = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
RIGHT = f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>"
TRUTH = [CALL]


@pytest.fixture(scope="module")
def handler() -> RequestHandler:
    return build_handler(EngineConfig())


class Silent:
    def working_on(self, index: int) -> None: ...

    def finished(self, piece: bytes) -> None: ...


def counts(handler: RequestHandler, *groups: list[str], **members: object) -> Counts:
    """What a worker counts of groups of completions whose ground truth is `TRUTH`."""
    items = [{"completions": group, "ground_truth": TRUTH} for group in groups]
    body = json.dumps({"toolset": "finance", "items": items, **members}).encode()
    reply = handler(Job(Task.SCORE, body), Silent())
    assert reply.status == 200, reply.body
    return reply.counts  # type: ignore[return-value]


def test_rewards_are_summed_once_a_request(handler: RequestHandler) -> None:
    counted = counts(handler, [RIGHT, "no"], [RIGHT, RIGHT], run="a", step=3)
    assert (counted["run"], counted["step"]) == ("a", 3)
    assert counted["rewards"] == (3.0, 3.0)


@pytest.mark.parametrize(
    ("groups", "counted"),
    [
        pytest.param([[RIGHT, "no"]], (1, 0), id="rewards that differ"),
        pytest.param([[RIGHT, RIGHT], ["no", "no"]], (2, 2), id="all right, and all wrong"),
        pytest.param([[RIGHT], ["no"]], (0, 0), id="single completions are no groups"),
        pytest.param([[RIGHT, []], [RIGHT, "no"]], (1, 0), id="only what is scored"),
    ],
)
def test_groups_are_counted_by_spread(
    handler: RequestHandler, groups: list[list[str]], counted: tuple[int, int]
) -> None:
    assert counts(handler, *groups)["groups"] == counted


def test_a_run_decides_nothing_about_a_verdict(handler: RequestHandler) -> None:
    def answer(**members: object) -> bytes:
        items = [{"completions": [RIGHT, "no"], "ground_truth": TRUTH}]
        body = json.dumps({"toolset": "finance", "items": items, **members}).encode()
        return handler(Job(Task.SCORE, body), Silent()).body

    assert answer() == answer(run="a", step=3)


async def test_statistics_carry_the_run(connect: Connect, runner: FakeRunner) -> None:
    counted = {
        "completions": [["scored", "full", "tiered", 3], ["timeout", None, "tiered", 1]],
        "failures": {"calls.surplus": 2, "calls.surplus_write": 1, "parse.repaired": 4},
        "run": "a",
        "step": 7,
        "rewards": [2.5, 2.25],
        "groups": [5, 2],
    }
    runner.reply = Reply(200, b"{}", counts=counted)
    async with connect() as client:
        await client.post("/score", content=b"{}", headers=HEADERS)
        found = await metrics(client)
    assert {key: value for key, value in found.items() if key[0].startswith("verifier_run_")} == {
        ("verifier_run_completions_total", "a", "full"): 3,
        ("verifier_run_completions_total", "a", "partial"): 0,
        ("verifier_run_completions_total", "a", "none"): 0,
        ("verifier_run_completions_total", "a", "unscored"): 1,
        ("verifier_run_rewards_total", "a"): 2.5,
        ("verifier_run_squared_rewards_total", "a"): 2.25,
        ("verifier_run_groups_total", "a", "none"): 2,
        ("verifier_run_groups_total", "a", "some"): 3,
        ("verifier_run_signals_total", "a", "surplus_call"): 3,
        ("verifier_run_signals_total", "a", "repaired"): 4,
        ("verifier_run_step", "a"): 7,
    }


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def runs(statistics: RunStatistics) -> list[str]:
    rewards = next(each for each in statistics.collect() if each.name == "verifier_run_rewards")
    return [sample.labels["run"] for sample in rewards.samples]


def send(statistics: RunStatistics, *names: str | None) -> None:
    for name in names:
        statistics.count({"run": name, "step": None, "rewards": (1.0, 1.0), "groups": (0, 0)})


def test_runs_beyond_the_bound_are_counted_together() -> None:
    statistics = RunStatistics(2, Clock())
    send(statistics, "a", None, "b", "c", "d", "a")
    assert runs(statistics) == ["a", "none", "b", "other"]


def test_ten_thousand_runs_take_no_more_room_than_the_bound() -> None:
    statistics = RunStatistics(32, Clock())
    send(statistics, *(f"run-{number}" for number in range(10_000)))
    assert len(runs(statistics)) == 33
    assert len(runs(statistics)) == len(set(runs(statistics)))


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\x00b", "a\x1bb", "a\u202eb", "a\u2028b"])
def test_what_cannot_be_seen_in_a_name_is_replaced(name: str) -> None:
    statistics = RunStatistics(2, Clock())
    send(statistics, name)
    assert runs(statistics) == ["a\ufffdb"]


@pytest.mark.parametrize(
    "name", ['a"} 1', "\\", '\\"', "ü 日本 😀", "{}", "{{ $labels.job }}", "#"]
)
def test_a_name_is_one_label_whatever_it_holds(name: str) -> None:
    statistics = RunStatistics(2, Clock())
    send(statistics, name)
    registry = CollectorRegistry()
    registry.register(statistics)
    told = text_string_to_metric_families(generate_latest(registry).decode())
    assert {sample.labels["run"] for family in told for sample in family.samples} == {name}


def test_a_run_that_is_over_makes_room() -> None:
    clock = Clock()
    statistics = RunStatistics(2, clock)
    send(statistics, "a", "b")
    clock.now += FORGOTTEN_AFTER_S
    send(statistics, "b", "c")
    assert runs(statistics) == ["b", "c"]


def test_no_run_is_told_apart_where_none_is_wanted() -> None:
    statistics = RunStatistics(0, Clock())
    send(statistics, "a", None)
    assert runs(statistics) == ["other", "none"]
