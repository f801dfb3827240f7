"""The directory that NeMo Gym starts: it forwards to the service, and its example rows are right.

The last test starts it as Gym does; it needs `NEMO_GYM_PYTHON`, the Python of an environment with
nemo-gym.
"""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from tests.wires.trainers import ARGUMENTS

DIRECTORY: Final = (
    Path(__file__).parents[2] / "examples" / "resources_servers" / "tool_call_verifier"
)
CONFIG: Final = yaml.safe_load((DIRECTORY / "configs" / "tool_call_verifier.yaml").read_text())
SERVER: Final = CONFIG["tool_call_verifier"]["resources_servers"]["tool_call_verifier"]
ROWS: Final = [
    json.loads(line) for line in (DIRECTORY / "data" / "example.jsonl").read_text().splitlines()
]
OF_GYM: Final = {"entrypoint", "domain", "verified", "description", "value"}
PYTHON: Final = os.environ.get("NEMO_GYM_PYTHON")
START_S: Final = 120.0


def test_the_configuration_names_what_is_there() -> None:
    agent = CONFIG["tool_call_verifier_simple_agent"]["responses_api_agents"]["simple_agent"]
    assert (DIRECTORY / SERVER["entrypoint"]).is_file()
    assert agent["resources_server"]["name"] in CONFIG
    [dataset] = agent["datasets"]
    assert (DIRECTORY.parents[1] / dataset["jsonl_fpath"]).is_file()


def test_the_configuration_sets_what_the_server_reads() -> None:
    tree = ast.parse((DIRECTORY / "app.py").read_text())
    [config] = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "ToolCallVerifierConfig"
    ]
    fields = {one.target.id for one in config.body if isinstance(one, ast.AnnAssign)}
    assert fields == set(SERVER) - OF_GYM


def test_gym_finds_its_own_version_among_the_requirements() -> None:
    """Gym replaces the line with `../..` by its own version, unless it runs from its checkout."""
    lines = (DIRECTORY / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if "../.." in line] == ["-e nemo-gym[dev] @ ../../"]
    assert len(lines) > 1, "Gym takes a file that is empty without that line for a failure"


def rollout(row: dict[str, Any], *output: Any) -> dict[str, Any]:
    response = {
        "id": "r", "object": "response", "created_at": 0, "model": "policy",
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "output": list(output),
    }  # fmt: skip
    return {**row, "response": response}


def call(name: str, arguments: Any) -> dict[str, Any]:
    said = json.dumps(arguments)
    return {"type": "function_call", "call_id": "c", "name": name, "arguments": said}


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_the_right_calls_of_an_example_earn_everything(service: str, row: Any) -> None:
    truth = json.loads(row["carrier"])["ground_truth"]
    calls = truth["calls"] if isinstance(truth, dict) else truth
    output = [call(one["name"], one["arguments"]) for one in calls]
    answer = httpx.post(f"{service}/nemo-gym/verify", json=rollout(row, *output))
    assert answer.json()["reward"] == 1.0


@pytest.fixture
def gym(service: str, tmp_path: Path) -> Iterator[str]:
    """The server, started as Gym's launcher starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = {**SERVER, "host": "127.0.0.1", "port": port}
    config = {
        "head_server": {"host": "127.0.0.1", "port": 1},
        "dry_run": False,
        "uvicorn_logging_show_200_ok": False,
        "tool_call_verifier": {"resources_servers": {"tool_call_verifier": server}},
    }
    environment = {
        "NEMO_GYM_CONFIG_DICT": yaml.safe_dump(config),
        "NEMO_GYM_CONFIG_PATH": "tool_call_verifier",
        "PYTHONDONTWRITEBYTECODE": "1",
        "VERIFIER_URL": service,
    }
    process = subprocess.Popen(
        [str(PYTHON), "app.py"], cwd=DIRECTORY, env={**os.environ, **environment}
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        assert process.poll() is None, f"the server stopped: {process.returncode}"
        assert time.monotonic() < deadline, "the server was not ready in time"
        try:
            httpx.get(url).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return


@pytest.mark.skipif(PYTHON is None, reason="needs nemo-gym: set NEMO_GYM_PYTHON")
def test_gym_runs_rollouts_on_it(gym: str) -> None:
    """Seeded, two calls that write, verified, refused: all as the service itself answers."""
    order = {"ticker": "AAPL", "quantity": 1, "side": "buy"}
    with httpx.Client(base_url=gym, timeout=60) as client:
        assert client.post("/seed_session", json=ROWS[0]).json() == {}
        orders = [client.post("/place_order", json=order).json() for _ in range(2)]
        assert [one[-2:] for one in orders] == ["-1", "-2"]
        assert client.post("/no_such_tool", json={}).status_code == 404
        body = rollout(ROWS[0], call("get_stock_price", ARGUMENTS))
        answer = client.post("/verify", json=body).json()
        assert (answer["reward"], answer["response"]) == (1.0, body["response"])
        assert client.post("/verify", json={**body, "carrier": "{"}).status_code == 422
        assert client.get("/reverify_mode").json() == "stateless"
        indexed = {**answer, "_ng_task_index": 0, "_ng_rollout_index": 0}
        metrics = client.post("/aggregate_metrics", json={"verify_responses": [indexed]}).json()
        assert metrics["key_metrics"]["mean/reward"] == 1.0
