"""The completion, where a trainer hands over prompt and completion in one text."""

from __future__ import annotations

import re
from typing import Final

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
_LEAD: Final = re.compile(r"(?:<[^<>\s]{1,40}>){0,2}")
"""What a tokenizer puts before a prompt: the token that begins a text."""
_SLACK: Final = 8
"""Characters that a prompt may have grown by on its way; mostly it loses some."""
_LEAST_OVERLAP: Final = 12
"""A shorter one may be chance: texts begin and end with the same line break."""


def completion_of(query: str, prompt: str) -> str:
    """The end of `query` that follows `prompt`, in time that grows with their lengths only.

    The prompt is not always the query's exact beginning: the trainer may have cut it on the left,
    and a tokenizer may have bent it on its way to tokens and back. Where its end is not found, the
    whole query is the completion: nothing that the policy wrote is lost.
    """
    lead = _LEAD.match(query)
    leads = {0, lead.end() if lead else 0}
    for start in sorted(leads):
        if query.startswith(prompt, start):
            return query[start + len(prompt) :]
    overlap = _overlap(prompt, query)
    if overlap >= _LEAST_OVERLAP:
        return query[overlap:]
    # Behind this the policy writes, and a mark that stands there is its own.
    limit = max(leads) + len(prompt) + _SLACK
    tails = [prompt[-length:] for length in _TAILS if len(prompt) >= length]
    marks = (*tails, *(mark for mark in ASSISTANT_HEADERS if mark in prompt))
    ends = [end for mark in marks if (end := _end_of(mark, query[:limit], prompt)) is not None]
    return query[min(ends) :] if ends else query


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
