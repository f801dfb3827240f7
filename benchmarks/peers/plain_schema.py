"""What most own scorers do: json, `jsonschema` with the schema compiled once, and a comparison.

Written for this comparison. The validator is made once for each tool, which many forget;
`jsonschema.validate` would check the schema itself at every call.
"""

from __future__ import annotations

import itertools
import json

from jsonschema import Draft202012Validator

from benchmarks.contender import take_turns
from benchmarks.corpus import Call, mixed
from benchmarks.measure import Tree, cpu_us_each
from benchmarks.peers.tutorial import TAGGED
from sandbox_tools import shipped

SAMPLES = 2048
VALIDATORS = {
    name: Draft202012Validator(tool.spec.parameters)
    for name, tool in shipped()["finance"].tools.items()
}


def reward(text: str, expected: Call) -> float:
    """1 for the expected call, a half for another valid one, else 0."""
    tagged = TAGGED.search(text)
    try:
        call = json.loads(tagged[1] if tagged else text)
    except json.JSONDecodeError:
        return 0.0
    if not isinstance(call, dict) or call.get("name") not in VALIDATORS:
        return 0.0
    if not VALIDATORS[call["name"]].is_valid(call.get("arguments")):
        return 0.0
    return 1.0 if call == expected else 0.5


def measured(number: int) -> Tree:
    samples = list(itertools.islice(mixed(number), SAMPLES))

    def work() -> None:
        for sample in samples:
            reward(sample.completion, sample.calls[0])

    return {"us": cpu_us_each(work, SAMPLES)}


if __name__ == "__main__":
    take_turns(measured)
