"""The notation of phrases in the word lists."""

from __future__ import annotations

import pytest

from verifier_service.scoring.text.phrases import Found, PhraseBook

CLASSES = {"pet": "cat/dog\ngold fish"}


@pytest.mark.parametrize(
    ("phrase", "text", "holds"),
    [
        ("big cat", "a big cat", True),
        ("big cat", "a big old cat", False),
        ("big cat/dog", "big dog", True),
        ("big [old] cat", "big cat", True),
        ("big [old] cat", "big old cat", True),
        ("big [very old] cat", "big very old cat", True),
        ("big [very old] cat", "big very cat", False),
        ("big * cat", "big red cat", True),
        ("big * cat", "big cat", False),
        ("big ... cat", "big cat", True),
        ("big ... cat", "big red old fat cat", True),
        ("big ... cat", "big red old fat sad cat", False),
        ("big <pet>", "big gold fish", True),
        ("big <pet>", "big fish", False),
    ],
)
def test_phrase_holds(phrase: str, text: str, holds: bool) -> None:
    assert PhraseBook(phrase, CLASSES).within(text.split()) is holds


def test_the_longest_phrase_counts() -> None:
    book = PhraseBook("big\nbig cat\nbig cat food store", {})
    assert book.at(["a", "big", "cat", "food"], 1) == Found(1, 3)


def test_a_blank_ends_every_phrase() -> None:
    assert not PhraseBook("big ... cat", {}).within(["big", "", "cat"])
