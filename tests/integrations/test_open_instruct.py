"""open-instruct's verifier, found and called as open-instruct does."""

from __future__ import annotations

import importlib
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from tests.integrations.reference import GARBAGE, RIGHT, TASK, UNSCORABLE, Example
from verifier_service.client import VerifierUnavailable
from verifier_service.integrations.connection import NotConfigured, Unscored

MODULE = "verifier_service.integrations.open_instruct"


@dataclass
class VerificationResult:
    score: float
    cost: float = 0.0
    reasoning: str | None = None


class VerifierFunction(ABC):
    """What the base class of open-instruct's verifiers keeps and demands."""

    def __init__(self, name: str, weight: float = 1.0, verifier_config: Any = None) -> None:
        self.name, self.weight, self.verifier_config = name, weight, verifier_config

    @abstractmethod
    def __call__(self, *args: Any) -> VerificationResult: ...


@pytest.fixture
def verifier(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The one that open-instruct makes of the classes that it finds."""
    module = ModuleType("open_instruct.ground_truth_utils")
    module.VerificationResult = VerificationResult  # type: ignore[attr-defined]
    module.VerifierFunction = VerifierFunction  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "open_instruct", ModuleType("open_instruct"))
    monkeypatch.setitem(sys.modules, "open_instruct.ground_truth_utils", module)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    imported = importlib.import_module(MODULE)
    assert imported.ToolCallVerifier in VerifierFunction.__subclasses__()
    yield imported.ToolCallVerifier("configuration")
    sys.modules.pop(MODULE, None)


def test_the_scores_are_the_services(verifier: Any, texts: list[Example]) -> None:
    found = [verifier([1], one.completion, json.dumps(one.carrier), "?").score for one in texts]
    assert found == [example.reward for example in texts]


async def test_on_an_event_loop_too(verifier: Any, texts: list[Example]) -> None:
    found = [await verifier.async_call([1], one.completion, one.carrier, "?") for one in texts]
    assert [result.score for result in found] == [example.reward for example in texts]


def test_a_dataset_names_it(verifier: Any) -> None:
    assert (verifier.name, verifier.weight) == ("tool_calls", 1.0)


def test_a_result_says_why_it_is_not_right(verifier: Any) -> None:
    assert verifier([1], RIGHT, TASK).reasoning is None
    assert "behavior" in verifier([1], "It was 243.36.", TASK).reasoning


@pytest.mark.parametrize("garbage", GARBAGE)
def test_whatever_a_policy_writes_has_a_score(verifier: Any, garbage: str) -> None:
    assert verifier([], garbage, TASK, None, {"done": True}).score == 0.0


def test_a_profile_beyond_one_is_refused(verifier: Any) -> None:
    with pytest.raises(NotConfigured, match="VERIFIER_PROFILE"):
        verifier([1], RIGHT, {**TASK, "profile": "toolrl"})


def test_an_unscored_sample_raises(verifier: Any) -> None:
    with pytest.raises(Unscored):
        verifier([1], RIGHT, UNSCORABLE)


def test_an_outage_raises(verifier: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("VERIFIER_RETRY_BUDGET_S", "0.1")
    with pytest.raises(VerifierUnavailable):
        verifier([1], RIGHT, TASK)
