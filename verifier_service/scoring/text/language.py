"""The word lists by which a language's texts are read: data in `languages/`, one file each.

To add a language, write `languages/<code>.yaml` with the keys that the fields of `Language`
name. Three kinds of values:

* words, divided by white space: `wh_words: which what`;
* phrases, one a line, in lower case and with contractions written out. `a/b` stands for either
  word, `[a b]` may be left out, `*` is any word, `...` up to three words, and `<name>` one of the
  phrases under `classes`;
* mappings: `contractions` (`can't = cannot`, one a line); `classes` and `aliases` (phrases by
  name).

Matching ignores case, punctuation inside a clause and the words listed as `fillers`. Words are
what white space and punctuation divide, so scripts without spaces cannot be listed yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Literal

import yaml

from verifier_service.scoring.text.fold import latin_share
from verifier_service.scoring.text.phrases import PhraseBook

Words = frozenset[str]
Side = Literal["near", "far"]
"""Of two ends that exclude each other, such as origin and destination, the one or the other."""

_FOLDER: Final = resources.files(__package__) / "languages"
_DETECTION: Final = "detection"
# So many words of an enabled language around a passage in another script: a translation, say.
_ENOUGH: Final = 3


@dataclass(frozen=True, slots=True)
class Language:
    """The word lists of one language; `languages/en.yaml` says beside each what it is for."""

    contractions: Mapping[tuple[str, ...], tuple[str, ...]]
    aliases: Mapping[str, PhraseBook]
    vocabulary: Words
    """The names under `aliases` and their plurals: what a tool may need."""
    fillers: Words
    function_words: Words
    wh_words: Words
    noun_askers: Words
    joiners: Words
    choosers: Words
    negations: Words
    particles: Words
    wh_pronouns: Words
    wh_prepositions: Words
    auxiliaries: Words
    past_auxiliaries: Words
    openings: Words
    conjunctions: Words
    abbreviations: Words
    tags: Words
    subordinators: Words
    alternatives: Words
    speakers: Words
    pressing: Words
    regrets: Words
    bare_refusals: Words
    neutral_nouns: Words
    speculations: Words
    concessions: Words
    completions: Words
    calendar: Words
    handovers: Words
    undone: Words
    additions: Words
    user: Words
    assertions: Words
    persons: Words
    acronyms: Words
    courtesies: Words
    anaphora: Words
    request_words: Words
    weak_name_words: Words
    askers: Words
    context_prepositions: Words
    determiners: Words
    near_prepositions: Words
    far_prepositions: Words
    never_ends: Words
    pleas: PhraseBook
    modal_questions: PhraseBook
    asks: PhraseBook
    inversions: PhraseBook
    needs: PhraseBook
    needs_not: PhraseBook
    need_openings: PhraseBook
    need_conditions: PhraseBook
    need_commands: PhraseBook
    need_leads: PhraseBook
    continuers: PhraseBook
    generic: PhraseBook
    meanings: PhraseBook
    definitions: PhraseBook
    addressed: PhraseBook
    offers: PhraseBook
    offer_openings: PhraseBook
    permissions: PhraseBook
    whole_small_talk: PhraseBook
    displays: PhraseBook
    reports: PhraseBook
    lists: PhraseBook
    displays_not: PhraseBook
    inabilities: PhraseBook
    refusals: PhraseBook
    excused: PhraseBook
    unrefused: PhraseBook
    disclaimers: PhraseBook
    conditions: PhraseBook
    not_conditions: PhraseBook
    regretted: PhraseBook
    refusal_openings: PhraseBook
    elisions: PhraseBook
    complies: PhraseBook
    complies_not: PhraseBook
    deeds: PhraseBook
    doings: PhraseBook
    outcomes: PhraseBook
    withdrawals: PhraseBook
    needless: PhraseBook
    guesses: PhraseBook
    inventions: PhraseBook
    inventions_not: PhraseBook
    examples: PhraseBook
    lacks: PhraseBook
    dismissals: PhraseBook
    near: PhraseBook
    far: PhraseBook
    counts: PhraseBook

    def is_idle(self, word: str) -> bool:
        """Whether a word is in any request, so that it names nothing by itself."""
        if word in self.request_words or word in self.noun_askers:
            return True
        return word in self.function_words and word not in self.wh_words

    def preposition_side(self, word: str) -> Side | None:
        """The end that a preposition asks for."""
        if word in self.near_prepositions:
            return "near"
        return "far" if word in self.far_prepositions else None

    def named_sides(self, words: Sequence[str]) -> frozenset[Side]:
        """The ends that the words name."""
        books: tuple[tuple[Side, PhraseBook], ...] = (("near", self.near), ("far", self.far))
        return frozenset(side for side, book in books if book.within(words))

    def side(self, part: str) -> Side | None:
        """The end that one part of a parameter's name stands for."""
        return self.preposition_side(part) or next(iter(self.named_sides((part,))), None)


def other_side(side: Side) -> Side:
    """The end that excludes an end."""
    return "far" if side == "near" else "near"


@cache
def language(name: str) -> Language:
    """The word lists of an ISO 639-1 code.

    Raises:
        KeyError: There is no file for the language.
    """
    if name not in available():
        raise KeyError(name)
    return _compiled(_loaded(name))


@cache
def available() -> frozenset[str]:
    """Codes of the languages with complete word lists."""
    names = (entry.name.removesuffix(".yaml") for entry in _FOLDER.iterdir())
    return frozenset(names) - {_DETECTION}


def spoken(text: str, words: Sequence[str], enabled: Sequence[str]) -> Language | None:
    """The enabled language a folded text is written in; None where it is in another one.

    Names, numbers and random letters belong to no language and are read in the first one.

    Args:
        words: The words of the text as written, with their case.
    """
    known = [language(name) for name in enabled]
    said = [word.lower() for word in words]
    hits = [sum(word in each.function_words for word in said) for each in known]
    best = max(hits, default=0)
    if not known or (latin_share(text) < 0.5 and best < _ENOUGH):
        return None
    others = [] if best == len(words) else _other_languages(tuple(enabled))
    heard = [listed for listed in others if not listed.isdisjoint(said)]
    if any(_is_foreign(words, listed, best) for listed in heard):
        return None
    return known[hits.index(best)]


def _is_foreign(words: Sequence[str], listed: Words, known: int) -> bool:
    """Whether a language has more of the text's words than the enabled ones, beyond chance."""
    hits = [word for word in words if word.lower() in listed]
    distinct = len(set(map(str.lower, hits)))
    accented = sum(word.islower() and not word.isascii() for word in words)
    if len(hits) + accented <= known:
        return False
    # "Maria de la Cruz" is a name in any language; a sentence has plain words beside particles.
    plain = any(word.islower() and word not in listed for word in words)
    if distinct >= 2:
        return distinct >= 3 or plain or accented > 0 or len(hits) == len(words)
    short = len(words) <= 3 and len(hits[0]) >= 4
    return short or (accented > 0 and plain)


@cache
def _other_languages(enabled: tuple[str, ...]) -> tuple[Words, ...]:
    shared = frozenset[str]().union(*(language(name).function_words for name in enabled))
    return tuple(
        frozenset(words.split()) - shared
        for name, words in _loaded(_DETECTION).items()
        if name not in enabled
    )


def _loaded(name: str) -> dict[str, Any]:
    text = (_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    # Every scalar stays a string: YAML would read "no" and "on" as booleans.
    data: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - only strings
    return data


def _compiled(data: Mapping[str, Any]) -> Language:
    classes: Mapping[str, str] = data["classes"]
    names = frozenset(data["aliases"])
    values: dict[str, Any] = {
        "contractions": MappingProxyType(_contractions(data["contractions"])),
        "aliases": MappingProxyType(
            {name: PhraseBook(lines, classes) for name, lines in data["aliases"].items()}
        ),
        "vocabulary": names | {f"{name}s" for name in names},
    }
    for field in fields(Language):
        if field.name not in values:
            text = data[field.name]
            is_list = field.type == "Words"
            values[field.name] = frozenset(text.split()) if is_list else PhraseBook(text, classes)
    values["vocabulary"] -= values["function_words"]
    return Language(**values)


def _contractions(text: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    pairs = (line.split("=") for line in text.splitlines() if line.strip())
    return {tuple(short.split()): tuple(full.split()) for short, full in pairs}
