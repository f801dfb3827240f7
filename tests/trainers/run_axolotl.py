"""Axolotl: it finds our function by the name in its YAML and takes its signature."""

from __future__ import annotations

import asyncio
import inspect

from axolotl.core.trainers.grpo import GRPOStrategy

from tests.trainers.samples import CARRIER_TEXT, COMPLETIONS, PROMPT, passed, same_as_the_service


def main() -> None:
    found = GRPOStrategy.get_reward_func("verifier_service.integrations.trl.reward")
    assert inspect.iscoroutinefunction(found), "TRL awaits what it recognises as a coroutine"
    size = len(COMPLETIONS)
    columns = {"prompts": [PROMPT] * size, "carrier": [CARRIER_TEXT] * size}
    same_as_the_service(asyncio.run(found(completions=list(COMPLETIONS), **columns)))
    waiting = GRPOStrategy.get_reward_func("verifier_service.integrations.trl.reward_sync")
    same_as_the_service(waiting(completions=list(COMPLETIONS), **columns))
    passed("axolotl", "GRPOStrategy.get_reward_func")


if __name__ == "__main__":
    main()
