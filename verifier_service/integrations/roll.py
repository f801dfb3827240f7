"""ROLL: a reward worker for the RLVR pipeline.

    rewards:
      toolcall:
        worker_cls: verifier_service.integrations.roll.ToolCallRewardWorker
        model_args:
          model_name_or_path: ${reward_pretrain}
        tag_included: [toolcall]
        world_size: 8
        infer_batch_size: 1

The dataset's column `ground_truth` holds the carrier (`verifier_service.carrier`); columns such as
`toolset` fill in what it leaves out. `tag_included` names the values of the column `tag` that the
worker judges. The environment of the workers names the service: see `connection`.

Source: ROLL 0.3, `roll/pipeline/rlvr/rewards/`, `roll/distributed/scheduler/reward_scheduler.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from math import fsum
from typing import Any

from verifier_service.client import Verdict
from verifier_service.integrations.columns import row_sample
from verifier_service.integrations.connection import reward_of, score
from verifier_service.integrations.verdicts import measures_of


def __getattr__(name: str) -> Any:
    if name == "ToolCallRewardWorker":
        return _worker()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _worker() -> type:
    torch = import_module("torch")
    decorator = import_module("roll.distributed.scheduler.decorator")
    data_proto = import_module("roll.distributed.scheduler.protocol").DataProto
    providers = import_module("roll.models.model_providers")
    worker: Any = import_module("roll.distributed.executor.worker").Worker

    class ToolCallRewardWorker(worker):  # type: ignore[misc]  # known when ROLL is installed
        """Judges the responses of its domain, all of a batch in one request."""

        __qualname__ = "ToolCallRewardWorker"

        def __init__(self, worker_config: Any) -> None:
            super().__init__(worker_config=worker_config)
            self.rank_info.dp_rank = self.rank_info.rank
            self.rank_info.dp_size = self.rank_info.world_size
            self.tokenizer = providers.default_tokenizer_provider(
                model_args=worker_config.model_args
            )

        @decorator.register(dispatch_mode=decorator.Dispatch.ONE_TO_ALL)  # type: ignore[untyped-decorator]
        def initialize(self, pipeline_config: Any) -> None:
            """Nothing to load."""

        @decorator.register(  # type: ignore[untyped-decorator]
            dispatch_mode=decorator.Dispatch.DP_MP_COMPUTE, clear_cache=False
        )
        def compute_rewards(self, data: Any) -> Any:
            """The rewards of B responses, as float16 of shape B, and zeros of shape B, T.

            Raises:
                Unscored: One has no reward.
                NotConfigured, VerifierError: As `connection.score`.
            """
            responses = data.batch["responses"]
            texts = [_text(self.tokenizer, ids.tolist()) for ids in responses]
            rows = _rows(data.non_tensor_batch, len(texts))
            samples = [row_sample(text, row) for text, row in zip(texts, rows, strict=True)]
            verdicts = score(samples)
            rewards = torch.tensor([reward_of(each) for each in verdicts], dtype=torch.float16)
            output = data_proto.from_dict(
                tensors={
                    "token_level_rewards": torch.zeros_like(responses, dtype=torch.float16),
                    "response_level_rewards": rewards,
                    "scores": rewards.clone(),
                }
            )
            output.meta_info = {"metrics": _means(verdicts)}
            return output

    return ToolCallRewardWorker


def _text(tokenizer: Any, ids: Sequence[int]) -> str:
    """A response with its special tokens, which may be the marks of a call, without padding."""
    end = len(ids)
    while end and ids[end - 1] == tokenizer.pad_token_id:
        end -= 1
    text: str = tokenizer.decode(list(ids[:end]), skip_special_tokens=False)
    return text


def _rows(columns: Mapping[str, Sequence[Any]], n: int) -> Iterator[dict[str, Any]]:
    for i in range(n):
        yield {name: column[i] for name, column in columns.items()}


def _means(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """The mean of each measure over a batch."""
    measured = [measures_of(verdict) for verdict in verdicts]
    names = measured[0] if measured else ()
    return {f"toolcall/{name}": fsum(m[name] for m in measured) / len(measured) for name in names}
