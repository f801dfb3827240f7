"""Watches a service while something happens to it: how its health answers, what memory it takes."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from benchmarks.measure import resident_mib
from tests.faults.probed import ProbedService
from tests.running_service import RunningService, children

LOOK_S = 0.05


@dataclass(slots=True)
class Seen:
    """What was seen so far."""

    probe_s: list[float] = field(default_factory=list)
    """Of `/healthz` as a kubelet asks: on the metrics port, each on a connection of its own."""
    open_probe_s: list[float] = field(default_factory=list)
    """The same on the main port and a connection that stays open: what the front takes."""
    new_probe_s: list[float] = field(default_factory=list)
    """The same there on connections of their own, which wait their turn to be accepted."""
    failed_probes: int = 0
    front_mib: float = 0.0
    """Most resident memory of the front."""
    all_mib: float = 0.0
    """The same of front, template and workers together; pages that they share count in each."""


def milliseconds_at(share: float, seconds: list[float]) -> float:
    ordered = sorted(seconds)
    return round(ordered[int(share * (len(ordered) - 1))] * 1e3, 1)


@contextmanager
def watched(service: ProbedService) -> Iterator[Seen]:
    """Look until the block ends."""
    seen, over = Seen(), threading.Event()
    looks = (
        partial(_ask_anew, service.probes, seen, seen.probe_s),
        partial(_ask_on, service.url, seen, seen.open_probe_s),
        partial(_ask_anew, service.url, seen, seen.new_probe_s),
        partial(_weigh, service, seen),
    )
    threads = [threading.Thread(target=look, args=(over,)) for look in looks]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _ask_on(url: str, seen: Seen, took_s: list[float], over: threading.Event) -> None:
    connection = _connection(url)
    while not over.wait(LOOK_S):
        took_s.append(_probe_s(connection, seen))
    connection.close()


def _ask_anew(url: str, seen: Seen, took_s: list[float], over: threading.Event) -> None:
    while not over.wait(LOOK_S):
        connection = _connection(url)
        took_s.append(_probe_s(connection, seen))
        connection.close()


def _connection(url: str) -> http.client.HTTPConnection:
    address = urlsplit(url)
    return http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)


def _probe_s(connection: http.client.HTTPConnection, seen: Seen) -> float:
    began = time.monotonic()
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
        seen.failed_probes += answer.status != 200
    except OSError:
        connection.close()
        seen.failed_probes += 1
    return time.monotonic() - began


def _weigh(service: RunningService, seen: Seen, over: threading.Event) -> None:
    while not over.wait(LOOK_S):
        front = service.process.pid
        try:
            seen.front_mib = max(seen.front_mib, resident_mib(front))
            family = [front, *children(front), *service.workers()]
            seen.all_mib = max(seen.all_mib, sum(map(resident_mib, family)))
        except (OSError, StopIteration):
            continue  # A process has just ended.
