"""What is loaded, how fast it is, and how the command starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_samples import Verifier

from verifier_service import __version__

COMMANDS = ("serve", "score", "lint", "explain", "bench", "toolsets", "profiles")

TOOLSET = """
name: weather
description: What the sky does.
tools:
  - name: get_weather
    description: The weather in a city.
    read_only: true
    parameters:
      type: object
      properties: {city: {type: string}}
      required: [city]
    results:
      - arguments: {city: Oslo}
        value: rain
"""


def test_help_names_every_command(verifier: Verifier) -> None:
    result = verifier("--help")
    assert result.exit_code == 0
    assert all(command in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(verifier: Verifier, command: str) -> None:
    result = verifier(command, "--help")
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_version_is_that_of_the_distribution(verifier: Verifier) -> None:
    assert verifier("--version").stdout == f"verifier {__version__}\n"


def test_an_unknown_option_is_wrong_usage(verifier: Verifier) -> None:
    assert verifier("score", "x", "--nope").exit_code == 2


def test_the_toolsets_are_listed(verifier: Verifier) -> None:
    listed = json.loads(verifier("toolsets", "list", "--json").stdout)
    assert {"finance", "assistant", "assistant_heldout"} <= {each["name"] for each in listed}
    table = verifier("toolsets", "list").stdout
    assert all(each["digest"][:19] in table for each in listed)


def test_a_toolset_shows_its_tools_and_parameters(verifier: Verifier) -> None:
    shown = verifier("toolsets", "show", "finance").stdout
    for part in ("get_stock_price", "ticker: string", "place_order", "writes"):
        assert part in shown


def test_the_schemas_for_a_prompt_are_json(verifier: Verifier) -> None:
    tools = json.loads(verifier("toolsets", "show", "finance", "--openai").stdout)
    assert {tool["type"] for tool in tools} == {"function"}
    assert "get_stock_price" in {tool["function"]["name"] for tool in tools}


def test_profiles_are_listed_and_shown(verifier: Verifier) -> None:
    listed = json.loads(verifier("profiles", "list", "--json").stdout)
    names = {each["name"] for each in listed}
    assert {"tiered", "graded", "additive", "binary", "toolrl"} <= names
    assert all(name in verifier("profiles", "list").stdout for name in names)
    assert "-3 to 4" in verifier("profiles", "show", "toolrl").stdout


@pytest.mark.parametrize("what", ["toolsets", "profiles"])
def test_an_unknown_name_says_which_are_known(verifier: Verifier, what: str) -> None:
    result = verifier(what, "show", "nope")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f'No {what[:-1]} "nope" is known; known are ' in result.stderr


def test_own_profiles_are_loaded(verifier: Verifier, tmp_path: Path) -> None:
    (tmp_path / "mild.yaml").write_text("name: mild\nkind: tiered\npartial: 0.25\n")
    assert "mild" in verifier("profiles", "list", "--profiles", tmp_path).stdout


def test_a_broken_profile_is_one_sentence(verifier: Verifier, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\nkind: tiered\npartail: 0.25\n")
    result = verifier("profiles", "list", "--profiles", tmp_path)
    assert result.exit_code == 2
    assert "bad.yaml: partail" in result.stderr


WRONG_PROFILES = [
    (b"", "it is empty; a profile has at least a name and a kind"),
    (b"- tiered\n", "it is no mapping"),
    (b"name: x\n", "kind: needed, one of tiered, graded, additive and toolrl"),
    (b"name: x\nkind: best\n", "kind: needed, one of tiered, graded, additive and toolrl"),
    (b"name: x\nkind: tiered\nkind: graded\n", "bad.yaml:3: not YAML: the key `kind` stands twice"),
    (b"name: x\nkind: tiered\ncaps: {nope: 0.1}\n", "caps.nope: no failure code; docs/"),
    (b"name: \xff\n", "cannot be read: not UTF-8"),
]


@pytest.mark.parametrize(("content", "message"), WRONG_PROFILES)
@pytest.mark.parametrize("as_file", [True, False])
def test_what_is_wrong_with_a_profile_is_said_shortly(
    verifier: Verifier, tmp_path: Path, content: bytes, message: str, as_file: bool
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    result = verifier("profiles", "list", "--profiles", file if as_file else tmp_path)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr) < 300


def test_a_folder_that_is_called_like_a_profile_is_named(
    verifier: Verifier, tmp_path: Path
) -> None:
    (tmp_path / "odd.yaml").mkdir()
    result = verifier("profiles", "list", "--profiles", tmp_path)
    assert result.exit_code == 2
    assert "odd.yaml: cannot be read: Is a directory" in result.stderr


@pytest.mark.parametrize(
    ("what", "option"), [("toolsets", "--toolsets"), ("profiles", "--profiles")]
)
def test_an_empty_folder_is_no_mistake_to_pass_over(
    verifier: Verifier, tmp_path: Path, what: str, option: str
) -> None:
    result = verifier(what, "list", option, tmp_path)
    assert result.exit_code == 2
    assert f"{tmp_path}: no " in result.stderr


def test_a_profile_shows_its_kind_weights_caps_and_digest(
    verifier: Verifier, tmp_path: Path
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("name: own\nkind: graded\ncaps: {schema.type: 0.25}\n")
    shown = json.loads(verifier("profiles", "show", "own", "--profiles", file, "--json").stdout)
    assert (shown["kind"], shown["partial"], shown["caps"]) == (
        "graded",
        0.5,
        {"schema.type": 0.25},
    )
    assert shown["weights"]["argument_values"] == 0.4
    table = verifier("profiles", "show", "own", "--profiles", file).stdout
    assert all(part in table for part in ("graded", "weights: schema", "0.25", shown["digest"]))


def test_bench_measures_and_is_bounded(verifier: Verifier) -> None:
    result = verifier("bench", "-n", 100, "--batch", 32, "--seconds", 60, "--json")
    measured = json.loads(result.stdout)
    assert (measured["completions"], measured["requests"]) == (100, 4)
    assert 0 < measured["request_p50_ms"] <= measured["request_p99_ms"]


def test_bench_measures_a_service(verifier: Verifier, url: str) -> None:
    result = verifier("bench", "-n", 10, "--url", url)
    assert result.exit_code == 0
    assert "completions a second" in result.stdout


def run_python(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )


def test_help_loads_neither_the_engine_nor_httpx() -> None:
    script = """
import sys
import verifier_service.cli
heavy = {"httpx", "pydantic", "jsonschema", "sandbox_tools", "verifier_service.engine"}
sys.exit(", ".join(heavy & sys.modules.keys()) or 0)
"""
    assert run_python(script).stderr == ""


WITHOUT_SERVER_PACKAGES = """
import sys
for name in ("fastapi", "starlette", "uvicorn", "uvloop", "prometheus_client", "pydantic_settings"):
    sys.modules[name] = None
"""


def test_everything_but_serve_works_without_the_servers_packages() -> None:
    start = "from verifier_service.cli import app; app(['bench', '-n', '10', '--json'])"
    done = run_python(f"{WITHOUT_SERVER_PACKAGES}\n{start}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "start",
    [
        "from verifier_service.cli import app; app(['serve'])",
        "import runpy; runpy.run_module('verifier_service', run_name='__main__')",
    ],
)
def test_serving_without_its_packages_says_what_to_install(start: str) -> None:
    done = run_python(f"{WITHOUT_SERVER_PACKAGES}\n{start}")
    assert done.returncode == 2
    assert "pip install '.[server]'" in done.stderr
    assert "Traceback" not in done.stderr
