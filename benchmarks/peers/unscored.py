"""Our own service with the scoring taken out: it reads and checks each request, finds the same of
every completion, counts, encodes and answers."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.corpus import TOOLSET
from verifier_service import serve
from verifier_service.cli import app
from verifier_service.engine import Engine, EngineConfig
from verifier_service.findings import Finding
from verifier_service.handler import RequestHandler
from verifier_service.scoring.types import Options
from verifier_service.setting import Setting

CALL = {"name": "get_stock_price", "arguments": {"ticker": "AAPL", "date": "2025-01-03"}}


class Indifferent(Engine):
    """An engine that looks at no completion."""

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        offer, key = self.offer(TOOLSET, None)
        setting = Setting(offer, key, self.profile("tiered"), "auto", Options())
        self._right = Finding.of(self.judge(json.dumps(CALL), self.known([CALL], setting)))

    def find(self, *_: Any, **__: Any) -> Finding:
        """What a right call comes to."""
        return self._right


def build_handler(config: EngineConfig) -> RequestHandler:
    """For the workers."""
    return RequestHandler(Indifferent(config))


def main() -> None:
    """`verifier`, with these workers."""
    serve.build_handler = build_handler
    app()
