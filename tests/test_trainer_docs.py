"""The pages of docs/trainers/ say what the code does.

Rows are what `verifier convert` writes and answers what the wires answer: both are put into the
pages by `python -m tests.test_trainer_docs`.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from tests.running_service import running_service
from verifier_service.cli import app
from verifier_service.cli.path import PLUGINS
from verifier_service.convert import OURS, SHAPES, Canonical
from verifier_service.engine import EngineConfig
from verifier_service.handler import RequestHandler, build_handler
from verifier_service.integrations import (
    areal,
    easyr1,
    eval_protocol,
    openrlhf_reward,
    rllm,
    slime,
    trl,
    verl,
)
from verifier_service.jobs import Call, Job, Task
from verifier_service.wires import WIRES

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = sorted((ROOT / "docs/trainers").glob("*.md"))
INDEX: Final = ROOT / "docs/trainers/index.md"
SECTIONS: Final = [
    "Install",
    "The lines to add",
    "A dataset row",
    "What arrives",
    "What the answer looks like",
    "What fails, and how it looks",
]
WIDTH: Final = 120

ROW_BLOCK: Final = re.compile(
    r"```console\n\$ (verifier convert tasks\.jsonl[^\n]*)\n```\n\n```json\n(.*?)\n```", re.DOTALL
)
REQUEST: Final = re.compile(
    r"## What arrives\n(?:(?!\n## ).)*`POST ([a-z/_-]+)(?:\?([^` ]*))?`"
    r"(?:(?!\n## ).)*?```json\n(.*?)\n```",
    re.DOTALL,
)
ANSWER: Final = re.compile(r"(## What the answer looks like\n.*?```json\n)(.*?)(\n```)", re.DOTALL)
COMMAND: Final = re.compile(r"^\$ (verifier (?:convert|path|lint) [^\n#]*)", re.MULTILINE)
OBJECT: Final = re.compile(r"verifier_service\.integrations\.(\w+)(?:[.:](\w+))?")
VARIABLE: Final = re.compile(r"\bVERIFIER_[A-Z_]+\b")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def trl_reward(row: dict[str, Any], text: str) -> Any:
    columns = {name: [value] for name, value in row.items() if name != "prompt"}
    [reward] = trl.reward_sync([row["prompt"]], [text], **columns)
    return reward


def verl_reward(row: dict[str, Any], text: str) -> Any:
    truth = row["reward_model"]["ground_truth"]
    return verl.compute_score_sync(row["data_source"], text, truth, row.get("extra_info"))["score"]


def easyr1_reward(row: dict[str, Any], text: str) -> Any:
    [scores] = easyr1.main(
        [{"response": text, "response_length": 9, "ground_truth": row["answer"]}]
    )
    return scores["overall"]


def openrlhf_reward_(row: dict[str, Any], text: str) -> Any:
    return openrlhf_reward.reward_func([f"Hi{text}"], ["Hi"], [row["label"]])["rewards"][0]


def slime_reward(row: dict[str, Any], text: str) -> Any:
    sample = SimpleNamespace(response=text, label=row["label"], metadata=row.get("metadata", {}))
    return asyncio.run(slime.custom_rm(SimpleNamespace(), sample))


def areal_reward(row: dict[str, Any], text: str) -> Any:
    return areal.reward_fn("Hi", text, [1], [2], **row)


def rllm_reward(row: dict[str, Any], text: str) -> Any:
    step = SimpleNamespace(output=text)
    episode = SimpleNamespace(trajectories=[SimpleNamespace(steps=[step], output=text)])
    return rllm.evaluate(row, episode)["reward"]


def eval_protocol_reward(row: dict[str, Any], text: str) -> Any:
    said = [*row["messages"], {"role": "assistant", "content": text}]
    return eval_protocol.evaluate(said, ground_truth=row["ground_truth"])["score"]


CALLS: Final[dict[str, Callable[[dict[str, Any], str], Any]]] = {
    "trl": trl_reward,
    "verl": verl_reward,
    "easyr1": easyr1_reward,
    "openrlhf": openrlhf_reward_,
    "slime": slime_reward,
    "areal": areal_reward,
    "rllm": rllm_reward,
    "eval-protocol": eval_protocol_reward,
}
"""Our functions that need no trainer, each called as its trainer does with a row of its dataset."""
_CALL: Final = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
RIGHT: Final = f"<tool_call>\n{json.dumps(_CALL)}\n</tool_call>"
WRONG: Final = RIGHT.replace("2025-01-03", "2025-01-02")


@cache
def example() -> str:
    """The dataset of all pages: the first block of the index."""
    [task] = re.findall(r"`tasks\.jsonl`[^`]*?```json\n(.*?)\n```", text_of(INDEX), re.DOTALL)
    return json.dumps(json.loads(task)) + "\n"


def rewritten(page: str) -> str:
    """The page with its rows and its answer as the code gives them."""
    page = ROW_BLOCK.sub(_with_row, page)
    asked = REQUEST.search(page)
    if asked is None:
        return page
    answer = pretty(answered(asked[1], asked[2] or "", json.loads(asked[3])))
    return ANSWER.sub(lambda block: block[1] + answer + block[3], page)


def _with_row(block: re.Match[str]) -> str:
    row = pretty(shortened(json.loads(converted(block[1]))))
    return f"```console\n$ {block[1]}\n```\n\n```json\n{row}\n```"


def converted(command: str) -> str:
    arguments = shlex.split(command.replace("tasks.jsonl", "-").partition(" -o ")[0])[1:]
    return CliRunner().invoke(app, arguments, input=example()).stdout


@cache
def handler() -> RequestHandler:
    return build_handler(EngineConfig())


def answered(path: str, query: str, request: Any) -> Any:
    [wire] = [wire for wire in WIRES.values() if path in wire.paths]
    job = Job(Task.WIRE, json.dumps(request).encode(), call=Call(wire.name, query))
    reply = handler()(job, Silent())
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


class Silent:
    """Progress that nobody waits for."""

    def working_on(self, index: int) -> None:
        pass

    def finished(self, piece: bytes) -> None:
        pass


def shortened(value: Any) -> Any:
    """The value with one of many tools."""
    if not isinstance(value, dict):
        return value
    return {
        name: [*member[:1], "…"] if name == "tools" else shortened(member)
        for name, member in value.items()
    }


def pretty(value: Any, indent: int = 0) -> str:
    """JSON with what fits into a line on a line."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        members = [f"{json.dumps(k)}: {pretty(v, indent + 2)}" for k, v in value.items()]
    else:
        members = [pretty(v, indent + 2) for v in value]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return f"{begin}\n{inner}" + f",\n{inner}".join(members) + f"\n{' ' * indent}{end}"


@each_page
def test_rows_and_answers_are_what_the_code_gives(page: Path) -> None:
    assert rewritten(text_of(page)) == text_of(page)


@pytest.mark.parametrize("page", [page for page in PAGES if page != INDEX], ids=lambda p: p.stem)
def test_every_page_has_the_same_sections(page: Path) -> None:
    assert re.findall(r"^## (.*)$", text_of(page), re.MULTILINE)[: len(SECTIONS)] == SECTIONS


@each_page
def test_every_command_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks.jsonl").write_text(example(), "utf-8")
    for command in COMMAND.findall(text_of(page)):
        if ".parquet" in command:
            pytest.importorskip("pyarrow")
        result = CliRunner().invoke(app, shlex.split(command)[1:])
        assert result.exit_code == 0, f"{command}: {result.stderr}"


@each_page
def test_every_object_that_a_page_names_is_there(page: Path) -> None:
    named = set(OBJECT.findall(text_of(page)))
    missing = [f"{module}.{name}" for module, name in named if not defined(module, name)]
    assert missing == []


def defined(module: str, name: str) -> bool:
    """Whether a module of ours defines a name. Not imported: its trainer may not be installed."""
    spec = find_spec(f"verifier_service.integrations.{module}")
    if spec is None or spec.origin is None:
        return False
    tree = ast.parse(Path(spec.origin).read_text("utf-8"))
    return not name or name in set(names_in(tree))


def names_in(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


@each_page
def test_every_path_that_a_page_names_is_a_wires(page: Path) -> None:
    known = {path for wire in WIRES.values() for path in wire.paths}
    named = {
        found.partition("?")[0] for found in re.findall(r":8080(/[^\s`\"'|)]+)", text_of(page))
    }
    native = {"/score", "/toolsets", "/profiles", "/readyz", "/docs", "/metrics"}
    assert {path for path in named if path not in native and not is_known(path, known)} == set()


def is_known(path: str, known: set[str]) -> bool:
    return path in known or any(each.startswith(f"{path}/") for each in known)


@each_page
def test_every_variable_that_a_page_names_is_read(page: Path) -> None:
    sources = "".join(p.read_text("utf-8") for p in (ROOT / "verifier_service").rglob("*.py"))
    prefixed = {name for name in VARIABLE.findall(text_of(page)) if not is_read(name, sources)}
    assert prefixed == set()


def is_read(variable: str, sources: str) -> bool:
    """By its own name, or as a setting or a default, whose names lack the prefix."""
    plain = variable.removeprefix("VERIFIER_").lower()
    return variable in sources or f"    {plain}: " in sources or f'"{plain}"' in sources


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_service(tmp_path_factory.mktemp("service"), "--workers", "1") as running:
        yield running.url


@pytest.mark.parametrize("trainer", CALLS)
def test_the_function_of_a_page_rewards_the_row_of_the_page(
    trainer: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERIFIER_URL", service)
    row = json.loads(converted(f"verifier convert tasks.jsonl --to {trainer}"))
    assert [CALLS[trainer](row, text) for text in (RIGHT, WRONG)] == [1.0, 0.5]


def test_the_example_scores_full_against_itself() -> None:
    result = CliRunner().invoke(app, ["lint", "-"], input=example())
    assert result.exit_code == 0
    assert Canonical().task(json.loads(example()), {}).item["toolset"] == "finance"


def test_every_trainer_of_convert_has_a_page_that_shows_its_row() -> None:
    shown = set(re.findall(r"--to ([a-z0-9-]+)", "".join(map(text_of, PAGES))))
    assert SHAPES.keys() - {OURS} <= shown


def test_every_plugin_file_has_a_page() -> None:
    named = set(re.findall(r"verifier path ([a-z0-9-]+)", "".join(map(text_of, PAGES))))
    assert named <= PLUGINS.keys()
    assert {PLUGINS[name] for name in named} == set(PLUGINS.values())


@pytest.mark.parametrize("table", [ROOT / "README.md", INDEX], ids=["README", "index"])
def test_the_table_of_trainers_links_every_page(table: Path) -> None:
    linked = set(
        re.findall(r"\]\((?:docs/trainers/)?([a-z0-9-]+\.md)(?:#[a-z-]+)?\)", text_of(table))
    )
    assert {page.name for page in PAGES} - {INDEX.name} <= linked


def test_the_readme_claims_those_runs_that_make_test_trainers_makes() -> None:
    claims = ",".join(re.findall(r"real trainer run: ([^;|]*)", text_of(ROOT / "README.md")))
    claimed = {claim.strip() for claim in claims.split(",")}
    assert claimed == set(runs())


def runs() -> Iterator[str]:
    """Distribution and version of each trainer that a script runs."""
    environments = tomllib.loads(text_of(ROOT / "tests/trainers/environments.toml"))
    trainers = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]
    for name, environment in environments.items():
        if "absent" in environment:
            continue
        assert (ROOT / f"tests/trainers/run_{name}.py").exists()
        pinned = [
            *environment.get("alone", ()),
            *environment.get("beside", ()),
            *trainers["trainer"],
        ]
        begin = f"{environment['distribution']}=="
        yield next(pin for pin in pinned if pin.startswith(begin)).replace("==", " ")


@each_page
def test_no_link_of_a_page_is_dead(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text_of(page))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_a_newcomer_changes_at_most_five_lines() -> None:
    [diff] = re.findall(r"```diff\n(.*?)\n```", text_of(ROOT / "docs/trainers/trl.md"), re.DOTALL)
    lines = diff.split("\n")
    assert 0 < sum(line.startswith("+") for line in lines) <= 5
    script = "\n".join(line[1:] for line in lines if not line.startswith("-"))
    assert "verifier_service.integrations.trl" in script
    ast.parse(script)


if __name__ == "__main__":
    for each in PAGES:
        each.write_text(rewritten(text_of(each)), "utf-8")
