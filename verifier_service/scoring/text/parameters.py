"""Which parameters a request names, by their own names or by other words for them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from verifier_service.scoring.text.fold import fold
from verifier_service.scoring.text.language import Language
from verifier_service.scoring.text.phrases import Found
from verifier_service.scoring.text.sentences import BLANK, parted_words, written_out

Aliases = Mapping[str, Sequence[str]]

_PART: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_CONTEXT_WORDS: Final = 4


def name_parts(name: str) -> tuple[str, ...]:
    """The words of a parameter's name: `departureDate` and `departure_date` have the same."""
    return tuple(part.lower() for part in _PART.findall(fold(name)))


def singular(word: str) -> str:
    """A word without a regular plural or possessive ending, so that "dates" matches `date`."""
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


class Naming:
    """Finds parameters in the words of a request.

    Args:
        aliases: Other words for parameters, from the dataset; they add to the language's own.
    """

    __slots__ = ("_aliases", "_language")

    def __init__(self, aliases: Aliases, language: Language) -> None:
        self._aliases = aliases
        self._language = language

    def names(self, words: Sequence[str], parameter: str) -> bool:
        """Whether the words name a parameter: an alias of it, or each part of its name."""
        if self._whole(words, parameter):
            return True
        parts = self._telling_parts(parameter)
        return bool(parts) and all(any(True for _ in self._part(words, part)) for part in parts)

    def named_besides(
        self, words: Sequence[str], parameters: Collection[str], missing: Collection[str]
    ) -> list[str]:
        """Those of the parameters that the words ask for apart from the missing ones, sorted.

        A mention in passing ("for your city") does not ask, and neither does a word that names a
        missing parameter as well.
        """
        rest = self._without(self._without_context(words), missing)
        shared = frozenset(part for name in missing for part in self._telling_parts(name))
        return sorted(name for name in parameters if self._names_apart(rest, name, shared))

    def topics_besides(self, words: Sequence[str], missing: Collection[str]) -> list[str]:
        """What else the words may ask for, whether or not a tool has such a parameter, sorted."""
        rest = self._without(self._without_context(words), missing)
        topics = self._language.vocabulary | self._language.joiners
        return sorted({singular(word) for word in rest if word in topics})

    def _names_apart(self, rest: Sequence[str], parameter: str, shared: frozenset[str]) -> bool:
        if self._whole(rest, parameter):
            return True
        own = [part for part in self._telling_parts(parameter) if part not in shared]
        return bool(own) and all(any(True for _ in self._part(rest, part)) for part in own)

    def _whole(self, words: Sequence[str], parameter: str) -> bool:
        """Whether the name as one word or an alias of the dataset is among the words."""
        if len(name_parts(parameter)) > 1 and "".join(name_parts(parameter)) in words:
            return True
        return any(True for _ in self._dataset_aliases(words, parameter))

    def _dataset_aliases(self, words: Sequence[str], parameter: str) -> Iterator[Found]:
        plain = [singular(word) for word in words]
        for alias in self._aliases.get(parameter, ()):
            phrase = [
                singular(word) for word in written_out(parted_words(fold(alias)), self._language)
            ]
            for start in range(len(plain) - len(phrase) + 1 if phrase else 0):
                if plain[start : start + len(phrase)] == phrase:
                    yield Found(start, start + len(phrase))

    def _telling_parts(self, parameter: str) -> tuple[str, ...]:
        """The parts of a name that say what it is: `city` of `city_name`, all of `name`."""
        parts = name_parts(parameter)
        telling = tuple(part for part in parts if self._tells(part))
        return telling or parts

    def _tells(self, part: str) -> bool:
        language = self._language
        idle = part in language.function_words and part not in language.aliases
        return not idle and part not in language.weak_name_words

    def _part(self, words: Sequence[str], part: str) -> Iterator[Found]:
        """Where the words hold one part of a name or an alias of the language for it."""
        book = self._language.aliases.get(part)
        # "to" stands in every second sentence; only its aliases ("to which") name it.
        if book is None or part not in self._language.function_words:
            wanted = singular(part)
            for index, word in enumerate(words):
                if singular(word) == wanted:
                    yield Found(index, index + 1)
        if book is not None:
            yield from book.all(words)
            yield from book.all([singular(word) for word in words])

    def _without(self, words: Sequence[str], names: Iterable[str]) -> list[str]:
        """The words with blanks in place of those that name any of the parameters."""
        rest = list(words)
        for name in names:
            found = [*self._dataset_aliases(words, name)]
            for part in self._telling_parts(name):
                found += self._part(words, part)
            for one in found:
                rest[one.start : one.end] = [BLANK] * (one.end - one.start)
        return rest

    def _without_context(self, words: Sequence[str]) -> list[str]:
        """The words with blanks in place of what a preposition opens: "in your city"."""
        language = self._language
        context = language.determiners | {word for word in words if self._is_content(word)}
        rest = list(words)
        for index, word in enumerate(words):
            end = index + 1
            if word in language.context_prepositions:
                while end < min(len(words), index + 1 + _CONTEXT_WORDS) and words[end] in context:
                    end += 1
            if end > index + 1:
                rest[index:end] = [BLANK] * (end - index)
        return rest

    def _is_content(self, word: str) -> bool:
        return bool(word) and word not in self._language.function_words
