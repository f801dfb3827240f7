"""verl: its reward loop, with its own configuration file, calls our function and our manager."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import ray
import torch
import verl.trainer
from hydra import compose, initialize_config_dir
from verl import DataProto
from verl.experimental.reward_loop import RewardLoopManager

from tests.trainers.samples import (
    CARRIER_TEXT,
    COMPLETIONS,
    PROMPT,
    passed,
    same_as_the_service,
    tokenizer,
)

MODULE = "pkg://verifier_service.integrations.verl"
WAYS = {
    "compute_score": [
        f"reward.custom_reward_function.path={MODULE}",
        "reward.custom_reward_function.name=compute_score",
    ],
    "compute_score_sync": [
        f"reward.custom_reward_function.path={MODULE}",
        "reward.custom_reward_function.name=compute_score_sync",
    ],
    "ToolCallRewardManager": [
        "reward.reward_manager.source=importlib",
        "reward.reward_manager.name=ToolCallRewardManager",
        f"reward.reward_manager.module.path={MODULE}",
    ],
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        batch = rollouts(tokenizer(Path(folder)))
        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
        for name, overrides in WAYS.items():
            scored = scores(batch, Path(folder), overrides)
            same_as_the_service(scored.batch["rm_scores"].sum(dim=1).tolist())
            keys = scored.meta_info["reward_extra_keys"]
            assert keys, f"{name} leaves no metrics"
            assert not [k for k in keys if None in scored.non_tensor_batch[k].tolist()], name
    passed("verl", f"RewardLoopManager with {', '.join(WAYS)}")


def scores(batch: DataProto, folder: Path, overrides: list[str]) -> DataProto:
    """What the trainer computes for a batch under its own default configuration."""
    configuration = Path(verl.trainer.__file__).parent / "config"
    with initialize_config_dir(str(configuration), version_base=None):
        config = compose(
            "ppo_trainer",
            [*overrides, f"actor_rollout_ref.model.path={folder}", "reward.num_workers=1"],
        )
    manager = RewardLoopManager(config)
    try:
        return manager.compute_rm_score(batch)
    finally:
        for worker in manager.reward_loop_workers:
            ray.kill(worker)


def rollouts(words: Any) -> DataProto:
    """What rollouts leave behind: ids padded on both sides, and the columns of the dataset."""
    prompt = words.apply_chat_template(PROMPT, add_generation_prompt=True, tokenize=False)
    before = [words.encode(prompt, add_special_tokens=False)] * len(COMPLETIONS)
    after = [words.encode(f"{c}<|im_end|>", add_special_tokens=False) for c in COMPLETIONS]
    longest = max(map(len, after))
    pad = words.pad_token_id
    responses = torch.tensor([ids + [pad] * (longest - len(ids)) for ids in after])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in after])
    prompts = torch.tensor(before)
    rows = len(COMPLETIONS)
    return DataProto.from_dict(
        tensors={
            "prompts": prompts,
            "responses": responses,
            "input_ids": torch.cat([prompts, responses], dim=1),
            "attention_mask": torch.cat([torch.ones_like(prompts), mask], dim=1),
        },
        non_tensors={
            "data_source": np.array(["toolcalls"] * rows, dtype=object),
            "reward_model": np.array([{"ground_truth": CARRIER_TEXT}] * rows, dtype=object),
            "extra_info": np.array([{"index": index} for index in range(rows)], dtype=object),
            "raw_prompt": np.array([PROMPT] * rows, dtype=object),
            "__num_turns__": np.array([2] * rows, dtype=np.int32),
        },
    )


if __name__ == "__main__":
    main()
