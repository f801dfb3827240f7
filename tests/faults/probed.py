"""A running service with a metrics port, where probes are answered as a kubelet asks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.running_service import RunningService, running_service


@dataclass(frozen=True, slots=True)
class ProbedService(RunningService):
    probes: str
    """URL of the metrics port."""


@contextmanager
def probed_service(folder: Path, *arguments: str, **environment: str) -> Iterator[ProbedService]:
    """Start `verifier serve` and wait until it takes requests; stop it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment["VERIFIER_METRICS_PORT"] = str(port)
    with running_service(folder, *arguments, **environment) as running:
        yield ProbedService(running.url, running.process, f"http://127.0.0.1:{port}")
