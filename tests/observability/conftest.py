"""What the tests of alerts and dashboards share."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Promtool = Callable[..., str]
"""Runs promtool with some arguments; fails the test where promtool says that something is wrong."""


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    beside_python = Path(sys.executable).parent / "promtool"
    found = str(beside_python) if beside_python.exists() else shutil.which("promtool")
    if found is None:
        pytest.skip("needs promtool: tests/observability/install-promtool .venv/bin/promtool")

    def run(*arguments: object, text: str | None = None) -> str:
        done = subprocess.run(
            [found, *map(str, arguments)], input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
