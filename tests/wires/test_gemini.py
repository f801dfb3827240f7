"""Gemini's Cloud Run scorer."""

from __future__ import annotations

from typing import Any

from tests.wires import cases

PATH = "/gemini/reward"


@cases.answered("gemini")
def test_a_response_has_its_reward(service: str, case: dict[str, Any]) -> None:
    answer = cases.answer(service, PATH, case)
    assert answer["reward"] == case.get("reward", case.get("answer", {}).get("reward"))
    assert answer == case.get("answer", answer)


@cases.refused("gemini")
def test_a_request_without_sense_is_refused(service: str, case: dict[str, Any]) -> None:
    cases.refuses(service, PATH, case)


def test_the_reason_is_in_the_auxiliary_text(service: str) -> None:
    (case,) = [case for case in cases.read("gemini") if case["id"] == "the wrong date"]
    told = cases.answer(service, PATH, case)["user_requested_aux_info"]
    assert told.startswith("tier=partial; arguments.")
