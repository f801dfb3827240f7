"""What requests may look like."""

from __future__ import annotations

import copy

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from verifier_service.problems import problem_from_validation_error
from verifier_service.scoring.types import Options
from verifier_service.wire import (
    ParseRequest,
    RequestOptions,
    ScoreRequest,
    ScoreResponse,
    effective_options,
)

ITEM = {"completion": "hello", "ground_truth": {"behavior": "refuse"}}
DEFAULTS = {"toolset": "finance", "items": [ITEM]}


def request(top: dict | None = None, item: dict | None = None, drop: tuple[str, ...] = ()) -> dict:
    made = copy.deepcopy(DEFAULTS)
    for name in drop:
        made.pop(name, None)
        made["items"][0].pop(name, None)
    made["items"][0] |= item or {}
    return made | (top or {})


ACCEPTED = {
    "the least": request(),
    "inline tools": request({"tools": []}, drop=("toolset",)),
    "tools by item": request(item={"toolset": "finance"}, drop=("toolset",)),
    "an item's tools over the request's toolset": request(item={"tools": []}),
    "a group": request(item={"completions": ["a", [{"role": "assistant"}]]}, drop=("completion",)),
    "a message": request(item={"completion": {"role": "assistant", "content": "x"}}),
    "messages": request(item={"completion": [{"role": "assistant", "content": "x"}]}),
    "an empty trajectory": request(item={"completion": []}),
    "a number as id": request(item={"id": 7}),
    "a deadline with a decimal point": request({"deadline_ms": 1000.0}),
    "nulls for what is optional": request({"options": None, "deadline_ms": None}, {"id": None}),
    "null completions beside a completion": request(item={"completions": None}),
    "a ground truth of text": request(item={"ground_truth": "Which year?"}),
    "a ground truth of a number": request(item={"ground_truth": 5}),
    "a ground truth of false": request(item={"ground_truth": False}),
    "an id of 256 characters": request(item={"id": "é" * 256}),
    "an id of 128 bits": request(item={"id": 2**128 - 1}),
    "metadata of 16 KiB": request(item={"metadata": {"k": "x" * 16_375}}),
    "a deadline of a day": request({"deadline_ms": 86_400_000}),
    "a run and its step": request({"run": "qwen3-grpo-07", "step": 12.0}),
    "every option": request(
        {
            "options": {
                "no_call_sentinel": "none",
                "reasoning": "implicit_end",
                "narration": "forbidden",
                "repair": True,
                "embedded_json": True,
                "languages": ["en"],
            }
        }
    ),
}

REFUSED = {
    "an unknown field": (request({"profil": "binary"}), ["/profil"]),
    "an unknown field of an item": (request(item={"weight": 1}), ["/items/0/weight"]),
    "an unknown option": (request({"options": {"fix": True}}), ["/options/fix"]),
    "no items": (request({"items": []}), ["/items"]),
    "an item that is no object": (request({"items": [3]}), ["/items/0"]),
    "a number as completion": (request(item={"completion": 5}), ["/items/0/completion"]),
    "a boolean as completion": (request(item={"completion": True}), ["/items/0/completion"]),
    "null as completion": (request(item={"completion": None}), ["/items/0/completion"]),
    "texts among messages": (request(item={"completion": ["x"]}), ["/items/0/completion/0"]),
    "null in a group": (
        request(item={"completions": ["a", None]}, drop=("completion",)),
        ["/items/0/completions/1"],
    ),
    "an empty group": (
        request(item={"completions": []}, drop=("completion",)),
        ["/items/0/completions"],
    ),
    "a completion and a group": (request(item={"completions": ["a"]}), ["/items/0/completion"]),
    "no completion": (request(drop=("completion",)), ["/items/0/completion"]),
    "no ground truth": (request(drop=("ground_truth",)), ["/items/0/ground_truth"]),
    "null as ground truth": (request(item={"ground_truth": None}), ["/items/0/ground_truth"]),
    "no tools at all": (request(drop=("toolset",)), ["/items/0/toolset"]),
    "a toolset and tools": (request({"tools": []}), ["/toolset"]),
    "an item's toolset and tools": (
        request(item={"toolset": "x", "tools": []}),
        ["/items/0/toolset"],
    ),
    "a text for a number": (request({"deadline_ms": "100"}), ["/deadline_ms"]),
    "a deadline of zero": (request({"deadline_ms": 0}), ["/deadline_ms"]),
    "a text for a boolean": (request({"options": {"repair": "1"}}), ["/options/repair"]),
    "a number for a boolean": (request({"options": {"repair": 1}}), ["/options/repair"]),
    "a boolean id": (request(item={"id": True}), ["/items/0/id"]),
    "a list as id": (request(item={"id": [1]}), ["/items/0/id"]),
    "a fraction of a millisecond": (request({"deadline_ms": 1.5}), ["/deadline_ms"]),
    "a run without a name": (request({"run": ""}), ["/run"]),
    "a step before the first": (request({"step": -1}), ["/step"]),
    "a deadline beyond a day": (request({"deadline_ms": 86_400_001}), ["/deadline_ms"]),
    "a deadline beyond any clock": (request({"deadline_ms": 10**300}), ["/deadline_ms"]),
    "a long id": (request(item={"id": "x" * 257}), ["/items/0/id"]),
    "a huge number as id": (request(item={"id": 10**300}), ["/items/0/id"]),
    "a long toolset": (request({"toolset": "x" * 257}), ["/toolset"]),
    "a long profile": (request(item={"profile": "x" * 257}), ["/items/0/profile"]),
    "a long format": (request({"format": "x" * 257}), ["/format"]),
    "a long language": (
        request({"options": {"languages": ["x" * 257]}}),
        ["/options/languages/0"],
    ),
    "a long sentinel": (
        request({"options": {"no_call_sentinel": "x" * 257}}),
        ["/options/no_call_sentinel"],
    ),
    "an unknown detail": (request({"detail": "all"}), ["/detail"]),
    "an empty profile": (request({"profile": ""}), ["/profile"]),
    "no object": ([], [""]),
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_request_is_accepted(body: object) -> None:
    ScoreRequest.model_validate(body)


@pytest.mark.parametrize(("body", "pointers"), REFUSED.values(), ids=REFUSED.keys())
def test_request_is_refused_with_one_pointer_a_fault(body: object, pointers: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        ScoreRequest.model_validate(body)
    faults = problem_from_validation_error(caught.value).errors
    assert [fault.pointer for fault in faults or ()] == pointers


@pytest.mark.parametrize("metadata", [{"k": "x" * 16_376}, {"k": ["é"] * 2000}])
def test_large_metadata_are_refused(metadata: dict) -> None:
    with pytest.raises(ValidationError) as caught:
        ScoreRequest.model_validate(request(item={"metadata": metadata}))
    faults = problem_from_validation_error(caught.value).errors
    assert [fault.pointer for fault in faults or ()] == ["/items/0/metadata"]


SCHEMA = Draft202012Validator(ScoreRequest.model_json_schema())


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_schema_allows_what_is_accepted(body: object) -> None:
    SCHEMA.validate(body)


@pytest.mark.parametrize(("body", "_pointers"), REFUSED.values(), ids=REFUSED.keys())
def test_schema_forbids_what_is_refused(body: object, _pointers: list[str]) -> None:
    assert not SCHEMA.is_valid(body)


@pytest.mark.parametrize("model", [ScoreRequest, ParseRequest])
def test_documented_examples_are_accepted(model: type[ScoreRequest] | type[ParseRequest]) -> None:
    for example in model.model_json_schema()["examples"]:
        model.model_validate(example)


def test_size_counts_the_completions_of_groups() -> None:
    group = {"completions": ["a", "b", "c"], "ground_truth": "x"}
    assert ScoreRequest.model_validate({"toolset": "t", "items": [ITEM, group]}).size == 4


def test_items_options_go_over_the_requests_one_by_one() -> None:
    top = RequestOptions(repair=True, languages=["de"])
    item = RequestOptions(repair=False)
    assert effective_options(top, item) == Options(repair=False, languages=("de",))


def test_left_out_options_have_the_strict_defaults() -> None:
    assert effective_options(None, RequestOptions()) == Options()


def test_a_later_field_of_a_response_is_no_error() -> None:
    response = {
        "rewards": [None],
        "verdicts": [],
        "groups": [{"id": None, "mean": None, "std": None}],
        "profile": {"name": "tiered", "digest": "sha256:00"},
        "toolset": None,
        "version": "9.9.9",
        "novelty": 1,
    }
    assert ScoreResponse.model_validate(response).rewards == [None]
