"""SkyRL Gym: our environment, registered and made by its registry, through a whole episode."""

from __future__ import annotations

from typing import Any

import skyrl_gym
from skyrl_gym.metrics import aggregate_for_environment

from tests.trainers.samples import CARRIER_TEXT, COMPLETIONS, PROMPT, passed, same_as_the_service

NAME = "toolcall"


def main() -> None:
    skyrl_gym.register(id=NAME, entry_point="verifier_service.integrations.skyrl:ToolCallEnv")
    episodes = [episode(text) for text in COMPLETIONS]
    same_as_the_service(step["reward"] for step, _ in episodes)
    averages = aggregate_for_environment(NAME, [metrics for _, metrics in episodes])
    assert averages, "the measures are averaged over the episodes"
    passed("skyrl-gym", "register, make, init, step, get_metrics, aggregate_for_environment")


def episode(action: str) -> tuple[dict[str, Any], dict[str, float]]:
    """One rollout as SkyRL's generator drives it, with the dataset's row in `extras`."""
    row = {"reward_spec": {"ground_truth": CARRIER_TEXT}, "data_source": "toolcalls"}
    env = skyrl_gym.make(NAME, env_config={}, extras=row)
    prompt, _ = env.init(PROMPT)
    assert prompt == PROMPT
    step = env.step(action)
    assert step["done"] is True
    env.close()
    return step, env.get_metrics()


if __name__ == "__main__":
    main()
