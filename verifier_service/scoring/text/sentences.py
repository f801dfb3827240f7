"""A text as sentences, each with the words that its act is read from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from verifier_service.scoring.text.fold import QUOTED, Prose
from verifier_service.scoring.text.language import Language
from verifier_service.scoring.text.phrases import Found, PhraseBook

WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
BLANK: Final = ""
"""Stands among words where no phrase runs on."""
_TOKEN: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[,;:()\u2013\u2014]| - ")
_END: Final = re.compile(r"[.!?]+")
_ITEM: Final = re.compile(
    r"[ \t]*(?:[-*+\u2022\u25e6\u2013\u25cf]|\(?(?:\d{1,3}|[a-zA-Z])[.)])[ \t]+"
)
_HEADING: Final = re.compile(r"[ \t]{0,3}#{1,6}[ \t]")
# Nobody asks or refuses only after so many sentences; hostile texts consist of little else.
_READ: Final = 1000
_SPACE: Final = " \t*_~"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence or list item."""

    text: str
    """As the writer shows it; short quotations are kept."""
    words: tuple[str, ...]
    """In lower case, contractions written out, without fillers, code and quotations."""
    starts: frozenset[int]
    """Indices of `words` at which a clause begins."""
    named: tuple[str, ...]
    """All words in lower case, those of short quotations too, and a `BLANK` for a comma and the
    like: what the sentence may name."""
    is_question: bool
    is_item: bool
    leads: bool
    """Ends with a colon: what follows belongs to it."""
    has_colon: bool

    def openings(self, book: PhraseBook) -> list[Found]:
        """The phrases of a book with which a clause of the sentence begins."""
        return [found for found in book.all(self.words) if found.start in self.starts]

    def opens_with(self, book: PhraseBook) -> bool:
        """Whether a clause of the sentence begins with one of the phrases."""
        return bool(self.openings(book))


@dataclass(frozen=True, slots=True)
class _Block:
    """A range of a text that holds whole sentences."""

    start: int
    end: int
    is_item: bool = False
    is_heading: bool = False


def sentences(prose: Prose, language: Language) -> tuple[Sentence, ...]:
    """The sentences of a text in order; headings only where there is nothing else."""
    blocks = list(_blocks(prose.said))
    body = [block for block in blocks if not block.is_heading] or blocks
    found = (
        _sentence(prose, start, end, block, language)
        for block in body
        for start, end in _ranges(prose.said, block, language)
    )
    return tuple(islice((sentence for sentence in found if sentence is not None), _READ))


def _blocks(text: str) -> Iterator[_Block]:
    """Paragraphs, list items and headings; lines that only wrap a paragraph are joined."""
    start, is_open, is_item, position = 0, False, False, 0
    for line in text.splitlines(keepends=True):
        item, heading = _ITEM.match(line), _HEADING.match(line)
        if is_open and (item or heading or not line.strip() or _closes(text, start, position)):
            yield _Block(start, position, is_item)
            is_open = False
        if heading:
            yield _Block(position + heading.end(), position + len(line), is_heading=True)
        elif line.strip() and not is_open:
            start, is_open, is_item = position, True, item is not None
            start += item.end() if item else 0
        position += len(line)
    if is_open:
        yield _Block(start, position, is_item)


def _closes(text: str, start: int, end: int) -> bool:
    """Whether the last line ends its sentence, so that the next one does not continue it."""
    while end > start and (text[end - 1].isspace() or text[end - 1] in _SPACE):
        end -= 1
    return end > start and text[end - 1] in ".!?:;"


def _ranges(text: str, block: _Block, language: Language) -> Iterator[tuple[int, int]]:
    """Where the sentences of a block begin and end."""
    start = block.start
    for mark in _END.finditer(text, block.start, block.end):
        if _ends_sentence(text, mark, block, language):
            yield start, mark.end()
            start = mark.end()
    if start < block.end:
        yield start, block.end


def _ends_sentence(text: str, mark: re.Match[str], block: _Block, language: Language) -> bool:
    if mark.end() < block.end and text[mark.end()].isalnum():
        return False
    if mark[0] != ".":
        return True
    # Long enough for every abbreviation; a longer word is none.
    before = text[max(block.start, mark.start() - 8) : mark.start()].split()
    return not before or before[-1].lstrip("(").lower() not in language.abbreviations


def _sentence(
    prose: Prose, start: int, end: int, block: _Block, language: Language
) -> Sentence | None:
    """The sentence of a range; None where there is neither a word nor a quotation."""
    said = prose.said[start:end]
    words, starts = _clauses(said, language)
    if not words and QUOTED not in said:
        return None
    tail = said.rstrip().rstrip(_SPACE)
    return Sentence(
        text=prose.named[start:end].strip(),
        words=words,
        starts=starts,
        named=written_out(parted_words(prose.named[start:end]), language),
        is_question=tail.endswith(("?", "?!", "?.")) or "?" in tail[-4:],
        is_item=block.is_item,
        leads=tail.endswith(":"),
        has_colon=":" in said,
    )


def parted_words(text: str) -> list[str]:
    """The words of a folded text in lower case, with a `BLANK` for a comma and the like."""
    return [word.lower() if word[0].isalnum() else BLANK for word in _TOKEN.findall(text)]


def written_out(words: Sequence[str], language: Language) -> tuple[str, ...]:
    """The words with contractions written out: "can't" and "can not" both become "cannot"."""
    full: list[str] = []
    for word in words:
        full.extend(language.contractions.get((word,), (word,)))
        pair = tuple(full[-2:])
        if len(pair) == 2 and pair in language.contractions:
            full[-2:] = language.contractions[pair]
    return tuple(full)


def _clauses(said: str, language: Language) -> tuple[tuple[str, ...], frozenset[int]]:
    """The words that tell the act, and where among them clauses begin."""
    words: list[str] = []
    starts: set[int] = set()
    fresh = True
    for token in _TOKEN.findall(said):
        if not token[0].isalnum():
            fresh = True
            continue
        lowered = token.lower()
        for word in language.contractions.get((lowered,), (lowered,)):
            if word in language.fillers:
                continue
            if fresh or (words and words[-1] in language.conjunctions):
                starts.add(len(words))
            words.append(word)
            fresh = fresh and word in language.openings
        if tuple(words[-2:]) in language.contractions:
            words[-2:] = language.contractions[words[-2], words[-1]]
    return tuple(words), frozenset(starts)
