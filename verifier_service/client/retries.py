"""When to try again, how long to wait, and when to stop."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from verifier_service.client.errors import VerifierUnavailable

log = logging.getLogger(__name__)

RETRIED: Final = frozenset({429, 500, 502, 503, 504})
"""Refusals by load, and faults on the service's side. Every other status is final."""

FIRST_BACKOFF_S: Final = 0.25
LONGEST_BACKOFF_S: Final = 15.0
_NOTABLE_S: Final = 1.0
"""Shorter waits, as after a connection that had gone stale, are no cause for a warning."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an attempt failed although the next one may not."""

    reason: str
    retry_after_s: float | None = None


def trouble_with(response: httpx.Response) -> Trouble | None:
    """What stands against taking an answer; None if it is final."""
    if response.status_code not in RETRIED:
        return None
    wait_s = seconds_of(response.headers.get("Retry-After"), time.time())
    return Trouble(f"{response.status_code} {response.reason_phrase}", wait_s)


def trouble_of(error: httpx.RequestError) -> Trouble:
    """An attempt that came to no answer: no connection, a timeout, a broken or garbled reply."""
    return Trouble(f"{type(error).__name__}: {error}".removesuffix(": "))


def seconds_of(retry_after: str | None, now: float) -> float | None:
    """Seconds to wait by a Retry-After header: seconds or a date; None if it says neither.

    Source: RFC 9110, section 10.2.3.
    """
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - now
        except ValueError:
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def backoff_s(failures: int, random: Callable[[], float]) -> float:
    """Full jitter: uniform between 0 and a bound that doubles with each failure, from 1 on.

    Source: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    return random() * min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(failures - 1, 16))


@dataclass(slots=True)
class RetryBudget:
    """The time within which one request may be sent again."""

    url: str
    """As errors may show it."""
    seconds: float
    clock: Callable[[], float]
    random: Callable[[], float]
    failures: int = 0
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def delay_after(self, trouble: Trouble) -> float:
        """Seconds to wait before the next attempt.

        A Retry-After is a minimum: the jitter on top keeps many clients from coming back at once.

        Raises:
            VerifierUnavailable: The next attempt would begin after the budget's end.
        """
        self.failures += 1
        elapsed = self.clock() - self.started
        delay = (trouble.retry_after_s or 0.0) + backoff_s(self.failures, self.random)
        if elapsed + delay > self.seconds:
            raise VerifierUnavailable(self.url, self.failures, elapsed, _reason(trouble))
        level = logging.WARNING if delay >= _NOTABLE_S else logging.INFO
        log.log(level, "%s: %s; trying again in %.1f s", self.url, trouble.reason, delay)
        return delay


def _reason(trouble: Trouble) -> str:
    if not trouble.retry_after_s:
        return trouble.reason
    return f"{trouble.reason}, asking to wait {trouble.retry_after_s:g} s"
