"""OpenRLHF: its rollout executor asks the service, and its experience maker takes the answers."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import torch
from openrlhf.utils.agent import SingleTurnAgentExecutor

from tests.trainers.samples import (
    CARRIER_TEXT,
    COMPLETIONS,
    PROMPT,
    URL,
    passed,
    rewards_of_the_service,
    same_as_the_service,
    tokenizer,
)

FILE = find_spec("verifier_service.integrations.openrlhf_reward").origin
ROWS = len(COMPLETIONS)
ABSENT = {"vllm", "deepspeed", "flash_attn"}
"""What the trainer imports for accelerators; none of it is used here."""


def main() -> None:
    sys.meta_path.append(Absent())
    with tempfile.TemporaryDirectory() as folder:
        words = tokenizer(Path(folder))
    for address in (f"{URL}/get_reward", FILE):
        responses = asyncio.run(rollouts(words, address))
        experiences = [experience(words, response) for response in responses]
        same_as_the_service(one.rewards.item() for one in experiences)
        same_as_the_service(one.scores.item() for one in experiences)
        metrics = {tuple(sorted(response["extra_logs"])) for response in responses}
        assert len(metrics) == 1, f"the samples must have the same metrics, not {metrics}"
        advantages = [float(a[a != 0][0]) for a in made(words, experiences)]
        assert in_order(advantages) == in_order(rewards_of_the_service())
    ran = "SingleTurnAgentExecutor over HTTP and from a file, RemoteExperienceMaker (group_norm)"
    passed("openrlhf", ran)


async def rollouts(words: Any, address: str) -> list[dict[str, Any]]:
    """The whole executor, as `--reward.remote_url` makes it; only the engine is ours."""
    executor = SingleTurnAgentExecutor(address)
    prompt = words.apply_chat_template(PROMPT, add_generation_prompt=True, tokenize=False)
    sampling = SimpleNamespace(max_tokens=512, logprobs=None)
    return await asyncio.gather(
        *(
            executor.execute(prompt, CARRIER_TEXT, sampling, 2048, words, Engine(words, text))
            for text in COMPLETIONS
        )
    )


class Engine:
    """Stands for vLLM, which needs an accelerator: it has generated one given completion."""

    def __init__(self, words: Any, text: str) -> None:
        self._ids = words.encode(f"{text}<|im_end|>", add_special_tokens=False)

    async def generate(self, *_: Any, **__: Any) -> SimpleNamespace:
        output = SimpleNamespace(token_ids=self._ids, finish_reason="stop", logprobs=None)
        return SimpleNamespace(outputs=[output])


def experience(words: Any, response: dict[str, Any]) -> Any:
    generator = upstream("samples_generator").SamplesGenerator
    return generator(
        SimpleNamespace(args=None), None, None, words, []
    )._process_response_into_experience(response, max_len=2048)


def made(words: Any, experiences: list[Any]) -> list[torch.Tensor]:
    """The advantages of one group."""
    args = SimpleNamespace(
        algo=SimpleNamespace(advantage=SimpleNamespace(estimator="group_norm", gamma=1.0)),
        rollout=SimpleNamespace(micro_batch_size=ROWS, n_samples_per_prompt=ROWS),
        reward=MagicMock(
            clip_range=None, overlong_buffer_len=None, stop_properly_penalty_coef=None
        ),
        train=SimpleNamespace(dynamic_batch_enable=False),
    )
    maker = upstream("experience_maker").RemoteExperienceMaker(
        None, None, None, None, SimpleNamespace(value=0.0), SimpleNamespace(args=args), words
    )
    [batch] = maker.split_rollout_samples(experiences)
    batch.kl = torch.zeros_like(batch.action_mask, dtype=torch.float32)
    [batch] = maker.compute_advantages_and_returns([batch])
    return list(batch.advantages)


class Absent(MetaPathFinder, Loader):
    """Lets modules be imported that only accelerators have."""

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        absent = name.partition(".")[0] in ABSENT
        return ModuleSpec(name, self, is_package=True) if absent else None

    def create_module(self, spec: ModuleSpec) -> Any:
        return MagicMock(__spec__=spec, __path__=[], __version__="0")

    def exec_module(self, module: Any) -> None:
        """There is nothing in it."""


def upstream(name: str) -> Any:
    return import_module(f"openrlhf.trainer.ppo_utils.{name}")


def in_order(numbers: list[float]) -> list[int]:
    """The places of the numbers, from the least; equal numbers in the order they come."""
    return sorted(range(len(numbers)), key=lambda place: round(numbers[place], 4))


if __name__ == "__main__":
    main()
