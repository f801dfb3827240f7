"""Sends requests all at once, each on a connection of its own: `python -m tests.faults.burst`.

A process of its own, so that what it does is not the service's work. What it may open at once is
bounded by its limit on files, so a large burst comes from several processes; each has its own
source address, because 28,000 ports are all that one has.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import uvloop

from tests.faults.completions import body, samples

HEAD: Final = (
    b"POST /score HTTP/1.1\r\nhost: verifier\r\ncontent-type: application/json\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n"
)
PATIENCE_S: Final = 240.0
NO_ANSWER: Final = 0
"""Status of a request whose connection was refused, or broke before the answer was whole."""
PROCESSES: Final = 4
CONNECTING: Final = 256
"""Connections that a process opens at the same time; how many are open is not bounded."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request got."""

    status: int
    rewards: list[float | None]
    retry_after: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Burst:
    """What all got, in the order of the completions."""

    answers: list[Answer]
    seconds: float

    @property
    def statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)

    @property
    def rewards(self) -> list[float | None]:
        """One a completion; requests without an answer have none."""
        return [reward for answer in self.answers for reward in answer.rewards]

    def seconds_at(self, share: float) -> float:
        ordered = sorted(answer.seconds for answer in self.answers)
        return ordered[int(share * (len(ordered) - 1))]


class Exchange(asyncio.Protocol):
    """One request and its answer."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._received = bytearray()
        self.done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._received += data

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(bytes(self._received))


def answered(raw: bytes, seconds: float) -> Answer:
    """An answer as it came; one that is cut off is none."""
    head, _, content = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:])
    if not content or len(content) != int(fields.get("content-length", -1)):
        return Answer(NO_ANSWER, [], "", seconds)
    status = int(lines[0].split()[1])
    rewards = json.loads(content)["rewards"] if status == 200 else []
    return Answer(status, rewards, fields.get("retry-after", ""), seconds)


async def _send(
    address: tuple[str, int], source: str, content: bytes, connecting: asyncio.Semaphore
) -> Answer:
    loop, began = asyncio.get_running_loop(), time.monotonic()
    raw = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            async with connecting:
                _, exchange = await loop.create_connection(
                    lambda: Exchange(HEAD % len(content) + content),
                    *address,
                    local_addr=(source, 0),
                )
            raw = await exchange.done
    except OSError:
        pass
    return answered(raw, time.monotonic() - began)


async def _at_once(url: str, source: str, bodies: Sequence[bytes], begin: float) -> list[Answer]:
    parts, connecting = urlsplit(url), asyncio.Semaphore(CONNECTING)
    address = (parts.hostname or "", parts.port or 80)
    await asyncio.sleep(begin - time.time())
    sending = (_send(address, source, each, connecting) for each in bodies)
    return await asyncio.gather(*sending)


def run_share(url: str, completions: int, batch: int, share: int, of: int, begin: float) -> Any:
    """Send every `of`-th request of a burst, from an address of its own."""
    all_samples = samples(completions)
    bodies = [
        body(all_samples[i : i + batch]) for i in range(share * batch, completions, of * batch)
    ]
    coroutine = _at_once(url, f"127.0.1.{share + 1}", bodies, begin)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answers = runner.run(coroutine)
    return [[each.status, each.rewards, each.retry_after, each.seconds] for each in answers]


def burst(url: str, completions: int, batch: int = 1, processes: int = PROCESSES) -> Burst:
    """All requests of `completions` at once, `batch` a request."""
    with bursting(url, completions, batch, processes) as wait:
        return wait()


@contextmanager
def bursting(url: str, completions: int, batch: int, processes: int) -> Iterator[Any]:
    """The same while the caller does something else; what is given waits for it."""
    begin = time.time() + 2 + completions / 10_000
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, str(share)) for share in range(processes)]
        started = []
        for share, file in enumerate(files):
            numbers = map(str, (completions, batch, share, processes, begin))
            command = [sys.executable, "-m", "tests.faults.burst", url, *numbers, str(file)]
            started.append(subprocess.Popen(command, start_new_session=True))

        def wait() -> Burst:
            for process in started:
                assert process.wait(timeout=PATIENCE_S + 60) == 0
            seconds = time.time() - begin
            shares = [[Answer(*each) for each in json.loads(file.read_text())] for file in files]
            return Burst(
                [share[i] for i in range(len(shares[0])) for share in shares if i < len(share)],
                seconds,
            )

        try:
            yield wait
        finally:
            for process in started:
                process.kill()
                process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.burst", description=__doc__)
    parser.add_argument("url")
    for name in ("completions", "batch", "share", "of"):
        parser.add_argument(name, type=int)
    parser.add_argument("begin", type=float, help="seconds since the epoch")
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    found = run_share(given.url, given.completions, given.batch, given.share, given.of, given.begin)
    given.file.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
