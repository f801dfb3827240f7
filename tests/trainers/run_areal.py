"""AReaL: its wrapper runs our function in its pool of processes."""

from __future__ import annotations

import asyncio

from areal.api.reward_api import AsyncRewardWrapper
from areal.utils.dynamic_import import import_from_string

from tests.trainers.samples import CARRIER_TEXT, COMPLETIONS, PROMPT, passed, same_as_the_service


async def main() -> None:
    function = import_from_string("verifier_service.integrations.areal.reward_fn")
    wrapped = AsyncRewardWrapper(function)
    rewards = await asyncio.gather(
        *(
            wrapped("…<|im_start|>assistant\n", f"{text}<|im_end|>", [1], [2], **row())
            for text in COMPLETIONS
        )
    )
    same_as_the_service(rewards)
    passed("areal", "AsyncRewardWrapper over its process pool")


def row() -> dict[str, object]:
    return {"messages": PROMPT, "carrier": CARRIER_TEXT}


if __name__ == "__main__":
    asyncio.run(main())
