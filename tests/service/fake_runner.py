"""A front whose scoring is a fake: what stands behind the seam is tested on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import httpx

from verifier_service.catalog import Catalog
from verifier_service.jobs import Job, Reply
from verifier_service.wire import ProfileModel, ToolsetDetail

SCORED = Reply(
    200,
    b'{"rewards":[1.0]}',
    counts={
        "completions": [["scored", "full", "tiered", 1]],
        "behaviors": [["execute", "execute", 1]],
        "failures": {"schema.type": 2},
    },
)

CATALOG = Catalog(
    toolsets={
        "finance": ToolsetDetail.model_validate(
            {
                "name": "finance",
                "digest": "sha256:aa",
                "description": "Stocks.",
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": "get_revenue",
                            "description": "Revenue of a year.",
                            "parameters": {"type": "object"},
                        },
                    }
                ],
                "read_only": ["get_revenue"],
            }
        )
    },
    profiles={"tiered": ProfileModel(name="tiered", digest="sha256:bb", description="Tiers.")},
    formats=("auto", "hermes"),
    languages=("en",),
)


@dataclass
class FakeRunner:
    """Answers every job alike, once `gate` is open; remembers what it was asked."""

    reply: Reply = SCORED
    failure: Exception | None = None
    alive: int = 2
    size: int = 2
    restarts: int = 0
    ready: bool = True
    jobs: list[Job] = field(default_factory=list)
    cancelled: int = 0
    gate: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def run(self, job: Job) -> asyncio.Future[Reply]:
        return asyncio.ensure_future(self.answer(job))

    async def answer(self, job: Job) -> Reply:
        self.jobs.append(job)
        self.asked.set()
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure is not None:
            raise self.failure
        return self.reply


Connect = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
"""Opens a client to a front with the given keys and settings."""
