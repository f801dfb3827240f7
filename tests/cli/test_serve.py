"""`verifier serve`: options into settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_samples import Verifier

from verifier_service.settings import Settings


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that services were started with."""
    settings: list[Settings] = []

    def serve(given: Settings) -> int:
        settings.append(given)
        return 0

    monkeypatch.setattr("verifier_service.serve.serve", serve)
    return settings


def test_options_become_settings(
    verifier: Verifier, started: list[Settings], tmp_path: Path
) -> None:
    result = verifier(
        *("serve", "--host", "::1", "--port", 0, "--workers", 3, "--log-level", "debug"),
        *("--toolsets", tmp_path / "a", "--toolsets", tmp_path / "b", "--profiles", tmp_path),
        *("--keys", tmp_path / "keys", "--port-file", tmp_path / "port", "--insecure"),
    )
    assert result.exit_code == 0
    (settings,) = started
    assert (settings.host, settings.port, settings.workers) == ("::1", 0, 3)
    assert settings.toolsets == (tmp_path / "a", tmp_path / "b")
    assert settings.profiles == (tmp_path,)
    assert settings.api_keys_file == tmp_path / "keys"
    assert settings.port_file == tmp_path / "port"
    assert (settings.insecure, settings.log_level) == (True, "debug")


def test_an_option_goes_before_the_environment(
    verifier: Verifier, started: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_PORT", "1111")
    monkeypatch.setenv("VERIFIER_WORKERS", "7")
    verifier("serve", "--port", 2222)
    assert [(each.port, each.workers) for each in started] == [(2222, 7)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--workers", "0"], "VERIFIER_WORKERS"), (["--log-level", "loud"], "VERIFIER_LOG_LEVEL")],
)
def test_a_wrong_setting_is_one_sentence(
    verifier: Verifier, started: list[Settings], arguments: list[str], message: str
) -> None:
    result = verifier("serve", *arguments)
    assert (result.exit_code, started) == (2, [])
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_exit_code_is_the_services(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verifier_service.serve.serve", lambda _: 1)
    assert verifier("serve").exit_code == 1
