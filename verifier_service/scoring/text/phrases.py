"""Phrases of a language as data, found in a sequence of words in linear time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

Slot = frozenset[str] | None
"""The words that fit one place of a phrase; None fits any word."""
Phrase = tuple[Slot, ...]

_GAP: Final = 3


@dataclass(frozen=True, slots=True)
class Found:
    """Where a phrase stands: the half-open range of words [start, end)."""

    start: int
    end: int


class _State:
    """Where a match stands after some words: an automaton, so that each word is read once."""

    __slots__ = ("by_word", "is_end", "otherwise")

    def __init__(self) -> None:
        self.by_word: dict[str, _State] = {}
        self.otherwise: _State | None = None
        """After a word that `by_word` does not list."""
        self.is_end = False
        """A whole phrase has been read."""


class PhraseBook:
    """Phrases written in the notation of `languages/`, compiled into an automaton."""

    __slots__ = ("_start",)

    def __init__(self, text: str, classes: Mapping[str, str]) -> None:
        self._start = _automaton(frozenset(_expanded(text, classes)), {})

    def at(self, words: Sequence[str], start: int) -> Found | None:
        """The longest phrase that begins at a word."""
        state = self._start
        end = 0
        for index in range(start, len(words)):
            # A blank stands between sentences, and no phrase runs over it.
            word = words[index]
            following = state.by_word.get(word, state.otherwise) if word else None
            if following is None:
                break
            state = following
            if state.is_end:
                end = index + 1
        return Found(start, end) if end else None

    def all(self, words: Sequence[str], start: int = 0) -> Iterator[Found]:
        """The longest phrase at every word where one begins."""
        first_words = self._start.by_word
        if first_words.keys().isdisjoint(words):  # as nearly always, and found ten times as fast
            return
        for index in range(start, len(words)):
            if words[index] in first_words and (found := self.at(words, index)):
                yield found

    def within(self, words: Sequence[str], start: int = 0) -> bool:
        """Whether any phrase stands among the words from `start` on."""
        return next(self.all(words, start), None) is not None


def _automaton(phrases: frozenset[Phrase], known: dict[frozenset[Phrase], _State]) -> _State:
    """The state before any of the phrases; equal remainders share one state."""
    if phrases in known:
        return known[phrases]
    state = known[phrases] = _State()
    state.is_end = () in phrases
    anything = frozenset(phrase[1:] for phrase in phrases if phrase and phrase[0] is None)
    tails: dict[str, set[Phrase]] = {}
    for phrase in phrases:
        for word in (phrase[0] or ()) if phrase else ():
            tails.setdefault(word, set()).add(phrase[1:])
    for word, rest in tails.items():
        state.by_word[word] = _automaton(anything | rest, known)
    if anything:
        state.otherwise = _automaton(anything, known)
    return state


def _expanded(text: str, classes: Mapping[str, str]) -> Iterator[Phrase]:
    for line in text.splitlines():
        if line.strip():
            yield from _phrases(line.split(), classes)


def _phrases(parts: Sequence[str], classes: Mapping[str, str]) -> list[Phrase]:
    """Every phrase without options or gaps that one line stands for."""
    choices = [_choices(part, classes) for part in _grouped(parts)]
    return [sum(chosen, ()) for chosen in product(*choices)]


def _grouped(parts: Sequence[str]) -> list[str]:
    """The parts of a line with `[two words]` joined into one part."""
    grouped: list[str] = []
    for part in parts:
        if grouped and grouped[-1].startswith("[") and not grouped[-1].endswith("]"):
            grouped[-1] += f" {part}"
        else:
            grouped.append(part)
    return grouped


def _choices(part: str, classes: Mapping[str, str]) -> list[Phrase]:
    """What one part of a line may stand for, each as a sequence of slots."""
    if part == "...":
        return [(None,) * length for length in range(_GAP + 1)]
    if part == "*":
        return [(None,)]
    if part.startswith("["):
        return [(), *_phrases(part[1:-1].split(), classes)]
    if part.startswith("<"):
        return list(_expanded(classes[part[1:-1]], classes))
    return [(frozenset(part.split("/")),)]
