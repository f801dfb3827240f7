"""What is true of a completion, before any profile turns it into a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sandbox_tools import Episode, Toolset
from sandbox_tools.types import ToolResult
from verifier_service.scoring.calls import (
    CheckedCall,
    Pairing,
    call_failures,
    check_calls,
    pair_calls,
    right_functions,
    share,
    writes_beyond,
)
from verifier_service.scoring.codes import Code
from verifier_service.scoring.execute import (
    run,
    same_last_writes,
    same_result,
    same_results,
    same_state,
    same_writes,
)
from verifier_service.scoring.offer import Offer
from verifier_service.scoring.text import (
    Speech,
    TextJudgement,
    judge_beside_call,
    judge_clarify,
    judge_no_call,
    judge_refuse,
)
from verifier_service.scoring.trajectory import forged_results, is_trajectory, stray_messages
from verifier_service.scoring.types import (
    Behavior,
    Components,
    Failure,
    GroundTruth,
    Judgement,
    Limits,
    Observed,
    Options,
    PairQuality,
    Parsed,
    Tier,
    ToolCall,
)
from verifier_service.scoring.values import content_key


@dataclass(frozen=True, slots=True)
class Task:
    """A ground truth with the tools on offer, checked and executed once for all completions."""

    truth: GroundTruth
    offer: Offer
    reference: Episode | None
    """What the expected calls do; None where nothing is executed."""
    choices: bytes = b""
    """`content_of` the calls that the reference made."""
    itself: Itself | None = None
    """None until it is known."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement and the episode that it rests on, if calls were executed."""

    judgement: Judgement
    episode: Episode | None = None


@dataclass(frozen=True, slots=True)
class Itself:
    """What the expected calls earn, made as they are written and without a word beside them."""

    calls: bytes
    """`content_of` them."""
    judged: Judged


def content_of(calls: Sequence[ToolCall]) -> bytes:
    """A key of calls: equal ones make the same calls with the same typed arguments in one order."""
    return content_key([[call.name, call.arguments] for call in calls])


_ATTEMPTS = frozenset({Code.CALL_IN_REASONING})
"""Oddities of the reading that are attempted calls: some server would run them."""
_CONTRADICTIONS = frozenset(
    {Code.SENTINEL_WITH_CALL, Code.CALL_IN_QUOTATION, Code.REPAIRED, Code.DUPLICATE_KEY}
)
"""Oddities that keep a completion from being right in every respect."""


def judge(parsed: Parsed, speech: Speech, task: Task, options: Options, limits: Limits) -> Judged:
    """Judge a completion that has been read, by the behaviour that was due.

    Raises:
        SandboxError: A tool broke.
    """
    if (
        task.itself is not None
        and _is_bare(parsed)
        and content_of(parsed.calls) == task.itself.calls
    ):
        return task.itself.judged
    observed = observe(parsed, speech)
    if task.truth.behavior is Behavior.EXECUTE:
        return _judge_calls_due(parsed, observed, task, options, limits)
    return Judged(_judge_text_due(parsed, speech, observed, task, options))


def _is_bare(parsed: Parsed) -> bool:
    """Whether nothing but well-formed calls in one turn is there to be judged."""
    beside = (parsed.malformed, parsed.problems, parsed.content, parsed.sentinel, parsed.turns)
    return bool(parsed.calls) and not any(beside)


def observe(parsed: Parsed, speech: Speech) -> Observed:
    """What the completion does, whatever was due."""
    if parsed.malformed or _attempts(parsed):
        return Observed.MALFORMED
    if parsed.calls:
        return judge_beside_call(speech)
    if speech.act == "empty" and parsed.sentinel is not None:
        return Observed.ANSWER
    return Observed(speech.act)


def _attempts(parsed: Parsed) -> tuple[Failure, ...]:
    return tuple(p for p in parsed.problems if p.code in _ATTEMPTS)


def _mismatch(expected: Behavior, observed: Observed) -> Failure:
    message = f"The task was to {_DUE[expected]}; the completion {_DONE[observed]}."
    return Failure(Code.WRONG_BEHAVIOR, "", message, str(expected), str(observed))


_DUE = {
    Behavior.EXECUTE: "call a tool",
    Behavior.CLARIFY: "ask for what is missing",
    Behavior.REFUSE: "refuse",
    Behavior.NO_CALL: "answer without a tool",
}
_DONE = {
    Observed.EXECUTE: "calls a tool",
    Observed.CLARIFY: "asks a question",
    Observed.REFUSE: "refuses",
    Observed.ANSWER: "answers",
    Observed.MIXED: "calls a tool and asks or refuses beside it",
    Observed.MALFORMED: "attempts a call that cannot be read",
    Observed.EMPTY: "says nothing",
}


# Calls were due


def _judge_calls_due(
    parsed: Parsed, observed: Observed, task: Task, options: Options, limits: Limits
) -> Judged:
    if observed not in {Observed.EXECUTE, Observed.MIXED}:
        return Judged(_no_calls(parsed, observed, task))
    truth, offer = task.truth, task.offer
    ordered = truth.order == "strict" or (truth.order is None and is_trajectory(parsed))
    checked = check_calls(parsed.calls, offer)
    pairing = pair_calls(checked, truth, offer, ordered=ordered)
    episode = None
    if offer.toolset is not None:
        episode = _episode(checked, task, offer.toolset)
    execution = _execution(checked, pairing, task, episode, ordered=ordered)
    beyond = () if execution.equivalent else writes_beyond(checked, pairing, truth, offer)

    fatal = list(stray_messages(parsed))
    if episode is not None:
        fatal += forged_results(parsed, checked, episode, limits)
    odd = _oddities(parsed, observed, options)
    failures = [] if execution.equivalent else call_failures(checked, pairing, truth, beyond)
    failures += execution.failures
    right = (pairing.right and execution.holds) or execution.equivalent
    ceiling = Tier.FULL
    if fatal or beyond:
        ceiling = Tier.NONE
    elif odd or pairing.wrong_order or not execution.holds:
        ceiling = Tier.PARTIAL
    pairs = _qualities(checked, pairing, episode, task)
    return Judged(
        Judgement(
            expected=truth.behavior,
            observed=observed,
            full=right and ceiling is Tier.FULL,
            ceiling=ceiling,
            components=_call_components(pairs, checked, execution, observed, task),
            failures=(*fatal, *failures, *odd),
            right_functions=execution.equivalent or right_functions(checked, pairing, truth, offer),
            pairs=pairs,
            n_calls=len(checked),
            n_expected=len(truth.calls),
            n_expected_arguments=sum(len(call.arguments) for call in truth.calls),
        ),
        episode,
    )


def _episode(checked: Sequence[CheckedCall], task: Task, toolset: Toolset) -> Episode:
    """What the calls do; the expected ones have been run already, and the world is the same."""
    if task.reference is not None and all(one.valid for one in checked):
        calls = [one.call for one in checked]
        if content_of(calls) == task.choices:
            return task.reference
    return run(toolset, [one.call if one.valid else None for one in checked])


def _no_calls(parsed: Parsed, observed: Observed, task: Task) -> Judgement:
    executes = None if task.offer.toolset is None else 0.0
    text = 0.0 if observed is not Observed.MALFORMED else None
    return Judgement(
        expected=task.truth.behavior,
        observed=observed,
        full=False,
        ceiling=Tier.NONE,
        components=Components(0.0, 0.0, 0.0, 0.0, executes, text),
        failures=(
            *parsed.malformed,
            *parsed.problems,
            _mismatch(task.truth.behavior, observed),
        ),
        n_calls=len(parsed.calls),
        n_expected=len(task.truth.calls),
    )


def _oddities(parsed: Parsed, observed: Observed, options: Options) -> list[Failure]:
    """What keeps well-formed calls from earning more than the partial tier."""
    odd = [p for p in parsed.problems if p.code in _CONTRADICTIONS]
    if observed is Observed.MIXED:
        message = "A question or a refusal stands beside the call."
        odd.append(Failure(Code.MIXED_BEHAVIOR, "/text", message))
    if options.narration == "forbidden" and parsed.content.strip():
        odd.append(Failure(Code.NARRATION, "/text", "The request forbids prose beside a call."))
    return odd


@dataclass(frozen=True, slots=True)
class _Execution:
    """What executing the calls says about them."""

    failures: list[Failure]
    holds: bool = True
    """Nothing speaks against calls whose arguments are right."""
    equivalent: bool = False
    """Other calls that reach the same result or state, where the ground truth accepts that."""
    same_effects: bool = True
    """The same final state, and the same writes on the way."""


def _execution(
    checked: Sequence[CheckedCall],
    pairing: Pairing,
    task: Task,
    episode: Episode | None,
    *,
    ordered: bool,
) -> _Execution:
    if episode is None or task.reference is None:
        return _Execution([])
    refused = [
        Failure(Code.TOOL_REFUSED, f"/calls/{i}", f"The tool refused: {result.error[:200]}")
        for i, (one, result) in enumerate(zip(checked, episode.results, strict=True))
        if one.valid and result.error is not None
    ]
    if pairing.right:
        # The author calls these calls equal, in this spelling, so a reference would run the very
        # same; only a refusal by the tool, or another order, can still speak against them.
        failures = refused + _order_matters(checked, pairing, task, episode)
        return _Execution(failures, holds=not failures)
    state_differs = not same_state(episode, task.reference)
    writes_differ = not same_writes(episode, task.reference, ordered=ordered)
    failures = refused + _different_results(checked, pairing, episode, task.reference)
    if state_differs:
        failures.append(Failure(Code.WRONG_STATE, "", "The calls leave another state behind."))
    elif writes_differ:
        failures.append(Failure(Code.WRONG_WRITES, "", "The calls write something else."))
    same_effects = not state_differs and not writes_differ
    if same_effects and _equivalent(checked, task, episode, ordered=ordered):
        return _Execution([], equivalent=True)
    return _Execution(failures, same_effects=same_effects)


def _equivalent(
    checked: Sequence[CheckedCall], task: Task, episode: Episode, *, ordered: bool
) -> bool:
    """Whether different calls count as right because they come to the same."""
    if task.reference is None or not all(one.valid for one in checked):
        return False
    if len(checked) > len(task.truth.calls):
        return False  # a surplus call is one, whatever it comes to
    match task.truth.equivalence:
        case "result":
            return same_results(episode, task.reference, ordered=ordered)
        case "state":
            return all(result.error is None for result in episode.results)
        case "arguments":
            return False


def _order_matters(
    checked: Sequence[CheckedCall], pairing: Pairing, task: Task, episode: Episode
) -> list[Failure]:
    """What the completion's own order of the right calls makes different from the expected order:
    what a read returns, or which of two writes to one place comes last. What parallel calls number
    or append may differ."""
    if all(p.actual == p.expected for p in pairing.pairs) or task.offer.toolset is None:
        return []
    in_order = sorted(pairing.pairs, key=lambda p: p.expected)
    expected = run(task.offer.toolset, [checked[p.actual].call for p in in_order])
    failures = [
        _wrong_result(p.actual, expected.results[p.expected], episode.results[p.actual])
        for p in pairing.pairs
        if task.offer.tools[checked[p.actual].call.name].read_only
        and episode.results[p.actual].error is None
        and not same_result(episode.results[p.actual], expected.results[p.expected])
    ]
    if not same_last_writes(episode, expected):
        message = "In this order the calls leave another state behind."
        failures.append(Failure(Code.WRONG_STATE, "", message))
    return failures


def _wrong_result(index: int, expected: ToolResult, actual: ToolResult) -> Failure:
    message = "The call returns something else than the expected one."
    return Failure(Code.WRONG_RESULT, f"/calls/{index}", message, expected.value, actual.value)


def _different_results(
    checked: Sequence[CheckedCall], pairing: Pairing, episode: Episode, reference: Episode
) -> list[Failure]:
    failures = []
    for p in pairing.pairs:
        actual, expected = episode.results[p.actual], reference.results[p.expected]
        if checked[p.actual].valid and actual.error is None and not same_result(actual, expected):
            failures.append(_wrong_result(p.actual, expected, actual))
    return failures


def _qualities(
    checked: Sequence[CheckedCall], pairing: Pairing, episode: Episode | None, task: Task
) -> tuple[PairQuality, ...]:
    """One quality for each of the min(calls, expected) pairs: those of equal name, then as many
    pairs of different names as are left, declared tools first."""
    qualities = []
    for p in pairing.pairs:
        valid = checked[p.actual].valid
        executed = None
        if episode is not None and task.reference is not None:
            result = episode.results[p.actual]
            executed = (
                result.error is None
                if p.equal
                else same_result(result, task.reference.results[p.expected])
            )
        qualities.append(
            PairQuality(
                declared=True,
                name=True,
                schema=valid,
                argument_names=p.match.names_f1 if valid else 0.0,
                argument_values=p.match.values if valid else 0.0,
                n_equal_values=p.match.n_equal if valid else 0,
                arguments=p.equal,
                execution=executed,
            )
        )
    n_wrong = min(len(pairing.unmatched), len(pairing.missing))
    n_declared = sum(checked[i].declared for i in pairing.unmatched)
    executed = None if episode is None else False
    qualities += [
        PairQuality(declared=k < n_declared, name=False, schema=False, execution=executed)
        for k in range(n_wrong)
    ]
    return tuple(qualities)


def _call_components(
    pairs: Sequence[PairQuality],
    checked: Sequence[CheckedCall],
    execution: _Execution,
    observed: Observed,
    task: Task,
) -> Components:
    text = 0.0 if observed is Observed.MIXED else 1.0
    executes = task.offer.toolset is not None
    if execution.equivalent:
        return Components(1.0, 1.0, 1.0, 1.0, 1.0 if executes else None, text)
    n, m = len(checked), len(task.truth.calls)
    executed = share([float(p.execution or False) for p in pairs], n, m)
    return Components(
        parse=1.0,
        name=share([float(p.name) for p in pairs], n, m),
        schema=share([float(p.schema) for p in pairs], n, m),
        arguments=share([p.argument_values for p in pairs], n, m),
        execution=(executed if execution.same_effects else 0.0) if executes else None,
        text=text,
    )


# Text was due


def _judge_text_due(
    parsed: Parsed, speech: Speech, observed: Observed, task: Task, options: Options
) -> Judgement:
    if stray := tuple(stray_messages(parsed)):
        text = TextJudgement(0.0, stray)
    elif observed in {Observed.EXECUTE, Observed.MIXED, Observed.MALFORMED}:
        text = TextJudgement(0.0, (*parsed.malformed, *parsed.problems))
        text = replace(text, failures=(*text.failures, _mismatch(task.truth.behavior, observed)))
    elif parsed.sentinel is not None and speech.act == "empty":
        text = _judge_sentinel(parsed.sentinel.name, task.truth.behavior, options)
    else:
        text = _judge_speech(speech, parsed.content, task)
    odd = any(p.code in _CONTRADICTIONS for p in parsed.problems)
    score = min(text.score, 0.5) if odd else text.score
    reasons = () if score == 1.0 else parsed.problems
    return Judgement(
        expected=task.truth.behavior,
        observed=observed,
        full=score == 1.0,
        ceiling=Tier.FULL if score == 1.0 else Tier.PARTIAL if score else Tier.NONE,
        components=Components(parse=0.0 if observed is Observed.MALFORMED else 1.0, text=score),
        failures=(*text.failures, *(one for one in reasons if one not in text.failures)),
        text=score,
    )


def _judge_sentinel(name: str, expected: Behavior, options: Options) -> TextJudgement:
    if expected is not Behavior.NO_CALL:
        return TextJudgement(0.0, (_mismatch(expected, Observed.ANSWER),))
    if name == options.no_call_sentinel:
        return TextJudgement(1.0, ())
    message = "This says that no call is needed, but not by the declared sentinel."
    failure = Failure(
        Code.UNDECLARED_SENTINEL, "/text", message, options.no_call_sentinel, name[:200]
    )
    return TextJudgement(0.5, (failure,))


def _judge_speech(speech: Speech, content: str, task: Task) -> TextJudgement:
    truth = task.truth
    match truth.behavior:
        case Behavior.CLARIFY:
            return judge_clarify(
                speech,
                content,
                missing=truth.missing,
                aliases=truth.aliases,
                given=truth.given,
                parameters=_parameters_in_play(task),
                reference=truth.text,
                forbidden=truth.forbidden,
            )
        case Behavior.REFUSE:
            return judge_refuse(speech, content, forbidden=truth.forbidden, reference=truth.text)
        case _:
            return judge_no_call(speech, content, forbidden=truth.forbidden, reference=truth.text)


def _parameters_in_play(task: Task) -> tuple[str, ...]:
    """The parameters of the tools that have every missing one: a question may ask for one more."""
    schemas = task.offer.schemas.values()
    missing = set(task.truth.missing)
    fitting = [s for s in schemas if missing and missing <= set(s.properties)] or list(schemas)
    names = dict.fromkeys(name for schema in fitting for name in schema.properties)
    return tuple(name for name in names if name not in missing)
