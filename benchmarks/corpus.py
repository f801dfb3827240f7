"""What is scored in the benchmarks: completions of finance tasks, mostly right, of 90 to 250 bytes.

73 % are right; the rest have a wrong value, a wrong or unknown tool, an argument of the wrong type,
text instead of a call, or JSON that is cut off. Half of the calls stand in `<tool_call>` tags, half
are bare JSON. Seeded: the same corpus on every machine.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

TOOLSET: Final = "finance"
SHARE_RIGHT: Final = 0.73

TICKERS: Final = ("AAPL", "MSFT")
DATES: Final = ("2025-01-02", "2025-01-03")
COMPANIES: Final = ("Apple", "Microsoft", "Tesla")
CURRENCIES: Final = (("USD", "EUR"), ("EUR", "USD"), ("USD", "JPY"))

Call = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion and the calls that would have been right."""

    kind: str
    completion: str
    calls: list[Call]

    @property
    def item(self) -> dict[str, Any]:
        """As an item of `POST /score`."""
        truth = {"behavior": "execute", "calls": self.calls}
        return {"completion": self.completion, "ground_truth": truth}


def mixed(seed: int = 0) -> Iterator[Sample]:
    """Samples without end."""
    rng = random.Random(seed)
    while True:
        yield sample(rng)


def sample(rng: random.Random) -> Sample:
    """One sample of the mixture."""
    call = _right(rng)
    kind = "right" if rng.random() < SHARE_RIGHT else rng.choice(list(_WRONG))
    text = _WRONG[kind](rng, call) if kind in _WRONG else _written(rng, call)
    return Sample(kind, text, [call])


def _right(rng: random.Random) -> Call:
    kind = rng.randrange(4)
    if kind == 0:
        return _call("get_stock_price", ticker=rng.choice(TICKERS), date=rng.choice(DATES))
    if kind == 1:
        tool = rng.choice(("get_revenue", "get_profit", "get_cash_flow"))
        return _call(tool, company=rng.choice(COMPANIES), fiscal_year=2024)
    if kind == 2:
        source, target = rng.choice(CURRENCIES)
        amount = rng.randrange(100, 1_000_000) / 100
        return _call("convert_currency", amount=amount, from_currency=source, to_currency=target)
    side, quantity = rng.choice(("buy", "sell")), rng.randrange(1, 500)
    return _call("place_order", ticker=rng.choice(TICKERS), side=side, quantity=quantity)


def _call(name: str, **arguments: object) -> Call:
    return {"name": name, "arguments": arguments}


def _written(rng: random.Random, call: Call) -> str:
    text = json.dumps(call)
    return f"<tool_call>\n{text}\n</tool_call>" if rng.random() < 0.5 else text


def _with(call: Call, **changed: object) -> Call:
    return {**call, "arguments": {**call["arguments"], **changed}}


def _wrong_value(rng: random.Random, call: Call) -> str:
    name, value = rng.choice(sorted(call["arguments"].items()))
    other = value + 1 if isinstance(value, int | float) else f"{value}X"
    return _written(rng, _with(call, **{name: other}))


def _wrong_tool(rng: random.Random, call: Call) -> str:
    other = rng.choice(("get_profit", "get_revenue", "get_cash_flow", "get_dividend"))
    return _written(rng, {**call, "name": other})


def _wrong_type(rng: random.Random, call: Call) -> str:
    name, value = rng.choice(sorted(call["arguments"].items()))
    other = str(value) if isinstance(value, int | float) else 7
    return _written(rng, _with(call, **{name: other}))


def _text(_rng: random.Random, call: Call) -> str:
    return f"I looked it up with {call['name']} and it is about 243.36 dollars, a little more."


def _cut_off(_rng: random.Random, call: Call) -> str:
    text = f"<tool_call>\n{json.dumps(call)}"
    return text[: len(text) * 3 // 4]


_WRONG: Final[dict[str, Callable[[random.Random, Call], str]]] = {
    "wrong value": _wrong_value,
    "wrong tool": _wrong_tool,
    "wrong type": _wrong_type,
    "text": _text,
    "cut off": _cut_off,
}
