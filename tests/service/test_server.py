"""The process as a whole: start, ready line, drain, exit codes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from verifier_service.auth import StartRefused
from verifier_service.server import listen

HERE = Path(__file__).parent
JSON = {"content-type": "application/json"}
READY = re.compile(r"verifier ready on (http://127\.0\.0\.1:(\d+)) \(finance; 2 workers\)\n")

Start = Callable[..., subprocess.Popen[str]]
Apart = tuple[str, str]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts service processes that do not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(**variables: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), "VERIFIER_PORT": "0"}
        process = subprocess.Popen(
            [sys.executable, str(HERE / "fake_service.py")],
            env=environment | {f"VERIFIER_{k.upper()}": v for k, v in variables.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def address(process: subprocess.Popen[str]) -> str:
    """Where the process says that it is ready."""
    line = process.stdout.readline()
    found = READY.fullmatch(line)
    assert found, line + process.stderr.read()
    return found[1]


def wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        pass


def test_ready_line_and_port_file_tell_the_port(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "port"
    url = address(start(port_file=str(file)))
    wait_for(lambda: file.exists() and file.read_text() != "")
    assert url.endswith(f":{file.read_text().strip()}")


def test_sigterm_finishes_what_runs_and_refuses_what_comes(start: Start, tmp_path: Path) -> None:
    process, gate = start(), tmp_path / "gate"
    url = address(process)

    def waiting() -> bool:
        return "verifier_queue_completions 1.0" in httpx.get(f"{url}/metrics").text

    with ThreadPoolExecutor() as pool, httpx.Client(base_url=url) as client:
        running = pool.submit(
            httpx.post, f"{url}/score", content=str(gate), headers=JSON, timeout=30
        )
        wait_for(waiting)
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: client.get("/readyz").status_code == 503)
        refused = httpx.post(f"{url}/score", content=b"", headers=JSON)
        gate.touch()
        assert running.result().status_code == 200
    assert (refused.status_code, refused.headers["connection"]) == (503, "close")
    assert process.wait(timeout=30) == 0


def test_requests_are_still_taken_in_the_grace_of_a_drain(start: Start, tmp_path: Path) -> None:
    process = start(drain_grace_s="600")
    url = address(process)
    process.send_signal(signal.SIGTERM)
    wait_for(lambda: httpx.get(f"{url}/readyz").status_code == 503)
    assert httpx.post(f"{url}/score", content=b"", headers=JSON).status_code == 200
    time.sleep(1)  # What comes within half a second is one signal.
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 128 + signal.SIGTERM


def test_two_signals_at_once_are_one(start: Start) -> None:
    """As `timeout` sends them, to the process and to its group."""
    process = start(drain_grace_s="1")
    address(process)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


def test_a_drain_that_takes_too_long_cuts_off_and_says_so(start: Start, tmp_path: Path) -> None:
    process = start(drain_s="0.1")
    url = address(process)

    def waiting() -> bool:
        return "verifier_queue_completions 1.0" in httpx.get(f"{url}/metrics").text

    with ThreadPoolExecutor() as pool:
        running = pool.submit(
            httpx.post, f"{url}/score", content=str(tmp_path / "never"), headers=JSON, timeout=30
        )
        wait_for(waiting)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 1
        assert running.exception() is not None or running.result().status_code >= 500


def test_a_hangup_does_not_end_a_service_without_keys(start: Start) -> None:
    process = start()
    url = address(process)
    process.send_signal(signal.SIGHUP)
    assert httpx.get(f"{url}/healthz").status_code == 200
    process.terminate()
    assert process.wait(timeout=30) == 0


def test_a_client_that_does_not_read_delays_a_drain_no_longer_than_it_may_take(
    start: Start,
) -> None:
    process = start(drain_s="0.5")
    url = httpx.URL(address(process))
    head = "POST /score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with socket.create_connection((url.host, url.port)) as client:
        client.sendall(f"{head}content-length: 5\r\n\r\nlarge".encode())
        assert client.recv(1) == b"H"
        process.terminate()
        assert process.wait(timeout=30) == 1


def test_a_log_that_nobody_reads_stalls_no_request(start: Start) -> None:
    process = start()
    with httpx.Client(base_url=address(process)) as client:
        # About 200 bytes a line; a pipe holds 64 KiB.
        for _ in range(500):
            assert client.get("/profiles").status_code == 200
        process.terminate()
        assert process.wait(timeout=30) == 0


CLI = "from verifier_service.cli import app; app()"


@pytest.mark.parametrize("command", [["-m", "verifier_service"], ["-c", CLI, "serve"]])
def test_sigterm_while_the_service_loads_ends_it_with_0(tmp_path: Path, command: list[str]) -> None:
    keys = tmp_path / "keys"
    os.mkfifo(keys)  # Reading it takes until somebody writes.
    environment = {**os.environ, "VERIFIER_PORT": "0", "VERIFIER_API_KEYS_FILE": str(keys)}
    process = subprocess.Popen([sys.executable, *command], env=environment)
    with process, keys.open("w"):
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_start_is_refused_with_a_reason(start: Start) -> None:
    process = start(host="0.0.0.0")
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (2, "")
    assert errors.startswith("verifier: 0.0.0.0 can be reached from other machines")


def test_an_address_in_use_refuses_the_start() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(StartRefused, match="cannot listen"):
        listen("127.0.0.1", taken.getsockname()[1])


def test_metrics_on_their_own_port_need_no_key(start: Start) -> None:
    process = start(api_keys="one", metrics_port="0", log_level="info")
    url = address(process)
    started = next(line for line in process.stderr if '"started"' in line)
    port = re.search(r'"metrics_port":(\d+)', started)[1]
    assert "verifier_build_info" in httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert httpx.get(f"{url}/metrics", auth=("", "one")).status_code == 404


@pytest.fixture
def apart() -> Apart:
    """A free port for metrics, and the URL that it makes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return str(port), f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_get_one_answer_on_both_ports(start: Start, apart: Apart, path: str) -> None:
    port, probes = apart
    url = address(start(metrics_port=port, api_keys="one"))
    main, metrics = (httpx.get(f"{base}{path}") for base in (url, probes))
    assert (main.status_code, main.content) == (metrics.status_code, metrics.content)


@pytest.mark.parametrize("path", ["/score", "/toolsets", "/profiles", "/openapi.json", "/docs"])
def test_only_probes_and_metrics_are_on_the_port_without_a_key(
    start: Start, apart: Apart, path: str
) -> None:
    port, probes = apart
    address(start(metrics_port=port, api_keys="one"))
    assert httpx.request("POST" if path == "/score" else "GET", f"{probes}{path}").is_client_error


def test_a_probe_waits_for_no_request_not_even_for_one_that_holds_up_the_loop(
    start: Start, apart: Apart, tmp_path: Path
) -> None:
    port, probes = apart
    url, gate = address(start(metrics_port=port)), tmp_path / "gate"
    with ThreadPoolExecutor() as pool:
        held = pool.submit(
            httpx.post, f"{url}/score", content=f"hold {gate}", headers=JSON, timeout=60
        )
        wait_for(lambda: "_queue_completions 1.0" in httpx.get(f"{probes}/metrics").text)
        assert httpx.get(f"{probes}/healthz").status_code == 200
        assert httpx.get(f"{probes}/readyz").status_code == 200
        gate.touch()
        assert held.result().status_code == 200


def test_probes_are_answered_while_the_service_loads(
    start: Start, apart: Apart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, probes = apart
    loaded = tmp_path / "loaded"
    monkeypatch.setenv("FAKE_LOADING", str(loaded))
    process = start(metrics_port=port)
    wait_for(lambda: listens(probes))
    assert httpx.get(f"{probes}/healthz").status_code == 200
    assert httpx.get(f"{probes}/readyz").status_code == 503
    loaded.touch()
    address(process)
    assert httpx.get(f"{probes}/readyz").status_code == 200


def test_a_drain_is_told_at_once_and_the_process_lives_until_its_end(
    start: Start, apart: Apart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, probes = apart
    closed = tmp_path / "closed"
    monkeypatch.setenv("FAKE_CLOSING", str(closed))
    process = start(metrics_port=port, drain_grace_s="0.2")
    url = address(process)
    process.send_signal(signal.SIGTERM)
    wait_for(lambda: httpx.get(f"{probes}/readyz").status_code == 503)
    wait_for(lambda: not listens(url))
    assert httpx.get(f"{probes}/readyz").status_code == 503
    assert httpx.get(f"{probes}/healthz").status_code == 200
    closed.touch()
    assert process.wait(timeout=30) == 0


def listens(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True


def test_a_body_beyond_the_limit_gets_its_answer_over_a_real_connection(start: Start) -> None:
    url = address(start(max_body_bytes="1024"))
    with httpx.Client(base_url=url, headers=JSON) as client:
        declared = client.post("/score", content=b"x" * 5_000_000)
        chunked = client.post("/score", content=(b"x" * 65_536 for _ in range(50)))
    assert (declared.status_code, chunked.status_code) == (413, 413)
    assert "server" not in declared.headers
