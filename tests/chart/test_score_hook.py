"""`helm test` passes where the service scores right, and only there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chart.rendering import notes, release
from tests.chart.value_sets import SECRET
from tests.running_service import RunningService, running_service

(CONTAINER,) = release(SECRET).component("test").spec["containers"]
_PYTHON, _OPTION, PROGRAM, _URL, _KEYS = CONTAINER["command"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text("# since November\nthe-first-key\nthe-second-key\n", "utf-8")
    return file


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[RunningService]:
    with running_service(tmp_path_factory.mktemp("service"), "--keys", str(keys)) as running:
        yield running


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_passes_with_the_first_key_of_the_file(service: RunningService, keys: Path) -> None:
    done = run(PROGRAM, service.url, str(keys))
    assert (done.returncode, done.stderr) == (0, "")
    assert "[1.0, 0.5]" in done.stdout


def test_it_fails_without_a_key(service: RunningService, tmp_path: Path) -> None:
    done = run(PROGRAM, service.url, str(tmp_path / "none"))
    assert done.returncode == 1
    assert "does not score" in done.stderr


def test_it_fails_where_rewards_are_others(service: RunningService, keys: Path) -> None:
    done = run(
        PROGRAM.replace("EXPECTED = [1.0, 0.5]", "EXPECTED = [1.0, 0.0]"), service.url, str(keys)
    )
    assert done.returncode == 1
    assert "[1.0, 0.5], not [1.0, 0.0]" in done.stderr


def test_the_call_that_the_notes_show_is_scored(service: RunningService) -> None:
    (body,) = re.findall(r"-d '(\{.*\})'", notes(SECRET), re.DOTALL)
    key = {"Authorization": "Bearer the-first-key", "Content-Type": "application/json"}
    answer = httpx.post(f"{service.url}/score", content=body, headers=key)
    assert answer.json()["rewards"] == [1.0]


def test_it_asks_the_service_of_its_release() -> None:
    made = release(SECRET)
    service = made.selected(made.component("server").labels)[0].owner
    assert f"http://{service['metadata']['name']}:8080" == _URL
