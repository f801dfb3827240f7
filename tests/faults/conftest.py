"""How much is scored under each fault, and where the figures go."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.probed import ProbedService, probed_service

WHOLE = os.environ.get("FAULTS") == "whole"
"""`make test-faults` sets it; other runs take the short form."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers of one form."""

    completions: int
    burst: int
    slow_clients: int
    leaving_clients: int
    whole: bool


@pytest.fixture(scope="session")
def scale() -> Scale:
    if WHOLE:
        return Scale(100_000, 65_536, 2_000, 5_000, True)
    return Scale(12_000, 2_000, 100, 200, False)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ProbedService]:
    with probed_service(tmp_path, "--workers", "2") as running:
        yield running


@pytest.fixture
def figures(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> Callable[..., None]:
    """Prints what was measured, as one line of JSON."""

    def show(**found: object) -> None:
        with capsys.disabled():
            print(f"\n{request.node.name} {json.dumps(found)}", flush=True)

    return show
