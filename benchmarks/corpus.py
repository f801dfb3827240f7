"""What is scored in the benchmarks: completions of finance tasks, mostly right, of 90 to 250 bytes.

73 % are right; the rest have a wrong value, a wrong or unknown tool, an argument of the wrong type,
text instead of a call, or JSON that is cut off. Half of the calls stand in `<tool_call>` tags, half
are bare JSON. Seeded: the same corpus on every machine.

The mixture repeats itself as training does: half of its tasks are among thirteen. `always_new` does
not, so that nothing which a scorer remembers is of use to it. Imports nothing but the standard
library: other scorers' environments read it, too.
"""

from __future__ import annotations

import itertools
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

PRICES: Final = {
    ("AAPL", "2025-01-02"): 243.85,
    ("AAPL", "2025-01-03"): 243.36,
    ("MSFT", "2025-01-02"): 418.58,
    ("MSFT", "2025-01-03"): 423.35,
}
"""What `get_stock_price` returns: a trajectory quotes it."""
REASONING_BYTES: Final = 1500
ROLLOUT_REASONING_BYTES: Final = 300

Call = dict[str, Any]
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion and the calls that would have been right."""

    kind: str
    completion: str | list[Message]
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


def always_new(seed: int = 0, kind: str | None = None) -> Iterator[Sample]:
    """Samples without end, each of a task that no other has; of one kind, or of the mixture's."""
    rng = random.Random(seed)
    for number in itertools.count(10_000_000 * (seed + 1)):
        calls = [_right_once(rng, number)]
        if kind is None:
            yield _of_mixture(rng, calls[0])
        elif kind in _WRONG or kind == "right":
            yield _of_kind(rng, kind, calls[0])
        else:
            yield _LONGER[kind](rng, number)


def groups(
    seed: int, prompts: int, rollouts: int, tasks: Callable[[int], Iterator[Sample]] = always_new
) -> list[dict[str, Any]]:
    """One step of GRPO as items of `POST /score`: tasks, new ones or the mixture's, each with its
    own rollouts, each with a thought of its own before what it does."""
    samples = tasks(seed)
    rng = random.Random(seed)
    return [_group(rng, next(samples).calls[0], rollouts) for _ in range(prompts)]


def _group(rng: random.Random, call: Call, rollouts: int) -> dict[str, Any]:
    texts = [_of_mixture(rng, call).completion for _ in range(rollouts)]
    return {
        "completions": [f"{_thought(rng, ROLLOUT_REASONING_BYTES)}{text}" for text in texts],
        "ground_truth": {"behavior": "execute", "calls": [call]},
    }


def sample(rng: random.Random) -> Sample:
    """One sample of the mixture."""
    return _of_mixture(rng, _right(rng))


def _of_mixture(rng: random.Random, call: Call) -> Sample:
    kind = "right" if rng.random() < SHARE_RIGHT else rng.choice(list(_WRONG))
    return _of_kind(rng, kind, call)


def _of_kind(rng: random.Random, kind: str, call: Call) -> Sample:
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


def _right_once(rng: random.Random, number: int) -> Call:
    """A call that differs from that of every other number."""
    if number % 2:
        source, target = rng.choice(CURRENCIES)
        return _call(
            "convert_currency", amount=number / 100, from_currency=source, to_currency=target
        )
    return _order(rng, number)


def _order(rng: random.Random, number: int) -> Call:
    return _call(
        "place_order",
        ticker=rng.choice(TICKERS),
        side=rng.choice(("buy", "sell")),
        quantity=rng.randrange(1, 500),
        limit_price=number / 100,
    )


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


def _long_reasoning(rng: random.Random, number: int) -> Sample:
    call = _right_once(rng, number)
    thought = _thought(rng, REASONING_BYTES)
    return Sample("long reasoning", f"{thought}{_tagged(call)}", [call])


def _parallel_calls(rng: random.Random, number: int) -> Sample:
    conversions = [
        _call("convert_currency", amount=number / 100, from_currency=source, to_currency=target)
        for source, target in CURRENCIES
    ]
    said = rng.sample(conversions, len(conversions))
    return Sample("parallel calls", "\n".join(map(_tagged, said)), conversions)


def _state_changing(rng: random.Random, number: int) -> Sample:
    call = _order(rng, number)
    return Sample("state-changing", _tagged(call), [call])


def _trajectory(rng: random.Random, number: int) -> Sample:
    """A price is looked up; with its result, an order is placed."""
    (ticker, date), price = rng.choice(list(PRICES.items()))
    look_up = _call("get_stock_price", ticker=ticker, date=date)
    order = _order(rng, number)
    result = {"role": "tool", "tool_call_id": "call_0", "content": json.dumps(price)}
    return Sample("trajectory", [_turn(0, look_up), result, _turn(1, order)], [look_up, order])


def _turn(index: int, call: Call) -> Message:
    function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
    calls = [{"id": f"call_{index}", "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def _tagged(call: Call) -> str:
    return f"<tool_call>\n{json.dumps(call)}\n</tool_call>"


def _thought(rng: random.Random, length: int) -> str:
    """Words of about so many bytes, in the tags of reasoning."""
    words = rng.choices(_WORDS, k=length * len(_WORDS) // len(_SENTENCE))
    return f"<think>\n{' '.join(words)}.\n</think>\n\n"


_SENTENCE: Final = (
    "the user wants to know what it comes to so first I look at which of the tools can say that and"
    " whether everything it needs is given then check the date and the company once more before"
)
_WORDS: Final = tuple(_SENTENCE.split())

_LONGER: Final[dict[str, Callable[[random.Random, int], Sample]]] = {
    "long reasoning": _long_reasoning,
    "parallel calls": _parallel_calls,
    "state-changing": _state_changing,
    "trajectory": _trajectory,
}

KINDS: Final = ("right", *_WRONG, *_LONGER)
"""Every kind of completion that `always_new` can be asked for."""
