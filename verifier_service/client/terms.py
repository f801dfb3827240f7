"""What both clients are configured with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import httpx

from verifier_service._version import __version__
from verifier_service.client.requests import Limits
from verifier_service.client.retries import RetryBudget

Detail = Literal["reward", "verdict", "full"]

TIMEOUT_S: Final = 60.0
"""Twice the service's own default deadline."""
RETRY_BUDGET_S: Final = 120.0
REQUEST_COMPLETIONS: Final = 512
REQUEST_BYTES: Final = 8 * 2**20
CONCURRENCY: Final = 8

_CONNECT_TIMEOUT_S: Final = 10.0
_BEYOND_DEADLINE_S: Final = 10.0
"""An attempt that the service would still answer is not abandoned."""
_KEEPALIVE_S: Final = 60.0
"""A step of training is longer than httpx's default of 5 s."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Where a client sends, how much at once, and for how long it insists."""

    url: httpx.URL
    limits: Limits
    timeout_s: float
    retry_budget_s: float
    clock: Callable[[], float]
    random: Callable[[], float]

    @property
    def shown_url(self) -> str:
        """The address without a name and password."""
        return _shown(self.url)

    def budget(self, url: httpx.URL) -> RetryBudget:
        """A fresh budget for a request to this address."""
        return RetryBudget(_shown(url), self.retry_budget_s, self.clock, self.random)

    def timeout(self, deadline_ms: int | None = None) -> httpx.Timeout:
        """For one attempt, which has at least as long as the service has for its answer."""
        deadline_s = 0.0 if deadline_ms is None else deadline_ms / 1000 + _BEYOND_DEADLINE_S
        connect_s = min(self.timeout_s, _CONNECT_TIMEOUT_S)
        return httpx.Timeout(max(self.timeout_s, deadline_s), connect=connect_s, pool=None)


def service_url(base_url: str) -> httpx.URL:
    """A base URL that requests can go to.

    Raises:
        ValueError: It is none. The message does not repeat it: it may hold a password.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("base_url must be an address such as http://localhost:8000")
    return url


def _shown(url: httpx.URL) -> str:
    return str(url.copy_with(userinfo=b""))


def http_options(api_key: str | None) -> dict[str, Any]:
    """Keyword arguments of `httpx.Client` and `httpx.AsyncClient`.

    Raises:
        ValueError: The key cannot stand in a header.
    """
    headers = {
        "User-Agent": f"verifier-service/{__version__}",
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    if api_key:
        if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise ValueError("api_key holds a character that a header cannot carry")
        headers["Authorization"] = f"Bearer {api_key}"
    limits = httpx.Limits(keepalive_expiry=_KEEPALIVE_S)
    return {"headers": headers, "limits": limits}
