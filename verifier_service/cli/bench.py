"""`verifier bench`: completions a second, and how long a request takes."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from verifier_service.cli import options
from verifier_service.cli.console import print_json, progress_bar, stdout

if TYPE_CHECKING:
    from sandbox_tools.types import Json
    from verifier_service.cli.scorers import Scorer

_DAYS: Final = 28
_TRUTH: Final = '{{"name": "get_stock_price", "arguments": {{"ticker": "{}", "date": "{}"}}}}'
_COMPLETIONS: Final = (
    "<tool_call>\n{}\n</tool_call>",
    "{}",
    '<tool_call>\n{{"name": "get_stock_price", "arguments": {{"ticker": 7}}}}\n</tool_call>',
    "Which date do you mean?",
)
"""Right twice, then a wrong type, then no call; of the length that real ones have."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a run of requests came to; times are wall-clock."""

    completions: int
    requests: int
    seconds: float
    completions_per_s: float
    request_p50_ms: float
    request_p99_ms: float


def bench(
    *,
    completions: Annotated[
        int, typer.Option("--completions", "-n", min=1, help="How many to score at most.")
    ] = 50_000,
    batch: Annotated[int, typer.Option(min=1, max=16_384, help="Completions in a request.")] = 64,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="How long at most.")] = 10.0,
    as_json: options.AsJson = False,
    url: options.Url = None,
    api_key: options.ApiKey = None,
    wait: options.Wait = 0.0,
) -> None:
    """Measure throughput with generated completions, one request after the other.

    In this process, or of a service with --url. For load from many connections use a load
    generator; benchmarks/ holds the measurements of the project.
    """
    from verifier_service.cli.scorers import Source, open_scorer  # noqa: PLC0415  slow

    with open_scorer(Source(url, api_key, wait)) as scorer:
        scorer.verdicts(_items(0, 1), toolset="finance")  # connects, loads and compiles
        measured = _measured(scorer, completions, batch, seconds)
    if as_json:
        print_json(asdict(measured))
    else:
        _draw(measured, batch)


def _measured(scorer: Scorer, completions: int, batch: int, seconds: float) -> Measurement:
    times_ms: list[float] = []
    done = 0
    begun = time.perf_counter()
    with progress_bar() as bar:
        task = bar.add_task("scoring", total=completions, done=0)
        while done < completions and time.perf_counter() - begun < seconds:
            size = min(batch, completions - done)
            items = _items(done, size)
            started = time.perf_counter()
            scorer.verdicts(items, toolset="finance")
            times_ms.append(1000 * (time.perf_counter() - started))
            done += size
            bar.update(task, completed=done, done=done)
    # The time between requests is the generator's, not the scorer's.
    spent = sum(times_ms) / 1000
    p50, p99 = (_quantile(times_ms, share) for share in (0.5, 0.99))
    return Measurement(done, len(times_ms), spent, done / spent, p50, p99)


def _items(first: int, n: int) -> list[dict[str, Json]]:
    return [_item(index) for index in range(first, first + n)]


def _item(index: int) -> dict[str, Json]:
    call = _TRUTH.format("AAPL" if index % 2 else "MSFT", f"2025-01-{index % _DAYS + 1:02}")
    return {"completion": _COMPLETIONS[index % 4].format(call), "ground_truth": call}


def _quantile(times: list[float], share: float) -> float:
    """The smallest time that `share` of all do not exceed."""
    return sorted(times)[math.ceil(share * len(times)) - 1]


def _draw(measured: Measurement, batch: int) -> None:
    table = Table(show_header=False)
    table.add_row("completions", f"{measured.completions:,}")
    table.add_row("requests", f"{measured.requests:,}, of up to {batch:,} completions")
    table.add_row("completions a second", f"{measured.completions_per_s:,.0f}")
    table.add_row("request, p50", f"{measured.request_p50_ms:.2f} ms")
    table.add_row("request, p99", f"{measured.request_p99_ms:.2f} ms")
    stdout().print(table)
