"""reward-kit's `exact_tool_match_reward`: in process, and behind its own server at `/reward`.

It compares names and arguments as JSON; no JSON Schema, nothing is executed. It reads calls in
`<tool_call>` only, so bare ones are put into tags. Its server hands messages of its own kind to the
function, which the function answers with 0 for any text; `exact` unpacks them first.

    python -m benchmarks.peers.reward_kit          # in process, in turns
    python -m benchmarks.peers.reward_kit PORT     # its server
"""

from __future__ import annotations

import itertools
import json
import sys
from typing import Any

from benchmarks.contender import take_turns
from benchmarks.corpus import Call, Sample, mixed
from benchmarks.measure import Tree, cpu_us_each

SAMPLES = 1024
REWARD = "benchmarks.peers.reward_kit:exact"


def messages(sample: Sample) -> list[dict[str, Any]]:
    text = str(sample.completion)
    tagged = f"<tool_call>{text}</tool_call>" if text.startswith("{") else text
    return [{"role": "assistant", "content": tagged}]


def truth(calls: list[Call]) -> dict[str, Any]:
    return {"tool_calls": [{"type": "function", "function": _function(call)} for call in calls]}


def _function(call: Call) -> dict[str, Any]:
    return {"name": call["name"], "arguments": json.dumps(call["arguments"])}


def body(sample: Sample) -> dict[str, Any]:
    """A request of its server; the ground truth as text, which is what its model takes."""
    return {"messages": messages(sample), "ground_truth": json.dumps(truth(sample.calls))}


def exact(messages: list[Any], ground_truth: str, **_: Any) -> Any:
    """For the server: its function, with messages that the function takes."""
    from reward_kit.rewards.function_calling import exact_tool_match_reward  # noqa: PLC0415

    said = [message.model_dump() for message in messages]
    return exact_tool_match_reward(messages=said, ground_truth=ground_truth)


def main() -> None:
    from reward_kit.rewards.function_calling import exact_tool_match_reward  # noqa: PLC0415
    from reward_kit.server import serve  # noqa: PLC0415 - `body` is made without reward-kit

    if sys.argv[1:]:
        serve(REWARD, "127.0.0.1", int(sys.argv[1]))
        return

    def measured(number: int) -> Tree:
        samples = list(itertools.islice(mixed(number), SAMPLES))
        asked = [(messages(sample), truth(sample.calls)) for sample in samples]

        rewards: list[float] = []

        def work() -> None:
            for said, expected in asked:
                rewards.append(exact_tool_match_reward(messages=said, ground_truth=expected).score)

        us = cpu_us_each(work, SAMPLES)
        right = sum(sample.kind == "right" for sample in samples)
        assert sum(rewards) >= right, f"{sum(rewards)} of {right} right ones"
        return {"us": us}

    take_turns(measured)


if __name__ == "__main__":
    main()
