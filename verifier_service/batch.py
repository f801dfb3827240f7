"""The completions of one request on their way to one response."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import orjson

from sandbox_tools.types import Json
from verifier_service import encode
from verifier_service._version import __version__
from verifier_service.engine import Engine, Setting, UnknownName, timed_out, verifier_error
from verifier_service.jobs import Counts, Fate, Job, Progress, Reply
from verifier_service.scoring.codes import Code
from verifier_service.scoring.pipeline import Completion, unscored
from verifier_service.scoring.types import Failure, Outcome, Verdict
from verifier_service.wire import ScoreItem, ScoreRequest, effective_options

REPORT_EVERY_S: Final = 0.05
"""A worker that dies costs at most this much work; short requests never report."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a completion stands in its request."""

    flat: int
    item: int
    completion: int


class Batch:
    """The completions of one request on their way to one response."""

    def __init__(self, engine: Engine, request: ScoreRequest, job: Job, deadline: float) -> None:
        """Check what the request names.

        Raises:
            UnknownName: The request names a toolset, profile, format or language not loaded.
        """
        self.engine, self.request, self.culprits = engine, request, job.culprits
        self.deadline = deadline
        self.records: list[_Record] = []
        for piece in job.finished:
            self.records += _Record.many(piece)
        self.reported = len(self.records)
        self._setting_of: tuple[ScoreItem, Setting | Verdict] | None = None
        engine.check_format(request.format)
        engine.check_languages(effective_options(None, request.options))
        engine.profile(request.profile)
        if request.toolset is not None:
            engine.toolset(request.toolset)

    def judge_all(self, progress: Progress) -> None:
        last_report = time.monotonic()
        for place, item, completion in self._left():
            progress.working_on(place.flat)
            now = time.monotonic()
            # After a loss everything is reported: what is scored must not be lost again.
            if now - last_report > REPORT_EVERY_S or self.culprits:
                self._report(progress)
                last_report = now
            self.records.append(
                self._record(place, item, self._judge(place, item, completion, now))
            )

    def _report(self, progress: Progress) -> None:
        if self.reported < len(self.records):
            progress.finished(_Record.piece(self.records[self.reported :]))
            self.reported = len(self.records)

    def _left(self) -> Iterator[tuple[_Place, ScoreItem, Completion]]:
        """The completions that no earlier worker has finished."""
        flat = itertools.count()
        finished = len(self.records)
        for item_index, item in enumerate(self.request.items):
            for index, completion in enumerate(item.group):
                place = _Place(next(flat), item_index, index)
                if place.flat >= finished:
                    yield place, item, completion

    def _judge(self, place: _Place, item: ScoreItem, completion: Completion, now: float) -> Verdict:
        if place.flat in self.culprits:
            return fated(self.culprits[place.flat])
        if now > self.deadline:
            return too_late()
        setting = self._setting(item)
        if isinstance(setting, Verdict):
            return setting
        return self.engine.judge(completion, item.ground_truth, setting)

    def _setting(self, item: ScoreItem) -> Setting | Verdict:
        """What is in force for an item, or why nothing is; found once for all of its group."""
        if self._setting_of is None or self._setting_of[0] is not item:
            self._setting_of = (item, self._new_setting(item))
        return self._setting_of[1]

    def _new_setting(self, item: ScoreItem) -> Setting | Verdict:
        found: list[Setting] = []

        def find() -> Verdict:
            found.append(self._found_setting(item))
            return FOUND

        # Compiling a schema of the caller's may take as long as judging by it.
        verdict = self.engine.guarded(find)
        return found[0] if found else verdict

    def _found_setting(self, item: ScoreItem) -> Setting:
        request, engine = self.request, self.engine
        own_tools = item.toolset is not None or item.tools is not None
        format_name = item.format or request.format
        options = effective_options(request.options, item.options)
        engine.check_format(format_name)
        engine.check_languages(options)
        profile = engine.profile(item.profile or request.profile)
        offer, key = engine.offer(
            item.toolset if own_tools else request.toolset,
            item.tools if own_tools else request.tools,
        )
        return Setting(offer, key, profile, format_name, options)

    def _record(self, place: _Place, item: ScoreItem, judged: Verdict) -> _Record:
        return _Record(
            judged.reward,
            (judged.outcome, judged.tier, self._profile_label(item)),
            (judged.expected, judged.observed),
            [failure.code.value for failure in judged.failures],
            self._encoded(place, item, judged),
        )

    def _profile_label(self, item: ScoreItem) -> str:
        """The profile's name for counting, whatever else a caller may write."""
        name = item.profile or self.request.profile
        return name if name in self.engine.profiles else "other"

    def _encoded(self, place: _Place, item: ScoreItem, judged: Verdict) -> bytes:
        detail = self.request.detail
        if detail == "reward" and judged.outcome is Outcome.SCORED:
            return b""
        identity = {"id": item.id, "item": place.item, "completion": place.completion}
        encoded = encode.verdict(judged, identity)
        encoded |= self._overrides(item)
        if detail == "full":
            if judged.trace is not None:
                encoded |= encode.trace(judged.trace)
            if item.metadata is not None:
                encoded["metadata"] = item.metadata
        return encode.dumps(encoded)

    def _overrides(self, item: ScoreItem) -> dict[str, Json]:
        """The toolset and profile of an item that has its own, where they are loaded."""
        own: dict[str, Json] = {}
        if item.toolset is not None:
            with contextlib.suppress(UnknownName):
                own["toolset"] = encode.reference(self.engine.toolset(item.toolset))
        if item.profile is not None:
            with contextlib.suppress(UnknownName):
                own["profile"] = encode.reference(self.engine.profile(item.profile))
        return own

    def reply(self) -> Reply:
        request, engine = self.request, self.engine
        toolset = None if request.toolset is None else engine.toolset(request.toolset)
        head = encode.dumps([record.reward for record in self.records])
        tail = {
            "groups": list(self._groups()),
            "profile": encode.reference(engine.profile(request.profile)),
            "toolset": None if toolset is None else encode.reference(toolset),
            "version": __version__,
        }
        verdicts = b",".join(record.verdict for record in self.records if record.verdict)
        body = b'{"rewards":%b,"verdicts":[%b],%b' % (head, verdicts, encode.dumps(tail)[1:])
        return Reply(200, body, counts=self.counts())

    def _groups(self) -> Iterator[Json]:
        rewards = iter(self.records)
        for item in self.request.items:
            scored = [
                record.reward
                for record in itertools.islice(rewards, len(item.group))
                if record.reward is not None
            ]
            mean, std = _mean_and_deviation(scored)
            yield {"id": item.id, "mean": mean, "std": std}

    def counts(self) -> Mapping[str, Json]:
        judged = Counter(record.judged for record in self.records)
        behaviors = Counter(r.behavior for r in self.records if r.reward is not None)
        codes = Counter(code for record in self.records for code in record.codes)
        counts: Counts = {
            "completions": [(*key, n) for key, n in judged.items()],
            "behaviors": [(*key, n) for key, n in behaviors.items()],
            "failures": dict(codes),
        }
        return cast("Mapping[str, Json]", counts)


@dataclass(frozen=True, slots=True)
class _Record:
    """What is kept of a judged completion: enough for the response and the counts."""

    reward: float | None
    judged: tuple[str, str | None, str]
    """Outcome, tier and profile."""
    behavior: tuple[str | None, str | None]
    codes: list[str]
    verdict: bytes
    """Encoded; empty where the asked detail leaves it out."""

    @staticmethod
    def piece(records: Sequence[_Record]) -> bytes:
        """Records as the opaque piece that a worker reports."""
        rows = [(r.reward, r.judged, r.behavior, r.codes, r.verdict.decode()) for r in records]
        return orjson.dumps(rows)

    @staticmethod
    def many(piece: bytes) -> list[_Record]:
        return [
            _Record(reward, tuple(judged), tuple(behavior), codes, verdict.encode())
            for reward, judged, behavior, codes, verdict in orjson.loads(piece)
        ]


def _mean_and_deviation(rewards: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and population deviation, rounded as rewards are; None of nothing."""
    if not rewards:
        return None, None
    mean = math.fsum(rewards) / len(rewards)
    variance = math.fsum((reward - mean) ** 2 for reward in rewards) / len(rewards)
    return round(mean, 9), round(math.sqrt(variance), 9)


FOUND: Final = unscored(Outcome.SCORED, Failure(Code.VERIFIER_ERROR, "", ""))
"""Stands for "a setting was found" where a verdict is due."""


def too_late() -> Verdict:
    """The verdict of a completion that the request has no time left for."""
    message = "The request's deadline passed before this completion was scored; send it again."
    return unscored(Outcome.TIMEOUT, Failure(Code.TIMED_OUT, "", message))


def fated(fate: Fate) -> Verdict:
    """The verdict of a completion that took a scoring process down."""
    if fate is Fate.TIMED_OUT:
        return timed_out()
    return verifier_error("The scoring process died on this completion, twice.", Code.WORKER_DIED)
