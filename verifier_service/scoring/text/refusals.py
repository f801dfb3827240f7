"""Refusals: sentences in which the speaker declines or is unable."""

from __future__ import annotations

from collections.abc import Sequence

from verifier_service.scoring.text.language import Language
from verifier_service.scoring.text.phrases import Found
from verifier_service.scoring.text.sentences import Sentence


def refuses(each: Sentence, language: Language) -> bool:
    """Whether a sentence declines or says that the speaker is unable."""
    words = each.words
    if not words or names_remedy(each, language):
        return False
    if any(_counts(words, found.start, language) for found in language.refusals.all(words)):
        return True
    if any(not _is_excused(words, found.end, language) for found in _inabilities(each, language)):
        return True
    if words[0] in language.speakers and language.elisions.within(words):
        return True
    if each.opens_with(language.refusal_openings):
        return not each.is_question
    return not language.regrets.isdisjoint(each.named) and language.regretted.within(words)


def _inabilities(each: Sentence, language: Language) -> list[Found]:
    """The first-person inabilities of a sentence that are not only supposed."""
    found = language.inabilities.all(each.words)
    return [one for one in found if _counts(each.words, one.start, language)]


def _counts(words: Sequence[str], start: int, language: Language) -> bool:
    """Whether a phrase is said rather than supposed: not "if I can't find it"."""
    return start == 0 or words[start - 1] not in language.subordinators


def _is_excused(words: Sequence[str], end: int, language: Language) -> bool:
    """Whether the words after an inability make it an idiom: "I can't wait"."""
    verb = end + 1 if end < len(words) and words[end] in language.particles else end
    idiom = language.excused.at(words, verb)
    if idiom is None:
        return False
    # "I can't see or access your files" names a second verb that is no idiom.
    return idiom.end == len(words) or words[idiom.end] not in language.choosers


def names_remedy(each: Sentence, language: Language) -> bool:
    """Whether the sentence says what is lacking: "I can't book it without a date"."""
    unable = _inabilities(each, language)
    if not unable or language.not_conditions.within(each.words, unable[0].end):
        return False
    return language.conditions.within(each.words, unable[0].end)
