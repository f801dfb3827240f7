"""Servers under load: ours and others, what they are sent, and what they take for it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.contender import ROOT, Failed
from benchmarks.measure import Tree, children, children_cpu_s, cpu_s

HOST: Final = "127.0.0.1"
START_S: Final = 120.0
CONNECTIONS: Final = 16
SETTLING_S: Final = 0.1
"""After a load: what wrk has left in the middle ends, and is counted."""
LUA: Final = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, slots=True)
class Server:
    """Something that answers POST requests."""

    url: str
    front: int
    """Process id of what takes the requests."""
    template: int | None = None
    """Of the process that the workers are children of; they are replaced when one is lost, as when
    a caller leaves in the middle of a request, which wrk does at its end."""
    reached: dict[Path, int] = field(default_factory=dict)
    """How far it has been sent each file of bodies."""

    def cpu_s(self) -> Tree:
        workers = 0.0 if self.template is None else children_cpu_s(self.template)
        return {"front": cpu_s(self.front), "workers": workers}


@contextmanager
def our_service(
    folder: Path, *, workers: int = 1, program: str = "verifier_service.cli:app"
) -> Iterator[Server]:
    """`verifier serve` as it comes, but for its log: one line a request is for an operator."""
    port_file = folder / f"port-{time.monotonic_ns()}"
    options = ["--port", "0", "--port-file", str(port_file), "--workers", str(workers)]
    module, _, name = program.partition(":")
    run = [sys.executable, "-c", f"from {module} import {name} as run; run()"]
    command = [*run, "serve", *options, "--log-level", "warning"]
    with _process(command) as process:
        while not (port_file.exists() and (port := port_file.read_text().strip())):
            _still_starting(process)
        [template] = children(process.pid)
        yield Server(f"http://{HOST}:{port}/score", process.pid, template)


@contextmanager
def other_server(python: str | Path, module: str, path: str, *arguments: str) -> Iterator[Server]:
    """`python -m MODULE PORT ARGUMENTS`, once it takes connections."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    with _process([str(python), "-W", "ignore", "-m", module, str(port), *arguments]) as process:
        while not _answers(port):
            _still_starting(process)
        yield Server(f"http://{HOST}:{port}{path}", process.pid)


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _still_starting(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        raise Failed(f"{process.args!r} ended with {process.returncode}")
    time.sleep(0.05)


def _answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex((HOST, port)) == 0


# Load


def wrk() -> str | None:
    """Where wrk is, which makes the load; None where it is not."""
    return shutil.which("wrk")


def write_bodies(file: Path, bodies: Iterable[bytes]) -> Path:
    """Request bodies as `load` sends them, one a line."""
    file.write_bytes(b"".join(body + b"\n" for body in bodies))
    return file


def load(
    server: Server,
    bodies: Path,
    size: int,
    seconds: int,
    *,
    connections: int = CONNECTIONS,
    warm: bool = True,
) -> Tree:
    """What a server did in a round: completions by the second of the clock and of its CPU.

    Args:
        size: Completions in each body.
        warm: Load it for a second first, which does not count.
    """
    if warm:
        _wrk(server, bodies, 1, connections)
    before = server.cpu_s()
    found = _wrk(server, bodies, seconds, connections)
    front, workers = (server.cpu_s()[name] - before[name] for name in ("front", "workers"))
    completions = found["requests"] * size
    return {
        "completions": completions,
        "completions_per_s": completions / found["seconds"],
        "completions_per_cpu_s": completions / (front + workers),
        "cpu_us_per_completion": (front + workers) / completions * 1e6,
        "front_us_per_request": front / found["requests"] * 1e6,
        "workers_us_per_completion": workers / completions * 1e6,
        "p50_ms": found["p50_ms"],
        "p99_ms": found["p99_ms"],
    }


def _wrk(server: Server, bodies: Path, seconds: int, connections: int) -> Tree:
    # Each run goes on where the last one ended: from the first body on, it would be met again.
    start = server.reached.get(bodies, 0)
    command = [
        "wrk",
        "-t1",
        "--timeout",
        "60s",
        f"-c{connections}",
        f"-d{seconds}s",
        "-s",
        str(LUA),
        server.url,
    ]
    ended = subprocess.run(
        [*command, "--", str(bodies), str(start)], capture_output=True, text=True, check=False
    )
    lines = ended.stdout.strip().splitlines()
    if ended.returncode or not lines:
        raise Failed(f"wrk: {ended.stderr.strip() or ended.returncode}")
    found: Tree = json.loads(lines[-1])
    if found["failed"]:
        raise Failed(f"{server.url}: {found}")
    if not found["requests"]:  # on a machine so busy that none was done in time
        return _wrk(server, bodies, 2 * seconds, connections)
    server.reached[bodies] = start + found["requests"] + connections
    time.sleep(SETTLING_S)
    return found
