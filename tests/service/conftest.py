"""Fixtures of the front's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fake_runner import CATALOG, Connect, FakeRunner

from verifier_service.app import create_app
from verifier_service.auth import Keys
from verifier_service.settings import Settings


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()


@pytest.fixture
def connect(runner: FakeRunner) -> Connect:
    """Opens a client to a front with the given settings."""

    @asynccontextmanager
    async def opened(
        keys: Keys | None = None, **settings: object
    ) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(Settings(**settings), runner, CATALOG, keys)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://front") as client:
            client.front = app.state.front
            yield client

    return opened
