"""TRL (GRPO, RLOO, asynchronous GRPO), and Unsloth and Axolotl on top of it.

    trl grpo --reward_funcs verifier_service.integrations.trl.reward …          # TRL, no code
    trl: {reward_funcs: ["verifier_service.integrations.trl.reward"]}           # Axolotl's YAML
    GRPOTrainer(..., reward_funcs=[reward])                                     # TRL, Unsloth

with `VERIFIER_URL` in the environment (see `connection`), and in the dataset a column `carrier`, or
one of those that `verifier_service.carrier` names: `ground_truth`, `reward_model`, `tool_calls`, …

`reward` is the profile's reward. Each component has a function of its own, to weigh or to watch:
`parse_reward`, `name_reward`, `schema_reward`, `arguments_reward`, `execution_reward` and
`text_reward`. All of them together cost one request a batch. `reward_sync` is `reward` for code
that cannot await.

With tools or an environment in TRL, all turns of an episode are one completion, and what the tools
answered is part of it. A toolset takes an answer that is not its own for a forged one: tools of
your own that answer otherwise belong in the column `tools`, which executes nothing.

A sample without a reward is None, which TRL leaves out. A service that gives no answer raises: that
process ends, and its launcher ends the others. Without that they would wait at the next gather.

TRL strips special tokens from text. Where a tool-call format is made of them (Llama's
`<|python_tag|>`, Mistral's `[TOOL_CALLS]`, gpt-oss's channels), name the policy's tokenizer:
`VERIFIER_TOKENIZER=meta-llama/Llama-3.3-70B-Instruct`, or in a script
`reward_funcs=[with_tokenizer(tokenizer)]`. The completion is then decoded again, from its ids.

`reward` logs the means of `verifier/tier`, of each `verifier/<component>` and of
`verifier/unscored`, and writes the columns `verifier_tier` and `verifier_reasons` beside the
completions: always the same names, as gathering over processes requires.
"""
# ruff: noqa: ARG001 - the parameters are those that TRL passes, and Axolotl counts

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from verifier_service.client import Verdict
from verifier_service.integrations.columns import column_samples
from verifier_service.integrations.connection import NotConfigured, Row, reason
from verifier_service.integrations.once import score_once, score_once_async
from verifier_service.integrations.verdicts import measures_of
from verifier_service.measures import MEASURES

Rewards: TypeAlias = list[float | None]


async def reward(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    completion_ids: Sequence[Any] | None = None,
    **columns: Any,
) -> Rewards:
    """The profile's reward of each completion; None where it could not be scored.

    Raises:
        NotConfigured, VerifierError: There is no service to ask, no task in the dataset, or no
            answer.
    """
    verdicts = await score_once_async(_samples(completions, completion_ids, columns))
    _log(verdicts, columns)
    return [verdict.reward for verdict in verdicts]


def reward_sync(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    completion_ids: Sequence[Any] | None = None,
    **columns: Any,
) -> Rewards:
    """As `reward`, and waits."""
    verdicts = score_once(_samples(completions, completion_ids, columns))
    _log(verdicts, columns)
    return [verdict.reward for verdict in verdicts]


async def parse_reward(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    completion_ids: Sequence[Any] | None = None,
    **columns: Any,
) -> Rewards:
    """Whether the calls could be read, in 0..1."""
    return await _component("parse", completions, completion_ids, columns)


async def name_reward(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    completion_ids: Sequence[Any] | None = None,
    **columns: Any,
) -> Rewards:
    """The share of calls to the right tools, in 0..1."""
    return await _component("name", completions, completion_ids, columns)


async def schema_reward(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    completion_ids: Sequence[Any] | None = None,
    **columns: Any,
) -> Rewards:
    """The share of calls that keep to their tool's schema, in 0..1."""
    return await _component("schema", completions, completion_ids, columns)


async def arguments_reward(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    completion_ids: Sequence[Any] | None = None,
    **columns: Any,
) -> Rewards:
    """How well the arguments agree with the expected ones, in 0..1."""
    return await _component("arguments", completions, completion_ids, columns)


async def execution_reward(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    completion_ids: Sequence[Any] | None = None,
    **columns: Any,
) -> Rewards:
    """How well the calls' effects agree with the expected ones, in 0..1; 0 without a toolset."""
    return await _component("execution", completions, completion_ids, columns)


async def text_reward(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    completion_ids: Sequence[Any] | None = None,
    **columns: Any,
) -> Rewards:
    """How good the words are where words were due, in 0..1."""
    return await _component("text", completions, completion_ids, columns)


def with_tokenizer(tokenizer: Any) -> Callable[..., Awaitable[Rewards]]:
    """`reward` with a tokenizer at hand, for scripts that have one.

    It cannot be pickled: asynchronous GRPO needs `VERIFIER_TOKENIZER`.
    """

    async def reward(
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Any] | None = None,
        **columns: Any,
    ) -> Rewards:
        """The profile's reward of each completion, decoded with its special tokens."""
        verdicts = await score_once_async(_samples(completions, completion_ids, columns, tokenizer))
        _log(verdicts, columns)
        return [verdict.reward for verdict in verdicts]

    return reward


async def _component(
    name: str, completions: Sequence[Any], ids: Sequence[Any] | None, columns: dict[str, Any]
) -> Rewards:
    """What does not apply is 0, as in `measures`: left out, it would not be missed by the policy.

    Otherwise a call that was not due would earn what a right answer without one does not.
    """
    verdicts = await score_once_async(_samples(completions, ids, columns))
    return [None if each.reward is None else measures_of(each)[name] for each in verdicts]


def _samples(
    completions: Sequence[Any],
    completion_ids: Sequence[Any] | None,
    columns: dict[str, Any],
    tokenizer: Any = None,
) -> list[Row]:
    tokenizer = tokenizer or _configured_tokenizer()
    if tokenizer is not None and completion_ids is not None:
        pairs = zip(completions, completion_ids, strict=True)
        completions = [_decoded(one, ids, tokenizer) for one, ids in pairs]
    return column_samples(completions, columns) if completions else []


def _configured_tokenizer() -> Any:
    name = os.environ.get("VERIFIER_TOKENIZER")
    return _loaded_tokenizer(name) if name else None


@lru_cache(maxsize=2)
def _loaded_tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer  # noqa: PLC0415  the trainer's, not ours

    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise NotConfigured(f"VERIFIER_TOKENIZER: {name!r} cannot be loaded: {error}") from error


def _decoded(completion: Any, ids: Sequence[int], tokenizer: Any) -> Any:
    """The completion with its special tokens; itself where its ids say less than its messages.

    The ids of several turns hold the tools' results, too, and native calls are read already.
    """
    if isinstance(completion, str):
        return _text(ids, tokenizer)
    alone = isinstance(completion, list | tuple) and len(completion) == 1
    message = completion[0] if alone else completion
    if isinstance(message, dict) and not message.get("tool_calls"):
        return _text(ids, tokenizer)
    return completion


def _text(ids: Sequence[int], tokenizer: Any) -> str:
    end = {tokenizer.eos_token_id, tokenizer.pad_token_id}
    kept = [int(token) for token in ids]
    while kept and kept[-1] in end:
        kept.pop()
    return str(
        tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    )


def _log(verdicts: Sequence[Verdict], columns: dict[str, Any]) -> None:
    """To the trainer's own logs. Asynchronous GRPO has none to offer."""
    log_metric, log_extra = columns.get("log_metric"), columns.get("log_extra")
    if callable(log_metric):
        measured = [measures_of(verdict) for verdict in verdicts]
        for name in MEASURES:
            log_metric(
                f"verifier/{name}", sum(row[name] for row in measured) / max(len(measured), 1)
            )
    if callable(log_extra):
        log_extra("verifier_tier", [verdict.tier or verdict.outcome for verdict in verdicts])
        log_extra("verifier_reasons", [reason(verdict) for verdict in verdicts])
