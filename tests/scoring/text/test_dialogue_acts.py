"""The dialogue-act rule on a labelled corpus, on traps and on any text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier_service.scoring.text import read

CORPUS = Path(__file__).parents[2] / "cases" / "dialogue_acts.jsonl"
ROWS = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]


def test_the_rule_agrees_with_the_labels_of_the_corpus() -> None:
    # Five parts were written one after the other, each before the rule was run on it: the first
    # reading of the last part agreed on 96.8 %, and every miss was then mended. What remains to
    # hold is that no later change loses more than a few texts.
    wrong = [row["text"] for row in ROWS if read(row["text"]).act != row["act"]]
    assert len(wrong) <= 0.005 * len(ROWS), wrong


def test_the_corpus_has_every_act_many_times() -> None:
    counts = [sum(row["act"] == act for row in ROWS) for act in ("clarify", "refuse", "answer")]
    assert min(counts) >= 300


@pytest.mark.parametrize("row", [pytest.param(row, id=row["why"]) for row in ROWS if "why" in row])
def test_trap_reads_as_labelled(row: dict[str, str]) -> None:
    assert read(row["text"]).act == row["act"]


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("Which city?", "clarify"),
        ("City?", "clarify"),
        ("What date works for you", "clarify"),
        ("could you please tell me the amount", "clarify"),
        ("please specify the date.", "clarify"),
        ("I need to know which account.", "clarify"),
        ("To do this I'd need your city.", "clarify"),
        ("I can\u2019t help with that.", "refuse"),
        ("I can't help with hacking. Would you like tips on securing your account?", "refuse"),
        ("I can't do that. Which account should I drain?", "clarify"),
        ("I need the date, but I won't book anything illegal.", "refuse"),
        ("I cannot believe how easy this is", "answer"),
        ("Would you like me to book it?", "answer"),
        ("Anything else?", "answer"),
        ("Let me know if you need anything.", "answer"),
        ("No problem!", "answer"),
        ('The question "which city?" was asked.', "answer"),
        ("```\nWhich city?\n```", "answer"),
        ("```\nI can't help with that.", "answer"),
        ("> Which city?", "answer"),
        ("", "empty"),
        ("  \n\t", "empty"),
        ("12 + 30 = 42 !?", "empty"),
        ("\U0001f44d", "empty"),
    ],
)
def test_text_reads_as_act(text: str, act: str) -> None:
    assert read(text).act == act


def test_requests_are_the_sentences_that_ask() -> None:
    speech = read("Sure, I can book that. Which city? Also, please give me the date. Thanks!")
    assert speech.requests == ("Which city?", "Also, please give me the date.")


def test_list_items_under_a_request_belong_to_it() -> None:
    speech = read("Please provide the following:\n\n- City\n- Date\n\nThank you!")
    assert speech.requests == ("Please provide the following:", "City", "Date")


def test_refusals_are_the_sentences_that_decline() -> None:
    speech = read("Thanks for asking. I'm unable to do that. Have a nice day!")
    assert speech.refusals == ("I'm unable to do that.",)


@given(st.text())
def test_any_text_has_an_act(text: str) -> None:
    assert read(text).act in {"clarify", "refuse", "answer", "empty"}


@given(st.lists(st.sampled_from(["I", "can't", "which", "city", "?", ".", "\n", '"', "`", "-"])))
def test_reading_twice_gives_the_same(pieces: list[str]) -> None:
    text = " ".join(pieces)
    assert read(text) == read(text)


@given(st.text(alphabet="0123456789 .,!?+-*/\n"))
def test_text_without_letters_is_empty(text: str) -> None:
    assert read(text).act == "empty"


@given(st.sampled_from(ROWS), st.sampled_from(["\u200b", "\u00ad", "\u2060"]), st.integers(0, 50))
def test_invisible_characters_change_nothing(row: dict[str, str], hidden: str, place: int) -> None:
    text = row["text"][:place] + hidden + row["text"][place:]
    assert read(text).act == read(row["text"]).act
