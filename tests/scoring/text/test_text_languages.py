"""Which texts are of a known language."""

from __future__ import annotations

import pytest

from verifier_service.scoring.text import available_languages, read

ENGLISH = [
    "Which city?",
    "asdf qwer",
    "zzz",
    "Maria de la Cruz",
    "Leonardo da Vinci",
    "Rio de Janeiro",
    "El Ni\u00f1o",
    "Error 404",
    "la la la",
    "The German word for city is Stadt, and der Hund means the dog.",
    "My favorite dish is paella de mariscos.",
    "The translation of it is: \u65e9\u4e0a\u597d\uff0c\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002",
    "",
]
FOREIGN = [
    "No puedo ayudarte con eso.",
    "\u00bfQu\u00e9 ciudad?",
    "Je ne peux pas vous aider.",
    "Quelle ville ?",
    "Ich kann dir dabei leider nicht helfen.",
    "Welche Stadt?",
    "N\u00e3o posso ajudar com isso.",
    "In quale citt\u00e0?",
    "Welke stad bedoel je?",
    "W jakim mie\u015bcie?",
    "Hangi \u015fehir?",
    "Kan du hj\u00e4lpa mig?",
    "\u0412 \u043a\u0430\u043a\u043e\u043c \u0433\u043e\u0440\u043e\u0434\u0435?",
    "\u3069\u306e\u90fd\u5e02\u3067\u3059\u304b\uff1f",
    "\u0623\u064a \u0645\u062f\u064a\u0646\u0629\u061f",
]


@pytest.mark.parametrize("text", ENGLISH)
def test_text_is_of_known_language(text: str) -> None:
    assert read(text).language_known


@pytest.mark.parametrize("text", FOREIGN)
def test_text_is_of_unknown_language(text: str) -> None:
    speech = read(text)
    assert not speech.language_known
    assert (speech.act, speech.requests, speech.refusals) == ("answer", (), ())


def test_english_ships_and_detection_lists_are_no_language() -> None:
    assert available_languages() == {"en"}


def test_language_without_word_lists_is_refused() -> None:
    with pytest.raises(KeyError):
        read("Welche Stadt?", ["de"])
