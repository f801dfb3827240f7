"""`verifier replay`: what a log's completions earn now, what changed and why."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cli_samples import CALL, MISTYPED, RIGHT, TRUTH, WRONG, Verifier

from sandbox_tools.types import Json
from verifier_service._version import __version__
from verifier_service.local import LocalVerifier
from verifier_service.score_log.conditions import Conditions
from verifier_service.score_log.lines import Lines, Record, settings_line
from verifier_service.score_log.masking import Mask
from verifier_service.scoring.types import Limits

Log = Callable[..., Path]
NARROWED = {
    "name": "get_stock_price",
    "parameters": {"type": "object", "properties": {"ticker": {"const": "MSFT"}}},
}


@pytest.fixture
def log(local: LocalVerifier, tmp_path: Path) -> Log:
    """Writes a log as the service would: what these requests come to now."""

    def write(
        *requests: Mapping[str, Any], mask: Mask | None = None, completions: bool = True
    ) -> Path:
        lines = Lines(mask or Mask(), completions)
        folder = tmp_path / "log"
        folder.mkdir(exist_ok=True)
        texts: list[bytes] = []
        for number, request in enumerate(requests):
            reply = json.dumps(local.score(request)).encode()
            record = Record(f"r{number}", 0.0, 1, json.dumps(request).encode(), reply)
            made = [line.text for line in lines.of(record)]
            texts += [*lines.tools.values(), *made]
        (folder / "score-1.jsonl").write_bytes(b"".join(texts))
        return folder

    return write


def finance(*completions: Any, **members: Any) -> dict[str, Any]:
    item = {"id": "p1", "completions": [*completions], "ground_truth": TRUTH}
    return {"toolset": "finance", "items": [item], **members}


def replaced(folder: Path, old: str, new: str, *, count: int = -1) -> None:
    file = folder / "score-1.jsonl"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, count))


def replayed(verifier: Verifier, folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    result = verifier("replay", folder, "--json", *options)
    return result.exit_code, json.loads(result.stdout)


def test_nothing_changes_where_nothing_else_did(verifier: Verifier, log: Log) -> None:
    code, found = replayed(verifier, log(finance(RIGHT, WRONG, MISTYPED, "prose")))
    assert (code, found["compared"], found["equal"], found["changed"]) == (0, 4, 4, 0)
    assert found["digests"] == []


def test_what_is_read_back_is_what_was_asked(verifier: Verifier, log: Log) -> None:
    request = finance(RIGHT, f"Well. {RIGHT}", options={"narration": "forbidden"})
    request["items"][0] |= {"profile": "graded", "format": "hermes"}
    tools = {"tools": [NARROWED], "items": [{"completion": RIGHT, "ground_truth": TRUTH}]}
    code, found = replayed(verifier, log(request, tools, finance(RIGHT, detail="reward")))
    assert (code, found["equal"], found["equal_for_other_reasons"]) == (0, 4, 0)


def test_a_changed_reward_is_told_with_its_reason(verifier: Verifier, log: Log) -> None:
    folder = log(finance(RIGHT, run="r1", step=3))
    failure = '"failures":[{"code":"schema.type","path":"","message":""}]'
    replaced(folder, '"failures":[]', failure)
    replaced(folder, '"reward":1.0,"tier":"full"', '"reward":0.0,"tier":"none"')
    code, found = replayed(verifier, folder)
    assert (code, found["changed"]) == (1, 1)
    assert found["why"] == [{"gone": ["schema.type"], "come": [], "logged": True, "completions": 1}]
    assert found["transitions"] == [{"from": "none", "to": "full", "completions": 1}]
    [change] = found["largest"]
    assert (change["decision"], change["run"], change["step"]) == ("r0/0/0", "r1", 3)
    assert (change["id"], change["from"], change["to"]) == ("p1", 0.0, 1.0)


def test_the_table_says_the_same_to_people(verifier: Verifier, log: Log) -> None:
    folder = log(finance(RIGHT))
    replaced(folder, '"reward":1.0', '"reward":0.25')
    result = verifier("replay", folder)
    assert result.exit_code == 1
    for told in ("0 of 1 rewards are the same, 1 changed", "weighed otherwise", "r0/0/0", "0.25"):
        assert told in result.stdout


def test_another_profile_is_asked_for_and_its_changes_are_no_fault(
    verifier: Verifier, log: Log
) -> None:
    code, found = replayed(verifier, log(finance(RIGHT, WRONG)), "--profile", "binary")
    assert code == 0
    assert (found["equal"], found["changed"]) == (1, 1)
    assert found["digests"] == []


def test_a_profile_that_is_not_loaded_is_wrong_usage(verifier: Verifier, log: Log) -> None:
    result = verifier("replay", log(finance(RIGHT)), "--profile", "nonesuch")
    assert result.exit_code == 2
    assert "tiered" in result.stderr


@pytest.mark.parametrize("kind", ["toolset", "profile"])
def test_what_is_loaded_otherwise_is_named(
    verifier: Verifier, log: Log, local: LocalVerifier, kind: str
) -> None:
    folder = log(finance(RIGHT))
    loaded = (
        local.engine.toolsets["finance"] if kind == "toolset" else local.engine.profile("tiered")
    )
    replaced(folder, loaded.digest, "sha256:other")
    code, found = replayed(verifier, folder)
    assert code == 0
    [told] = found["digests"]
    assert (told["kind"], told["logged"], told["loaded"]) == (kind, "sha256:other", loaded.digest)


def test_a_toolset_that_is_not_there_is_named_and_changes_the_reward(
    verifier: Verifier, log: Log
) -> None:
    folder = log(finance(RIGHT))
    replaced(folder, '"name":"finance"', '"name":"gone"')
    code, found = replayed(verifier, folder)
    assert (code, found["digests"][0]["loaded"]) == (1, None)
    assert found["why"][0]["come"] == ["task.unknown_toolset"]


def test_another_version_of_the_service_is_named(verifier: Verifier, log: Log) -> None:
    folder = log(finance(RIGHT))
    replaced(folder, f'"version":"{__version__}"', '"version":"0.0.1"')
    code, found = replayed(verifier, folder)
    assert (
        code,
        [(told["kind"], told["logged"], told["loaded"]) for told in found["digests"]],
    ) == (
        0,
        [("version", "0.0.1", __version__)],
    )


@pytest.mark.parametrize("named", ["finance@sha256:0", "gone", "gone@sha256:0", "a@b@c", "@"])
def test_a_toolset_that_was_not_there_is_still_not_there(
    verifier: Verifier, log: Log, named: str
) -> None:
    request = finance(RIGHT, toolset=None)
    request["items"][0]["toolset"] = named
    code, found = replayed(verifier, log(request))
    assert (code, found["equal"], found["bad_lines"]) == (0, 1, 0)


def test_masked_lines_are_skipped_and_counted(verifier: Verifier, log: Log) -> None:
    folder = log(finance(RIGHT, WRONG), mask=Mask(patterns=["MSFT"]))
    code, found = replayed(verifier, folder)
    assert (code, found["equal"], found["skipped"]) == (0, 1, {"masked": 1})


def test_a_log_without_completions_has_nothing_to_score(verifier: Verifier, log: Log) -> None:
    code, found = replayed(verifier, log(finance(RIGHT), completions=False))
    assert (code, found["compared"], found["skipped"]) == (0, 0, {"no_completion": 1})


def test_a_timeout_of_then_is_no_change(verifier: Verifier, log: Log) -> None:
    folder = log(finance(RIGHT))
    replaced(
        folder,
        '"outcome":"scored","reward":1.0,"tier":"full"',
        '"outcome":"timeout","retryable":true,"reward":null,"tier":null',
    )
    code, found = replayed(verifier, folder)
    assert (code, found["changed"], found["unscored_then"]) == (0, 0, 1)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"kind": "verdict", "deci', id="half a line"),
        pytest.param(b"[]", id="another JSON"),
        pytest.param(b'{"kind": "verdict"}', id="members are missing"),
        pytest.param(
            b'{"kind": "verdict", "task": {}, "completion": "", "verdict": {"reward": []}}',
            id="a verdict that is none",
        ),
        pytest.param(b'{"kind": "tools"}', id="tools without a digest"),
        pytest.param(b'{"kind": "wire"}', id="a wire without a name"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"[" * 100_000, id="nested without end"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_scored(
    verifier: Verifier, log: Log, line: bytes
) -> None:
    folder = log(finance(RIGHT))
    file = folder / "score-1.jsonl"
    file.write_bytes(line + b"\n" + file.read_bytes())
    result = verifier("replay", folder, "--json")
    assert result.exit_code == 1
    assert f"{file}:1: " in result.stderr
    assert json.loads(result.stdout)["equal"] == 1


def packed(file: Path, name: str) -> Path:
    into = file.with_name(f"{name}.gz")
    into.write_bytes(gzip.compress(file.read_bytes()))
    return into


def test_packed_files_are_read(verifier: Verifier, log: Log) -> None:
    file = log(finance(RIGHT)) / "score-1.jsonl"
    packed(file, "score-0.jsonl")
    code, found = replayed(verifier, file.parent)
    assert (code, found["equal"]) == (0, 2)


def test_a_file_that_is_being_packed_counts_once(verifier: Verifier, log: Log) -> None:
    file = log(finance(RIGHT)) / "score-1.jsonl"
    packed(file, "score-1.jsonl")
    code, found = replayed(verifier, file.parent)
    assert (code, found["equal"]) == (0, 1)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda whole: whole[: len(whole) // 2], id="it breaks off"),
        pytest.param(lambda whole: whole[:12] + b"\xff" * 40 + whole[52:], id="it is garbled"),
        pytest.param(lambda whole: whole[:-8] + bytes(8), id="its sum is wrong"),
        pytest.param(lambda _: b"no gzip", id="it is something else"),
    ],
)
def test_a_damaged_file_is_named_and_the_others_are_scored(
    verifier: Verifier, log: Log, damage: Callable[[bytes], bytes]
) -> None:
    file = log(finance(RIGHT)) / "score-1.jsonl"
    damaged = packed(file, "score-0.jsonl")
    damaged.write_bytes(damage(damaged.read_bytes()))
    result = verifier("replay", file.parent, "--json")
    assert result.exit_code == 1
    assert "score-0.jsonl.gz:" in result.stderr
    assert json.loads(result.stdout)["equal"] >= 1


ODD = (None, True, -1, 5, 10**400, 0.5, "", "x\n\x1b[31m", "\ud800", [], ["x"], {}, {"a": []})


def with_odd_members(line: Json) -> Iterator[Json]:
    """The line once for each member, at any depth, and each odd value in its place."""
    if isinstance(line, dict):
        for name, member in line.items():
            for odd in (*ODD, *with_odd_members(member)):
                yield {**line, name: odd}


def test_no_line_breaks_the_replay(verifier: Verifier, local: LocalVerifier, log: Log) -> None:
    tools = {"tools": [NARROWED], "items": [{"completion": RIGHT, "ground_truth": TRUTH}]}
    file = log(finance(WRONG, run="r", step=1), tools) / "score-1.jsonl"
    whole = file.read_bytes() + wire_line(local, RIGHT) + settings_line(Conditions().as_json())
    odd = [each for line in whole.splitlines() for each in with_odd_members(json.loads(line))]
    # The longest values stand in the requests themselves, which the scoring's own tests break.
    file.write_text("".join(f"{json.dumps(each)}\n" for each in odd))
    result = verifier("replay", file, "--json")
    assert result.exit_code == 1, result.stderr
    assert json.loads(result.stdout)["bad_lines"] > 100


def judged_under(folder: Path, request: Mapping[str, Any], conditions: Conditions) -> list[Any]:
    """Log a request as a service with these settings judges it; its rewards."""
    reply = LocalVerifier().under(conditions).score(request)
    record = Record("r0", 0.0, 1, json.dumps(request).encode(), json.dumps(reply).encode())
    lines = [settings_line(conditions.as_json()), *(x.text for x in Lines(Mask()).of(record))]
    (folder / f"score-{conditions.limits.calls}.jsonl").write_bytes(b"".join(lines))
    return list(reply["rewards"])


def test_a_log_is_scored_under_the_settings_of_its_service(
    verifier: Verifier, tmp_path: Path
) -> None:
    request = finance(RIGHT + RIGHT.replace("AAPL", "MSFT"))
    strict, lax = (Conditions(Limits(calls=calls)) for calls in (1, 32))
    assert judged_under(tmp_path, request, strict) != judged_under(tmp_path, request, lax)
    code, found = replayed(verifier, tmp_path)
    assert (code, found["equal"], found["changed"]) == (0, 2, 0)


def test_what_a_wire_says_for_a_missing_reward_is_known_from_the_log(
    verifier: Verifier, tmp_path: Path
) -> None:
    conditions = Conditions(wire_unscored=(("openrlhf", 0.0),))
    line = wire_line(LocalVerifier().under(conditions), RIGHT, truth={"behavior": "dance"})
    (tmp_path / "score-1.jsonl").write_bytes(settings_line(conditions.as_json()) + line)
    _, found = replayed(verifier, tmp_path)
    assert found["wires"] == [{"wire": "openrlhf", "answer": "equal", "completions": 1}]


def test_a_folder_without_a_log_is_wrong_usage(verifier: Verifier, tmp_path: Path) -> None:
    assert verifier("replay", tmp_path).exit_code == 2


def test_a_file_that_is_not_there_is_wrong_usage(verifier: Verifier, tmp_path: Path) -> None:
    result = verifier("replay", tmp_path / "none.jsonl")
    assert result.exit_code == 2
    assert "none.jsonl" in result.stderr


def wire_line(local: LocalVerifier, completion: str, truth: Json = (CALL,)) -> bytes:
    carrier = {"toolset": "finance", "ground_truth": truth}
    request = {"query": [completion], "prompts": [""], "labels": [json.dumps(carrier)]}
    status, reply = local.answer_wire("openrlhf", "", request)
    line = {
        "kind": "wire", "decision": "r0", "wire": "openrlhf", "query": "", "status": status,
        "completions": 1, "request": request, "reply": reply,
    }  # fmt: skip
    return json.dumps(line).encode() + b"\n"


def test_a_trainers_request_is_asked_again(
    verifier: Verifier, local: LocalVerifier, tmp_path: Path
) -> None:
    file = tmp_path / "score-1.jsonl"
    right = wire_line(local, RIGHT)
    file.write_bytes(right + right.replace(b'"rewards": [1.0]', b'"rewards": [0.5]'))
    code, found = replayed(verifier, file)
    assert code == 1
    assert {each["answer"]: each["completions"] for each in found["wires"]} == {
        "equal": 1,
        "changed": 1,
    }


def test_a_trainers_request_is_not_asked_by_another_profile(
    verifier: Verifier, local: LocalVerifier, tmp_path: Path
) -> None:
    file = tmp_path / "score-1.jsonl"
    file.write_bytes(wire_line(local, RIGHT))
    code, found = replayed(verifier, file, "--profile", "binary")
    assert code == 0
    assert found["wires"] == [{"wire": "openrlhf", "answer": "not_rescored", "completions": 1}]


def test_more_than_a_chunk_is_scored(verifier: Verifier, log: Log) -> None:
    completions = [f"{RIGHT if n % 2 else WRONG}" for n in range(600)]
    code, found = replayed(verifier, log(finance(*completions)))
    assert (code, found["equal"]) == (0, 600)


def test_what_cannot_be_asked_again_is_named_and_spoils_no_other(
    verifier: Verifier, log: Log
) -> None:
    folder = log(finance(RIGHT, RIGHT, WRONG))
    deep = "[" * 950 + "]" * 950
    replaced(folder, '"ground_truth":{', f'"ground_truth":{{"deep":{deep},', count=1)
    result = verifier("replay", folder, "--json")
    assert result.exit_code == 1
    assert "score-1.jsonl:1: " in result.stderr
    found = json.loads(result.stdout)
    assert (found["compared"], found["bad_lines"]) == (2, 1)
