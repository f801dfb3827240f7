"""`verifier convert` and `verifier path`: every trainer's rows, to and from ours."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_samples import CALL, RIGHT, TRUTH, WRONG, Dataset, Verifier
from hypothesis import given
from hypothesis import strategies as st

from verifier_service.cli.path import PLUGINS
from verifier_service.convert import OURS, SHAPES, BadRow, Canonical, Shape
from verifier_service.convert.files import json_line
from verifier_service.convert.task import messages
from verifier_service.local import LocalVerifier

EXAMPLES = Path(__file__).parents[2] / "examples/datasets"
PROMPT = [{"role": "user", "content": "What did Apple close at?"}]
SYSTEM = {"role": "system", "content": "You answer questions about stocks."}
HISTORY = [
    *PROMPT,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "get_stock_price", "arguments": '{"ticker": "AAPL"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "date is missing"},
]
TOOL = {
    "type": "function",
    "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
}
ROW = {"id": "wx-17", "toolset": "finance", "prompt": PROMPT, "ground_truth": TRUTH}
TRAINERS = [name for name in SHAPES if name != OURS]
WITHOUT_HISTORY = ("easyr1", "gemini")

each_trainer = pytest.mark.parametrize("trainer", TRAINERS)


def there(row: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """A row of ours as the trainer's, as it comes out of a file."""
    written = shape.row(Canonical().task(row, {}))
    read: dict[str, Any] = json.loads(json_line(written))
    return read


def and_back(row: dict[str, Any], shape: Shape) -> dict[str, Any]:
    return Canonical().row(shape.task(row, {}))


def rows_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


texts = st.text(min_size=1, max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
calls = st.fixed_dictionaries(
    {"name": st.just("f"), "arguments": st.dictionaries(texts, json_values, max_size=3)}
)
truths = st.one_of(
    st.fixed_dictionaries({"behavior": st.just("execute"), "calls": st.lists(calls, min_size=1)}),
    st.lists(calls, min_size=1, max_size=2),
    st.lists(calls, min_size=1, max_size=2).map(json.dumps),
    st.sampled_from(["Which ticker do you mean?", "I cannot do that."]),
)
system_and_user = st.builds(
    lambda system, user: [*system, {"role": "user", "content": user}],
    st.lists(st.builds(lambda text: {"role": "system", "content": text}, texts), max_size=1),
    texts,
)
tasks = st.fixed_dictionaries(
    {"prompt": texts | system_and_user, "ground_truth": truths, "tools": st.just([TOOL])},
    optional={
        "id": texts,
        "profile": st.sampled_from(["graded", "binary"]),
        "format": st.just("hermes"),
        "options": st.sampled_from([{"reasoning": "implicit_end"}, {"languages": ["en"]}]),
    },
)
ITEM = ("id", "tools", "profile", "format", "options", "ground_truth")


@each_trainer
@given(row=tasks)
def test_no_trainer_loses_a_part_of_a_task(trainer: str, row: dict[str, Any]) -> None:
    again = and_back(there(row, SHAPES[trainer]), SHAPES[trainer])
    assert {name: again.get(name) for name in ITEM} == {name: row.get(name) for name in ITEM}
    assert messages(again["prompt"]) == messages(row["prompt"])


@each_trainer
@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.jsonl")))
def test_rewards_are_the_same_after_a_round_trip(
    local: LocalVerifier, trainer: str, name: str
) -> None:
    shape, completions = SHAPES[trainer], [RIGHT, WRONG, "Which one?", "<tool_call>{", ""]

    def rewards(row: dict[str, Any]) -> Any:
        task = {key: row[key] for key in ("toolset", "tools", "ground_truth") if key in row}
        return local.score({"items": [{**task, "completions": completions}]})["rewards"]

    for line in rows_of((EXAMPLES / name).read_text("utf-8")):
        ours = Canonical().row(Canonical().task(line, {}))
        assert rewards(and_back(there(line, shape), shape)) == rewards(ours)


@pytest.mark.parametrize("trainer", [name for name in TRAINERS if name not in WITHOUT_HISTORY])
def test_a_prompt_with_calls_and_results_is_kept(trainer: str) -> None:
    row = {**ROW, "prompt": HISTORY}
    assert and_back(there(row, SHAPES[trainer]), SHAPES[trainer]) == row


@pytest.mark.parametrize("trainer", WITHOUT_HISTORY)
def test_a_trainer_that_cannot_carry_a_prompt_says_so(trainer: str) -> None:
    with pytest.raises(BadRow) as bad:
        there({**ROW, "prompt": HISTORY}, SHAPES[trainer])
    assert bad.value.field.startswith("/prompt")


@pytest.mark.parametrize("trainer", [name for name in TRAINERS if name != "gemini"])
def test_other_members_of_a_row_go_along(trainer: str) -> None:
    row = {**ROW, "difficulty": 3, "split": "train", "extra_info": {"index": 7}}
    assert and_back(there(row, SHAPES[trainer]), SHAPES[trainer]) == row


@each_trainer
def test_a_carrier_is_a_text(trainer: str) -> None:
    """Arrow and Parquet pad objects with nulls, and Gemini's references are texts."""

    def texts_in(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [text for one in value.values() for text in texts_in(one)]
        return [value] if isinstance(value, str) else []

    carriers = [text for text in texts_in(there(ROW, SHAPES[trainer])) if "ground_truth" in text]
    assert [json.loads(text) for text in carriers] == [
        {"id": "wx-17", "toolset": "finance", "ground_truth": TRUTH}
    ]


@pytest.mark.parametrize("field", ["prompt", "messages", "question", "query", "input"])
def test_a_prompt_is_found_under_the_names_it_goes_by(field: str) -> None:
    task = Canonical().task({field: "Hello?", "ground_truth": TRUTH}, {})
    assert (task.prompt, task.others) == ("Hello?", {})


def test_a_prompt_under_two_names_is_asked_about(verifier: Verifier, dataset: Dataset) -> None:
    path = dataset({"question": "a", "input": "b", "ground_truth": TRUTH})
    result = verifier("convert", path, "--to", "trl")
    assert result.exit_code == 1
    assert ":1: /query" not in result.stderr
    assert "give --prompt-field" in result.stderr
    [row] = rows_of(verifier("convert", path, "--to", "trl", "--prompt-field", "input").stdout)
    assert (row["prompt"], row["question"]) == ("b", "a")


@pytest.mark.parametrize("trainer", ["slime", "miles", "ms-swift", "eval-protocol"])
def test_tools_that_the_policy_is_shown_are_a_column(
    verifier: Verifier, dataset: Dataset, trainer: str
) -> None:
    path = dataset(ROW)
    [row] = rows_of(verifier("convert", path, "--to", trainer).stdout)
    tools = row["tools"] if trainer == "eval-protocol" else json.loads(row["tools"])
    assert tools[0]["function"]["name"] == CALL["name"]
    [row] = rows_of(verifier("convert", path, "--to", trainer, "--no-show-tools").stdout)
    assert "tools" not in row


def test_nemo_gym_has_the_flat_tools_of_the_responses_api(
    verifier: Verifier, dataset: Dataset
) -> None:
    inline = {"prompt": HISTORY, "ground_truth": TRUTH, "tools": [TOOL, TOOL["function"]]}
    result = verifier("convert", dataset(ROW, inline), "--to", "nemo-gym", "--no-lint")
    first, second = (row["responses_create_params"] for row in rows_of(result.stdout))
    assert {tool["type"] for tool in first["tools"]} == {"function"}
    assert first["tools"][0]["name"] == CALL["name"]
    assert second["tools"] == [{"type": "function", "strict": False, **TOOL["function"]}] * 2
    kinds = [item.get("type", item.get("role")) for item in second["input"]]
    assert kinds == ["user", "function_call", "function_call_output"]


@pytest.mark.parametrize("trainer", ["nemo-gym", "verifiers", "prime-rl"])
def test_every_flat_tool_has_the_members_that_gym_requires(
    verifier: Verifier, dataset: Dataset, trainer: str
) -> None:
    own = {"name": "g", "strict": True, "parameters": {"type": "object"}}
    row = {"prompt": PROMPT, "ground_truth": TRUTH, "tools": [{"name": "f"}, own]}
    result = verifier("convert", dataset(row), "--to", trainer, "--no-lint")
    [written] = rows_of(result.stdout)
    [bare, kept] = written["responses_create_params"]["tools"]
    assert (bare["strict"], bare["parameters"]) == (False, {"type": "object", "properties": {}})
    assert kept == {"type": "function", **own}


def test_rows_of_nemo_gym_without_a_carrier_are_judged_by_the_tools_shown() -> None:
    request = {"input": "Hi", "tools": [{"type": "function", **TOOL["function"]}]}
    row = {"responses_create_params": request, "expected_calls": [CALL], "task_id": "t1"}
    task = SHAPES["nemo-gym"].task(row, {})
    assert task.item == {"id": "t1", "ground_truth": [CALL], "tools": request["tools"]}


def test_rows_of_trainer_data_are_read(verifier: Verifier, dataset: Dataset) -> None:
    row = {**ROW, "ground_truth": json.dumps(TRUTH), "reward_model": {"ground_truth": "[]"}}
    [verl] = rows_of(verifier("convert", dataset(row), "--to", "verl").stdout)
    carrier = json.loads(verl["reward_model"]["ground_truth"])
    assert carrier["ground_truth"] == row["ground_truth"]


def test_a_users_rows_need_no_carrier(verifier: Verifier, dataset: Dataset) -> None:
    row = {"input": "Hi", "label": json.dumps([CALL])}
    options = ("--from", "openrlhf", "--to", "canonical", "--toolset", "finance")
    [ours] = rows_of(verifier("convert", dataset(row), *options).stdout)
    assert ours == {"toolset": "finance", "prompt": "Hi", "ground_truth": [CALL]}


def test_the_toolset_of_the_command_is_that_of_rows_without_one(
    verifier: Verifier, dataset: Dataset
) -> None:
    bare = {"prompt": "Hi", "ground_truth": TRUTH}
    own = {**bare, "tools": [TOOL]}
    options = ("--to", "trl", "-t", "finance", "--no-lint")
    result = verifier("convert", dataset(bare, own), *options)
    first, second = (json.loads(row["carrier"]) for row in rows_of(result.stdout))
    assert first["toolset"] == "finance"
    assert "toolset" not in second


@pytest.mark.parametrize(
    ("row", "options", "field"),
    [
        ({"prompt": "Hi"}, (), "no ground truth"),
        ({"prompt": "Hi", "ground_truth": ""}, (), "no ground truth"),
        ({"prompt": 5, "ground_truth": TRUTH}, (), "/prompt "),
        ({"prompt": [{"content": "Hi"}], "ground_truth": TRUTH}, (), "/prompt/0 "),
        ({"ground_truth": TRUTH}, (), "no prompt"),
        ({"label": "x"}, ("--from", "openrlhf"), "/input "),
        ({"input": "x"}, ("--from", "openrlhf"), "/label "),
        ({"prompt": "x", "carrier": "[{"}, ("--from", "trl"), "/carrier "),
        ({**ROW, "toolset": "nope"}, ("--to", "slime"), "/toolset "),
        (b"?", (), "not JSON"),
        (b"[1]", (), "must be one JSON object"),
        (b"\xff", (), "not UTF-8"),
    ],
    ids=str,
)
def test_a_bad_line_is_named_and_the_others_are_converted(
    verifier: Verifier, dataset: Dataset, row: Any, options: tuple[str, ...], field: str
) -> None:
    good = {**ROW, "input": "Hi", "label": [CALL], "carrier": [CALL]}
    path = dataset(good, row, b"", good)
    result = verifier("convert", path, *(options if "--to" in options else ("--to", "trl")),
                      *(options if "--from" in options else ()))  # fmt: skip
    assert result.exit_code == 1
    assert f"{path}:2: " in result.stderr
    assert field in result.stderr
    assert len(rows_of(result.stdout)) == 2


WRONG_TASKS = [
    pytest.param({"ground_truth": [{**CALL, "arguments": {}}]}, "task.self_check", id="arguments"),
    pytest.param({"ground_truth": [{**CALL, "name": "f"}]}, "/ground_truth", id="no such tool"),
    pytest.param({"ground_truth": [{"nam": "f"}]}, "/ground_truth/0/name", id="no call"),
    pytest.param({"options": {"zz": 1}}, "/options/zz", id="unknown option"),
    pytest.param({"toolset": None, "tools": [TOOL]}, "/ground_truth", id="inline tools"),
]


@pytest.mark.parametrize(("members", "said"), WRONG_TASKS)
def test_a_task_that_lint_finds_wrong_is_a_bad_line(
    verifier: Verifier, dataset: Dataset, members: dict[str, Any], said: str
) -> None:
    path = dataset(ROW, {**ROW, **members})
    result = verifier("convert", path, "--to", "trl")
    assert (result.exit_code, len(rows_of(result.stdout))) == (1, 1)
    assert f"{path}:2: " in result.stderr
    assert said in result.stderr
    as_it_is = verifier("convert", path, "--to", "trl", "--no-lint")
    assert (as_it_is.exit_code, len(rows_of(as_it_is.stdout))) == (0, 2)


@pytest.mark.parametrize(("name", "said"), [("nope", "toolset nope"), (None, "no toolset")])
def test_a_task_whose_tools_are_not_known_is_converted_and_counted(
    verifier: Verifier, dataset: Dataset, name: str | None, said: str
) -> None:
    result = verifier("convert", dataset({**ROW, "toolset": name}), "--to", "trl")
    assert (result.exit_code, len(rows_of(result.stdout))) == (0, 1)
    assert f"not checked: 1 rows name {said}" in result.stderr


def test_strict_stops_at_the_first_bad_line_and_keeps_the_old_file(
    verifier: Verifier, dataset: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("old")
    result = verifier("convert", dataset(ROW, b"?"), "--to", "trl", "--strict", "-o", out)
    assert (result.exit_code, out.read_text()) == (1, "old")
    assert list(tmp_path.glob("*.partial")) == []


def test_what_has_no_place_is_named(verifier: Verifier, dataset: Dataset) -> None:
    path = dataset({**ROW, "difficulty": 3}, {**ROW, "difficulty": 4})
    assert "left out: difficulty of 2 rows" in verifier("convert", path, "--to", "gemini").stderr


def test_output_is_a_file_that_lint_reads(
    verifier: Verifier, dataset: Dataset, tmp_path: Path
) -> None:
    there_, back = tmp_path / "verl.jsonl", tmp_path / "back.jsonl"
    assert verifier("convert", dataset(ROW), "--to", "verl", "-o", there_).exit_code == 0
    assert verifier("convert", there_, "--from", "verl", "-o", back).exit_code == 0
    assert "1 of 1 tasks are valid" in verifier("lint", back).stdout
    assert rows_of(back.read_text("utf-8")) == [ROW]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "nope"), "--to nope is unknown; known are canonical, trl"),
        (("--from", "trl", "--prompt-field", "q"), "--prompt-field is not for rows of trl"),
    ],
    ids=str,
)
def test_wrong_usage_is_one_sentence(
    verifier: Verifier, dataset: Dataset, arguments: tuple[str, ...], said: str
) -> None:
    result = verifier("convert", dataset(ROW), *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_the_input_is_no_output(verifier: Verifier, dataset: Dataset) -> None:
    path = dataset(ROW)
    assert verifier("convert", path, "--to", "trl", "-o", path).exit_code == 2
    assert rows_of(path.read_text("utf-8")) == [ROW]


def test_half_a_surrogate_pair_is_kept(verifier: Verifier, dataset: Dataset) -> None:
    line = rb'{"prompt": "\ud800", "ground_truth": "Which?"}'
    [row] = rows_of(verifier("convert", dataset(line), "--to", "trl").stdout)
    assert row["prompt"] == "\ud800"


@pytest.mark.parametrize("depth", range(300, 1000, 50))
def test_what_is_nested_deep_is_converted_or_named(
    verifier: Verifier, dataset: Dataset, depth: int
) -> None:
    deep = b'{"prompt": "x", "ground_truth": [' + b"[" * depth + b"]" * depth + b"]}"
    result = verifier("convert", dataset(deep, ROW), "--to", "verl")
    converted, named = len(rows_of(result.stdout)), result.stderr.count(":1: ")
    assert (converted, named, result.exit_code) in {(2, 0, 0), (1, 1, 1)}


def test_messages_of_a_users_own_beside_a_text_prompt_go_along() -> None:
    row = {"prompt": "Hi", "answer": [CALL], "messages": HISTORY}
    task = SHAPES["easyr1"].task(row, {})
    assert (task.prompt, task.others) == ("Hi", {"messages": HISTORY})


def test_the_help_names_every_trainer(verifier: Verifier) -> None:
    said = " ".join(verifier("convert", "--help").stdout.split())
    assert [name for name in SHAPES if f" {name}" not in said] == []


def test_parquet_keeps_every_row(verifier: Verifier, dataset: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = dataset(ROW, {**ROW, "prompt": HISTORY, "difficulty": 3})
    out = tmp_path / "rows.parquet"
    assert verifier("convert", path, "--to", "verl", "-o", out).exit_code == 0
    back = rows_of(verifier("convert", out, "--from", "verl").stdout)
    assert [row["ground_truth"] for row in back] == [TRUTH, TRUTH]
    assert [row.get("difficulty") for row in back] == [None, 3]
    assert [len(row["prompt"]) for row in back] == [1, 3]


def test_a_column_that_parquet_cannot_hold_is_named(
    verifier: Verifier, dataset: Dataset, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    path, out = (
        dataset({**ROW, "difficulty": 3}, {**ROW, "difficulty": "hard"}),
        tmp_path / "a.parquet",
    )
    result = verifier("convert", path, "--to", "verl", "-o", out)
    assert (result.exit_code, out.exists()) == (2, False)
    assert "difficulty has several" in result.stderr


def test_parquet_without_pyarrow_says_what_to_do(
    verifier: Verifier, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    out = tmp_path / "rows.parquet"
    result = verifier("convert", dataset(ROW), "--to", "verl", "-o", out)
    assert (result.exit_code, out.exists()) == (2, False)
    assert "pip install pyarrow" in result.stderr


@pytest.mark.parametrize("trainer", PLUGINS)
def test_a_plugins_path_is_that_of_a_file(verifier: Verifier, trainer: str) -> None:
    result = verifier("path", trainer)
    assert result.exit_code == 0
    assert Path(result.stdout.strip()).is_file()


def test_a_trainer_without_a_file_is_told_which_have_one(verifier: Verifier) -> None:
    result = verifier("path", "trl")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "openrlhf, easyr1, ms-swift, sagemaker" in result.stderr
