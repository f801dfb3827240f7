"""Whether reading a completion takes time in proportion to its length, whatever it says.

Each pathological text is grown tenfold; the CPU time of parsing may grow by less than fifteen
times. A ratio within one run says the same on a slow or a busy machine.

    python benchmarks/linear_time.py            # from 4 KB to 40 KB, and 5 MB of one letter
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import track
from rich.table import Table

from sandbox_tools import shipped
from verifier_service.scoring.parse import parse
from verifier_service.scoring.parse.formats import FORMATS
from verifier_service.scoring.text import judge_clarify, read
from verifier_service.scoring.types import Limits, Options

GROWTH: Final = 10
ALLOWED: Final = 15.0
ROUNDS: Final = 2
TOOLS: Final = shipped()["finance"].specs
CALL: Final = '{"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}'
# Nothing is refused for its length here: that would prove nothing about the readers.
UNLIMITED: Final = Limits(completion_bytes=1 << 30, nesting=64, calls=32, digits=400)


@dataclass(frozen=True, slots=True)
class Growth:
    """What a text cost at one size and at ten times that size, in CPU seconds."""

    name: str
    small_s: float
    large_s: float

    @property
    def ratio(self) -> float:
        # Below a fifth of a millisecond the clock measures itself.
        return self.large_s / max(self.small_s, 0.0002)


def pieces() -> Iterator[tuple[str, str]]:
    """Texts to repeat: openers without end, brackets, quotes, escapes, letters, near-calls."""
    openers = sorted({opener for format_ in FORMATS for opener in format_.openers})
    yield from ((f"opener {opener!r}", opener) for opener in openers)
    yield from ((f"opener and brace {opener!r}", f"{opener}{{") for opener in openers)
    for piece in (
        "<think>",
        "</think>",
        "[",
        "{",
        "[{",
        '{"a":',
        '"',
        "'",
        "`",
        "```",
        "\\",
        '\\"',
    ):
        yield repr(piece), piece
    for piece in (
        "a",
        " ",
        "\n",
        "?",
        "could you ",
        "I can't ",
        "which date? ",
        "<",
        "é",
        "\u200b",
    ):
        yield repr(piece), piece
    yield "calls", f"<tool_call>{CALL}</tool_call>"
    yield "calls without closer", f"<tool_call>{CALL}"
    yield "calls in prose", f"Then {CALL} "
    yield "braces in prose", 'x {"\n'
    yield "names in prose", "get_stock_price { "


def cost(work: Callable[[str], object], text: str) -> float:
    """The least CPU time of several rounds: noise only ever adds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work(text)
        times.append(time.process_time() - started)
    return min(times)


def parsed(text: str) -> object:
    return parse(text, tools=TOOLS, options=Options(), limits=UNLIMITED)


def judged(text: str) -> object:
    speech = read(text, ("en",))
    return judge_clarify(
        speech,
        text,
        missing=("date",),
        aliases={},
        given=(),
        parameters=("ticker",),
        reference=None,
        forbidden=("mix A with B",),
    )


def growth(name: str, work: Callable[[str], object], piece: str, size: int) -> Growth:
    small, large = (piece * (length // len(piece) + 1) for length in (size, size * GROWTH))
    return Growth(name, cost(work, small), cost(work, large))


def measure(size: int) -> Iterator[Growth]:
    """Every text at `size` characters and at ten times that, read as calls and as prose."""
    for name, piece in track(
        list(pieces()), description="growing texts", console=Console(stderr=True)
    ):
        yield growth(f"parse {name}", parsed, piece, size)
        yield growth(f"text  {name}", judged, piece, size)


def main() -> int:
    found = list(measure(4_000))
    found.append(growth("parse 5 MB of one letter", parsed, "a", 500_000))
    table = Table("text", "CPU ms", "CPU ms at 10x", "ratio")
    for one in sorted(found, key=lambda one: -one.ratio)[:20]:
        table.add_row(
            one.name, f"{one.small_s * 1e3:.2f}", f"{one.large_s * 1e3:.2f}", f"{one.ratio:.1f}"
        )
    Console().print(table)
    slow = [one.name for one in found if one.ratio >= ALLOWED]
    print(f"{len(found)} texts, {len(slow)} grow faster than allowed: {slow}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
