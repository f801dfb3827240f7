"""Settings and what the documentation says of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from verifier_service.settings import Settings, available_cores, misspelt, settings_faults

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_every_variable_is_documented() -> None:
    text = DOCUMENTATION.read_text("utf-8")
    missing = [n for n in Settings.model_fields if f"| `VERIFIER_{n.upper()}` |" not in text]
    assert missing == []


def test_nothing_else_is_documented() -> None:
    rows = [
        r for r in DOCUMENTATION.read_text("utf-8").splitlines() if r.startswith("| `VERIFIER_")
    ]
    assert len(rows) == len(Settings.model_fields)


def test_variables_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERIFIER_PORT", "9000")
    monkeypatch.setenv("VERIFIER_TOOLSETS", os.pathsep.join(["/a/b.yaml", "/c"]))
    settings = Settings()
    assert (settings.port, settings.toolsets) == (9000, (Path("/a/b.yaml"), Path("/c")))


def test_keys_do_not_show_in_representations() -> None:
    assert "hunter2" not in repr(Settings(api_keys="hunter2"))


def test_a_bad_value_is_told_by_its_variable_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(port="hunter2")
    told = settings_faults(caught.value)
    assert told.startswith("VERIFIER_PORT: ")
    assert "hunter2" not in told


def test_the_default_deadline_lies_within_the_maximum() -> None:
    with pytest.raises(ValidationError):
        Settings(deadline_ms=2000, deadline_max_ms=1000)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("localhost.example.org", False),
    ],
)
def test_loopback_is_told_from_other_addresses(host: str, local: bool) -> None:
    assert Settings(host=host).on_loopback is local


@pytest.mark.parametrize(
    ("quota", "most"),
    [("50000 100000", 1), ("100000 100000", 1), ("garbage", None), ("max 1", None)],
)
def test_workers_stay_within_the_cgroups_quota(
    tmp_path: Path, quota: str, most: int | None
) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    assert available_cores(file) == (most or len(os.sched_getaffinity(0)))


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("VERIFIER_SCORE_LOG_MASK_NAME", "VERIFIER_SCORE_LOG_MASK_NAMES"),
        ("VERIFIER_API_KEY", "VERIFIER_API_KEYS"),
        ("VERIFIER_MAX_BODY_BITES", "VERIFIER_MAX_BODY_BYTES"),
        ("VERIFIER_PORT", None),
        ("VERIFIER_URL", None),
        ("VERIFIER_SERVICE_HOST", None),
        ("VERIFIER_PORT_8080_TCP_ADDR", None),
        ("SCORE_LOG", None),
    ],
)
def test_a_variable_that_is_nearly_a_setting_is_told(variable: str, meant: str | None) -> None:
    assert misspelt([variable]) == ({} if meant is None else {variable: meant})
