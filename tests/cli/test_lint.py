"""`verifier lint`: which tasks of a dataset cannot be rewarded, where and why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cli_samples import CALL, TRUTH, Dataset, Verifier

MISSING_ARGUMENT = {"name": CALL["name"], "arguments": {"ticker": "AAPL"}}
WRONG_RESULT = {"gold_call": json.dumps(CALL), "expected_result": 1.5}


def invalid(text: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(text)["invalid"]
    return listed


def test_valid_tasks_need_no_completion(verifier: Verifier, dataset: Dataset) -> None:
    path = dataset({"ground_truth": TRUTH}, {"ground_truth": TRUTH, "completion": 5})
    result = verifier("lint", path, "-t", "finance")
    assert result.exit_code == 0
    assert "2 of 2 tasks are valid" in result.stdout


@pytest.mark.parametrize(
    ("task", "field", "code"),
    [
        ({"ground_truth": ""}, "/ground_truth", "task.ground_truth"),
        ({"tool_call": MISSING_ARGUMENT}, "/ground_truth/calls", "task.self_check"),
        (WRONG_RESULT, "/ground_truth/expected_result", "task.expected_result"),
        ({"ground_truth": TRUTH, "toolset": "nope"}, "/toolset", "task.unknown_toolset"),
        ({"ground_truth": TRUTH, "profile": "nope"}, "/profile", "task.unknown_profile"),
        ({"ground_truth": TRUTH, "tools": [{}]}, "/tools/0", "task.tools"),
        ({"ground_truth": TRUTH, "options": {"x": 1}}, "/options/x", None),
        ({}, "", None),
    ],
    ids=str,
)
def test_an_invalid_task_is_named_with_field_and_remedy(
    verifier: Verifier, dataset: Dataset, task: dict[str, Any], field: str, code: str | None
) -> None:
    path = dataset({"ground_truth": TRUTH}, task)
    result = verifier("lint", path, "-t", "finance", "--json")
    assert result.exit_code == 1
    (problem,) = invalid(result.stdout)
    assert (problem["line"], problem["code"]) == (2, code)
    assert problem["field"].startswith(field)
    assert problem["message"]
    assert problem["remedy"]


def test_the_table_says_the_same(verifier: Verifier, dataset: Dataset) -> None:
    result = verifier("lint", dataset(b"?", {"ground_truth": TRUTH}, WRONG_RESULT), "-t", "finance")
    assert result.exit_code == 1
    for part in ("not JSON", "task.expected_result", "Correct the expected", "1 of 3 tasks"):
        assert part in result.stdout


def test_problems_are_listed_by_line(verifier: Verifier, dataset: Dataset) -> None:
    path = dataset(WRONG_RESULT, b"?", WRONG_RESULT, {"ground_truth": TRUTH}, b"?")
    result = verifier("lint", path, "-t", "finance", "--json")
    assert [problem["line"] for problem in invalid(result.stdout)] == [1, 2, 3, 5]


def test_a_dataset_that_cannot_be_read_is_wrong_usage(verifier: Verifier) -> None:
    result = verifier("lint", "nofile.jsonl")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nofile.jsonl cannot be read" in result.stderr


def test_http_gives_the_same_answer(verifier: Verifier, dataset: Dataset, url: str) -> None:
    path = dataset(WRONG_RESULT, b"?", {"ground_truth": TRUTH}, {"ground_truth": "", "id": []})
    here = verifier("lint", path, "-t", "finance", "--json")
    there = verifier("lint", path, "-t", "finance", "--json", "--url", url)
    assert there.stdout == here.stdout
