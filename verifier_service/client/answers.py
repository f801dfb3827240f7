"""Answers into records: checked, renumbered, and merged as though there had been one request."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final

import httpx

from verifier_service.client.encoding import decode
from verifier_service.client.errors import VerifierAnswerError, VerifierRefused
from verifier_service.client.records import (
    Behavior,
    Failure,
    Group,
    Json,
    Revision,
    ScoreResult,
    Verdict,
)
from verifier_service.client.requests import Piece, Request, caller_pointer


def read_object(content: bytes) -> dict[str, Json]:
    """The JSON object that an answer holds.

    Raises:
        VerifierAnswerError: It holds something else.
    """
    try:
        answer = decode(content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise VerifierAnswerError(
            "the answer is not a JSON object: is the address that of the service itself?"
        )
    return answer


def read_list(content: bytes, member: str, length: int | None = None) -> list[Mapping[str, Json]]:
    """The list of objects under one member of an answer.

    Raises:
        VerifierAnswerError: There is none, or it is not of this length.
    """
    listed = read_object(content).get(member)
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise VerifierAnswerError(f"the answer has no list of {member}")
    if length is not None and len(listed) != length:
        raise VerifierAnswerError(f"the answer has {len(listed)} {member} where {length} are due")
    return listed


def final(response: httpx.Response, pieces: Sequence[Piece] = ()) -> bytes:
    """The body of an answer that is not going to change.

    Raises:
        VerifierRefused: It is no answer but a refusal; its pointers are in the caller's numbers.
    """
    if response.status_code == HTTPStatus.OK:
        return response.content
    try:
        problem = read_object(response.content)
    except VerifierAnswerError:
        problem = {}
    listed = problem.get("errors")
    faults = [
        {**fault, "pointer": caller_pointer(fault["pointer"], pieces)}
        for fault in (listed if isinstance(listed, list) else ())
        if isinstance(fault, dict) and isinstance(fault.get("pointer"), str)
    ]
    pointers = tuple(fault["pointer"] for fault in faults)
    raise VerifierRefused(response.status_code, {**problem, "errors": faults}, pointers)


def read_scores(content: bytes, request: Request, *, only_unscored: bool) -> ScoreResult:
    """The answer to one request, with the caller's item and completion numbers.

    Args:
        only_unscored: Verdicts stand only for what has no reward (`detail: "reward"`).

    Raises:
        VerifierAnswerError: It does not have one reward for each completion and one group for each
            item, or contradicts itself.
    """
    answer = read_object(content)
    try:
        return _checked_scores(answer, request.pieces, only_unscored)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise VerifierAnswerError(f"the answer is not a score response: {error}") from error


def merged(parts: Sequence[ScoreResult], requests: Sequence[Request]) -> ScoreResult:
    """One result for all requests of a batch, the same as if it had been a single one.

    Raises:
        VerifierAnswerError: The requests were answered by different revisions.
    """
    if not parts:
        return ScoreResult([], [], [], None, None, None)
    pieces = [piece for request in requests for piece in request.pieces]
    rewards = [reward for part in parts for reward in part.rewards]
    groups = [group for part in parts for group in part.groups]
    return ScoreResult(
        rewards,
        [verdict for part in parts for verdict in part.verdicts],
        list(_whole_groups(pieces, groups, rewards)),
        _common("profile", (part.profile for part in parts)),
        _common("toolset", (part.toolset for part in parts)),
        parts[0].version,
    )


def _checked_scores(
    answer: Mapping[str, Any], pieces: Sequence[Piece], only_unscored: bool
) -> ScoreResult:
    rewards = list(map(_number, answer["rewards"]))
    places = [(at, nth) for at, piece in enumerate(pieces) for nth in range(piece.completions)]
    if len(rewards) != len(places):
        raise ValueError(f"{len(rewards)} rewards for {len(places)} completions")
    due = [
        (*place, reward)
        for place, reward in zip(places, rewards, strict=True)
        if reward is None or not only_unscored
    ]
    verdicts = answer["verdicts"]
    if len(verdicts) != len(due):
        raise ValueError(f"{len(verdicts)} verdicts where {len(due)} are due")
    groups = [
        Group(each["id"], _number(each["mean"]), _number(each["std"])) for each in answer["groups"]
    ]
    if len(groups) != len(pieces):
        raise ValueError(f"{len(groups)} groups for {len(pieces)} items")
    return ScoreResult(
        rewards,
        [
            _verdict(raw, pieces[at], at, nth, reward)
            for raw, (at, nth, reward) in zip(verdicts, due, strict=True)
        ],
        groups,
        _revision(answer["profile"]),
        _revision(answer["toolset"]),
        answer["version"],
    )


def _number(value: Json) -> float | None:
    if value is None:
        return None
    if type(value) not in _NUMBERS or not math.isfinite(value):
        raise ValueError("a reward, mean or deviation is neither a number nor null")
    return float(value)


_NUMBERS: Final = (float, int)
"""A bool is an int to isinstance."""
_behavior: Final = lru_cache(maxsize=64)(Behavior)
"""There are few, and every verdict has one."""


def _verdict(raw: dict[str, Any], piece: Piece, at: int, nth: int, reward: float | None) -> Verdict:
    """The verdict that is due for completion `nth` of item `at` of a request."""
    if raw["item"] != at or raw["completion"] != nth:
        raise ValueError("the verdicts are not those of the completions")
    if raw["reward"] != reward:
        raise ValueError("the verdicts contradict the rewards")
    outcome, behavior = raw["outcome"], raw["behavior"]
    if (outcome == "scored") is (reward is None):
        raise ValueError("an outcome contradicts its reward")
    item = raw["item"] = piece.item
    completion = raw["completion"] = piece.first + nth
    # By position: names would double what it takes.
    return Verdict(
        raw["id"],
        item,
        completion,
        outcome,
        reward,
        raw["tier"],
        _behavior(behavior["expected"], behavior["observed"]),
        raw["components"],
        tuple(map(_failure, raw["failures"])),
        bool(raw.get("retryable")),
        raw,
    )


def _failure(raw: Mapping[str, Any]) -> Failure:
    return Failure(raw["code"], raw["path"], raw["message"], raw.get("expected"), raw.get("actual"))


def _revision(raw: Mapping[str, Any] | None) -> Revision | None:
    if raw is None:
        return None
    name, digest = raw["name"], raw["digest"]
    if not (isinstance(name, str) and isinstance(digest, str)):
        raise ValueError("a name or a digest is no text")
    return Revision(name, digest)


def _whole_groups(
    pieces: Sequence[Piece], groups: Sequence[Group], rewards: Sequence[float | None]
) -> Iterable[Group]:
    """One group for each of the caller's items, of which a request may hold only a part."""
    start = 0
    parts = groupby(zip(pieces, groups, strict=True), key=lambda pair: pair[0].item)
    for _, pairs in parts:
        shared = list(pairs)
        end = start + sum(piece.completions for piece, _ in shared)
        group = shared[0][1]
        yield group if len(shared) == 1 else _group(group.id, rewards[start:end])
        start = end


def _group(identifier: str | int | None, rewards: Sequence[float | None]) -> Group:
    """Mean and population deviation over what was scored, rounded as the service does."""
    scored = [reward for reward in rewards if reward is not None]
    if not scored:
        return Group(identifier, None, None)
    mean = math.fsum(scored) / len(scored)
    variance = math.fsum((reward - mean) ** 2 for reward in scored) / len(scored)
    return Group(identifier, round(mean, 9), round(math.sqrt(variance), 9))


def _common(what: str, revisions: Iterable[Revision | None]) -> Revision | None:
    first, *others = set(revisions)
    if others:
        raise VerifierAnswerError(
            f"one batch was answered by different revisions of its {what}: the replicas of the "
            "service do not agree. Score it again once they have been rolled out"
        )
    return first
