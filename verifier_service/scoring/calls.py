"""Room 3: the completion's calls against the expected ones.

Calls are paired by a maximum-weight assignment, never greedily: first as many equal pairs as
possible, then the nearest. Source: scoring.md section 5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sandbox_tools.types import Json
from verifier_service.scoring.codes import Code
from verifier_service.scoring.match import ArgumentsMatch, match_arguments
from verifier_service.scoring.offer import Offer
from verifier_service.scoring.pairing import pair
from verifier_service.scoring.tools import declared_name
from verifier_service.scoring.types import AnyOf, Failure, GroundTruth, MatchRule, ToolCall

_EQUAL = 1000.0
_NAME = 1.0
"""One equal pair outweighs any number of near ones (at most 32 calls, each at most 2)."""


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """A call of the completion after validation."""

    call: ToolCall
    """Under the name of the declared tool that it means."""
    declared: bool
    violations: tuple[Failure, ...]

    @property
    def valid(self) -> bool:
        return self.declared and not self.violations


@dataclass(frozen=True, slots=True)
class Pair:
    """A call beside its expected call; both have the same name."""

    actual: int
    expected: int
    match: ArgumentsMatch
    equal: bool
    """The arguments are equal and hold against the schema."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """The assignment between the completion's calls and the expected ones."""

    pairs: tuple[Pair, ...]
    """Pairs of equal name, in order of the completion."""
    unmatched: tuple[int, ...]
    """Calls of the completion without such a pair."""
    missing: tuple[int, ...]
    """Expected calls without such a pair."""
    misplaced: bool = False
    """A strict order is wanted, and the equal calls do not stand in it."""

    @property
    def all_equal(self) -> bool:
        return not self.unmatched and not self.missing and all(p.equal for p in self.pairs)

    @property
    def wrong_order(self) -> bool:
        """Whether every call is right, but a strict order is broken."""
        return self.misplaced and self.all_equal

    @property
    def right(self) -> bool:
        return self.all_equal and not self.misplaced


def check_calls(calls: Sequence[ToolCall], offer: Offer) -> tuple[CheckedCall, ...]:
    """Each call with every violation of its tool's JSON Schema."""
    return tuple(_check(call, i, offer) for i, call in enumerate(calls))


def _check(call: ToolCall, index: int, offer: Offer) -> CheckedCall:
    name = declared_name(call.name, offer.tools)
    schema = offer.schemas.get(name)
    if schema is None:
        return CheckedCall(call, declared=False, violations=())
    if name != call.name:
        call = replace(call, name=name)
    if schema.accepts(call.arguments):
        return CheckedCall(call, declared=True, violations=())
    found = schema.violations(call.arguments, f"/calls/{index}/arguments")
    return CheckedCall(call, declared=True, violations=found)


def pair_calls(
    checked: Sequence[CheckedCall], truth: GroundTruth, offer: Offer, *, ordered: bool
) -> Pairing:
    """The best assignment; `ordered` wants each call in its place as well."""
    rules = _rules_by_tool(truth.match)
    matches = [
        [_match(one, i, expected, rules, offer) for expected in truth.calls]
        for i, one in enumerate(checked)
    ]
    weights = [
        [_weight(one, match) for match in row] for one, row in zip(checked, matches, strict=True)
    ]
    in_place = len(checked) == len(truth.calls) and all(
        weights[i][i] == _EQUAL for i in range(len(checked))
    )
    assigned = [(i, i) for i in range(len(checked))] if in_place else sorted(pair(weights))
    pairs = tuple(
        Pair(i, j, match, weights[i][j] == _EQUAL)
        for i, j in assigned
        if (match := matches[i][j]) is not None
    )
    matched, wanted = {p.actual for p in pairs}, {p.expected for p in pairs}
    return Pairing(
        pairs,
        unmatched=tuple(i for i in range(len(checked)) if i not in matched),
        missing=tuple(j for j in range(len(truth.calls)) if j not in wanted),
        misplaced=ordered and not in_place,
    )


def _rules_by_tool(
    match: Mapping[str, tuple[MatchRule, ...]],
) -> dict[str, dict[str, tuple[MatchRule, ...]]]:
    rules: dict[str, dict[str, tuple[MatchRule, ...]]] = {}
    for key, rule in match.items():
        tool, _, argument = key.rpartition(".")
        rules.setdefault(tool, {})[argument] = rule
    return rules


def _match(
    one: CheckedCall,
    index: int,
    expected: ToolCall,
    rules: Mapping[str, Mapping[str, tuple[MatchRule, ...]]],
    offer: Offer,
) -> ArgumentsMatch | None:
    if one.call.name != expected.name:
        return None
    schema = offer.schemas.get(expected.name)
    return match_arguments(
        one.call.arguments,
        expected.arguments,
        rules=rules.get(expected.name, {}),
        defaults={} if schema is None else schema.defaults,
        path=f"/calls/{index}/arguments",
    )


def _weight(one: CheckedCall, match: ArgumentsMatch | None) -> float:
    if match is None:
        return 0.0
    if one.valid and match.equal:
        return _EQUAL
    near = 0.2 * one.valid + 0.2 * match.names_f1 + 0.6 * match.values
    return _NAME + near


def right_functions(
    checked: Sequence[CheckedCall], pairing: Pairing, truth: GroundTruth, offer: Offer
) -> bool:
    """Whether the called tools are the expected ones as a multiset, or those, all equal, with at
    most as many reads besides: a completion that calls everything is on no path."""
    called = sorted(one.call.name for one in checked)
    if called == sorted(call.name for call in truth.calls):
        return True
    all_expected_equal = not pairing.missing and all(p.equal for p in pairing.pairs)
    few = len(pairing.unmatched) <= len(truth.calls)
    return (
        all_expected_equal and few and all(_is_read(checked[i], offer) for i in pairing.unmatched)
    )


def writes_beyond(
    checked: Sequence[CheckedCall], pairing: Pairing, truth: GroundTruth, offer: Offer
) -> tuple[int, ...]:
    """The calls that were not expected and may have had side effects.

    A wrong tool in the place of an expected one counts only where the toolset's author has said
    what is read-only; inline schemas are silent about it more often than not.
    """
    if len(checked) <= len(truth.calls) and offer.toolset is None:
        return ()
    return tuple(
        i
        for i in pairing.unmatched
        if not _is_read(checked[i], offer)
        and (checked[i].declared or len(checked) > len(truth.calls))
    )


def _is_read(one: CheckedCall, offer: Offer) -> bool:
    spec = offer.tools.get(one.call.name)
    return spec is not None and spec.read_only


def first_choices(truth: GroundTruth) -> tuple[ToolCall, ...]:
    """The expected calls with the first value of every `$any_of`."""
    return tuple(map(_first_choice, truth.calls))


def _first_choice(call: ToolCall) -> ToolCall:
    if not any(isinstance(value, AnyOf) for value in call.arguments.values()):
        return call
    return ToolCall(call.name, {k: _first(v) for k, v in call.arguments.items() if v != _LEFT_OUT})


_LEFT_OUT: Final = AnyOf(("",), optional=True)
"""In possible-answer lists: an argument that may only be left out, or be empty."""


def _first(value: Json) -> Json:
    return value.values[0] if isinstance(value, AnyOf) else value


def spread(value: Json) -> Json:
    """An expected value as the ground truth spells it, for a failure's `expected`."""
    return {"$any_of": list(value.values)} if isinstance(value, AnyOf) else value


def share(values: Sequence[float], n_calls: int, n_expected: int) -> float:
    """Sum of per-call credits over the larger count: a surplus lowers it like precision."""
    return math.fsum(values) / max(n_calls, n_expected, 1)


def call_failures(
    checked: Sequence[CheckedCall], pairing: Pairing, truth: GroundTruth, beyond: Sequence[int]
) -> list[Failure]:
    """Why the calls are not the expected ones, in order of the calls."""
    failures: list[Failure] = []
    n_wrong = min(len(pairing.unmatched), len(pairing.missing))
    wanted = sorted({truth.calls[j].name for j in pairing.missing})
    paired = {p.actual: p for p in pairing.pairs}
    for i, one in enumerate(checked):
        if i in paired:
            failures += one.violations or paired[i].match.failures
        elif not one.declared:
            failures.append(_unmatched(Code.UNKNOWN_TOOL, i, one, wanted or None))
        elif i in beyond:
            failures.append(_unmatched(Code.SURPLUS_WRITE, i, one, None))
        elif n_wrong > 0:
            failures.append(_unmatched(Code.WRONG_TOOL, i, one, wanted))
        else:
            failures.append(_unmatched(Code.SURPLUS_CALL, i, one, None))
    if pairing.wrong_order:
        names = [call.name for call in truth.calls]
        message = "The right calls stand in another order than the strict one."
        failures.append(Failure(Code.WRONG_ORDER, "/calls", message, names))
    for j in pairing.missing:
        call = truth.calls[j]
        arguments = {k: spread(v) for k, v in call.arguments.items()}
        failures.append(
            Failure(
                Code.MISSING_CALL,
                "/calls",
                f"The expected call to {call.name} was not made.",
                expected={"name": call.name, "arguments": arguments},
            )
        )
    return failures


_UNMATCHED_MESSAGES = {
    Code.UNKNOWN_TOOL: "No tool of this name is declared.",
    Code.SURPLUS_WRITE: "This call was not expected and its tool may have side effects.",
    Code.WRONG_TOOL: "Another tool was expected.",
    Code.SURPLUS_CALL: "This call was not expected.",
}


def _unmatched(code: Code, index: int, one: CheckedCall, expected: Json) -> Failure:
    name = one.call.name[:200]
    return Failure(code, f"/calls/{index}/name", _UNMATCHED_MESSAGES[code], expected, name)
