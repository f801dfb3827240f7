"""The rooms in order: completion -> parse -> validate -> match -> execute -> reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandbox_tools import Episode
from sandbox_tools.types import Json, ToolResult
from verifier_service.scoring.calls import first_choices
from verifier_service.scoring.codes import Code
from verifier_service.scoring.errors import BadTask
from verifier_service.scoring.execute import run
from verifier_service.scoring.ground_truth import read_ground_truth
from verifier_service.scoring.json_text import JsonFault, check
from verifier_service.scoring.judge import Itself, Judged, Task, content_of, judge
from verifier_service.scoring.offer import Offer
from verifier_service.scoring.parse import parse
from verifier_service.scoring.profiles import Profile
from verifier_service.scoring.text import read
from verifier_service.scoring.types import (
    Behavior,
    Components,
    Failure,
    GroundTruth,
    Limits,
    Options,
    Outcome,
    Parsed,
    ToolCall,
    Trace,
    Verdict,
)
from verifier_service.scoring.values import json_equal

Completion = str | Mapping[str, Json] | Sequence[Json]


def prepare(raw: Json, offer: Offer, options: Options, limits: Limits) -> Task:
    """The task of a ground truth in any accepted form: canonical, checked, executed.

    A ground truth must score `full` against itself through the path that completions take.

    Raises:
        BadTask: The ground truth is wrong; names the field.
        SandboxError: A tool broke on it.
    """

    def read_calls(text: str) -> tuple[ToolCall, ...]:
        parsed = parse(text, tools=offer.tools, options=options, limits=limits)
        if parsed.malformed and not parsed.calls:
            raise BadTask(Code.TASK_GROUND_TRUTH, "/ground_truth", parsed.malformed[0].message)
        return (*parsed.calls, *([parsed.sentinel] if parsed.sentinel else []))

    truth = read_ground_truth(
        raw, tools=offer.tools, options=options, limits=limits, read_calls=read_calls
    )
    reference, choices = None, first_choices(truth)
    content = content_of(choices)
    _refuse_unsayable(choices, content, limits)
    if offer.toolset is not None and truth.behavior is Behavior.EXECUTE:
        _refuse_undeclared(truth, offer)
        reference = run(offer.toolset, choices)
    _check_equivalence(truth, reference)
    task = Task(truth, offer, reference, content)
    itself = _check_itself(task, choices, options, limits)
    _check_expected_result(truth, reference)
    return Task(truth, offer, reference, task.choices, itself)


def score(
    parsed: Parsed, task: Task, profile: Profile, *, options: Options, limits: Limits
) -> Verdict:
    """Judge a completion that has been read; whatever the policy wrote, a verdict comes back.

    Raises:
        SandboxError: A tool broke; the completion cannot be judged.
    """
    judged = judge(parsed, read(parsed.content, options.languages), task, options, limits)
    judgement = judged.judgement
    reward = profile.reward(judgement)
    return Verdict(
        outcome=Outcome.SCORED,
        reward=reward,
        tier=profile.tier(judgement, reward),
        expected=judgement.expected,
        observed=judgement.observed,
        components=judgement.components,
        failures=judgement.failures[: limits.listed_failures],
        format=parsed.format,
        stripped=parsed.stripped,
        repaired=parsed.repaired,
        trace=_trace(parsed, judged, task),
    )


def unscored(outcome: Outcome, failure: Failure, expected: Behavior | None = None) -> Verdict:
    """The verdict of a completion that cannot be judged: no reward, and why."""
    return Verdict(outcome, None, None, expected, None, Components(), (failure,), None)


def _trace(parsed: Parsed, judged: Judged, task: Task) -> Trace:
    episode, reference = judged.episode, task.reference
    return Trace(
        parsed=parsed,
        results=() if episode is None else episode.results,
        expected_results=() if reference is None else reference.results,
        writes=() if episode is None else episode.writes,
        expected_writes=() if reference is None else reference.writes,
    )


# What a ground truth must hold


def _refuse_undeclared(truth: GroundTruth, offer: Offer) -> None:
    for i, call in enumerate(truth.calls):
        if call.name not in offer.tools:
            names = ", ".join(sorted(offer.tools))
            raise BadTask(
                Code.TASK_GROUND_TRUTH,
                f"/ground_truth/calls/{i}/name",
                f'No tool "{call.name[:100]}" is declared; declared are {names}.',
            )


def _refuse_unsayable(calls: Sequence[ToolCall], content: bytes, limits: Limits) -> None:
    """What no completion may say within its limits, no policy can be asked for."""
    if len(content) > limits.completion_bytes:
        raise BadTask(
            Code.TASK_SELF_CHECK,
            "/ground_truth/calls",
            f"The calls take {len(content):,} bytes; "
            f"of a completion, {limits.completion_bytes:,} are read.",
        )
    if len(content) <= min(2 * limits.nesting, limits.digits):
        return  # No number in it has so many digits, and no value so many brackets.
    for i, call in enumerate(calls):
        try:
            check({"arguments": call.arguments}, limits)
        except JsonFault as fault:
            where = f"/ground_truth/calls/{i}/arguments"
            raise BadTask(Code.TASK_SELF_CHECK, where, f"{fault.message}.") from None


def _check_itself(
    task: Task, choices: tuple[ToolCall, ...], options: Options, limits: Limits
) -> Itself | None:
    truth = task.truth
    if truth.behavior is Behavior.EXECUTE:
        if len(truth.calls) > limits.calls:
            raise BadTask(
                Code.TASK_SELF_CHECK, "/ground_truth/calls", f"More than {limits.calls} calls."
            )
        _refuse_undeclared(truth, task.offer)
        parsed = Parsed(format="text", calls=choices)
    elif truth.text is not None:
        parsed = parse(truth.text, tools=task.offer.tools, options=options, limits=limits)
    else:
        return None
    judged = judge(parsed, read(parsed.content, options.languages), task, options, limits)
    if not judged.judgement.full:
        failures = judged.judgement.failures
        first = failures[0] if failures else None
        reason = "" if first is None else f": {first.code} at {first.path}: {first.message}"
        where = "/ground_truth/calls" if truth.calls else "/ground_truth/text"
        raise BadTask(
            Code.TASK_SELF_CHECK,
            where,
            f"The ground truth does not score full against itself{reason}",
        )
    return Itself(task.choices, judged) if truth.calls else None


def _check_equivalence(truth: GroundTruth, reference: Episode | None) -> None:
    """Equal effects can only be asked for where there are effects to compare."""
    if truth.equivalence == "arguments":
        return
    problem = None
    if reference is None:
        problem = "needs a toolset: inline schemas are not executed"
    elif truth.equivalence == "state" and not reference.writes:
        problem = "needs expected calls that change the state; any read would count as full"
    if problem is not None:
        path = "/ground_truth/equivalence"
        raise BadTask(Code.TASK_GROUND_TRUTH, path, f"equivalence {truth.equivalence} {problem}.")


def _check_expected_result(truth: GroundTruth, reference: Episode | None) -> None:
    if reference is None or not truth.has_expected_result:
        return
    if not _is_expected(truth.expected_result, reference.results):
        actual = [result.value for result in reference.results]
        shown = str(actual[0] if len(actual) == 1 else actual)[:200]
        wanted = str(truth.expected_result)[:200]
        raise BadTask(
            Code.TASK_EXPECTED_RESULT,
            "/ground_truth/expected_result",
            f"The expected calls return {shown}, not {wanted}.",
        )


def _is_expected(expected: Json, results: Sequence[ToolResult]) -> bool:
    """Whether the results are what a dataset wrote down: typed, or as `str(result)`.

    For several calls a list of all results or the last result alone.
    """
    values = [result.value for result in results]
    candidates: list[Json] = [values[-1], values]
    return any(
        json_equal(expected, value) or (isinstance(expected, str) and expected == str(value))
        for value in candidates
    )
