"""ms-swift: our plugin file, loaded as `--external_plugins` is, in its computation of rewards."""

from __future__ import annotations

from pathlib import Path

import torch
from swift.rewards import orms
from swift.rl_core.data import GRPOSample
from swift.rl_core.grpo_algorithm import compute_rewards_per_func
from swift.rlhf_trainers.utils import resolve_reward_funcs
from swift.utils import import_external_file

from tests.trainers.samples import CARRIER_TEXT, COMPLETIONS, PROMPT, passed, same_as_the_service
from verifier_service import integrations


def main() -> None:
    known = set(orms)
    import_external_file(plugin())
    names = sorted(set(orms) - known)
    assert names, "the plugin registers a reward"
    functions, _ = resolve_reward_funcs(names)
    rewards = compute_rewards_per_func(
        [sample(text) for text in COMPLETIONS], functions, None, torch.device("cpu")
    )
    same_as_the_service(rewards[:, names.index("verifier")].tolist())
    passed("ms-swift", f"compute_rewards_per_func with {', '.join(names)} of the plugin")


def plugin() -> str:
    """The one file in its folder, as ms-swift demands."""
    [file] = Path(*integrations.__path__, "msswift").glob("*.py")
    return str(file)


def sample(text: str) -> GRPOSample:
    return GRPOSample(
        messages=[*PROMPT, {"role": "assistant", "content": text}],
        extra={"carrier": CARRIER_TEXT},
        prompt_id="p0",
        request_id="r0",
    )


if __name__ == "__main__":
    main()
