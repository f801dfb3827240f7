"""The built image: `make test-image` builds it and runs these; elsewhere they are skipped."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chart.rendering import release
from tests.chart.value_sets import SECRET, VALUE_SETS
from tests.image.container import IMAGE, KEY, Container, configuration, podman, run, serving

pytestmark = pytest.mark.skipif(not IMAGE, reason="VERIFIER_IMAGE names no image")

ROOT = Path(__file__).parents[2]
CALL = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
BATCH = {
    "toolset": "finance",
    "items": [
        {"completion": json.dumps(CALL), "ground_truth": {"behavior": "execute", "calls": [CALL]}}
    ],
}


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    with serving() as started:
        yield started


def test_it_scores(container: Container) -> None:
    with container.client() as client:
        assert client.post("/score", json=BATCH).json()["rewards"] == [1.0]


def test_no_process_has_privileges(container: Container) -> None:
    for status in container.processes().values():
        assert set(status["Uid"].split()) == {"65532"}
        assert int(status["CapEff"], 16) == 0
        assert status["NoNewPrivs"] == "1"


def test_scoring_processes_filter_their_own_system_calls(container: Container) -> None:
    """Under the runtime's own filter and without capabilities, too."""
    filters = sorted(int(status["Seccomp_filters"]) for status in container.processes().values())
    front, template, *workers = filters
    assert front == template
    assert workers == [front + 1, front + 1]


def test_sigterm_ends_it_with_0() -> None:
    with serving() as idle:
        assert idle.stop() == 0


def test_sigterm_lets_a_running_request_finish() -> None:
    batch = BATCH | {"items": BATCH["items"] * 10_000, "detail": "full"}
    answers: list[httpx.Response] = []
    with serving() as busy, busy.client() as client:
        asking = threading.Thread(target=lambda: answers.append(client.post("/score", json=batch)))
        asking.start()
        _until_queued(busy)
        assert busy.stop() == 0
        asking.join()
    assert answers[0].json()["rewards"] == [1.0] * 10_000


def test_it_refuses_to_serve_the_network_without_a_key() -> None:
    refused = run()
    assert refused.returncode == 2
    assert "no key is set" in refused.stderr


def test_it_holds_no_torch_no_compiler_and_no_installer() -> None:
    program = (
        "import importlib.util, json, shutil, sys;"
        "modules, programs = (each.split() for each in sys.argv[1:]);"
        "found = [each for each in modules if importlib.util.find_spec(each)];"
        "print(json.dumps(found + [each for each in programs if shutil.which(each)]))"
    )
    modules = "torch trl vllm setuptools pip ensurepip hatchling"
    programs = "pip pip3 cc gcc g++ clang ld make rustc"
    assert json.loads(run("-c", program, modules, programs, entrypoint="python").stdout) == []


def test_the_interpreter_of_its_base_installs_nothing_either() -> None:
    program = "import subprocess, sys; subprocess.run([sys._base_executable, '-m', 'pip'])"
    assert "No module named pip" in run("-c", program, entrypoint="python").stderr


def test_its_packages_are_those_that_are_pinned() -> None:
    program = (
        "import importlib.metadata, json;"
        "found = importlib.metadata.distributions();"
        "print(json.dumps({each.metadata['Name']: each.version for each in found}))"
    )
    found = json.loads(run("-c", program, entrypoint="python").stdout)
    installed = {name.lower().replace("_", "-"): version for name, version in found.items()}
    written = (ROOT / "requirements-image.txt").read_text("utf-8")
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", written, re.MULTILINE))
    del installed["verifier-service"]
    assert installed == {name: pinned[name] for name in installed}
    assert pinned.keys() - installed.keys() == {"colorama"}  # for Windows


def test_it_is_described() -> None:
    labels = configuration()["Labels"]
    assert labels["org.opencontainers.image.title"] == "verifier-service"
    assert labels["org.opencontainers.image.version"] == run("--version").stdout.split()[-1]
    assert re.fullmatch(r"[0-9a-f]{40}", labels["org.opencontainers.image.revision"])


def test_its_process_is_the_service_itself() -> None:
    written = configuration()
    assert (written["Entrypoint"], written["Cmd"]) == (["verifier"], ["serve"])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", written["User"])


def test_it_passes_helm_test(container: Container, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "keys").write_text(f"{KEY}\n", "utf-8")
    (pod,) = (pods for pods in release(SECRET).pods if pods.owner["kind"] == "Pod")
    python, option, program, _url, _keys = pod.spec["containers"][0]["command"]
    mounted = ("--volume", f"{tmp_path}:/etc/verifier/keys:ro", "--network", "host")
    command = [python, option, program, container.url, "/etc/verifier/keys/keys"]
    limits = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
    done = podman(
        "run", "--rm", *limits, *mounted, "--entrypoint", "[]", IMAGE, *command, check=False
    )
    assert done.returncode == 0, done.stderr


def test_toolsets_and_profiles_load_from_config_maps(tmp_path: Path) -> None:
    values = VALUE_SETS["toolsets"]
    for kind in ("toolsets", "profiles"):
        _mount(tmp_path / kind, values[kind]["files"])
    volumes = ("--volume", f"{tmp_path}:/etc/verifier:ro")
    paths = {
        "VERIFIER_TOOLSETS": "/etc/verifier/toolsets",
        "VERIFIER_PROFILES": "/etc/verifier/profiles",
    }
    call = {"name": "track_parcel", "arguments": {"parcel_id": "P1"}}
    truth = {"behavior": "execute", "calls": [call]}
    batch = {
        "toolset": "parcels",
        "profile": "careful",
        "items": [{"completion": json.dumps(call), "ground_truth": truth}],
    }
    with serving(*volumes, **paths) as started, started.client() as client:
        assert client.post("/score", json=batch).json()["rewards"] == [1.0]


def test_a_score_log_is_written_where_the_chart_mounts_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    volume = ("--volume", f"{tmp_path}:/var/lib/verifier/score-log")
    folder = "/var/lib/verifier/score-log/pod-1"
    with serving(*volume, VERIFIER_SCORE_LOG=folder) as started:
        with started.client() as client:
            assert client.post("/score", json=BATCH).json()["rewards"] == [1.0]
        assert started.stop() == 0
    assert any(file.stat().st_size for file in (tmp_path / "pod-1").iterdir())


def test_it_can_trace() -> None:
    with serving(VERIFIER_OTEL="true") as started, started.client() as client:
        assert client.post("/score", json=BATCH).json()["rewards"] == [1.0]


def test_keys_rotate_without_a_restart(tmp_path: Path) -> None:
    _mount(tmp_path / "keys", {"keys": "the-old-key\n"})
    volume = ("--volume", f"{tmp_path}:/etc/verifier:ro")
    with serving(
        *volume, VERIFIER_API_KEYS="", VERIFIER_API_KEYS_FILE="/etc/verifier/keys/keys"
    ) as started:
        assert _status(started, "the-old-key") == 200
        assert _status(started, "the-new-key") == 401
        _mount(tmp_path / "keys", {"keys": "the-old-key\nthe-new-key\n"}, revision="2")
        _until(lambda: _status(started, "the-new-key") == 200)
        assert _status(started, "the-old-key") == 200


def _mount(folder: Path, files: dict[str, str], revision: str = "1") -> None:
    """A folder as the kubelet makes it of a ConfigMap or Secret: links to links."""
    folder.mkdir(exist_ok=True)
    folder.parent.chmod(0o755)
    content = folder / f"..revision_{revision}"
    content.mkdir()
    for name, text in files.items():
        (content / name).write_text(text, "utf-8")
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data_tmp").symlink_to(content.name)
    (folder / "..data_tmp").rename(folder / "..data")


def _status(container: Container, key: str) -> int:
    with container.client(key) as client:
        return client.get("/toolsets").status_code


def _until_queued(container: Container) -> None:
    with container.client() as client:
        _until(lambda: "verifier_queue_completions 0.0" not in client.get("/metrics").text)


def _until(holds: Any, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)
