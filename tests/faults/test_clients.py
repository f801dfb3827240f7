"""Clients that send slowly, stop half-way, or leave, while another one wants its rewards."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.faults.burst import HEAD
from tests.faults.completions import body, samples
from tests.faults.conftest import Scale
from tests.faults.probed import probed_service
from tests.faults.scoring import scored_while
from tests.faults.watch import watched
from verifier_service.connections import WITH_TRAINERS

CLOSING_S = 30.0
BODY_TIMEOUT_S = 2.0
FRONT_MIB = 400


def test_slow_and_half_sent_requests_cost_others_nothing_and_are_ended(
    tmp_path: Path, scale: Scale, figures: Callable[..., None]
) -> None:
    content = body(samples(1))
    request = HEAD % len(content) + content
    settings = {"VERIFIER_BODY_TIMEOUT_S": str(BODY_TIMEOUT_S)}
    with ExitStack() as stack:
        service = stack.enter_context(probed_service(tmp_path, "--workers", "2", **settings))
        seen = stack.enter_context(watched(service))
        slow = [
            stack.enter_context(socket.create_connection(_address(service.url)))
            for _ in range(scale.slow_clients)
        ]
        least = 1 if scale.whole else len(request) - len(content)  # A head is waited for for long.
        sent = {
            client: least + number * 37 % (len(request) - least)
            for number, client in enumerate(slow)
        }
        for client, length in sent.items():
            client.sendall(request[:length])

        def drip() -> None:
            for client, length in sent.items():
                with suppress(OSError):
                    client.sendall(request[length : length + 1])
                sent[client] = min(length + 1, len(request) - 1)

        scored = scored_while(service.url, samples(scale.completions), drip, 0.5)
        ended = [_end_of(client) for client in slow]
        left = _gauge(service.probes, "verifier_queue_bytes")
    figures(**asdict(scored), slow=len(slow), told_why=sum(ended), front_mib=seen.front_mib)
    assert scored.told.unscored == 0
    assert any(ended)
    assert left == 0
    assert seen.front_mib < FRONT_MIB


def test_clients_that_leave_cost_others_nothing(
    tmp_path: Path, scale: Scale, figures: Callable[..., None]
) -> None:
    content = body(samples(512))
    request = HEAD % len(content) + content
    with probed_service(tmp_path, "--workers", "2") as service, watched(service) as seen:
        gone = 0

        def come_and_go() -> None:
            nonlocal gone
            for _ in range(scale.leaving_clients // 20):
                with socket.create_connection(_address(service.url)) as client:
                    client.sendall(request)
                gone += 1

        scored = scored_while(service.url, samples(scale.completions), come_and_go, 0.1)
        ends = time.monotonic() + CLOSING_S
        while _gauge(service.probes, "verifier_queue_completions") and time.monotonic() < ends:
            time.sleep(0.1)
        left = _gauge(service.probes, "verifier_queue_completions")
    figures(**asdict(scored), gone=gone, front_mib=seen.front_mib)
    assert gone
    assert scored.told.unscored == 0
    assert left == 0
    assert seen.front_mib < FRONT_MIB


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


def _end_of(client: socket.socket) -> bool:
    """Wait until the service ends a connection; whether it said why."""
    client.settimeout(WITH_TRAINERS.head_s + BODY_TIMEOUT_S + CLOSING_S)
    received = b""
    with suppress(ConnectionError):
        while part := client.recv(65_536):
            received += part
    return received.startswith(b"HTTP/1.1 408 ")


def _gauge(url: str, name: str) -> float:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))
