"""`verifier score`: files of completions into files of verdicts, whatever is in them."""

from __future__ import annotations

import json
import random
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cli_samples import CALL, MISTYPED, RIGHT, TRUTH, WRONG, Dataset, Verifier, row

from verifier_service.cli import batches
from verifier_service.cli.scorers import InProcess
from verifier_service.client import VerifierRefused


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_completion_gets_a_verdict_line(verifier: Verifier, dataset: Dataset) -> None:
    path = dataset(row(id="a"), {"id": 2, "completions": [WRONG, "Hello."], "ground_truth": TRUTH})
    result = verifier("score", path, "--toolset", "finance")
    assert result.exit_code == 0
    verdicts = lines(result.stdout)
    places = [(v["line"], v["id"], v["item"], v["completion"]) for v in verdicts]
    assert places == [(1, "a", 0, 0), (2, 2, 1, 0), (2, 2, 1, 1)]
    assert [v["reward"] for v in verdicts] == [1.0, 0.5, 0.0]


def test_stderr_says_how_many_and_how_fast_without_drawing(
    verifier: Verifier, dataset: Dataset
) -> None:
    result = verifier("score", dataset(row(), row()), "-t", "finance")
    assert result.stderr.startswith("2 completions in ")
    assert "\x1b" not in result.stdout + result.stderr


def test_stdin_is_read_for_a_dash(verifier: Verifier) -> None:
    result = verifier("score", "-", "-t", "finance", stdin=json.dumps(row()))
    assert [v["reward"] for v in lines(result.stdout)] == [1.0]


def test_the_output_file_takes_the_verdicts(
    verifier: Verifier, dataset: Dataset, tmp_path: Path
) -> None:
    output = tmp_path / "verdicts.jsonl"
    result = verifier("score", dataset(row()), "-t", "finance", "-o", output)
    assert result.stdout == ""
    assert [v["reward"] for v in lines(output.read_text())] == [1.0]


def test_the_row_goes_before_the_options(verifier: Verifier, dataset: Dataset) -> None:
    path = dataset(row(WRONG, profile="binary"), row(WRONG))
    result = verifier("score", path, "-t", "finance", "--profile", "tiered")
    assert [v["reward"] for v in lines(result.stdout)] == [0.0, 0.5]


def test_dataset_forms_stand_at_the_level_of_the_row(verifier: Verifier, dataset: Dataset) -> None:
    gold = json.dumps(CALL)
    forms: list[dict[str, Any]] = [
        {"reward_model": {"ground_truth": gold, "style": "rule"}},
        {"gold_call": gold, "expected_result": 243.36},
        {"tool_call": {"name": CALL["name"], "parameters": CALL["arguments"]}},
    ]
    path = dataset(*({"completion": RIGHT, **form} for form in forms))
    result = verifier("score", path, "-t", "finance")
    assert [v["reward"] for v in lines(result.stdout)] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("detail", "member", "present"),
    [("reward", "failures", False), ("verdict", "failures", True), ("full", "results", True)],
)
def test_detail_decides_what_a_line_says(
    verifier: Verifier, dataset: Dataset, detail: str, member: str, present: bool
) -> None:
    result = verifier("score", dataset(row()), "-t", "finance", "--detail", detail)
    (verdict,) = lines(result.stdout)
    assert (member in verdict) is present
    assert verdict["reward"] == 1.0


def test_the_summary_counts_tiers_behaviours_and_codes(
    verifier: Verifier, dataset: Dataset
) -> None:
    path = dataset(row(), row(MISTYPED), row("Hello."), row(ground_truth=""))
    result = verifier("score", path, "-t", "finance", "--summary")
    assert result.exit_code == 0
    assert "4 completions, mean reward 0.5000" in result.stderr
    for label in ("full", "partial", "none", "invalid_task", "execute → answer", "schema.type"):
        assert label in result.stderr
    assert "1 have no reward" in result.stderr
    assert len(lines(result.stdout)) == 4


def test_the_summary_goes_to_stdout_when_the_verdicts_do_not(
    verifier: Verifier, dataset: Dataset, tmp_path: Path
) -> None:
    result = verifier("score", dataset(row()), "-t", "finance", "-o", tmp_path / "o", "--summary")
    assert "mean reward 1.0000" in result.stdout


BAD = [
    pytest.param(b"not json", "not JSON", id="not json"),
    pytest.param({"completion": RIGHT}, "no ground truth", id="no ground truth"),
    pytest.param({"ground_truth": TRUTH}, "nothing to score", id="no completion"),
    pytest.param(row(completions=[RIGHT]), "/completion give exactly one", id="both"),
    pytest.param(row(options={"reapir": True}), "/options/reapir unknown field", id="option"),
    pytest.param(row(5), "/completion must be", id="a number"),
    pytest.param(row(toolset=None), "or --toolset for all rows", id="no tools"),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_a_bad_line_is_named_and_the_others_are_scored(
    verifier: Verifier, dataset: Dataset, bad: dict[str, Any] | bytes, message: str
) -> None:
    good = row(toolset="finance")
    path = dataset(good, bad, good)
    result = verifier("score", path)
    assert result.exit_code == 1
    assert [v["line"] for v in lines(result.stdout)] == [1, 3]
    assert [v["item"] for v in lines(result.stdout)] == [0, 1]
    (complaint,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert complaint.startswith(f"error: {path}:2:")
    assert message in complaint


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_strict_stops_at_the_first_bad_line(
    verifier: Verifier, dataset: Dataset, bad: dict[str, Any] | bytes, message: str
) -> None:
    good = row(toolset="finance")
    result = verifier("score", dataset(good, bad, good, bad), "--strict")
    assert result.exit_code == 1
    assert [v["line"] for v in lines(result.stdout)] == [1]
    assert result.stderr.count("error: ") == 1


def test_more_bad_rows_than_anybody_reads_are_counted(verifier: Verifier, dataset: Dataset) -> None:
    rows = [row(5) if n % 2 else row() for n in range(140)]
    result = verifier("score", dataset(*rows), "-t", "finance")
    assert result.exit_code == 1
    assert len(lines(result.stdout)) == 70
    assert result.stderr.count("error: ") == 21
    assert "error: 50 more bad lines; `verifier lint` lists every one" in result.stderr


def test_a_wrong_task_is_a_verdict_and_no_bad_line(verifier: Verifier, dataset: Dataset) -> None:
    result = verifier("score", dataset(row(ground_truth=""), row()), "-t", "finance")
    assert result.exit_code == 0
    assert [v["outcome"] for v in lines(result.stdout)] == ["invalid_task", "scored"]


def test_an_empty_file_has_no_verdicts(verifier: Verifier, dataset: Dataset) -> None:
    result = verifier("score", dataset(), "-t", "finance", "--summary")
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nofile.jsonl"], "nofile.jsonl cannot be read"),
        (["ROWS", "-t", "nope"], 'No toolset "nope" is known; known are assistant'),
        (["ROWS", "-t", "finance", "-p", "nope"], 'No profile "nope" is known'),
        (["ROWS", "-t", "finance", "-f", "nope"], 'No format "nope" is known'),
        (["ROWS", "--toolsets", "nodir"], "nodir"),
        (["ROWS", "--profiles", "nodir"], "nodir: no such directory"),
        (["ROWS", "-o", "no/such/dir"], "no/such/dir cannot be written"),
        (["ROWS", "--url", "localhost"], "--url must be an address"),
        (["ROWS", "--url", "http://h", "--toolsets", "x"], "the service's to load"),
    ],
    ids=str,
)
def test_wrong_usage_is_one_sentence(
    verifier: Verifier, dataset: Dataset, arguments: list[str], message: str
) -> None:
    path = str(dataset(row()))
    result = verifier("score", *(path if each == "ROWS" else each for each in arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr


def test_http_gives_the_same_lines(verifier: Verifier, dataset: Dataset, url: str) -> None:
    path = dataset(
        row(id="a", metadata={"step": 1}),
        row(MISTYPED),
        b"?",
        row("Which date? \ud83d \U0001f600"),
        row(5),
        row(ground_truth=""),
        row("x", ground_truth="Which ticker and which date do you mean?"),
        *(row(WRONG, id=n) for n in range(600)),
    )
    here = verifier("score", path, "-t", "finance", "--detail", "full")
    there = verifier("score", path, "-t", "finance", "--detail", "full", "--url", url)
    assert there.stdout == here.stdout
    assert (there.exit_code, here.exit_code) == (1, 1)
    assert len(lines(here.stdout)) == 605


def test_no_service_is_one_sentence(verifier: Verifier, dataset: Dataset) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        result = verifier("score", dataset(row()), "-t", "finance", "--url", address)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"error: no answer from {address}/profiles after 1 attempt")
    assert "retry_budget_s" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_interruption_keeps_what_was_scored(
    verifier: Verifier, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = InProcess.verdicts
    calls = 0

    def interrupted(self: InProcess, items: Any, **fields: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return scored(self, items, **fields)

    monkeypatch.setattr(InProcess, "verdicts", interrupted)
    monkeypatch.setattr(InProcess, "chunk_completions", 3)
    output = tmp_path / "verdicts.jsonl"
    result = verifier("score", dataset(*[row()] * 8), "-t", "finance", "-o", output)
    assert result.exit_code == 130
    assert "interrupted; the verdicts of 3 completions are in" in result.stderr
    assert len(lines(output.read_text())) == 3


def test_memory_is_bounded_by_chunks(
    verifier: Verifier, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    scored = InProcess.verdicts

    def counted(self: InProcess, items: Any, **fields: Any) -> Any:
        sizes.append(len(items))
        return scored(self, items, **fields)

    monkeypatch.setattr(InProcess, "verdicts", counted)
    monkeypatch.setattr(InProcess, "chunk_completions", 4)
    verifier("score", dataset(*[row()] * 10), "-t", "finance")
    monkeypatch.setattr(InProcess, "chunk_completions", 100)
    monkeypatch.setattr(batches, "CHUNK_BYTES", 1)
    verifier("score", dataset(*[row()] * 2), "-t", "finance")
    assert sizes == [4, 4, 2, 1, 1]


@pytest.mark.parametrize("text", ["\x1b[31mred", "\u202eright to left", "[bold]markup[/bold]"])
def test_hostile_text_never_reaches_the_terminal(
    verifier: Verifier, dataset: Dataset, text: str
) -> None:
    result = verifier("score", dataset(row(options={text: 1})), "-t", "finance")
    assert result.exit_code == 1
    assert "\x1b" not in result.stderr
    assert "\u202e" not in result.stderr


def test_the_input_is_never_overwritten(verifier: Verifier, dataset: Dataset) -> None:
    path = dataset(row())
    before = path.read_bytes()
    result = verifier("score", path, "-t", "finance", "-o", path)
    assert (result.exit_code, path.read_bytes()) == (2, before)
    assert "is the input; write the verdicts to another file" in result.stderr


def test_an_output_without_new_verdicts_stays_as_it_was(
    verifier: Verifier, dataset: Dataset, tmp_path: Path
) -> None:
    output = tmp_path / "verdicts.jsonl"
    output.write_text("old")
    assert verifier("score", dataset(row()), "-t", "nope", "-o", output).exit_code == 2
    assert output.read_text() == "old"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["rows.jsonl", "verdicts.jsonl"]


def test_a_device_takes_verdicts_and_stays_a_device(verifier: Verifier, dataset: Dataset) -> None:
    assert verifier("score", dataset(row()), "-t", "finance", "-o", "/dev/null").exit_code == 0
    assert Path("/dev/null").is_char_device()


def test_a_large_group_is_scored_here_as_over_http(
    verifier: Verifier, dataset: Dataset, url: str
) -> None:
    path = dataset(row(), {"completions": ["x"] * 17_000, "ground_truth": TRUTH})
    here = verifier("score", path, "-t", "finance", "--detail", "reward")
    there = verifier("score", path, "-t", "finance", "--detail", "reward", "--url", url)
    assert (here.exit_code, len(lines(here.stdout))) == (0, 17_001)
    assert there.stdout == here.stdout


def test_a_row_that_is_too_large_for_a_request_is_a_bad_line(
    verifier: Verifier, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = InProcess.verdicts

    def limited(self: InProcess, items: Any, **fields: Any) -> Any:
        if len(json.dumps(items)) > 2000:
            raise VerifierRefused(413, {"detail": "larger than 2000 bytes"})
        return scored(self, items, **fields)

    monkeypatch.setattr(InProcess, "verdicts", limited)
    path = dataset(*[row()] * 12, row("x" * 2000), *[row()] * 12)
    result = verifier("score", path, "-t", "finance")
    assert result.exit_code == 1
    assert [v["line"] for v in lines(result.stdout)] == [n for n in range(1, 26) if n != 13]
    assert f"{path}:13: larger than 2000 bytes" in result.stderr


def test_bad_lines_are_named_in_the_order_of_the_file(verifier: Verifier, dataset: Dataset) -> None:
    path = dataset(row(), row(5), b"?", row(5), b"?")
    result = verifier("score", path, "-t", "finance")
    named = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert [line.split(":")[2] for line in named] == ["2", "3", "4", "5"]


def test_strict_stops_at_the_first_bad_line_whatever_its_kind(
    verifier: Verifier, dataset: Dataset
) -> None:
    result = verifier("score", dataset(row(), row(5), b"?"), "-t", "finance", "--strict")
    assert "rows.jsonl:2:" in result.stderr
    assert "rows.jsonl:3:" not in result.stderr


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("9" * 6000, "a number of 6,000 digits is too long"),
        ("1e999", "the number 1e999 is too large"),
    ],
)
def test_a_number_beyond_reason_is_a_bad_line(
    verifier: Verifier, dataset: Dataset, number: str, message: str
) -> None:
    bad = json.dumps(row()).replace("{", f'{{"id": {number}, ', 1).encode()
    result = verifier("score", dataset(bad), "-t", "finance")
    assert result.exit_code == 1
    assert f"rows.jsonl:1: {message}" in result.stderr
    assert "sys." not in result.stderr


def test_an_address_without_a_verifier_says_so(verifier: Verifier, dataset: Dataset) -> None:
    class Nothing(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Nothing) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        result = verifier("score", dataset(row()), "-t", "finance", "--url", address)
        thread.join()
    assert result.exit_code == 3
    assert "this does not look like a verifier service" in result.stderr


def test_retries_of_many_requests_are_one_line(
    verifier: Verifier, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setattr(random, "random", lambda: 1.0)
        monkeypatch.setattr("verifier_service.client.retries._NOTABLE_S", 0.0)
        arguments = ("-t", "finance", "--url", address, "--wait", "1.9")
        result = verifier("score", dataset(row()), *arguments)
    assert result.exit_code == 3
    assert result.stderr.count("waiting: ") == 1
