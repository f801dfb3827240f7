"""Dataset lines into items."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cli_samples import CALL, TRUTH
from hypothesis import given
from hypothesis import strategies as st

from verifier_service.cli.rows import BadLine, Row, chunks, read_rows


def read_one(row: dict[str, Any], **how: bool) -> Row | BadLine:
    (read,) = read_rows([json.dumps(row).encode()], **how)
    return read


@pytest.mark.parametrize(
    ("members", "ground_truth"),
    [
        pytest.param({"ground_truth": TRUTH}, TRUTH, id="canonical"),
        pytest.param({"ground_truth": "Which date?"}, "Which date?", id="text"),
        pytest.param(
            {"reward_model": {"ground_truth": "[]"}, "data_source": "x"},
            {"reward_model": {"ground_truth": "[]"}},
            id="reward_model",
        ),
        pytest.param(
            {"gold_call": "{}", "expected_result": 3},
            {"gold_call": "{}", "expected_result": 3},
            id="gold_call with a result",
        ),
        pytest.param(
            {"gold_call": "{}", "expected_result": None},
            {"gold_call": "{}", "expected_result": None},
            id="gold_call with the result null",
        ),
        pytest.param({"gold_call": "{}"}, {"gold_call": "{}"}, id="gold_call"),
        pytest.param(
            {"ground_truth": "{}", "expected_result": 3},
            {"ground_truth": "{}", "expected_result": 3},
            id="ground_truth with a result",
        ),
        pytest.param({"tool_call": CALL}, {"tool_call": CALL}, id="tool_call"),
        pytest.param({"tool_calls": [CALL]}, {"tool_calls": [CALL]}, id="tool_calls"),
    ],
)
def test_every_form_of_ground_truth_is_found(members: dict[str, Any], ground_truth: object) -> None:
    read = read_one({"completion": "x", **members})
    assert isinstance(read, Row)
    assert read.item == {"completion": "x", "ground_truth": ground_truth}


def test_only_the_members_of_an_item_are_taken() -> None:
    own = {"id": 7, "toolset": "a", "profile": "b", "format": "c", "options": {"repair": True}}
    read = read_one({"completion": "x", "ground_truth": "y", "prompt": [], "tools": None, **own})
    assert isinstance(read, Row)
    assert read.item == {"completion": "x", "ground_truth": "y", **own}


@pytest.mark.parametrize(
    ("line", "field", "message"),
    [
        (b"{", "", "not JSON"),
        (b"[1]", "", "not an object"),
        (b'"x"', "", "not an object"),
        (b"\xff", "", "not UTF-8 at byte 0"),
        (b'{"completion": NaN}', "", "NaN is not JSON"),
        (b"[" * 100_000, "", "nested too deep"),
        (b'{"completion": "x"}', "", "no ground truth; give one of ground_truth, reward_model"),
        (b'{"completion": "x", "ground_truth": null}', "", "no ground truth"),
        (b'{"ground_truth": "x"}', "/completion", "nothing to score"),
        (b'{"gold_call": "{}", "tool_call": {}}', "/tool_call", "keep one"),
    ],
    ids=str,
)
def test_a_bad_line_is_named_with_what_to_do(line: bytes, field: str, message: str) -> None:
    (bad,) = read_rows([line])
    assert isinstance(bad, BadLine)
    assert (bad.line, bad.field) == (1, field)
    assert message in bad.message


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_rows_or_bad_lines(lines: list[bytes]) -> None:
    assert all(isinstance(each, Row | BadLine) for each in read_rows(lines))


def test_empty_lines_count_but_are_no_rows() -> None:
    lines = [b"\n", b'{"completion": "x", "ground_truth": "y"}\n', b"  \n", b"?\n"]
    assert [read.line for read in read_rows(lines)] == [2, 4]


def test_a_byte_order_mark_is_ignored() -> None:
    (read,) = read_rows([b'\xef\xbb\xbf{"completion": "x", "ground_truth": "y"}'])
    assert isinstance(read, Row)


@pytest.mark.parametrize(
    ("members", "pointer", "field"),
    [
        ({"ground_truth": TRUTH}, "/ground_truth/calls/0", "/ground_truth/calls/0"),
        ({"ground_truth": "x"}, "/ground_truth", "/ground_truth"),
        ({"gold_call": "{}"}, "/ground_truth/gold_call/name", "/gold_call/name"),
        ({"gold_call": "{}"}, "/ground_truth", "/gold_call"),
        ({"gold_call": "{}"}, "/options/repair", "/options/repair"),
        ({"tool_call": CALL}, "/ground_truth/calls", "/ground_truth/calls"),
    ],
)
def test_a_fault_is_shown_where_it_stands_in_the_line(
    members: dict[str, Any], pointer: str, field: str
) -> None:
    read = read_one({"completion": "x", **members})
    assert isinstance(read, Row)
    assert read.field(pointer) == field


@pytest.mark.parametrize("own", [{}, {"completion": "x"}, {"completions": ["x", "y"]}])
def test_a_task_has_one_empty_completion(own: dict[str, Any]) -> None:
    read = read_one({"ground_truth": "y", **own}, tasks_only=True)
    assert isinstance(read, Row)
    assert read.item == {"ground_truth": "y", "completion": ""}


@given(st.lists(st.integers(1, 5), max_size=12), st.integers(1, 8), st.integers(1, 50))
def test_chunks_keep_every_row_in_order_and_end_once_full(
    groups: list[int], completions: int, size: int
) -> None:
    rows = [Row(n, {"completions": ["x"] * n_own}, "", 10) for n, n_own in enumerate(groups)]
    cut = list(chunks(rows, completions, size))
    assert [row for chunk in cut for row in chunk] == rows
    for chunk in cut:
        n = sum(row.completions for row in chunk[:-1])
        assert n < completions
        assert 10 * (len(chunk) - 1) < size
