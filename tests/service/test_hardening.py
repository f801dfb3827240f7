"""A hardened worker cannot reach the machine, and can still score."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from escapes import build

from verifier_service.hardening import harden, seccomp
from verifier_service.jobs import Job, Task
from verifier_service.workers import WorkerPool

MEMORY_BYTES = 256 << 20
SECRET = "VERIFIER_TEST_SECRET"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="hardening is Linux's")
shared = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file inside, `open`, which the workers may read, and one, `shut`, which they may not."""
    folder = tmp_path_factory.mktemp("world")
    for name in ("open", "shut"):
        (folder / name).write_text(name)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(folder: Path) -> AsyncIterator[WorkerPool]:
    os.environ[SECRET] = "sk-secret"
    readable = (folder / "open",)
    pool = WorkerPool(build, workers=1, hang_s=5, memory_bytes=MEMORY_BYTES, readable=readable)
    await pool.start()
    yield pool
    await pool.close(5)
    del os.environ[SECRET]


async def outcome(pool: WorkerPool, attempt: str) -> str:
    reply = await pool.run(Job(Task.SCORE, attempt.encode()))
    return reply.body.decode()


@shared
async def test_this_machine_offers_every_layer(pool: WorkerPool) -> None:
    assert pool.hardening.layers
    if pool.hardening.missing:
        pytest.skip(f"this kernel or container lacks {pool.hardening.missing}")


@shared
@pytest.mark.parametrize(
    ("attempt", "refusal"),
    [
        ("write_file {folder}/new", "PermissionError"),
        ("write_file {folder}/open", "PermissionError"),
        ("append_to_file {folder}/open", "PermissionError"),
        ("truncate {folder}/open", "PermissionError"),
        ("change_mode {folder}/open", "PermissionError"),
        ("make_folder {folder}/new", "PermissionError"),
        ("remove_file {folder}/open", "PermissionError"),
        ("write_file /dev/shm/new", "PermissionError"),
        ("read_file {folder}/shut", "PermissionError"),
        ("read_file /etc/passwd", "PermissionError"),
        ("list_folder /", "PermissionError"),
        ("list_folder {folder}", "PermissionError"),
        ("read_environment {front}", "PermissionError"),
        ("read_memory {front}", "PermissionError"),
        ("own_environment " + SECRET, "KeyError"),
        ("connect {port}", "PermissionError"),
        ("open_socket AF_INET", "PermissionError"),
        ("open_socket AF_UNIX", "PermissionError"),
        ("open_socket AF_NETLINK", "PermissionError"),
        ("run_program /bin/true", "PermissionError"),
        ("spawn_program /bin/true", "PermissionError"),
        ("replace_program /bin/true", "PermissionError"),
        ("fork", "PermissionError"),
        ("fork_by_clone", "PermissionError"),
        ("send_signal {front}", "PermissionError"),
        ("signal_the_group", "PermissionError"),
        ("trace {front}", "PermissionError"),
        ("limit_others {front}", "PermissionError"),
        ("raise_own_limit", "ValueError"),
        ("use_io_uring", "PermissionError"),
        ("allocate {twice_the_memory}", "MemoryError"),
        ("many_files", "OSError"),
    ],
)
async def test_escape_is_refused(
    pool: WorkerPool, folder: Path, attempt: str, refusal: str
) -> None:
    if pool.hardening.missing:
        pytest.skip("not every layer is there")
    with socket.create_server(("127.0.0.1", 0)) as server:
        filled = attempt.format(
            folder=folder,
            front=os.getpid(),
            port=server.getsockname()[1],
            twice_the_memory=2 * MEMORY_BYTES,
        )
        assert (await outcome(pool, filled)).partition(":")[0] == refusal


@shared
@pytest.mark.parametrize(
    ("chore", "result"),
    [
        ("import_module sqlite3", "got 'sqlite3'"),
        ("import_module colorsys", "got 'colorsys'"),
        ("import_module wsgiref.util", "got 'wsgiref.util'"),
        ("validate", "got True"),
        ("match", "got 'x'"),
        ("clock", "got True"),
        ("randomness", "got 16"),
        ("thread", "got 'ran'"),
        ("allocate 1000000", "got 1000000"),
        ("read_file {folder}/open", "got 'open'"),
        ("signal_itself", "got None"),
    ],
)
async def test_scoring_still_works(pool: WorkerPool, folder: Path, chore: str, result: str) -> None:
    assert await outcome(pool, chore.format(folder=folder)) == result


@shared
async def test_two_workers_do_not_draw_the_same_random_numbers(pool: WorkerPool) -> None:
    [pid] = pool.pids
    first = await outcome(pool, "draw")
    os.kill(pid, 9)
    while pid in pool.pids:  # noqa: ASYNC110 - processes set no events
        await asyncio.sleep(0.002)
    assert await outcome(pool, "draw") != first


def test_what_a_worker_prints_goes_nowhere_and_fails_nowhere(tmp_path: Path) -> None:
    """A log file is the hard case: workers may not let files grow."""
    script = """
import asyncio
from escapes import build
from verifier_service.jobs import Job, Task
from verifier_service.workers import WorkerPool

async def main():
    pool = WorkerPool(build, workers=1, hang_s=5, memory_bytes=1 << 28)
    await pool.start()
    reply = await pool.run(Job(Task.SCORE, b"say forged"))
    assert reply.body == b"got None", reply.body
    await pool.close(5)

asyncio.run(main())
"""
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with (tmp_path / "log").open("w+") as log:
        front = [sys.executable, "-c", script]
        status = subprocess.call(front, env=os.environ | path, stdout=log, stderr=log)
        log.seek(0)
        assert (status, log.read()) == (0, "")


@pytest.mark.parametrize("cpu", seccomp.CPUS)
def test_the_filter_has_no_number_twice(cpu: str) -> None:
    column = seccomp.CPUS[cpu].column
    rows = [
        *seccomp.DENIED.values(),
        *(seccomp.CLONE, seccomp.CLONE3, seccomp.KILL, seccomp.TGKILL, seccomp.PRLIMIT64),
    ]
    numbers = [row[column] for row in rows if row[column] is not None]
    assert len(numbers) == len(set(numbers))


def test_a_machine_without_the_layers_is_reported_not_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unavailable(*_: object) -> int:
        raise OSError(38, "Function not implemented")

    for call in ("prctl", "syscall", "capset"):
        monkeypatch.setattr(f"verifier_service.hardening.kernel.{call}", unavailable)
    monkeypatch.setattr("resource.setrlimit", unavailable)
    monkeypatch.setattr(Path, "write_text", unavailable)
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    report = harden(MEMORY_BYTES)
    assert report.layers == report.missing
    assert {layer.name for layer in report.missing} >= {"limits", "landlock", "seccomp"}
    assert all(layer.detail for layer in report.missing)
