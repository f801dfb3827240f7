"""TRL: GRPO steps of a model made from nothing, with our functions of both kinds."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM
from trl import GRPOConfig, GRPOTrainer

from tests.trainers.samples import (
    CARRIER_TEXT,
    COMPLETIONS,
    PROMPT,
    passed,
    same_as_the_service,
    tokenizer,
)
from verifier_service.integrations.trl import parse_reward, reward, reward_sync

STEPS = 3


def main() -> None:
    for functions in ([reward, parse_reward], [reward_sync]):
        with tempfile.TemporaryDirectory() as folder:
            trainer = grpo(Path(folder), functions)
            trained(trainer, functions[0].__name__)
            same_as_the_service(rewards(trainer))
    passed(
        "trl", f"{STEPS} steps of GRPOTrainer with reward and parse_reward, and with reward_sync"
    )


def trained(trainer: GRPOTrainer, name: str) -> None:
    """A few steps: a policy that babbles earns 0, and TRL logs what we measured."""
    trainer.train()
    steps = [entry for entry in trainer.state.log_history if f"rewards/{name}/mean" in entry]
    assert len(steps) == STEPS, trainer.state.log_history
    assert all(entry[f"rewards/{name}/mean"] == 0.0 for entry in steps)
    assert all(math.isfinite(entry["loss"]) for entry in steps)
    assert "verifier/parse" in " ".join(steps[0]), f"our measures are logged: {sorted(steps[0])}"


def rewards(trainer: GRPOTrainer) -> list[float]:
    """What the trainer computes where the policy wrote our completions."""
    rows = [{"prompt": PROMPT, "carrier": CARRIER_TEXT} for _ in COMPLETIONS]
    turns = [[{"role": "assistant", "content": text}] for text in COMPLETIONS]
    ids = [trainer.processing_class.encode(text) for text in COMPLETIONS]
    prompts = [row["prompt"] for row in rows]
    return trainer._calculate_rewards(rows, prompts, turns, ids)[:, 0].tolist()


def grpo(folder: Path, functions: list[Any]) -> GRPOTrainer:
    torch.manual_seed(0)
    words = tokenizer(folder)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **shape, **heads))
    arguments = GRPOConfig(
        output_dir=str(folder), max_steps=STEPS, num_generations=4, per_device_train_batch_size=4,
        max_completion_length=16, logging_steps=1, report_to="none", save_strategy="no",
        use_cpu=True, bf16=False, gradient_checkpointing=False, disable_tqdm=True,
    )  # fmt: skip
    return GRPOTrainer(
        model=model,
        reward_funcs=functions,
        args=arguments,
        train_dataset=Dataset.from_list([{"prompt": PROMPT, "carrier": CARRIER_TEXT}] * 8),
        processing_class=words,
    )


if __name__ == "__main__":
    main()
