"""The score log of a running service: every verdict once, and never at scoring's expense."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running_service import RunningService, children, running_service

CALL = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
TRUTH = {"behavior": "execute", "calls": [CALL]}
RIGHT = json.dumps(CALL)
PATIENCE_S = 30.0
MEMORY_BYTES = 512 * 2**20


@contextmanager
def logging_service(folder: Path, **environment: str) -> Iterator[RunningService]:
    log = str(folder / "log")
    with running_service(
        folder, "--workers", "2", VERIFIER_SCORE_LOG=log, **environment
    ) as running:
        yield running


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    with logging_service(tmp_path) as running:
        yield running


def score(service: RunningService, *completions: str, **members: Any) -> httpx.Response:
    item = {"id": "p1", "completions": [*completions], "ground_truth": TRUTH}
    request = {"toolset": "finance", "items": [item], **members}
    response = httpx.post(f"{service.url}/score", json=request, timeout=60)
    response.raise_for_status()
    return response


def stop(service: RunningService) -> int:
    service.process.send_signal(signal.SIGTERM)
    return service.process.wait(PATIENCE_S)


def kept(folder: Path) -> list[dict[str, Any]]:
    files = sorted((folder / "log").iterdir())
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]


def verdicts(folder: Path) -> list[dict[str, Any]]:
    return [line for line in kept(folder) if line["kind"] == "verdict"]


def counted(service: RunningService, name: str) -> float:
    """A counter, over all its labels."""
    lines = httpx.get(f"{service.url}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"{name}_total"))


def drops(service: RunningService) -> float:
    return counted(service, "verifier_score_log_drops")


def until(claim: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.05)


def writer(service: RunningService) -> int:
    """The process id of the log's writer, 0 for none."""
    for pid in children(service.process.pid):
        if "score_log" in Path(f"/proc/{pid}/cmdline").read_text():
            return pid
    return 0


def test_every_verdict_is_in_the_log_exactly_once(service: RunningService, tmp_path: Path) -> None:
    def rewards(number: int) -> tuple[str, list[float]]:
        answer = score(service, RIGHT, f"no call {number}")
        return answer.headers["x-request-id"], answer.json()["rewards"]

    with ThreadPoolExecutor(8) as threads:
        answered = dict(threads.map(rewards, range(200)))
    assert stop(service) == 0
    told = Counter(
        {
            f"{request}/0/{n}": reward
            for request, of in answered.items()
            for n, reward in enumerate(of)
        }
    )
    lines = verdicts(tmp_path)
    assert len(lines) == 400
    assert {line["decision"]: line["verdict"]["reward"] for line in lines} == dict(told)


def test_a_line_holds_what_the_verdict_came_from(service: RunningService, tmp_path: Path) -> None:
    answer = score(service, RIGHT, run="r1", step=7, options={"narration": "forbidden"}).json()
    stop(service)
    [line] = verdicts(tmp_path)
    assert (line["run"], line["step"], line["id"], line["completion"]) == ("r1", 7, "p1", RIGHT)
    assert line["task"] == {
        "ground_truth": TRUTH,
        "options": {"narration": "forbidden"},
        "toolset": answer["toolset"],
    }
    assert (line["profile"], line["version"]) == (answer["profile"], answer["version"])
    told = {"id", "item", "completion"}
    assert line["verdict"] == {k: v for k, v in answer["verdicts"][0].items() if k not in told}


def test_rewards_alone_are_kept_where_no_more_was_asked_for(
    service: RunningService, tmp_path: Path
) -> None:
    score(service, RIGHT, "nothing", detail="reward")
    stop(service)
    assert [line["verdict"]["reward"] for line in verdicts(tmp_path)] == [1.0, 0.0]


def test_inline_tools_stand_once_a_file(service: RunningService, tmp_path: Path) -> None:
    tools = [{"name": "get_stock_price", "parameters": {"type": "object"}}]
    for _ in range(3):
        score(service, RIGHT, toolset=None, tools=tools)
    stop(service)
    described = [line for line in kept(tmp_path) if line["kind"] == "tools"]
    assert [line["tools"] for line in described] == [tools]
    assert {line["task"]["tools"] for line in verdicts(tmp_path)} == {described[0]["digest"]}


def test_each_file_begins_with_the_settings_that_rewards_depend_on(tmp_path: Path) -> None:
    told = {"VERIFIER_COMPLETION_CALLS": "1", "VERIFIER_WIRE_UNSCORED": "slime=-1"}
    for _ in range(2):
        with logging_service(tmp_path, **told) as service:
            score(service, RIGHT + RIGHT)
            stop(service)
    for file in (tmp_path / "log").iterdir():
        first, second = map(json.loads, file.read_text("utf-8").splitlines())
        assert (first["kind"], second["kind"]) == ("settings", "verdict")
        assert (first["limits"]["calls"], first["wire_unscored"]) == (1, {"slime": -1.0})
        assert first["item_timeout_s"] == 0.25


def test_a_trainers_request_is_kept_as_it_was(service: RunningService, tmp_path: Path) -> None:
    carrier = {"toolset": "finance", "ground_truth": TRUTH}
    request = {"query": [RIGHT], "prompts": [""], "labels": [json.dumps(carrier)]}
    answer = httpx.post(f"{service.url}/get_reward?run=r1", json=request).json()
    stop(service)
    [line] = (line for line in kept(tmp_path) if line["kind"] == "wire")
    assert (line["wire"], line["completions"]) == ("openrlhf", 1)
    assert (line["run"], line["query"]) == ("r1", "run=r1")
    assert (line["request"], line["reply"]) == (request, answer)


def test_a_request_that_judges_nothing_leaves_no_line(
    service: RunningService, tmp_path: Path
) -> None:
    httpx.post(f"{service.url}/score", json={"items": 1})
    httpx.post(f"{service.url}/parse", json={"completions": [RIGHT]})
    stop(service)
    assert kept(tmp_path) == []


def test_a_restart_keeps_what_was_there(tmp_path: Path) -> None:
    for _ in range(2):
        with logging_service(tmp_path) as service:
            score(service, RIGHT)
            stop(service)
    assert len(verdicts(tmp_path)) == 2


def test_what_is_judged_while_the_service_drains_is_kept(tmp_path: Path) -> None:
    with logging_service(tmp_path, VERIFIER_DRAIN_GRACE_S="1") as service:
        service.process.send_signal(signal.SIGTERM)
        score(service, RIGHT)
        service.process.wait(PATIENCE_S)
    assert len(verdicts(tmp_path)) == 1


def test_the_log_stays_within_its_bound(tmp_path: Path) -> None:
    terms = {
        "VERIFIER_SCORE_LOG_MAX_BYTES": "2097152",
        "VERIFIER_SCORE_LOG_ROTATE_BYTES": "1048576",
    }
    with logging_service(tmp_path, **terms) as service:
        for number in range(60):
            score(service, f"{number} " + "x" * 60_000)
        stop(service)
    files = sorted((tmp_path / "log").iterdir())
    assert sum(file.stat().st_size for file in files) <= 2_097_152
    numbers = [int(line["completion"].split()[0]) for line in verdicts(tmp_path)]
    assert len(numbers) > 16
    assert numbers == list(range(60))[-len(numbers) :]


def test_a_full_disk_costs_drops_and_no_score_and_is_left_behind(
    service: RunningService, tmp_path: Path
) -> None:
    pid = writer(service)
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    assert score(service, RIGHT, RIGHT).json()["rewards"] == [1.0, 1.0]
    until(lambda: drops(service) == 2)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    score(service, RIGHT)
    stop(service)
    assert len(verdicts(tmp_path)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_small_disk_that_fills_loses_what_does_not_fit_and_counts_it(tmp_path: Path) -> None:
    disk = tmp_path / "log"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with logging_service(tmp_path) as service:
            for _ in range(40):
                assert score(service, RIGHT, "x" * 60_000).json()["rewards"][0] == 1.0
            until(lambda: counted(service, "verifier_score_log_verdicts") + drops(service) == 80)
            lost = drops(service)
            stop(service)
        assert lost > 0
        assert len(verdicts(tmp_path)) == 80 - lost
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_killed_writer_is_replaced(service: RunningService, tmp_path: Path) -> None:
    score(service, RIGHT)
    until(lambda: counted(service, "verifier_score_log_verdicts") == 1)
    killed = writer(service)
    os.kill(killed, signal.SIGKILL)
    until(lambda: writer(service) not in (0, killed))

    def another() -> bool:
        assert score(service, RIGHT).json()["rewards"] == [1.0]
        return counted(service, "verifier_score_log_verdicts") > 1

    until(another)
    stop(service)
    assert len(verdicts(tmp_path)) >= 2


def test_the_writer_takes_no_more_memory_than_a_worker_may(tmp_path: Path) -> None:
    with logging_service(tmp_path, VERIFIER_WORKER_MEMORY_BYTES=str(MEMORY_BYTES)) as service:
        address_space, _ = resource.prlimit(writer(service), resource.RLIMIT_AS)
        assert MEMORY_BYTES < address_space < 2 * MEMORY_BYTES


def test_the_writer_is_ended_before_the_front_where_memory_runs_out(
    service: RunningService,
) -> None:
    def badness(pid: int) -> int:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    assert badness(writer(service)) > badness(service.process.pid)


def test_a_writer_that_hangs_stalls_no_request(tmp_path: Path) -> None:
    with logging_service(tmp_path, VERIFIER_SCORE_LOG_QUEUE_BYTES="1048576") as service:
        os.kill(writer(service), signal.SIGSTOP)
        for _ in range(40):
            score(service, "x" * 60_000)
        assert drops(service) > 0
        os.kill(writer(service), signal.SIGCONT)
        until(lambda: counted(service, "verifier_score_log_verdicts") + drops(service) == 40)
        lost = drops(service)
        stop(service)
    assert len(verdicts(tmp_path)) == 40 - lost


def test_a_folder_that_vanishes_is_made_again(service: RunningService, tmp_path: Path) -> None:
    score(service, RIGHT)
    until(lambda: counted(service, "verifier_score_log_verdicts") == 1)
    shutil.rmtree(tmp_path / "log")
    score(service, RIGHT)
    stop(service)
    assert len(verdicts(tmp_path)) == 1


def test_a_masked_argument_stands_in_no_file(tmp_path: Path) -> None:
    truth = {"calls": [{"name": "f", "arguments": {"password": "hunter2"}}]}
    tools = [{"name": "f", "parameters": {"type": "object"}}]
    with logging_service(tmp_path, VERIFIER_SCORE_LOG_MASK_NAMES="password,pin") as service:
        request = {"tools": tools, "items": [{"completion": "hunter2", "ground_truth": truth}]}
        httpx.post(f"{service.url}/score", json=request).raise_for_status()
        stop(service)
    assert len(verdicts(tmp_path)) == 1
    assert not [f for f in (tmp_path / "log").iterdir() if b"hunter2" in f.read_bytes()]


def test_a_folder_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file\n")
    command = [
        sys.executable,
        "-c",
        "from verifier_service.cli import app; app()",
        "serve",
        "--port",
        "0",
    ]
    environment = {**os.environ, "VERIFIER_SCORE_LOG": str(tmp_path / "log")}
    ended = subprocess.run(
        command, check=False, env=environment, capture_output=True, timeout=PATIENCE_S
    )
    assert ended.returncode == 2
    assert b"VERIFIER_SCORE_LOG: " in ended.stderr
    assert b"Traceback" not in ended.stderr
