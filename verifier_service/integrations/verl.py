"""verl, and its forks.

    reward.custom_reward_function.path=pkg://verifier_service.integrations.verl
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.toolset=finance      # profile, format; optional

with `VERIFIER_URL` in the environment of the workers (see `connection`), and the carrier in the
dataset's `reward_model.ground_truth`. What the carrier leaves out may stand in `extra_info`. Before
February 2026 the keys have no leading `reward.`.

verl strips special tokens before that function runs. Where a tool-call format is made of them, take
the reward manager, which keeps them; it needs no function and reads the same `reward_kwargs`:

    reward.reward_manager.source=importlib
    reward.reward_manager.name=ToolCallRewardManager
    reward.reward_manager.module.path=pkg://verifier_service.integrations.verl

`compute_score_sync` is for the manager `remote`; `compute_score_batch` for the manager `batch` of
older versions, one request a batch.

An answer holds `score`, `acc` (1.0 where everything is right) and the numbers of
`verifier_service.measures`, the same names for every sample. A sample without a reward raises, or
counts as `VERIFIER_UNSCORED` says. verl's manager `rate_limited` turns what is raised into 0:
choose another.
"""
# ruff: noqa: ARG001, ARG002 - the parameters are those that verl passes

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from verifier_service.carrier import SETTINGS
from verifier_service.client import Verdict
from verifier_service.integrations.connection import (
    Sample,
    reward_of,
    score,
    score_async,
)
from verifier_service.integrations.verdicts import measures_of


async def compute_score(
    data_source: Any,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, float]:
    """The reward of one completion as `score`, and what it is made of.

    Raises:
        Unscored: It has none.
        NotConfigured, VerifierError: There is no service to ask, or no answer.
    """
    [verdict] = await score_async([_sample(solution_str, ground_truth, extra_info, kwargs)])
    return _answer(verdict)


def compute_score_sync(
    data_source: Any,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, float]:
    """As `compute_score`, and waits."""
    [verdict] = score([_sample(solution_str, ground_truth, extra_info, kwargs)])
    return _answer(verdict)


def compute_score_batch(
    data_sources: Sequence[Any],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[Mapping[str, Any] | None],
    **kwargs: Any,
) -> list[dict[str, float]]:
    """As `compute_score_sync`, of a batch."""
    rows = zip(solution_strs, ground_truths, extra_infos, strict=True)
    return [_answer(verdict) for verdict in score([_sample(*row, kwargs) for row in rows])]


def __getattr__(name: str) -> Any:
    if name == "ToolCallRewardManager":
        return _manager()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _manager() -> type:
    """verl's reward manager that scores what the policy wrote, special tokens and all."""
    base: Any = import_module("verl.experimental.reward_loop.reward_manager.base")

    class ToolCallRewardManager(base.RewardManagerBase):  # type: ignore[misc]  # is where verl is
        """Scores one sequence at a time; what verl does with the scores is its own."""

        __qualname__ = "ToolCallRewardManager"

        def __init__(
            self,
            config: Any,
            tokenizer: Any,
            compute_score: Any = None,
            reward_router_address: str | None = None,
            reward_model_tokenizer: Any = None,
        ) -> None:
            # Not the base's: its parameters differ between versions, and nothing of it is used.
            self.config = config
            self.tokenizer = tokenizer
            self._kwargs = _reward_kwargs(config)

        async def run_single(self, data: Any) -> dict[str, Any]:
            """The reward of the last sequence of `data`, a DataProto.

            Raises:
                Unscored, NotConfigured, VerifierError: As `compute_score`.
            """
            sequence = data[len(data) - 1]
            columns = sequence.non_tensor_batch
            text = await asyncio.to_thread(_text, self.tokenizer, sequence.batch)
            answer = await compute_score(
                columns.get("data_source"),
                text,
                columns["reward_model"]["ground_truth"],
                columns.get("extra_info"),
                **self._kwargs,
            )
            return {"reward_score": answer["score"], "reward_extra_info": answer}

    return ToolCallRewardManager


def _text(tokenizer: Any, batch: Any) -> str:
    """The response with its special tokens, without padding."""
    responses = batch["responses"]
    length = int(batch["attention_mask"][-responses.shape[-1] :].sum())
    return str(tokenizer.decode(responses[:length].tolist(), skip_special_tokens=False))


def _sample(
    completion: str, carrier: Any, extra_info: Mapping[str, Any] | None, kwargs: Mapping[str, Any]
) -> Sample:
    """A carrier's own settings go before those of the row, and they before the configuration's."""
    settings: dict[str, Any] = {}
    for source in (extra_info or {}, kwargs):
        given = {name: source[name] for name in SETTINGS if source.get(name) is not None}
        if settings.keys() & {"toolset", "tools"}:
            given = {name: given[name] for name in given if name not in {"toolset", "tools"}}
        elif "toolset" in given:
            given.pop("tools", None)
        settings = given | settings
    return Sample(completion, carrier, settings)


def _answer(verdict: Verdict) -> dict[str, float]:
    right = 1.0 if verdict.tier == "full" else 0.0
    return {"score": reward_of(verdict), "acc": right, **measures_of(verdict)}


def _reward_kwargs(config: Any) -> dict[str, Any]:
    """`reward.custom_reward_function.reward_kwargs`, where the configuration has them."""
    found = config
    for name in ("reward", "custom_reward_function", "reward_kwargs"):
        found = found.get(name) if hasattr(found, "get") else None
    return dict(found or {})
