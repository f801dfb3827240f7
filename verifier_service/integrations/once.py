"""One request for a batch, however many functions ask about it.

Trainers call each reward function with the same completions: one after the other, at once on an
event loop, or at once in threads. Whoever asks first sends the request; the others get its answer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from hashlib import blake2b
from typing import Any, Final, TypeAlias

from verifier_service.client import Verdict
from verifier_service.conversation import NoCompletion
from verifier_service.integrations.connection import VARIABLES, Sample, score, score_async
from verifier_service.integrations.plain import plain, written

KEPT: Final = 8
"""Answers that are kept: those of a step or two. What is on its way is kept in any case."""

_Key: TypeAlias = tuple[Any, ...]
# Changed by single operations of dict only: a lock that a fork inherits may never be released.
_waiting: dict[_Key, Future[list[Verdict]]] = {}
_awaited: dict[_Key, asyncio.Task[list[Verdict]]] = {}


def score_once(samples: Sequence[Sample]) -> list[Verdict]:
    """As `score`; threads that ask for the same wait for the first.

    Raises:
        NotConfigured, VerifierError: As `score`; what failed is asked for again next time.
    """
    if not samples:
        return []
    key = _key(samples)
    mine: Future[list[Verdict]] = Future()
    answer = _waiting.setdefault(key, mine)
    if answer is not mine:
        return answer.result()
    try:
        mine.set_result(score(samples))
    except BaseException as error:
        _waiting.pop(key, None)
        mine.set_exception(error)
        raise
    _let_go(_waiting)
    return mine.result()


async def score_once_async(samples: Sequence[Sample]) -> list[Verdict]:
    """As `score_async`; tasks of the same loop that ask for the same wait for the first.

    Raises:
        NotConfigured, VerifierError: As `score_once`.
    """
    if not samples:
        return []
    loop = asyncio.get_running_loop()
    key = (loop, *_key(samples))
    answer = _awaited.get(key)
    if answer is None:
        answer = _awaited[key] = loop.create_task(score_async(samples))
    try:
        # Shielded: who is cancelled takes no answer away from the others.
        verdicts = await asyncio.shield(answer)
    except BaseException:
        if answer.done():
            _awaited.pop(key, None)
        raise
    _let_go(_awaited)
    return verdicts


def _key(samples: Sequence[Sample]) -> _Key:
    """What an answer depends on: the batch, the service that is asked, and the process asking."""
    content = [(_said(one), _told(one.carrier), _told(one.settings)) for one in samples]
    digest = blake2b(repr(content).encode()).digest()
    return os.getpid(), *(os.environ.get(name) for name in VARIABLES), digest


def _said(sample: Sample) -> Any:
    said = sample.completion
    return said if isinstance(said, NoCompletion) else _told(said, written)


def _told(value: Any, sent: Callable[[Any], Any] = plain) -> Any:
    """What cannot be sent is told apart by nothing, and refused in any case."""
    try:
        return repr(sent(value))
    except (TypeError, ValueError, RecursionError):
        return None


def _let_go(answers: dict[_Key, Any]) -> None:
    """Forget all but the last answers."""
    finished = [key for key, answer in list(answers.items()) if answer.done()]
    for key in finished[:-KEPT]:
        answers.pop(key, None)
