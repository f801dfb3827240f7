"""Sends requests all at once or at fixed times: `python -m tests.faults.burst`.

Each has a connection of its own, and none waits for the answers to those before it.

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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import uvloop

from tests.faults.completions import body, new_samples, samples

HEAD: Final = (
    b"POST /score HTTP/1.1\r\nhost: verifier\r\ncontent-type: application/json\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n"
)
PATIENCE_S: Final = 240.0
SOON_S: Final = 0.5
"""Until all processes have heard when to begin."""
NO_ANSWER: Final = 0
"""Status of a request whose connection broke before the answer was whole."""
NO_CONNECTION: Final = -1
"""Status of a request for which there was nobody to connect to."""
PROCESSES: Final = 4
CONNECTING: Final = 256
"""Connections that a process opens at the same time; how many are open is not bounded."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent, and when."""

    completions: int
    batch: int = 1
    every_s: float = 0.0
    """Between the times of two requests; without one they are all sent at once."""
    new: bool = False
    """Whether no task has been seen before. Otherwise half of them are the same few."""

    def bodies(self, share: int, of: int) -> list[bytes]:
        """Those of every `of`-th request."""
        batch, starts = self.batch, range(share * self.batch, self.completions, of * self.batch)
        if self.new:
            return [body(new_samples(start // batch, batch)) for start in starts]
        all_samples = samples(self.completions)
        return [body(all_samples[start : start + batch]) for start in starts]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request got."""

    status: int
    rewards: list[float | None]
    retry_after: str
    seconds: float
    """Since it was to be sent."""


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
    address: tuple[str, int], source: str, content: bytes, at: float, connecting: asyncio.Semaphore
) -> Answer:
    await asyncio.sleep(at - time.time())
    raw = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            async with connecting:
                _, exchange = await asyncio.get_running_loop().create_connection(
                    lambda: Exchange(HEAD % len(content) + content),
                    *address,
                    local_addr=(source, 0),
                )
            raw = await exchange.done
    except ConnectionRefusedError:
        return Answer(NO_CONNECTION, [], "", time.time() - at)
    except OSError:
        pass
    return answered(raw, time.time() - at)


async def _send_all(
    url: str, source: str, bodies: Sequence[bytes], times: Sequence[float]
) -> list[Answer]:
    parts, connecting = urlsplit(url), asyncio.Semaphore(CONNECTING)
    address = (parts.hostname or "", parts.port or 80)
    sending = map(partial(_send, address, source, connecting=connecting), bodies, times)
    return await asyncio.gather(*sending)


def send_share(url: str, plan: Plan, share: int, of: int) -> list[Answer]:
    """Send every `of`-th request, from an address of its own, once it is said when to begin."""
    bodies = plan.bodies(share, of)
    sys.stdout.write("prepared\n")
    sys.stdout.flush()
    begin = float(sys.stdin.readline())
    times = [begin + plan.every_s * (share + index * of) for index in range(len(bodies))]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_send_all(url, f"127.0.1.{share + 1}", bodies, times))


def burst(url: str, plan: Plan, processes: int = PROCESSES) -> Burst:
    """Everything of a plan."""
    with bursting(url, plan, processes) as wait:
        return wait()


@contextmanager
def bursting(url: str, plan: Plan, processes: int = PROCESSES) -> Iterator[Callable[[], Burst]]:
    """The same while the caller does something else; what is given waits for it."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, str(share)) for share in range(processes)]
        command = [sys.executable, "-m", "tests.faults.burst", url, json.dumps(asdict(plan))]
        started = [
            subprocess.Popen(
                [*command, str(share), str(processes), str(file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                text=True,
            )
            for share, file in enumerate(files)
        ]

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
            for process in started:
                assert process.stdout is not None
                assert process.stdout.readline() == "prepared\n"
            begin = time.time() + SOON_S
            for process in started:
                assert process.stdin is not None
                process.stdin.write(f"{begin}\n")
                process.stdin.flush()
            yield wait
        finally:
            for process in started:
                process.kill()
                process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.burst", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("plan", type=json.loads)
    parser.add_argument("share", type=int)
    parser.add_argument("of", type=int)
    parser.add_argument("file", type=Path)
    given = parser.parse_args()
    found = send_share(given.url, Plan(**given.plan), given.share, given.of)
    given.file.write_text(
        json.dumps([[each.status, each.rewards, each.retry_after, each.seconds] for each in found])
    )


if __name__ == "__main__":
    main()
