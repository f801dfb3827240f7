"""Problem documents."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from verifier_service import problems
from verifier_service.problems import LISTED_FAULTS, Kind, problem_from_validation_error
from verifier_service.wire import Problem, ScoreRequest


def refusal(body: object) -> Problem:
    with pytest.raises(ValidationError) as caught:
        ScoreRequest.model_validate(body)
    return problem_from_validation_error(caught.value)


def test_faults_beyond_the_limit_are_counted_but_not_listed() -> None:
    problem = refusal({"toolset": "x", "items": [{"completion": 1, "ground_truth": 1}] * 100})
    assert problem.errors is not None
    assert len(problem.errors) == LISTED_FAULTS
    assert "100 faults" in problem.detail


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"items": [{f"k{i}": 1 for i in range(50_000)}]}, id="names"),
        pytest.param({"items": [{"completions": [1] * 50_000}]}, id="completions"),
        pytest.param({"items": [{"completion": [1] * 50_000}]}, id="messages"),
        pytest.param({"items": [{"tools": [1] * 50_000}]}, id="tools"),
    ],
)
def test_no_more_faults_are_worded_than_anybody_reads(body: object) -> None:
    with pytest.raises(ValidationError) as caught:
        ScoreRequest.model_validate(body)
    worded: list[object] = []
    if caught.value.error_count() <= problems.TOLD_FAULTS:
        worded += caught.value.errors()
    assert len(worded) < 10
    assert problem_from_validation_error(caught.value).status == 422


def test_values_that_were_sent_are_not_repeated() -> None:
    secret = "hunter2" * 1000
    document = problems.encode(refusal({"toolset": 5, "detail": secret, "items": [secret]}))
    assert b"hunter2" not in document


def test_a_long_field_name_is_cut() -> None:
    problem = refusal({"toolset": "x", "items": [], "x" * 100_000: 1})
    assert len(problems.encode(problem)) < 2000


def test_pointer_escapes_slashes_and_tildes() -> None:
    assert problems.pointer(["a/b", 0, "c~d"]) == "/a~1b/0/c~0d"


def test_an_unknown_field_with_the_name_of_a_branch_keeps_its_name() -> None:
    problem = refusal(
        {"toolset": "x", "items": [{"<text>": 1, "completion": "", "ground_truth": 1}]}
    )
    assert [fault.pointer for fault in problem.errors or ()] == ["/items/0/<text>"]


def test_types_are_distinct() -> None:
    assert len({kind.slug for kind in Kind}) == len(Kind)


def test_document_leaves_out_what_does_not_apply() -> None:
    document = json.loads(problems.encode(Kind.NOT_JSON.problem("no")))
    assert set(document) == {"type", "title", "status", "detail"}
