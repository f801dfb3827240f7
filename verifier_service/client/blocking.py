"""The client for code that waits."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Self
from urllib.parse import quote

import httpx

from verifier_service.client import terms
from verifier_service.client.answers import final, merged, read_list, read_object, read_scores
from verifier_service.client.encoding import encode
from verifier_service.client.records import Json, ScoreResult
from verifier_service.client.requests import Item, Limits, Piece, given, requests_for
from verifier_service.client.retries import trouble_of, trouble_with


class VerifierClient:
    """Scores completions over HTTP; keeps its connections; may be shared between threads.

    Args:
        base_url: Address of the service, with a path prefix if it stands behind one.
        api_key: Sent as a bearer token; never shown.
        timeout_s: For one attempt; keep it above the deadline of the requests.
        retry_budget_s: How long one request may be sent again before `VerifierUnavailable`.
        max_request_completions: Larger batches travel as several requests, one after the other.
        max_request_bytes: The same by size of the body.
        transport: Instead of a network connection: a Unix socket's, a test's.
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
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        url = terms.service_url(base_url)
        limits = Limits(max_request_completions, max_request_bytes)
        self._terms = terms.Terms(url, limits, timeout_s, retry_budget_s, clock, random)
        self._sleep = sleep
        options = terms.http_options(api_key)
        self._http = httpx.Client(
            base_url=url, transport=transport, timeout=self._terms.timeout(), **options
        )

    def __repr__(self) -> str:
        return f"VerifierClient({self._terms.shown_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client is of no use afterwards."""
        self._http.close()

    def score(  # noqa: PLR0913 - the members of the request
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

        Args:
            items: Objects as in POST /score: `ground_truth`, `completion` or `completions`, and
                optionally `id`, `metadata`, `toolset`, `tools`, `profile`, `format`, `options`.
            toolset, tools, profile, format, options: For items that do not have their own.
            detail: `reward`, `verdict` (the service's default) or `full`.
            deadline_ms: For each request of the batch.
            run, step: Training run and step, by which the service counts rewards in its metrics.

        Raises:
            ValueError: An item is not JSON.
            VerifierRefused: The service refuses the request as it stands.
            VerifierUnavailable: No answer within the retry budget.
            VerifierAnswerError: An answer that does not fit the request.
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
        parts = []
        for request in requests:
            answer = self._answer(
                self._http.build_request("POST", "/score", content=request.body, timeout=timeout),
                request.pieces,
            )
            parts.append(read_scores(answer, request, only_unscored=detail == "reward"))
        return merged(parts, requests)

    def parse(
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
        return read_list(self._answer(request), "parsed", len(completions))

    def toolsets(self) -> list[Mapping[str, Json]]:
        """The loaded toolsets: name, digest, description, names of the tools."""
        return read_list(self._got("/toolsets"), "toolsets")

    def toolset(self, name: str) -> Mapping[str, Json]:
        """One toolset with its tools as a model would be shown them."""
        return read_object(self._got(f"/toolsets/{quote(name, safe='')}"))

    def profiles(self) -> list[Mapping[str, Json]]:
        """The loaded reward profiles: name, digest, description."""
        return read_list(self._got("/profiles"), "profiles")

    def ready(self) -> bool:
        """Whether the service takes requests now. Asks once."""
        try:
            return self._http.get("/readyz").status_code == HTTPStatus.OK
        except httpx.RequestError:
            return False

    def _got(self, path: str) -> bytes:
        return self._answer(self._http.build_request("GET", path))

    def _answer(self, request: httpx.Request, pieces: Sequence[Piece] = ()) -> bytes:
        budget = self._terms.budget(request.url)
        while True:
            try:
                response = self._http.send(request)
                trouble = trouble_with(response)
            except httpx.RequestError as error:
                trouble = trouble_of(error)
            if trouble is None:
                return final(response, pieces)
            self._sleep(budget.delay_after(trouble))
