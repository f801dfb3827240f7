"""The image, run as a restricted pod runs it: no root, no capabilities, only /tmp to write to."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

IMAGE: Final = os.environ.get("VERIFIER_IMAGE", "")
KEY: Final = "a-key-for-tests"
START_S: Final = 60.0
# Podman would raise these two, which not every machine lets it.
_LIMITS: Final = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
RESTRICTED: Final = (
    *("--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
    *("--tmpfs", "/tmp:size=16m", "--network", "host", *_LIMITS),
)


@dataclass(frozen=True, slots=True)
class Container:
    name: str
    url: str

    def client(self, key: str = KEY) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        )

    def processes(self) -> dict[int, dict[str, str]]:
        """What the kernel says of each process, by its id on this machine."""
        found = podman("top", self.name, "hpid").stdout.split()[1:]
        return {int(pid): _status(Path(f"/proc/{pid}/status")) for pid in found}

    def stop(self) -> int:
        """Send SIGTERM and wait; returns the exit code."""
        podman("stop", "--time", "60", self.name)
        return int(podman("inspect", "--format", "{{.State.ExitCode}}", self.name).stdout)


def podman(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done


def run(*arguments: str, entrypoint: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the image until it ends."""
    replaced = () if entrypoint is None else ("--entrypoint", entrypoint)
    return podman("run", "--rm", *RESTRICTED, *replaced, IMAGE, *arguments, check=False)


@contextlib.contextmanager
def serving(*options: str, **environment: str) -> Iterator[Container]:
    """A container that serves on a free port, with a key."""
    port = _free_port()
    variables = {
        "VERIFIER_PORT": str(port),
        "VERIFIER_WORKERS": "2",
        "VERIFIER_API_KEYS": KEY,
    } | environment
    given = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    name = podman("run", "--detach", *RESTRICTED, *given, *options, IMAGE).stdout.strip()
    try:
        container = Container(name, f"http://127.0.0.1:{port}")
        _wait(container)
        yield container
    finally:
        podman("rm", "--force", name)


def configuration() -> dict[str, Any]:
    (image,) = json.loads(podman("image", "inspect", IMAGE).stdout)
    written: dict[str, Any] = image["Config"]
    return written


def _wait(container: Container) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{container.url}/readyz").is_success:
                return
        time.sleep(0.1)
    raise AssertionError(podman("logs", container.name).stderr)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def _status(file: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in file.read_text().splitlines())
    return {name: value.strip() for name, _, value in lines}
