"""Rows that the tests of several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

Verifier = Callable[..., Result]
Dataset = Callable[..., Path]

CALL = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}
TRUTH = {"behavior": "execute", "calls": [CALL]}
RIGHT = f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>"
WRONG = RIGHT.replace("AAPL", "MSFT")
MISTYPED = RIGHT.replace('"AAPL"', "7")


def row(completion: object = RIGHT, **more: Any) -> dict[str, Any]:
    return {"completion": completion, "ground_truth": TRUTH} | more
