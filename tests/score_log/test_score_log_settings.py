"""The settings of the score log: refused at start where they could not hold later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from verifier_service.settings import Settings, settings_faults


def test_there_is_no_log_unless_a_folder_is_named() -> None:
    assert Settings().score_log_plan is None


def test_an_empty_variable_names_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_SCORE_LOG", "")
    assert Settings().score_log_plan is None


def test_rules_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_SCORE_LOG", "/var/log/verifier")
    monkeypatch.setenv("VERIFIER_SCORE_LOG_MASK_NAMES", "password, ssn,")
    monkeypatch.setenv("VERIFIER_SCORE_LOG_MASK_POINTERS", "/completion")
    monkeypatch.setenv("VERIFIER_SCORE_LOG_MASK_PATTERNS", "a{1,3}\n\nb|c")
    plan = Settings().score_log_plan
    assert plan is not None
    assert plan.folder == "/var/log/verifier"
    assert plan.mask_names == ("password", "ssn")
    assert (plan.mask_pointers, plan.mask_patterns) == (("/completion",), ("a{1,3}", "b|c"))


def test_a_folder_is_named_from_where_the_service_starts() -> None:
    plan = Settings(score_log=Path("log")).score_log_plan
    assert plan is not None
    assert plan.folder == str(Path.cwd() / "log")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param({"score_log_mask_pointers": "completion"}, "begins with /", id="no pointer"),
        pytest.param({"score_log": "/log/\udcff"}, "not UTF-8", id="a folder nobody can spell"),
        pytest.param({"score_log_mask_patterns": "(a"}, "PATTERNS", id="no pattern"),
        pytest.param(
            {"score_log_mask_patterns": "x\n(?=(a+)+$)b"}, "pattern 2", id="not in linear time"
        ),
        pytest.param(
            {"score_log_max_bytes": 2**22, "score_log_rotate_bytes": 2**22},
            "twice",
            id="no room for two files",
        ),
    ],
)
def test_a_rule_that_cannot_hold_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(**given)
    assert told in settings_faults(caught.value)
