"""Everything loaded once, and a request's completions judged one by one.

The engine knows toolsets and profiles by name, prepares each distinct task once, and turns
whatever goes wrong into the outcome of the one completion that it concerns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from sandbox_tools import SandboxError, Toolset, load, load_directory, shipped
from sandbox_tools.errors import ToolsetError
from sandbox_tools.types import Json
from verifier_service.cache import Cache
from verifier_service.findings import Finding
from verifier_service.known import Known, Memory, call_key, words
from verifier_service.scoring.codes import Code
from verifier_service.scoring.errors import BadTask
from verifier_service.scoring.judge import Task
from verifier_service.scoring.offer import Offer, offer_inline, offer_toolset
from verifier_service.scoring.parse import format_names, parse, parse_plain
from verifier_service.scoring.pipeline import Completion, prepare, score, unscored
from verifier_service.scoring.profiles import (
    Profile,
    ProfileError,
    load_profiles,
    registered_profiles,
    shipped_profiles,
)
from verifier_service.scoring.text import available_languages, read
from verifier_service.scoring.types import (
    Failure,
    Limits,
    Options,
    Outcome,
    Parsed,
    Verdict,
)
from verifier_service.scoring.values import spelling
from verifier_service.setting import Setting, digest
from verifier_service.worker import TimeLimitExceeded, time_limit

CACHED_OFFERS: Final = 256
CACHED_OFFER_BYTES: Final = 4 * 1024 * 1024
"""Inline tool lists are compiled once for each distinct content; a training run has few."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What an engine is built from; picklable, so that every worker builds the same."""

    toolsets: tuple[Path, ...] = ()
    """Toolset files or folders of them, besides the shipped ones."""
    profiles: tuple[Path, ...] = ()
    """Folders of profiles, besides the shipped ones."""
    limits: Limits = field(default_factory=Limits)
    item_timeout_s: float = 0.25
    """CPU seconds that one completion may take."""
    deadline_s: float = 30.0
    """Seconds that a request may take which does not say."""
    max_batch: int = 16_384
    """Completions in one request."""
    memory_bytes: int = 384 * 1024 * 1024
    """What may be remembered of tasks and completions takes about so much."""
    wire_unscored: Mapping[str, float] = field(default_factory=dict)
    """By the name of a trainer's wire: what stands for a reward that does not exist."""


class UnknownName(Exception):
    """A toolset, profile, format or language that is not loaded; names those that are."""

    def __init__(self, field: str, code: Code, message: str) -> None:
        self.field, self.code, self.message = field, code, message
        super().__init__(message)


Value = TypeVar("Value")


class Engine:
    """Loaded toolsets and profiles, and the judging of completions against them.

    Not covered: hostile toolsets. Their code is the operator's; hostile completions are.
    """

    def __init__(self, config: EngineConfig) -> None:
        """Load everything.

        Raises:
            ToolsetError, ProfileError: A file is wrong; names it and the remedy.
        """
        self.config = config
        self.toolsets = _load_toolsets(config.toolsets)
        self.profiles = _load_profiles(config.profiles)
        self._formats = frozenset(format_names())
        self._offers = {
            name: (offer_toolset(toolset), digest(b"toolset", name.encode()))
            for name, toolset in self.toolsets.items()
        }
        for language in available_languages():
            read("Word lists are read from files, which a hardened process may not.", (language,))
        self._inline = Cache[Offer | Failure](CACHED_OFFERS, CACHED_OFFER_BYTES)
        self._memory = Memory(config.memory_bytes)

    # What a request names

    def offer(self, toolset: str | None, tools: Sequence[Json] | None) -> tuple[Offer, bytes]:
        """The tools that a request offers, and a key of their content.

        Raises:
            UnknownName: No such toolset is loaded, or not with that digest.
            BadTask: An inline tool is wrong.
        """
        if tools is not None:
            content = spelling(tools)
            key = digest(b"inline", content)
            return self._memory.offer(key) or self._compiled(tools, content), key
        return self._offers[self.toolset(toolset or "").name]

    def _compiled(self, tools: Sequence[Json], content: bytes) -> Offer:
        found = self._inline.get(content, lambda: _or_bad_task(lambda: offer_inline(tools)))
        return _or_raise(found)

    def toolset(self, reference: str) -> Toolset:
        """The loaded toolset of `name` or `name@digest`."""
        name, _, digest = reference.partition("@")
        if name not in self.toolsets:
            raise _unknown("toolset", Code.TASK_UNKNOWN_TOOLSET, name, self.toolsets)
        toolset = self.toolsets[name]
        if digest and digest.removeprefix("sha256:") != toolset.digest.removeprefix("sha256:"):
            message = f'Toolset "{name}" is loaded as {toolset.digest}; drop or update the digest.'
            raise UnknownName("toolset", Code.TASK_UNKNOWN_TOOLSET, message)
        return toolset

    def profile(self, name: str) -> Profile:
        if name not in self.profiles:
            raise _unknown("profile", Code.TASK_UNKNOWN_PROFILE, name, self.profiles)
        return self.profiles[name]

    def check_format(self, name: str) -> None:
        if name not in self._formats:
            raise _unknown("format", Code.TASK_OPTIONS, name, format_names())

    def check_languages(self, options: Options) -> None:
        for language in options.languages:
            if language not in available_languages():
                raise _unknown(
                    "options/languages", Code.TASK_OPTIONS, language, available_languages()
                )

    # Judging

    def known(self, ground_truth: Json, setting: Setting) -> Known:
        """What is remembered of a task; asked for once for all completions of a group."""
        return self._memory.of(ground_truth, setting)

    def prepare(self, known: Known) -> Task:
        """The checked task of a ground truth, made once for each distinct content.

        Raises:
            BadTask: The ground truth is wrong.
            SandboxError: A tool broke on it.
        """
        if known.task is None:
            known.task = _or_bad_task(partial(self._prepared, known))
            known.ground_truth = None
        return _or_raise(known.task)

    def _prepared(self, known: Known) -> Task:
        setting = known.setting
        return prepare(known.ground_truth, setting.offer, setting.options, self.config.limits)

    def judge(self, completion: Completion, known: Known) -> Verdict:
        """The verdict of one completion, within its time limit; nothing is raised."""
        return self._judge(completion, None, known)

    def find(self, completion: Completion, known: Known) -> Finding:
        """What one completion comes to; those of a task that say or call the same are judged once.

        Args:
            known: What is remembered of the task.
        """
        key = words(completion)
        if key is None:
            return Finding.of(self._judge(completion, None, known))
        found = known.findings.get(key)
        if found is None:
            found = self._new_finding(completion, known)
            if found.scored:
                found = self._memory.keep(known, key, found)
        return found

    def _new_finding(self, completion: Completion, known: Known) -> Finding:
        """Of a completion that is new: what it calls may not be."""
        plain = self._plain(completion, known.setting) if isinstance(completion, str) else None
        if plain is None:
            return Finding.of(self._judge(completion, plain, known))
        # Of the thought before a plain call the verdict does not depend.
        [call] = plain.calls
        key = call_key(plain.format, call.name, call.arguments)
        found = known.findings.get(key)
        if found is None:
            found = Finding.of(self._judge(completion, plain, known))
            if found.scored:
                found = self._memory.keep(known, key, found)
        return found

    def _plain(self, text: str, setting: Setting) -> Parsed | None:
        return parse_plain(
            text,
            tools=setting.offer.tools,
            format=setting.format,
            options=setting.options,
            limits=self.config.limits,
        )

    def _judge(self, completion: Completion, plain: Parsed | None, known: Known) -> Verdict:
        def judged() -> Verdict:
            task = self.prepare(known)
            parsed = plain or self._parsed(completion, known.setting)
            return self._scored(parsed, task, known.setting)

        return self.guarded(judged)

    def _scored(self, parsed: Parsed, task: Task, setting: Setting) -> Verdict:
        return score(
            parsed,
            task,
            setting.profile,
            options=setting.options,
            limits=self.config.limits,
        )

    def _parsed(self, completion: Completion, setting: Setting) -> Parsed:
        return parse(
            completion,
            tools=setting.offer.tools,
            format=setting.format,
            options=setting.options,
            limits=self.config.limits,
        )

    def lint(self, ground_truth: Json, setting: Setting) -> Failure | None:
        """What is wrong with a ground truth, or None where it scores full against itself."""

        def prepared() -> Verdict:
            self.prepare(self.known(ground_truth, setting))
            return _FINE

        verdict = self.guarded(prepared)
        return None if verdict is _FINE else verdict.failures[0]

    def read(
        self,
        completion: Completion,
        offer: Offer | None,
        options: Options,
        format: str,  # noqa: A002
    ) -> Parsed | Failure:
        """What a completion says, or why it could not be read in time."""
        found: list[Parsed] = []

        def parsed() -> Verdict:
            tools = {} if offer is None else offer.tools
            found.append(
                parse(
                    completion,
                    tools=tools,
                    format=format,
                    options=options,
                    limits=self.config.limits,
                )
            )
            return _FINE

        verdict = self.guarded(parsed)
        return found[0] if found else verdict.failures[0]

    def guarded(self, judge: Callable[[], Verdict]) -> Verdict:
        """The verdict of `judge` within the time limit of a completion. Whatever goes wrong becomes
        an outcome; whose fault it is decides which."""
        try:
            with time_limit(self.config.item_timeout_s):
                return judge()
        except TimeLimitExceeded:
            return timed_out()
        except BadTask as wrong:
            return unscored(Outcome.INVALID_TASK, wrong.failure)
        except UnknownName as unknown:
            failure = Failure(unknown.code, f"/{unknown.field}", unknown.message)
            return unscored(Outcome.INVALID_TASK, failure)
        except SandboxError as broken:
            return verifier_error(f"A mocked tool failed: {str(broken)[:200]}")
        except MemoryError:
            raise  # the process is no longer to be trusted; the pool replaces it
        except Exception as bug:  # noqa: BLE001  any bug of ours is never a reward, nor a crash
            return verifier_error(f"The verifier failed ({type(bug).__name__}).")


_FINE: Final = unscored(Outcome.SCORED, Failure(Code.VERIFIER_ERROR, "", ""))
"""Stands for "nothing went wrong" where there is no verdict to give."""


def timed_out() -> Verdict:
    message = "Scoring took longer than its time limit; that is not counted against the policy."
    return unscored(Outcome.TIMEOUT, Failure(Code.TIMED_OUT, "", message))


def verifier_error(message: str, code: Code = Code.VERIFIER_ERROR) -> Verdict:
    return unscored(Outcome.VERIFIER_ERROR, Failure(code, "", message))


def _or_bad_task(make: Callable[[], Value]) -> Value | Failure:
    """The value, or why there is none: a wrong task is looked into only once, too."""
    try:
        return make()
    except BadTask as wrong:
        return wrong.failure


def _or_raise(found: Value | Failure) -> Value:
    if isinstance(found, Failure):
        raise BadTask(found.code, found.path, found.message)
    return found


def _unknown(field: str, code: Code, name: str, known: Iterable[str]) -> UnknownName:
    names = ", ".join(sorted(known))
    return UnknownName(field, code, f'No {field} "{name[:100]}" is known; known are {names}.')


def _load_toolsets(paths: Iterable[Path]) -> dict[str, Toolset]:
    toolsets = dict(shipped())
    for path in paths:
        found = load_directory(path) if path.is_dir() else {(one := load(path)).name: one}
        for name, toolset in found.items():
            if name in toolsets:
                raise ToolsetError(
                    f'a toolset named "{name}" is already loaded',
                    file=str(path),
                    remedy="Give it another name.",
                )
            toolsets[name] = toolset
    return toolsets


def _load_profiles(directories: Iterable[Path]) -> dict[str, Profile]:
    profiles: dict[str, Profile] = {}
    found: list[Mapping[str, Profile]] = [shipped_profiles(), registered_profiles()]
    for loaded in [*found, *map(load_profiles, directories)]:
        for name, profile in loaded.items():
            if name in profiles:
                raise ProfileError(f'A profile named "{name}" is loaded already; rename one.')
            profiles[name] = profile
    return profiles
