"""Requests as trainers send them, with what has to come back: `tests/cases/wires/`.

A case says `rewards`, `reward`, `score` or `answer`, which its wire's test understands; or why
there is none: `refused` is the JSON Pointer of a wrong task, `faults` are those of a wrong shape,
and `status` is all that is said of the rest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

FOLDER: Final = Path(__file__).parents[1] / "cases" / "wires"
REFUSALS: Final = frozenset({"refused", "faults", "status"})


def read(wire: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / f"{wire}.json").read_text("utf-8"))
    return found


def answered(wire: str) -> pytest.MarkDecorator:
    """One test a request that has an answer."""
    return _each([case for case in read(wire) if not REFUSALS & case.keys()])


def refused(wire: str) -> pytest.MarkDecorator:
    """One test a request that has none."""
    return _each([case for case in read(wire) if REFUSALS & case.keys()])


def _each(cases: list[dict[str, Any]]) -> pytest.MarkDecorator:
    assert cases
    return pytest.mark.parametrize("case", cases, ids=[case["id"] for case in cases])


def sent(url: str, path: str, case: dict[str, Any]) -> httpx.Response:
    params = httpx.QueryParams(case.get("query"))
    return httpx.post(f"{url}{path}", params=params, json=case["body"], timeout=60)


def answer(url: str, path: str, case: dict[str, Any]) -> Any:
    response = sent(url, path, case)
    assert response.status_code == 200, response.text
    return response.json()


def refuses(url: str, path: str, case: dict[str, Any]) -> None:
    """The request is refused, for the reason and at the place that its case names."""
    response = sent(url, path, case)
    problem = response.json()
    assert response.status_code == case.get("status", 422), problem
    assert response.headers["Content-Type"] == "application/problem+json"
    pointers = [fault["pointer"] for fault in problem.get("errors", [])]
    if "refused" in case:
        assert problem["type"] == "urn:verifier:problem:invalid-task"
        assert pointers == [case["refused"]]
    if "faults" in case:
        assert problem["type"] == "urn:verifier:problem:validation"
        assert pointers == case["faults"]
