"""The completion, where a trainer hands over prompt and completion in one text."""

from __future__ import annotations

import re
from typing import Final

from verifier_service.conversation import NoCompletion

ASSISTANT_HEADERS: Final = (
    "<|im_start|>assistant\n",
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "<|im_assistant|>assistant<|im_middle|>",
    "<|start_of_role|>assistant<|end_of_role|>",
    "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
    "<start_of_turn>model\n",
    "<|turn>model\n",
    "<\uff5cAssistant\uff5c>",
    "<|start|>assistant",
    "<|assistant|>",
    "[/INST]",
    "\nAssistant:",
)
"""What chat templates write before an answer."""

_TAILS: Final = (256, 64, 24)
"""Lengths of a prompt's end that tell it from other text; a shorter one is bent less often."""
_LEAD: Final = re.compile(r"(?:<[^<>\s]{1,40}>){1,2}")
"""What a tokenizer puts before a prompt: the token that begins a text."""
_SLACK: Final = 8
"""Characters that a prompt may have grown by on its way; mostly it loses some."""
_SAME_BEGINNING: Final = 8
"""Characters by which a prompt is known that was bent, and not cut besides."""
_LEAST_OVERLAP: Final = 12
"""A shorter one may be chance: texts begin and end with the same line break."""


NO_PROMPT: Final = (
    "the query does not begin with the prompt, so nobody can tell where the completion begins; "
    "send both with special tokens, as the policy was given them"
)


def completion_of(query: str, prompt: str) -> str | NoCompletion:
    """The end of `query` that follows `prompt`, in time that grows with their lengths only.

    The prompt is not always the query's exact beginning: the trainer may have cut it on the left,
    and a tokenizer may have bent it on its way to tokens and back, blanks first of all. The policy
    cannot move the place: it writes behind it. Where the prompt is not found there is none.
    """
    lead = _LEAD.match(query)
    for start in (0, lead.end() if lead else 0):
        if query.startswith(prompt, start):
            return query[start + len(prompt) :]
    overlap = _overlap(prompt, query)
    if overlap >= _LEAST_OVERLAP:
        return query[overlap:]
    for start in (0, lead.end() if lead else 0):
        end = _end_but_for_blanks(prompt, query[start:])
        if end is None:
            end = _end_by_marks(prompt, query[start:])
        if end is not None:
            return query[start + end :]
    return NoCompletion(NO_PROMPT)


def _end_but_for_blanks(prompt: str, query: str) -> int | None:
    """Where the prompt ends in a query that begins with it, or with the end of it, but for blanks;
    None if it does not."""
    wanted = "".join(prompt.split())
    places = [place for place, character in enumerate(query) if not character.isspace()]
    written = "".join(map(query.__getitem__, places))
    same = len(wanted) if written.startswith(wanted) else _overlap(wanted, written)
    if not wanted or same < min(_LEAST_OVERLAP, len(wanted)):
        return None
    end = places[same - 1] + 1
    blanks = prompt[len(prompt.rstrip()) :]
    return end + len(blanks) if query.startswith(blanks, end) else end


def _end_by_marks(prompt: str, query: str) -> int | None:
    """Where the marks of the prompt's end stand that the query begins alike with; None if it does
    not, or none stands there."""
    if query[:_SAME_BEGINNING] != prompt[:_SAME_BEGINNING]:
        return None
    # Behind this the policy writes, and a mark that stands there is its own.
    written = query[: len(prompt) + _SLACK]
    tails = [prompt[-length:] for length in _TAILS if len(prompt) >= length]
    marks = (*tails, *(mark for mark in ASSISTANT_HEADERS if mark in prompt))
    ends = [end for mark in marks if (end := _end_of(mark, written, prompt)) is not None]
    return min(ends, default=None)


def _overlap(left: str, right: str) -> int:
    """The length of the longest end of `left` that begins `right`.

    Source: Knuth, Morris, Pratt, "Fast Pattern Matching in Strings", 1977.
    """
    pattern = right[: len(left)]
    borders = [0] * len(pattern)
    length = 0
    for place in range(1, len(pattern)):
        while length and pattern[place] != pattern[length]:
            length = borders[length - 1]
        length += pattern[place] == pattern[length]
        borders[place] = length
    length = 0
    for character in left[len(left) - len(pattern) :]:
        while length and (length == len(pattern) or character != pattern[length]):
            length = borders[length - 1]
        length += bool(pattern) and character == pattern[length]
    return length


def _end_of(mark: str, query: str, prompt: str) -> int | None:
    """Where a mark of the prompt's ends in the query; None if it is not there.

    It is counted from the beginning: a policy that writes the mark again hides nothing before it.
    A prompt that was cut holds fewer of them than it did, so the last one in the query has to do.
    """
    wanted, end = max(prompt.count(mark), 1), -1
    for _ in range(wanted):
        start = query.find(mark, max(end, 0))
        if start < 0:
            break
        end = start + len(mark)
    return None if end < 0 else end
