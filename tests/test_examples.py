"""The examples are right: rewards computed by hand from docs/rewards.md, here and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.running_service import running_service
from verifier_service import encode
from verifier_service.cli.rows import Row, read_rows
from verifier_service.handler import RequestHandler
from verifier_service.jobs import Job, Task
from verifier_service.local import LocalVerifier
from verifier_service.scoring.codes import Code

EXAMPLES: Final = Path(__file__).parent.parent / "examples"
PROFILES: Final = ("tiered", "graded", "additive", "binary", "toolrl")
ITEM: Final = (
    "id", "completion", "ground_truth", "toolset", "tools", "profile", "format", "options",
)  # fmt: skip
EXPECTED: Final = ("rewards", "tier", "outcome", "codes", "why", "explain")

UNSEEN: Final = {
    Code.TIMED_OUT: "our fault, and a matter of time",
    Code.VERIFIER_ERROR: "our fault: no example can cause it",
    Code.WORKER_DIED: "our fault: no example can cause it",
}
"""Codes that no example has, and why."""

Case = dict[str, Any]
Verdict = Mapping[str, Any]


def read_cases() -> list[Case]:
    text = (EXAMPLES / "completions.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


CASES: Final = read_cases()
each_case = pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])


def item(case: Case) -> dict[str, Any]:
    return {member: case[member] for member in ITEM if member in case}


def request(profile: str) -> dict[str, Any]:
    return {"profile": profile, "items": [item(case) for case in CASES]}


@pytest.fixture(scope="module")
def verifier() -> LocalVerifier:
    return LocalVerifier()


Scored = dict[str, dict[str, Verdict]]


@pytest.fixture(scope="module")
def scored(verifier: LocalVerifier) -> Scored:
    """The verdicts of all examples by profile and id."""
    return {
        profile: {v["id"]: v for v in verifier.score(request(profile))["verdicts"]}
        for profile in PROFILES
    }


# What each example earns


@each_case
def test_example_earns_the_rewards_computed_by_hand(case: Case, scored: Scored) -> None:
    found = {profile: scored[profile][case["id"]]["reward"] for profile in PROFILES}
    expected = case.get("rewards", dict.fromkeys(PROFILES))
    assert found == pytest.approx(expected, abs=1e-6), case["why"]


@each_case
def test_example_reaches_its_tier(case: Case, scored: Scored) -> None:
    verdict = scored["tiered"][case["id"]]
    outcome = case.get("outcome", "scored")
    assert (verdict["outcome"], verdict["tier"]) == (outcome, case.get("tier"))


@each_case
def test_example_says_why(case: Case, scored: Scored) -> None:
    codes = {failure["code"] for failure in scored["tiered"][case["id"]]["failures"]}
    assert codes.issuperset(case["codes"]), codes
    assert bool(codes) is (case.get("tier") != "full"), codes


def test_the_string_for_array_near_miss_points_at_the_argument(scored: Scored) -> None:
    (failure,) = scored["tiered"]["string-for-array"]["failures"]
    assert (failure["code"], failure["path"]) == ("schema.type", "/calls/0/arguments/numbers")


# What the examples cover


def test_examples_have_no_other_members() -> None:
    assert {member for case in CASES for member in case} == {*ITEM, *EXPECTED}


def test_ids_are_unique() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) >= 240


def test_every_code_occurs_unless_there_is_a_reason() -> None:
    assert {code for case in CASES for code in case["codes"]} == {
        code.value for code in Code if code not in UNSEEN
    }


def test_every_behavior_meets_every_other(scored: Scored) -> None:
    met = {
        (v["behavior"]["expected"], v["behavior"]["observed"])
        for v in scored["tiered"].values()
        if v["outcome"] == "scored"
    }
    due = ("execute", "clarify", "refuse", "no_call")
    done = ("execute", "clarify", "refuse", "answer", "mixed", "malformed", "empty")
    assert met >= {(expected, observed) for expected in due for observed in done}


# The same over HTTP


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_service(tmp_path_factory.mktemp("examples"), "--workers", "2") as service:
        yield service.url


class Unwatched:
    """Progress that nobody waits for."""

    def working_on(self, index: int) -> None: ...

    def finished(self, piece: bytes) -> None: ...


@pytest.mark.parametrize("profile", PROFILES)
def test_http_answers_the_bytes_of_this_process(
    profile: str, url: str, verifier: LocalVerifier
) -> None:
    body = encode.dumps(request(profile))
    handler = RequestHandler(verifier.engine)
    here = handler(Job(Task.SCORE, body, deadline_s=float("inf")), Unwatched())
    there = httpx.post(
        f"{url}/score", content=body, headers={"content-type": "application/json"}, timeout=60
    )
    assert (there.status_code, there.content) == (here.status, here.body)


# Datasets


def dataset_rows() -> Iterator[tuple[str, Row]]:
    for file in sorted((EXAMPLES / "datasets").glob("*.jsonl")):
        for row in read_rows(file.read_bytes().splitlines(), tasks_only=True):
            assert isinstance(row, Row), row
            yield f"{file.stem}:{row.line}", row


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in dataset_rows()])
def test_task_scores_full_against_itself(row: Row, verifier: LocalVerifier) -> None:
    assert verifier.lint(row.item["ground_truth"], toolset=row.item["toolset"]) is None


@pytest.mark.parametrize(
    ("behavior", "share"), [("execute", 0.6), ("clarify", 0.25), ("refuse", 0.15)]
)
def test_seed_dataset_has_its_mix(behavior: str, share: float, verifier: LocalVerifier) -> None:
    rows = [row for name, row in dataset_rows() if name.startswith("reward_model")]
    verdicts = verifier.score({"items": [row.item for row in rows]})["verdicts"]
    n = sum(verdict["behavior"]["expected"] == behavior for verdict in verdicts)
    assert n / len(rows) == pytest.approx(share, abs=0.02)


# Right is better than nearly right


def hermes(calls: list[Case]) -> str:
    return "\n".join(f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in calls)


def other_value(value: Any) -> Any:
    """A value that no match rule of the examples but `ignore` takes for this one."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        return value * 2 + 1000
    if isinstance(value, str):
        return f"not {value}"
    return [*value, 1] if isinstance(value, list) else {**value, "and": "more"}


def mutations(calls: list[Case]) -> Iterator[tuple[str, list[Case]]]:
    """Each call dropped, renamed, and with each of its arguments changed."""
    for i, call in enumerate(calls):
        before, after = calls[:i], calls[i + 1 :]
        yield f"call {i} dropped", [*before, *after]
        yield f"call {i} renamed", [*before, {**call, "name": call["name"] + "s"}, *after]
        for name, value in call["arguments"].items():
            for other in (other_value(value), {"is": value}):
                changed = {**call, "arguments": {**call["arguments"], name: other}}
                yield f"call {i}, {name} = {other!r}", [*before, changed, *after]


def is_exact(case: Case) -> bool:
    """Whether every argument of every call counts."""
    truth = case["ground_truth"]
    if not isinstance(truth, dict):
        return True
    return truth.get("equivalence") != "state" and "ignore" not in truth.get("match", {}).values()


def parsed_calls(verifier: LocalVerifier) -> dict[str, list[Case]]:
    """The calls of every example that is right by a few calls; many have many mutations."""
    answer = verifier.score({**request("tiered"), "detail": "full"})
    return {
        v["id"]: v["calls"]
        for v in answer["verdicts"]
        if v["reward"] == 1.0 and 0 < len(v["calls"]) <= 4
    }


def test_every_mutation_of_right_calls_earns_less(verifier: LocalVerifier) -> None:
    calls = parsed_calls(verifier)
    examples = [case for case in CASES if case["id"] in calls and is_exact(case)]
    assert len(examples) > 100
    named = {case["id"]: list(mutations(calls[case["id"]])) for case in examples}
    for profile, highest in zip(PROFILES, (1.0, 1.0, 1.0, 1.0, 4.0), strict=True):
        items = [
            {
                **item(case),
                "completions": [hermes(mutated) for _, mutated in named[case["id"]]],
                "completion": None,
            }
            for case in examples
        ]
        verdicts = iter(verifier.score({"profile": profile, "items": items})["verdicts"])
        for case in examples:
            for name, _ in named[case["id"]]:
                assert next(verdicts)["reward"] < highest, f"{case['id']}: {name}"
