"""The reward function that GRPO calls: completions out over HTTP, rewards and verdicts back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from transformers import PreTrainedTokenizerBase

from verifier_service.client import (
    AsyncVerifierClient,
    Revision,
    Verdict,
    VerifierAnswerError,
    VerifierError,
)

_TASK: Final = ("id", "ground_truth", "toolset", "tool_schemas", "profile", "format", "options")
"""Columns of the dataset that say how a completion is judged; those but the second may be None."""


@dataclass(slots=True)
class Exchange:
    """What one call of the reward function brought: this process's part of a step."""

    verdicts: list[Verdict] = field(default_factory=list)
    """One per completion, in their order; empty where there was no answer."""
    texts: list[str] = field(default_factory=list)
    """What the policy wrote, with the special tokens that were sent."""
    seconds: float = 0.0
    error: VerifierError | None = None
    """Why there was no answer."""


def task(row: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an item, besides its completions, that a row of the dataset gives.

    A row's own tools go before its toolset; what a row does not give, the request says for all.
    """
    item: dict[str, Any] = {"ground_truth": json.loads(row["ground_truth"])}
    if row.get("tool_schemas") is not None:
        item["tools"] = json.loads(row["tool_schemas"])
    elif row.get("toolset") is not None:
        item["toolset"] = row["toolset"]
    if row.get("options") is not None:
        item["options"] = json.loads(row["options"])
    return item | {name: row[name] for name in ("profile", "format") if row.get(name) is not None}


class Verifier:
    """Rewards from a running service, by one request a call.

    Args:
        connect: Makes the client; called on the event loop that the rewards are computed on.
        tokenizer: Decodes completions with their special tokens, which TRL strips and which some
            families' tool-call formats are made of.
        fields: Members of the request besides the items: toolset, profile, format, run.
    """

    def __init__(
        self,
        connect: Callable[[], AsyncVerifierClient],
        tokenizer: PreTrainedTokenizerBase,
        fields: Mapping[str, Any],
    ) -> None:
        self._connect = connect
        self._client: AsyncVerifierClient | None = None
        self._tokenizer = tokenizer
        self._fields = {**fields, "detail": "verdict"}
        self._revisions: tuple[Revision | None, Revision | None] | None = None
        self.last = Exchange()

    async def verifier(
        self, completion_ids: Sequence[Sequence[int]], **columns: Any
    ) -> list[float | None]:
        """One reward per completion; None where it could not be scored, never 0 for that.

        The signature is TRL's: every column of the dataset arrives as a list. A service that gives
        no answer leaves its error in `last` and every reward None: raising here, on one process of
        several, would leave the others waiting.
        """
        texts = [self.text(ids) for ids in completion_ids]
        given = {name: columns[name] for name in _TASK if name in columns}
        rows = [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)]
        self._fields["step"] = getattr(columns.get("trainer_state"), "global_step", None)
        started = time.perf_counter()
        try:
            verdicts = await self._verdicts(rows, texts)
        except VerifierError as error:
            self.last = Exchange([], texts, time.perf_counter() - started, error)
            return [None] * len(texts)
        self.last = Exchange(verdicts, texts, time.perf_counter() - started)
        return [verdict.reward for verdict in verdicts]

    async def aclose(self) -> None:
        """Close the connections; on the event loop that the rewards are computed on."""
        if self._client is not None:
            await self._client.aclose()

    def text(self, completion_ids: Sequence[int]) -> str:
        """The completion as the policy wrote it, without what ended it."""
        end = {self._tokenizer.eos_token_id, self._tokenizer.pad_token_id}
        length = len(completion_ids)
        while length and completion_ids[length - 1] in end:
            length -= 1
        decoded = self._tokenizer.decode(
            completion_ids[:length], skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return str(decoded)

    async def _verdicts(
        self, rows: Sequence[Mapping[str, Any]], texts: Sequence[str]
    ) -> list[Verdict]:
        """One verdict per completion; those that may fare better are asked for once more."""
        verdicts = await self._scored(rows, texts)
        again = [place for place, verdict in enumerate(verdicts) if verdict.retryable]
        if again:
            second = await self._scored([rows[i] for i in again], [texts[i] for i in again])
            for place, verdict in zip(again, second, strict=True):
                verdicts[place] = verdict
        return verdicts

    async def _scored(
        self, rows: Sequence[Mapping[str, Any]], texts: Sequence[str]
    ) -> list[Verdict]:
        if self._client is None:
            self._client = self._connect()
        result = await self._client.score(_items(rows, texts), **self._fields)
        revisions = (result.profile, result.toolset)
        if self._revisions is None:
            self._revisions = revisions
        if revisions != self._revisions:
            raise VerifierAnswerError(
                "the service now scores by another revision of its profile or toolset than at the "
                "start of this run"
            )
        return list(result.verdicts)


def _items(rows: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One item for each run of completions of the same prompt; a group may straddle processes."""
    pairs = zip(rows, texts, strict=True)
    for row, group in groupby(pairs, key=lambda pair: pair[0]):
        yield {"completions": [text for _, text in group], **task(row)}
