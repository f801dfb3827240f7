"""Really running services, as trainers meet them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running_service import running_service
from tests.wires.trainers import INSTEAD, KEY, TRAINERS


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Open to everybody on this machine."""
    with running_service(tmp_path_factory.mktemp("open"), "--workers", "2") as running:
        yield running.url


@pytest.fixture(scope="session")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Asks for a key, and takes little at once."""
    folder = tmp_path_factory.mktemp("locked")
    limits = {"VERIFIER_MAX_BODY_BYTES": "20000", "VERIFIER_MAX_BATCH": "4"}
    with running_service(folder, "--workers", "1", VERIFIER_API_KEYS=KEY, **limits) as running:
        yield running.url


@pytest.fixture(scope="session")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Answers a number where there is no reward."""
    numbers = ",".join(f"{trainer.wire}={INSTEAD}" for trainer in TRAINERS)
    folder = tmp_path_factory.mktemp("lenient")
    arguments = ("--workers", "2")
    with running_service(folder, *arguments, VERIFIER_WIRE_UNSCORED=numbers) as running:
        yield running.url
