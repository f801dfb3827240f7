"""The client for code that runs on an event loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Self
from urllib.parse import quote

import httpx

from verifier_service.client import terms
from verifier_service.client.answers import final, merged, read_list, read_object, read_scores
from verifier_service.client.encoding import encode
from verifier_service.client.records import Json, ScoreResult
from verifier_service.client.requests import (
    Item,
    Limits,
    Piece,
    Request,
    given,
    requests_for,
)
from verifier_service.client.retries import trouble_of, trouble_with


class AsyncVerifierClient:
    """Scores completions over HTTP, several requests at once; keeps its connections.

    It belongs to the event loop that first used it: keep one for the life of that loop.

    Args:
        base_url, api_key, timeout_s, retry_budget_s: As in `VerifierClient`.
        max_request_completions, max_request_bytes: Larger batches travel as several requests.
        concurrency: Requests in flight at once, over all calls of this client.
        transport: Instead of a network connection: `httpx.ASGITransport`, a test's.
        sleep, clock, random: For tests.

    Raises:
        ValueError: `base_url` or `api_key` cannot be one.
    """

    def __init__(  # noqa: PLR0913 - settings, each with a default
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = terms.TIMEOUT_S,
        retry_budget_s: float = terms.RETRY_BUDGET_S,
        max_request_completions: int = terms.REQUEST_COMPLETIONS,
        max_request_bytes: int = terms.REQUEST_BYTES,
        concurrency: int = terms.CONCURRENCY,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        url = terms.service_url(base_url)
        limits = Limits(max_request_completions, max_request_bytes)
        self._terms = terms.Terms(url, limits, timeout_s, retry_budget_s, clock, random)
        self._sleep = sleep
        options = terms.http_options(api_key)
        self._slots = asyncio.Semaphore(concurrency)
        self._http = httpx.AsyncClient(
            base_url=url, transport=transport, timeout=self._terms.timeout(), **options
        )

    def __repr__(self) -> str:
        return f"AsyncVerifierClient({self._terms.shown_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; the client is of no use afterwards."""
        await self._http.aclose()

    async def score(  # noqa: PLR0913 - the members of the request
        self,
        items: Iterable[Item],
        *,
        toolset: str | None = None,
        tools: Sequence[Mapping[str, Json]] | None = None,
        profile: str | None = None,
        format: str | None = None,  # noqa: A002 - its name on the wire
        options: Mapping[str, Json] | None = None,
        detail: terms.Detail | None = None,
        deadline_ms: int | None = None,
        run: str | None = None,
        step: int | None = None,
    ) -> ScoreResult:
        """The rewards of all completions of all items, in order, with the reasons.

        Arguments and errors are those of `VerifierClient.score`.
        """
        fields = {
            "toolset": toolset,
            "tools": tools,
            "profile": profile,
            "format": format,
            "options": options,
            "detail": detail,
            "deadline_ms": deadline_ms,
            "run": run,
            "step": step,
        }
        timeout = self._terms.timeout(deadline_ms)
        requests = requests_for(items, fields, self._terms.limits)

        async def scored(request: Request) -> ScoreResult:
            answer = await self._answer(
                self._http.build_request("POST", "/score", content=request.body, timeout=timeout),
                request.pieces,
            )
            return read_scores(answer, request, only_unscored=detail == "reward")

        parts = await _all([scored(request) for request in requests])
        return merged(parts, requests)

    async def parse(
        self,
        completions: Sequence[Json],
        *,
        toolset: str | None = None,
        tools: Sequence[Mapping[str, Json]] | None = None,
        format: str | None = None,  # noqa: A002 - its name on the wire
        options: Mapping[str, Json] | None = None,
    ) -> list[Mapping[str, Json]]:
        """What the service reads in each completion, without scoring it.

        Raises:
            VerifierError: As in `score`.
        """
        fields = {"toolset": toolset, "tools": tools, "format": format, "options": options}
        body = encode({"completions": list(completions), **given(fields)}, "the request")
        request = self._http.build_request("POST", "/parse", content=body)
        return read_list(await self._answer(request), "parsed", len(completions))

    async def toolsets(self) -> list[Mapping[str, Json]]:
        """The loaded toolsets: name, digest, description, names of the tools."""
        return read_list(await self._got("/toolsets"), "toolsets")

    async def toolset(self, name: str) -> Mapping[str, Json]:
        """One toolset with its tools as a model would be shown them."""
        return read_object(await self._got(f"/toolsets/{quote(name, safe='')}"))

    async def profiles(self) -> list[Mapping[str, Json]]:
        """The loaded reward profiles: name, digest, description."""
        return read_list(await self._got("/profiles"), "profiles")

    async def ready(self) -> bool:
        """Whether the service takes requests now. Asks once."""
        try:
            return (await self._http.get("/readyz")).status_code == HTTPStatus.OK
        except httpx.RequestError:
            return False

    async def _got(self, path: str) -> bytes:
        return await self._answer(self._http.build_request("GET", path))

    async def _answer(self, request: httpx.Request, pieces: Sequence[Piece] = ()) -> bytes:
        async with self._slots:
            budget = self._terms.budget(request.url)
            while True:
                try:
                    response = await self._http.send(request)
                    trouble = trouble_with(response)
                except httpx.RequestError as error:
                    trouble = trouble_of(error)
                if trouble is None:
                    return final(response, pieces)
                await self._sleep(budget.delay_after(trouble))


async def _all(coroutines: Sequence[Coroutine[None, None, ScoreResult]]) -> list[ScoreResult]:
    """Every result in order; when one fails, or the caller is cancelled, the others stop too."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
