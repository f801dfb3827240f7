"""OpenRLHF's remote reward model."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wires import cases

PATH = "/get_reward"


@cases.answered("openrlhf")
def test_every_sample_has_its_reward(service: str, case: dict[str, Any]) -> None:
    answer = cases.answer(service, PATH, case)
    assert answer["rewards"] == case["rewards"]
    assert answer["scores"] == case["rewards"]
    assert {len(values) for values in answer["extra_logs"].values()} == {len(case["rewards"])}


@cases.refused("openrlhf")
def test_a_request_without_sense_is_refused(service: str, case: dict[str, Any]) -> None:
    cases.refuses(service, PATH, case)


@pytest.mark.parametrize(("profile", "reward", "score"), [("toolrl", 4.0, 1.0), ("tiered", 1, 1)])
def test_scores_stay_in_the_window_of_dynamic_filtering(
    service: str, profile: str, reward: float, score: float
) -> None:
    case = {**cases.read("openrlhf")[0], "query": f"profile={profile}"}
    answer = cases.answer(service, PATH, case)
    assert (answer["rewards"], answer["scores"]) == ([reward], [score])


def test_every_logged_value_is_a_number(service: str) -> None:
    """They become tensors as they are."""
    answer = cases.answer(service, PATH, cases.read("openrlhf")[1])
    values = [value for column in answer["extra_logs"].values() for value in column]
    assert {type(value) for value in values} <= {int, float}
