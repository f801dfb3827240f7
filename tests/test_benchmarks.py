"""The benchmarks measure what they say, and the page says what they measured."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.corpus import KINDS, TOOLSET, always_new, groups, mixed
from benchmarks.measure import medians, quantile
from benchmarks.over_http import repeated
from benchmarks.peers import bfcl, nemo_gym, plain_schema, reward_kit, tutorial
from verifier_service.local import LocalVerifier

REWARDS = {
    "right": 1.0,
    "wrong value": 0.5,
    "wrong tool": 0.0,
    "wrong type": 0.5,
    "text": 0.0,
    "cut off": 0.0,
    "long reasoning": 1.0,
    "parallel calls": 1.0,
    "state-changing": 1.0,
    "trajectory": 1.0,
}


@pytest.fixture(scope="module")
def verifier() -> LocalVerifier:
    return LocalVerifier()


def test_every_kind_of_completion_is_what_its_name_says(verifier: LocalVerifier) -> None:
    samples = [next(always_new(3, kind)) for kind in KINDS]
    answer = verifier.score({"toolset": TOOLSET, "items": [sample.item for sample in samples]})
    assert dict(zip(KINDS, answer["rewards"], strict=True)) == REWARDS


def test_a_step_of_grpo_has_right_and_wrong_rollouts(verifier: LocalVerifier) -> None:
    answer = verifier.score({"toolset": TOOLSET, "items": groups(1, prompts=16, rollouts=8)})
    assert len(answer["rewards"]) == 128
    assert set(answer["rewards"]) == {0.0, 0.5, 1.0}


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_the_corpus_is_the_same_every_time(kind: str | None) -> None:
    first, second = (list(itertools.islice(always_new(7, kind), 50)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_no_two_tasks_are_the_same_where_all_are_new(kind: str | None) -> None:
    samples = [s for seed in (1, 2) for s in itertools.islice(always_new(seed, kind), 500)]
    assert max(Counter(json.dumps(sample.calls) for sample in samples).values()) == 1


def test_the_mixture_repeats_itself_and_the_share_is_known() -> None:
    keys = [(str(s.completion), json.dumps(s.calls)) for s in itertools.islice(mixed(8), 2000)]
    assert repeated(2000) == (len(keys) - len(set(keys))) / len(keys)
    assert 0.4 < repeated(2000) < 0.8


def test_the_scorers_that_were_written_for_comparison_reward_the_right_calls() -> None:
    for sample in itertools.islice(mixed(1), 500):
        if sample.kind == "right":
            assert tutorial.reward(sample.completion, sample.calls[0]) == 1.0
            assert plain_schema.reward(sample.completion, sample.calls[0]) == 1.0
        if sample.kind in {"text", "cut off"}:
            assert tutorial.reward(sample.completion, sample.calls[0]) == 0.0
            assert plain_schema.reward(sample.completion, sample.calls[0]) == 0.0


def test_other_scorers_are_sent_the_same_calls() -> None:
    sample = next(sample for sample in mixed(1) if sample.kind == "right")
    name, arguments = sample.calls[0]["name"], sample.calls[0]["arguments"]
    assert bfcl.written(sample.calls[0]).startswith(f"[{name}(")
    [said] = nemo_gym.body(sample)["response"]["output"]
    assert (said["name"], json.loads(said["arguments"])) == (name, arguments)
    truth = json.loads(reward_kit.body(sample)["ground_truth"])
    assert truth["tool_calls"][0]["function"]["name"] == name


def test_medians_are_taken_number_by_number() -> None:
    rounds = [{"us": us, "by": {"size": 10 * us}} for us in (3.0, 1.0, 2.0)]
    assert medians(rounds) == {
        "us": {"median": 2.0, "least": 1.0, "most": 3.0},
        "by": {"size": {"median": 20.0, "least": 10.0, "most": 30.0}},
    }


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [quantile(values, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]


def test_the_page_says_what_was_measured() -> None:
    results = json.loads(report.RESULTS.read_text("utf-8"))
    assert report.PAGE.read_text("utf-8") == report.page(results)


def test_the_page_does_without_what_was_not_measured() -> None:
    results = json.loads(report.RESULTS.read_text("utf-8"))
    absent = {"bfcl": "needs Python 3.11, which is not here"}
    for section in ("throughput", "latency", "peers_over_http", "soak"):
        results.pop(section, None)
    results["in_process"] = {"core": results["in_process"]["core"], "absent": absent}
    page = report.page(results)
    assert "needs Python 3.11, which is not here" in page
    assert "were not measured in this run" in page


def test_every_plot_on_the_page_is_there() -> None:
    page = report.PAGE.read_text("utf-8")
    plots = [part.partition(")")[0] for part in page.split("](images/")[1:]]
    assert plots
    assert all(Path(report.IMAGES, plot).is_file() for plot in plots)
