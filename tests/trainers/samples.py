"""What every trainer is given: one task, its completions, and what the service says of them.

This file is imported in every trainer's environment: it needs httpx alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import httpx

URL: Final = os.environ["VERIFIER_URL"].rstrip("/")

ARGUMENTS: Final = {"ticker": "AAPL", "date": "2025-01-03"}
CARRIER: Final = {
    "toolset": "finance",
    "ground_truth": {
        "behavior": "execute",
        "calls": [{"name": "get_stock_price", "arguments": ARGUMENTS}],
    },
}
CARRIER_TEXT: Final = json.dumps(CARRIER)
"""As it should stand in a dataset: Arrow and Parquet bend objects, and leave text alone."""

PROMPT: Final = [{"role": "user", "content": "What did Apple close at on 3 January 2025?"}]


TURNS: Final[tuple[tuple[str, dict[str, str] | str], ...]] = (
    ("", {**ARGUMENTS}),
    ("", {**ARGUMENTS, "date": "2025-01-02"}),
    ("", {"ticker": "AAPL"}),
    ("It closed at 243.36 dollars.", ""),
)
"""What the policy does: the right call, wrong ones, and an answer without one."""


def _text(said: str, arguments: dict[str, str] | str) -> str:
    """As Hermes and Qwen write it."""
    if not arguments:
        return said
    call = json.dumps({"name": "get_stock_price", "arguments": arguments})
    return f"{said}<tool_call>\n{call}\n</tool_call>"


def _message(said: str, arguments: dict[str, str] | str) -> dict[str, Any]:
    """As chat completions carry it."""
    if not arguments:
        return {"role": "assistant", "content": said}
    function = {"name": "get_stock_price", "arguments": json.dumps(arguments)}
    call = {"id": "call_1", "type": "function", "function": function}
    return {"role": "assistant", "content": said, "tool_calls": [call]}


COMPLETIONS: Final = (*(_text(*turn) for turn in TURNS), "<tool_call>\n{not json")
MESSAGES: Final = tuple(_message(*turn) for turn in TURNS)


def rewards_of_the_service(completions: Sequence[Any] = COMPLETIONS) -> list[float]:
    """What `POST /score` says: exactly 1.0 for the first completion, less for the others."""
    rows = [row if isinstance(row, str) else [row] for row in completions]
    item = {**CARRIER, "completions": rows}
    answer = httpx.post(f"{URL}/score", json={"items": [item]}, timeout=30).raise_for_status()
    rewards = [float(reward) for reward in answer.json()["rewards"]]
    assert rewards[0] == 1.0, rewards
    assert all(0.0 <= reward < 1.0 for reward in rewards[1:]), rewards
    return rewards


def same_as_the_service(rewards: Iterable[Any], completions: Sequence[Any] = COMPLETIONS) -> None:
    """The trainer ended with the numbers of the service, in order."""
    found, expected = [float(reward) for reward in rewards], rewards_of_the_service(completions)
    assert found == expected, f"the trainer has {found}, the service says {expected}"


def passed(distribution: str, ran: str) -> None:
    """The one line that a script prints when everything held."""
    print(json.dumps({"trainer": distribution, "version": version(distribution), "ran": ran}))


def tokenizer(folder: Path) -> Any:
    """A tokenizer of bytes with ChatML's template, saved in `folder`: nothing is downloaded."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*special, *alphabet])}
    plain = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    plain.add_special_tokens(special)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=plain, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    fast.chat_template = (
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
        "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    fast.save_pretrained(folder)
    return fast
