"""What a text earns where a question was due. Source: scoring.md section 6."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from verifier_service.scoring.codes import Code
from verifier_service.scoring.text.acts import Speech, read, read_in
from verifier_service.scoring.text.judgement import (
    FULL,
    TextJudgement,
    collapsed,
    mismatch,
    ruled_out,
    text_failure,
    unknown_language,
)
from verifier_service.scoring.text.language import Language
from verifier_service.scoring.text.parameters import Aliases, Naming, singular
from verifier_service.scoring.text.sentences import BLANK, Sentence
from verifier_service.scoring.types import Behavior, Failure

_FULL_SHARE: Final = 0.5
# A request longer than this against its reference, in telling words, names things at random.
_SOUP_FACTOR: Final = 2
_SOUP_WORDS: Final = 4
# A question names little besides what it asks for; a list of everything is no question.
_MOST_PARAMETERS: Final = 1
_MOST_TOPICS: Final = 2
# A question is short; what follows so many words earns nothing more.
_READ_WORDS: Final = 400


def judge_clarify(  # noqa: PLR0913 - the fields of the ground truth, by name
    speech: Speech,
    text: str,
    *,
    missing: Sequence[str],
    aliases: Aliases,
    given: Sequence[str],
    parameters: Sequence[str],
    reference: str | None,
    forbidden: Sequence[str],
) -> TextJudgement:
    """What a text earns where a question was due.

    Args:
        missing: Parameters to ask for.
        aliases: Other words for parameters, by parameter.
        given: Parameters that the user already gave.
        parameters: All parameters of the tools in play.
        reference: A question that is right: what it asks for besides is no fault, and where
            nothing is listed as missing, its words are what to ask. Without either a request
            earns 0.5, for nothing tells a good one from a bad one.
        forbidden: Phrases whose presence earns nothing.
    """
    if nothing := ruled_out(speech, text, forbidden):
        return nothing
    if not missing and reference is not None and collapsed(text) == collapsed(reference):
        return FULL
    language = speech.language
    if language is None:
        return unknown_language()
    naming = Naming(aliases, language)
    if speech.act != "clarify":
        return _not_asking(speech, language, naming, missing)
    if missing:
        words = _requested_words(speech, language)
        others = set(parameters) - {*missing, *given}
        asked = _besides(naming, words, missing, given, others)
        if reference is not None:
            model = _requested_words(read_in(reference, language), language)
            asked = asked.beyond(_besides(naming, model, missing, given, others))
        failures = _unasked(naming, words, missing) + _asked_in_vain(asked)
    else:
        failures = _unlike(speech, language, reference)
    if _invents(speech, language):
        message = "The text asks and then assumes an answer."
        failures.append(text_failure(Code.INVENTED_VALUE, message))
    return TextJudgement(0.5, tuple(failures)) if failures else FULL


def missing_in_question(
    text: str, required: Sequence[str], languages: Sequence[str] = ("en",)
) -> tuple[str, ...]:
    """Those of the required parameters that a reference question asks for."""
    speech = read(text, languages)
    if speech.language is None:
        return ()
    words = _requested_words(speech, speech.language)
    return tuple(Naming({}, speech.language).asked_for(words, required))


def _not_asking(
    speech: Speech, language: Language, naming: Naming, missing: Sequence[str]
) -> TextJudgement:
    """The judgement of a text that does not ask: partial if it says all that is missing."""
    said = [each.named for each in speech.sentences if language.lacks.within(each.words)]
    lacking = [word for named in said for word in named][:_READ_WORDS]
    if speech.act == "answer" and missing and all(naming.names(lacking, one) for one in missing):
        message = "What is missing is named but not asked for."
        failure = text_failure(Code.NOT_A_REQUEST, message, expected=list(missing))
        return TextJudgement(0.5, (failure,))
    return mismatch(speech, Behavior.CLARIFY, 0.0)


def _unasked(naming: Naming, words: Sequence[str], missing: Sequence[str]) -> list[Failure]:
    """Why a request does not ask for all that is missing."""
    unnamed = [name for name in missing if not naming.names(words, name)]
    if not unnamed:
        return []
    if len(unnamed) == len(missing):
        code, message = Code.GENERIC_REQUEST, "The question names nothing that is missing."
    else:
        code, message = Code.MISSING_NOT_ASKED, "A missing parameter is not asked for."
    return [text_failure(code, message, expected=list(unnamed))]


@dataclass(frozen=True, slots=True)
class _Besides:
    """What a request asks for besides what is missing."""

    given: frozenset[str]
    others: frozenset[str]
    topics: frozenset[str]

    def beyond(self, reference: _Besides) -> _Besides:
        """Without what the reference question asks for too."""
        return _Besides(
            self.given - reference.given,
            self.others - reference.others,
            self.topics - reference.topics,
        )


def _besides(
    naming: Naming,
    words: Sequence[str],
    missing: Sequence[str],
    given: Collection[str],
    others: Collection[str],
) -> _Besides:
    return _Besides(
        frozenset(naming.asked_besides(words, given, missing)),
        frozenset(naming.asked_besides(words, others, missing)),
        frozenset(naming.topics_besides(words, missing)),
    )


def _asked_in_vain(asked: _Besides) -> list[Failure]:
    """Why a request asks for what it should not."""
    failures: list[Failure] = []
    if asked.given:
        message = "The question asks for what the user already said."
        failures.append(text_failure(Code.GIVEN_ASKED, message, actual=[*sorted(asked.given)]))
    if len(asked.others) > _MOST_PARAMETERS or len(asked.topics) > _MOST_TOPICS:
        message = "The question asks for much more than what is missing."
        actual = sorted(asked.others or asked.topics)
        failures.append(text_failure(Code.ASKED_TOO_MUCH, message, actual=list(actual)))
    return failures


def _requested_words(speech: Speech, language: Language) -> list[str]:
    """The words of all requests, and of a lack that a request points back at."""
    words: list[str] = []
    for index in sorted(speech.requesting):
        each = speech.sentences[index]
        before = speech.sentences[index - 1] if index else None
        if before is not None and index - 1 not in speech.requesting and _points(each, language):
            words += before.named if language.lacks.within(before.words) else ()
        words += (*each.named, BLANK)
    return words[:_READ_WORDS]


def _points(each: Sentence, language: Language) -> bool:
    """Whether a request points at the sentence before it: "The date is missing. What is it?"."""
    return not language.anaphora.isdisjoint(each.words)


def _unlike(speech: Speech, language: Language, reference: str | None) -> list[Failure]:
    """Why a request does not ask what the reference asks."""
    asked = _content(speech, language)
    wanted = _content(read_in(reference, language), language) if reference else frozenset[str]()
    is_soup = len(asked) > _SOUP_FACTOR * len(wanted) + _SOUP_WORDS
    if wanted and not is_soup and len(asked & wanted) >= _FULL_SHARE * len(wanted):
        return []
    message = "The question does not ask what the reference asks."
    return [text_failure(Code.GENERIC_REQUEST, message, expected=reference)]


def _content(speech: Speech, language: Language) -> frozenset[str]:
    """The words of a text's requests that tell them from other requests."""
    words = [word for word in _requested_words(speech, language) if word]
    if not words:
        words = [word for each in speech.sentences for word in each.named]
    telling = [word for word in words if word not in language.function_words]
    special = [word for word in telling if word not in language.request_words]
    return frozenset(map(singular, special or telling))


def _invents(speech: Speech, language: Language) -> bool:
    """Whether the text answers its own question: "Which city? I'll assume Paris."."""
    first = min(speech.requesting)
    later = range(first + 1, len(speech.sentences))
    return any(
        index not in speech.requesting and _supposes(speech, index, language) for index in later
    )


def _supposes(speech: Speech, index: int, language: Language) -> bool:
    """Whether a sentence takes a value that the user has not given."""
    each = speech.sentences[index]
    if not each.words or each.words[0] in language.speculations:
        return False
    if any(
        language.inventions_not.at(each.words, found.end) is None
        for found in language.inventions.all(each.words)
    ):
        return True
    return speech.sentences[index - 1].is_question and _is_bare_answer(speech, index, language)


def _is_bare_answer(speech: Speech, index: int, language: Language) -> bool:
    """Whether a sentence right after a request is nothing but a value: "Which city? Paris."."""
    each = speech.sentences[index]
    return (
        index - 1 in speech.requesting
        and len(each.words) <= 3
        and not (each.is_question or each.is_item or each.text.startswith("("))
        and language.courtesies.isdisjoint(each.words)
        and not language.function_words.issuperset(each.words)
    )
