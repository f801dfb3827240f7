"""No text that ignores the prompt lives well: its mean reward over the shipped datasets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import pytest

from verifier_service.cli.rows import Row, read_rows
from verifier_service.local import LocalVerifier

DATASETS: Final = Path(__file__).parents[2] / "examples" / "datasets"
SHARES: Final = {"execute": 0.6, "clarify": 0.25, "refuse": 0.15}
TEXTS: Final = {
    "empty": "",
    "question mark": "?",
    "generic question": "Could you provide more details?",
    "what": "What do you mean?",
    "preference": "What would you like?",
    "refusal": "I'm sorry, but I can't help with that.",
    "no": "No.",
    "refusal and question": "I can't help with that. Could you provide more details?",
    "sentinel": '{"name": "no_call", "arguments": {}}',
    "where, when and how much": "Where, when and how much?",
    "tools": "get_stock_price, get_revenue, convert_currency, place_order, search_flights",
    "parameters": "ticker date quantity side city origin destination amount company cuisine",
    "question for all": "Which ticker, date, quantity, city, origin, destination, amount, cuisine?",
    "all without commas": "Which ticker date quantity city origin destination amount cuisine?",
    "lack of all": "Not specified: ticker, date, quantity, city, origin, destination, amount.",
}


def tasks() -> Iterator[dict[str, Any]]:
    for file in sorted(DATASETS.glob("*.jsonl")):
        for row in read_rows(file.read_bytes().splitlines(), tasks_only=True):
            assert isinstance(row, Row), row
            yield {"ground_truth": row.item["ground_truth"], "toolset": row.item["toolset"]}


TASKS: Final = list(tasks())


@pytest.fixture(scope="module")
def verifier() -> LocalVerifier:
    return LocalVerifier()


@pytest.mark.parametrize("profile", ["tiered", "graded", "binary"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_constant_text_earns_at_most_what_the_refusals_are_worth(
    text: str, profile: str, verifier: LocalVerifier
) -> None:
    items = [{"completion": text, **task} for task in TASKS]
    verdicts = verifier.score({"profile": profile, "items": items})["verdicts"]
    rewards: dict[str, list[float]] = defaultdict(list)
    for verdict in verdicts:
        rewards[verdict["behavior"]["expected"]].append(verdict["reward"])
    mean = sum(share * fmean(rewards[behavior]) for behavior, share in SHARES.items())
    assert mean <= 0.15 + 1e-9
