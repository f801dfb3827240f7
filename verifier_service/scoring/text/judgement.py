"""What a text earns, and what holds of it whatever was due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox_tools.types import Json
from verifier_service.scoring.codes import Code
from verifier_service.scoring.text.acts import Speech
from verifier_service.scoring.text.fold import bare_words, fold
from verifier_service.scoring.types import Behavior, Failure


@dataclass(frozen=True, slots=True)
class TextJudgement:
    """What a text earns and, below 1.0, why."""

    score: float
    """1.0, 0.5 or 0.0."""
    failures: tuple[Failure, ...] = ()


FULL: Final = TextJudgement(1.0)
_DUE: Final = {
    Behavior.CLARIFY: "ask",
    Behavior.REFUSE: "refuse",
    Behavior.NO_CALL: "answer",
}


def text_failure(
    code: Code, message: str, *, expected: Json = None, actual: Json = None
) -> Failure:
    """A failure that points at the completion's prose."""
    return Failure(code, "/text", message, expected, actual)


def ruled_out(speech: Speech, text: str, forbidden: Sequence[str]) -> TextJudgement | None:
    """The judgement of a text that earns nothing whatever was due; None for any other."""
    if speech.act == "empty":
        return TextJudgement(0.0, (text_failure(Code.EMPTY_TEXT, "The text has no letters."),))
    phrase = _forbidden_phrase(text, forbidden)
    if phrase is None:
        return None
    message = "The text holds a forbidden phrase."
    return TextJudgement(0.0, (text_failure(Code.FORBIDDEN_PHRASE, message, actual=phrase),))


def unknown_language() -> TextJudgement:
    """The judgement of a text that no enabled word list covers: it may well be right."""
    message = "No enabled word list covers the text's language."
    return TextJudgement(0.5, (text_failure(Code.UNKNOWN_LANGUAGE, message),))


def mismatch(speech: Speech, due: Behavior, score: float) -> TextJudgement:
    """The judgement of a text that does something else than was due."""
    message = f"The text should {_DUE[due]} but reads as: {speech.act}."
    failure = text_failure(Code.WRONG_BEHAVIOR, message, expected=due.value, actual=speech.act)
    return TextJudgement(score, (failure,))


def collapsed(text: str) -> str:
    """The text folded, without differences of case and white space."""
    return " ".join(fold(text).casefold().split())


def is_reference(text: str, reference: str | None) -> bool:
    """Whether a text is the reference text, apart from case and white space."""
    return reference is not None and collapsed(text) == collapsed(reference)


def _forbidden_phrase(text: str, forbidden: Sequence[str]) -> str | None:
    """The first forbidden phrase whose words stand in the text one after the other.

    Punctuation and markup between the words hide nothing; a phrase that is more than words, such
    as "C++", counts where it stands as it is written.
    """
    if not forbidden:
        return None
    whole = collapsed(text)
    versions = [f" {' '.join(words)} " for words in bare_words(text)]
    for phrase in forbidden:
        words = bare_words(phrase)[0]
        is_worded = len(words) > 1 or phrase.strip().isalnum()
        if is_worded and any(f" {' '.join(words)} " in version for version in versions):
            return phrase
        if _holds(whole, collapsed(phrase)):
            return phrase
    return None


def _holds(text: str, phrase: str) -> bool:
    start = text.find(phrase) if phrase else -1
    while start >= 0:
        end = start + len(phrase)
        cuts_before = start > 0 and text[start - 1].isalnum() and phrase[0].isalnum()
        cuts_after = end < len(text) and text[end].isalnum() and phrase[-1].isalnum()
        if not (cuts_before or cuts_after):
            return True
        start = text.find(phrase, start + 1)
    return False
