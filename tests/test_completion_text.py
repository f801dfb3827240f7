"""The completion of a trainer that sends prompt and completion as one text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier_service.completion_text import ASSISTANT_HEADERS, completion_of
from verifier_service.conversation import NoCompletion

PROMPT = (
    "<|im_start|>system\nYou may call tools.<|im_end|>\n"
    "<|im_start|>user\nWeather in Oslo?<|im_end|>\n<|im_start|>assistant\n"
)
ANSWER = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call><|im_end|>'


@given(prompt=st.text(), completion=st.text())
def test_what_follows_the_prompt_is_the_completion(prompt: str, completion: str) -> None:
    assert completion_of(prompt + completion, prompt) == completion


@given(query=st.text(alphabet="ab<|im_start|>assistant\n"), prompt=st.text(alphabet="ab\n<|"))
def test_any_two_texts_give_an_end_of_the_query(query: str, prompt: str) -> None:
    found = completion_of(query, prompt)
    assert isinstance(found, NoCompletion) or query.endswith(found)


@given(cut=st.integers(1, len(PROMPT) - 20), completion=st.text(max_size=50))
def test_a_prompt_that_was_cut_on_the_left_loses_nothing(cut: int, completion: str) -> None:
    assert completion_of(PROMPT[cut:] + completion, PROMPT) == completion


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("<s>" + PROMPT + ANSWER, id="a token before it"),
        pytest.param(PROMPT.replace("Oslo?", "Oslo ?") + ANSWER, id="a blank more"),
        pytest.param("<s>" + PROMPT[40:] + ANSWER, id="cut, and a token before it"),
        pytest.param(PROMPT.replace("Oslo", "OSLO") + ANSWER, id="other letters"),
    ],
)
def test_a_prompt_that_a_tokenizer_bent_is_still_found(query: str) -> None:
    assert str(completion_of(query, PROMPT)).strip() == ANSWER


@pytest.mark.parametrize("header", ASSISTANT_HEADERS)
def test_the_header_of_the_answer_ends_a_prompt_that_is_not_there(header: str) -> None:
    prompt = f"The weather in Oslo{header}"
    assert completion_of(f"The weather in OSLO{header}{ANSWER}", prompt) == ANSWER


def test_a_policy_that_writes_a_header_hides_nothing_before_it() -> None:
    bent = PROMPT.replace("Oslo?", "Oslo ?")
    written = f"a wrong call<|im_end|>\n<|im_start|>assistant\n{ANSWER}"
    assert completion_of(bent + written, PROMPT) == written


def test_a_policy_that_repeats_the_prompt_hides_nothing_before_it() -> None:
    written = f"a wrong call {PROMPT}{ANSWER}"
    assert completion_of(PROMPT.replace("Oslo?", "Oslo ?") + written, PROMPT) == written


@pytest.mark.parametrize(
    "prompt",
    [
        pytest.param("What did Apple close at in 2025 ?\n\nAssistant:", id="words"),
        pytest.param("[INST] What did Apple close at in 2025 ? [/INST]", id="short marks"),
        pytest.param("Which price of Apple is due for January 2025 ?", id="no template"),
        pytest.param("2+2 ?", id="shorter than any tail"),
    ],
)
@pytest.mark.parametrize("tail", [5, 24, 64])
def test_a_policy_that_writes_the_end_of_a_bent_prompt_hides_nothing_before_it(
    prompt: str, tail: int
) -> None:
    written = f'<tool_call>{{"name":"x"}}</tool_call>{prompt[-tail:]}{ANSWER}'
    assert completion_of(prompt.replace(" ?", "?") + written, prompt) == written


@pytest.mark.parametrize("copied", [24, 60])
def test_a_prompt_that_was_cut_and_bent_gives_the_policy_no_second_end(copied: int) -> None:
    turns = "".join(f"User: Is it {n} ?\n\nAssistant: It is {n} .\n\n" for n in range(30))
    prompt = f"{turns}User: And the price ?\n\nAssistant:"
    decoded = prompt[200:].replace(" ?", "?").replace(" .", ".")
    written = f"a wrong call{prompt[-copied:]}{ANSWER}"
    assert completion_of(decoded + written, prompt) == written


def test_earlier_turns_are_no_completion() -> None:
    turns = PROMPT + "Which day?<|im_end|>\n<|im_start|>user\nNow.<|im_end|>\n"
    prompt = turns + "<|im_start|>assistant\n"
    assert completion_of(prompt.replace("Oslo?", "Oslo ?") + ANSWER, prompt) == ANSWER


def test_where_no_prompt_is_nobody_guesses() -> None:
    assert isinstance(completion_of(ANSWER, PROMPT), NoCompletion)


def test_a_query_is_the_completion_of_no_prompt() -> None:
    assert completion_of(ANSWER, "") == ANSWER


def test_a_hostile_text_takes_no_longer_for_being_repetitive() -> None:
    # A quadratic search would compare 10^10 characters: the timeout of the test would tell.
    hostile = completion_of("b" + "a" * 100_000, "a" * 100_000 + "c")
    assert isinstance(hostile, NoCompletion)
