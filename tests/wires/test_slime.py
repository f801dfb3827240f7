"""slime's and miles' remote reward model."""

from __future__ import annotations

from typing import Any

from tests.wires import cases


@cases.answered("slime")
def test_the_answer_is_the_reward(service: str, case: dict[str, Any]) -> None:
    assert cases.answer(service, "/slime", case) == case["answer"]


@cases.refused("slime")
def test_a_request_without_sense_is_refused(service: str, case: dict[str, Any]) -> None:
    cases.refuses(service, "/slime", case)
