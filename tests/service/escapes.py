"""What hostile text would try if it ran code in a worker, and what scoring must still do.

Each function returns what it got hold of, or raises. A module of its own, because the workers'
template process imports it.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import jsonschema

from verifier_service.hardening import kernel
from verifier_service.jobs import Handler, Job, Progress, Reply


def build() -> Handler:
    return attempt


def attempt(job: Job, progress: Progress) -> Reply:
    """`got ...` if what the body names succeeds, with the rest of the body as its argument."""
    name, _, argument = job.body.decode().partition(" ")
    try:
        outcome = f"got {globals()[name](argument)!r}"
    except Exception as error:  # noqa: BLE001 - the test looks at it
        outcome = f"{type(error).__name__}: {error}"
    return Reply(200, outcome.encode())


def write_file(path: str) -> int:
    return Path(path).write_text("x")


def append_to_file(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND)


def truncate(path: str) -> None:
    os.truncate(path, 0)


def read_environment(pid: str) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def own_environment(name: str) -> str:
    return os.environ[name]


def connect(port: str) -> None:
    socket.create_connection(("127.0.0.1", int(port)), timeout=1).close()


def open_socket(family: str) -> int:
    return socket.socket(getattr(socket, family)).fileno()


def run_program(path: str) -> int:
    return subprocess.run([path], check=False).returncode


def spawn_program(path: str) -> int:
    return os.posix_spawn(path, [path], {})


def replace_program(path: str) -> None:
    os.execv(path, [path])


def fork(_: str) -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return pid


def fork_by_clone(_: str) -> int:
    child_ends_with = signal.SIGCHLD
    pid = kernel.syscall(56 if os.uname().machine == "x86_64" else 220, child_ends_with, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return pid


def send_signal(pid: str) -> None:
    os.kill(int(pid), 0)


def signal_the_group(_: str) -> None:
    os.killpg(0, 0)


def trace(pid: str) -> int:
    attach = 16
    return kernel.syscall(101 if os.uname().machine == "x86_64" else 117, attach, int(pid), 0, 0)


def read_memory(pid: str) -> bytes:
    return Path(f"/proc/{pid}/mem").read_bytes()


def limit_others(pid: str) -> object:
    return resource.prlimit(int(pid), resource.RLIMIT_NOFILE)


def raise_own_limit(_: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def allocate(size: str) -> int:
    return len(bytearray(int(size)))


def use_io_uring(_: str) -> int:
    return kernel.syscall(425, 1, bytes(120))


def many_files(_: str) -> int:
    with ExitStack() as files:
        for _file in range(1000):
            files.callback(os.close, os.dup(1))
    return 1000


def import_module(name: str) -> str:
    assert name not in sys.modules
    return importlib.import_module(name).__name__


def validate(_: str) -> bool:
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
    return jsonschema.Draft202012Validator(schema).is_valid(json.loads('{"a": 2}'))


def match(_: str) -> str:
    found = re.search(r"<tool_call>(.*)</tool_call>", "<tool_call>x</tool_call>")
    return found[1] if found else ""


def clock(_: str) -> bool:
    return time.time() > 0 and time.localtime().tm_year > 2000


def randomness(_: str) -> int:
    return len(random.Random().randbytes(8) + os.urandom(8))


def thread(_: str) -> str:
    said: list[str] = []
    worker = threading.Thread(target=said.append, args=["ran"])
    worker.start()
    worker.join()
    return said[0]


def read_file(path: str) -> str:
    return Path(path).read_text()


def list_folder(path: str) -> list[str]:
    return [entry.name for entry in Path(path).iterdir()]


def change_mode(path: str) -> None:
    Path(path).chmod(0o777)


def make_folder(path: str) -> None:
    Path(path).mkdir()


def remove_file(path: str) -> None:
    Path(path).unlink()


def signal_itself(_: str) -> None:
    os.kill(os.getpid(), 0)


def draw(_: str) -> float:
    return random.random()


def say(words: str) -> None:
    for output in (sys.stdout, sys.stderr):
        print(words, file=output, flush=True)
