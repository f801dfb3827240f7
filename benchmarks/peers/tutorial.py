"""The reward of a GRPO tutorial on tool calls: a few lines that compare names and arguments.

Written for this comparison after the usual pattern: standard library, no JSON Schema, nothing is
executed, no reasons. `GRPOTrainer` would call it once for a batch.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from benchmarks.contender import take_turns
from benchmarks.corpus import Call, mixed
from benchmarks.measure import Tree, cpu_us_each

SAMPLES = 4096
TAGGED = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)


def tool_reward(completions: list[str], calls: list[Call], **_: Any) -> list[float]:
    """1 for the expected call, a half for the expected tool, else 0."""
    return [reward(text, call) for text, call in zip(completions, calls, strict=True)]


def reward(text: str, expected: Call) -> float:
    tagged = TAGGED.search(text)
    try:
        call = json.loads(tagged[1] if tagged else text)
    except json.JSONDecodeError:
        return 0.0
    if not isinstance(call, dict) or call.get("name") != expected["name"]:
        return 0.0
    return 1.0 if call.get("arguments") == expected["arguments"] else 0.5


def measured(number: int) -> Tree:
    samples = list(itertools.islice(mixed(number), SAMPLES))
    texts, calls = [s.completion for s in samples], [s.calls[0] for s in samples]
    return {"us": cpu_us_each(lambda: tool_reward(texts, calls), SAMPLES)}


if __name__ == "__main__":
    take_turns(measured)
