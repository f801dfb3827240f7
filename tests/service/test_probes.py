"""The pulse of the event loop, and what probes make of it."""

from __future__ import annotations

import asyncio

import pytest
from fake_runner import Connect

from verifier_service import probes
from verifier_service.probes import BEAT_S, STALLED_S, Pulse

PROBLEM = "application/problem+json"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_loop_that_has_not_begun_does_not_stand_still() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    clock.now = 10 * STALLED_S
    assert not pulse.stalled


@pytest.mark.parametrize(("passed_s", "stalled"), [(STALLED_S - 1, False), (STALLED_S + 1, True)])
async def test_a_loop_stands_still_once_it_has_not_turned_for_long(
    passed_s: float, stalled: bool
) -> None:
    clock = Clock()
    pulse = Pulse(clock)
    pulse.beat()
    clock.now += passed_s
    assert pulse.stalled is stalled


async def test_a_loop_that_turns_beats_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "BEAT_S", BEAT_S / 100)
    clock = Clock()
    pulse = Pulse(clock)
    pulse.beat()
    clock.now += 2 * STALLED_S
    while pulse.stalled:  # noqa: ASYNC110 - the test is that this ends
        await asyncio.sleep(BEAT_S / 100)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_service_that_stands_still_is_neither_alive_nor_ready(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(probes, "STALLED_S", -1.0)
    async with connect() as client:
        client.front.pulse.beat()
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert "stands still" in answer.json()["detail"]
