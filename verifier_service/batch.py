"""The completions of one request on their way to one response."""

from __future__ import annotations

import contextlib
import math
import operator
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, cast

from sandbox_tools.types import Json
from verifier_service import encode, findings
from verifier_service._version import __version__
from verifier_service.engine import (
    Engine,
    UnknownName,
    timed_out,
    verifier_error,
)
from verifier_service.findings import Finding
from verifier_service.jobs import Counts, Fate, Job, Progress, Reply
from verifier_service.known import Known
from verifier_service.scoring.codes import Code
from verifier_service.scoring.pipeline import Completion, unscored
from verifier_service.scoring.types import Failure, Outcome, Verdict
from verifier_service.setting import Setting
from verifier_service.wire import ScoreItem, ScoreRequest, effective_options

REPORT_EVERY_S: Final = 0.05
"""A worker that dies costs at most this much work; short requests never report."""


class Batch:
    """The completions of one request, item by item, group by group."""

    def __init__(self, engine: Engine, request: ScoreRequest, job: Job, deadline: float) -> None:
        """Check what the request names.

        Args:
            deadline: On the monotonic clock; what is unscored by then has no reward.

        Raises:
            UnknownName: The request names a toolset, profile, format or language not loaded.
        """
        self.engine, self.request, self.culprits = engine, request, job.culprits
        self.deadline = deadline
        self.findings: list[Finding] = []
        """One a completion, in order."""
        for piece in job.finished:
            self.findings += findings.of_piece(piece)
        self._reported = len(self.findings)
        self._common: Setting | Verdict | None = None
        engine.check_format(request.format)
        engine.check_languages(effective_options(None, request.options))
        engine.profile(request.profile)
        if request.toolset is not None:
            engine.toolset(request.toolset)

    def judge_all(self, progress: Progress) -> None:
        """Find what every completion comes to that no earlier worker has judged."""
        last_report = time.monotonic()
        for flat, completion, known in self._left():
            progress.working_on(flat)
            now = time.monotonic()
            # After a loss everything is reported: what is scored must not be lost again.
            if now - last_report > REPORT_EVERY_S or self.culprits:
                self._report(progress)
                last_report = now
            if flat in self.culprits:
                finding = Finding.of(fated(self.culprits[flat]))
            elif now > self.deadline:
                finding = Finding.of(too_late())
            elif isinstance(known, Verdict):
                finding = Finding.of(known)
            elif self.request.detail == "full":
                finding = Finding.of(self.engine.judge(completion, known), traced=True)
            else:
                finding = self.engine.find(completion, known)
            self.findings.append(finding)

    def _report(self, progress: Progress) -> None:
        if self._reported < len(self.findings):
            progress.finished(findings.piece(self.findings[self._reported :]))
            self._reported = len(self.findings)

    def _left(self) -> Iterator[tuple[int, Completion, Known | Verdict]]:
        """The completions that no earlier worker has finished, with what is known of their task,
        or the verdict of them all where nothing can be."""
        first, finished = 0, len(self.findings)
        for item in self.request.items:
            group = item.group
            if first + len(group) > finished:
                known = self._known(item)
                for flat in range(max(first, finished), first + len(group)):
                    yield flat, group[flat - first], known
            first += len(group)

    def _known(self, item: ScoreItem) -> Known | Verdict:
        setting = self._circumstances(item)
        if isinstance(setting, Verdict):
            return setting
        return self.engine.known(item.ground_truth, setting)

    def _circumstances(self, item: ScoreItem) -> Setting | Verdict:
        """What is in force for an item; found once for all items that say nothing of their own."""
        if not _OWN.isdisjoint(item.model_fields_set):
            return self._found(item)
        if self._common is None:
            self._common = self._found(item)
        return self._common

    def _found(self, item: ScoreItem) -> Setting | Verdict:
        found: list[Setting] = []

        def find() -> Verdict:
            found.append(self._setting(item))
            return FOUND

        # Compiling a schema of the caller's may take as long as judging by it.
        verdict = self.engine.guarded(find)
        return found[0] if found else verdict

    def _setting(self, item: ScoreItem) -> Setting:
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

    def reply(self) -> Reply:
        """The answer of `POST /score`."""
        request, engine = self.request, self.engine
        toolset = None if request.toolset is None else engine.toolset(request.toolset)
        head = encode.dumps([finding.reward for finding in self.findings])
        tail = {
            "groups": list(self._group_statistics()),
            "profile": encode.reference(engine.profile(request.profile)),
            "toolset": None if toolset is None else encode.reference(toolset),
            "version": __version__,
        }
        verdicts = b",".join(self._verdicts())
        body = b'{"rewards":%b,"verdicts":[%b],%b' % (head, verdicts, encode.dumps(tail)[1:])
        return Reply(200, body, counts=self.counts())

    @cached_property
    def _groups(self) -> Sequence[tuple[ScoreItem, Sequence[Finding]]]:
        """Each item with its findings, once all are judged."""
        groups, first = [], 0
        for item in self.request.items:
            behind = first + len(item.group)
            groups.append((item, self.findings[first:behind]))
            first = behind
        return groups

    def _verdicts(self) -> Iterator[bytes]:
        only_unscored = self.request.detail == "reward"
        for index, (item, group) in enumerate(self._groups):
            if only_unscored and all(finding.scored for finding in group):
                continue
            own = self._own_members(item)
            identity = b'{"id":%b,"item":%d,"completion":' % (encode.dumps(item.id), index)
            for completion, finding in enumerate(group):
                if not (only_unscored and finding.scored):
                    yield b"%b%d,%b%b}" % (identity, completion, finding.members, own)

    def _own_members(self, item: ScoreItem) -> bytes:
        """What verdicts of an item say besides: its own toolset and profile, where they are loaded,
        and its metadata."""
        own: dict[str, Json] = {}
        if item.toolset is not None:
            with contextlib.suppress(UnknownName):
                own["toolset"] = encode.reference(self.engine.toolset(item.toolset))
        if item.profile is not None:
            with contextlib.suppress(UnknownName):
                own["profile"] = encode.reference(self.engine.profile(item.profile))
        if item.metadata is not None and self.request.detail == "full":
            own["metadata"] = item.metadata
        return b"," + encode.dumps(own)[1:-1] if own else b""

    def _group_statistics(self) -> Iterator[Json]:
        for item, group in self._groups:
            scored = [finding.reward for finding in group if finding.reward is not None]
            mean, std = _mean_and_deviation(scored)
            yield {"id": item.id, "mean": mean, "std": std}

    def counts(self) -> Mapping[str, Json]:
        """What the metrics count of it."""
        completions: dict[tuple[str, str | None, str], int] = {}
        behaviors: dict[tuple[str | None, str | None], int] = {}
        codes: dict[str, int] = {}
        for profile, found in self._by_profile():
            for each, n in Counter(found).items():
                kind = each.outcome, each.tier, profile
                completions[kind] = completions.get(kind, 0) + n
                if each.scored:
                    behaviors[each.behavior] = behaviors.get(each.behavior, 0) + n
                for code in each.codes:
                    codes[code] = codes.get(code, 0) + n
        counts: Counts = {
            "completions": [(*key, n) for key, n in completions.items()],
            "behaviors": [(*key, n) for key, n in behaviors.items()],
            "failures": codes,
            "run": self.request.run,
            "step": self.request.step,
            "rewards": self._reward_sums(),
            "groups": self._groups_and_even_ones(),
        }
        return cast("Mapping[str, Json]", counts)

    def _reward_sums(self) -> tuple[float, float]:
        """Sum of the rewards, and of their squares."""
        rewards = [finding.reward for finding in self.findings if finding.reward is not None]
        return math.fsum(rewards), math.fsum(map(operator.mul, rewards, rewards))

    def _groups_and_even_ones(self) -> tuple[int, int]:
        """Groups of two scored completions or more, and how many of them all earn the same."""
        if len(self.findings) == len(self.request.items):
            return 0, 0
        groups = even = 0
        for _, group in self._groups:
            rewards = [finding.reward for finding in group if finding.reward is not None]
            groups += len(rewards) > 1
            even += len(rewards) > 1 and len(set(rewards)) == 1
        return groups, even

    def _by_profile(self) -> Iterator[tuple[str, Sequence[Finding]]]:
        """The findings under the names of their profiles, as they are counted."""
        if all(item.profile is None for item in self.request.items):
            yield self._label(self.request.profile), self.findings
            return
        for item, group in self._groups:
            yield self._label(item.profile or self.request.profile), group

    def _label(self, profile: str) -> str:
        """A profile's name for counting, whatever else a caller may write."""
        return profile if profile in self.engine.profiles else "other"


_OWN: Final = frozenset({"toolset", "tools", "profile", "format", "options"})
"""Members by which an item departs from its request."""


def _mean_and_deviation(rewards: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and population deviation, rounded as rewards are; None of nothing."""
    if len(rewards) <= 1:
        return (rewards[0], 0.0) if rewards else (None, None)
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
