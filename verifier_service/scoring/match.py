"""Room 3: the arguments of a call against those of the ground truth, under its match rules."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Final, get_args

from sandbox_tools.json_values import nfc
from sandbox_tools.types import ABSENT, Json
from verifier_service.scoring.codes import Code
from verifier_service.scoring.dates import calendar_day
from verifier_service.scoring.pairing import pair
from verifier_service.scoring.schema_messages import quote
from verifier_service.scoring.schema_patterns import compile_pattern
from verifier_service.scoring.types import (
    AnyOf,
    Failure,
    MatchRule,
    NamedRule,
    Regex,
    Tolerance,
)
from verifier_service.scoring.values import (
    SCALARS,
    abridged,
    exact,
    is_number,
    json_equal,
    ordering,
    pointer,
)

SPACE: Final = re.compile(r"\s+")
LARGEST_ASSIGNMENT: Final = 32
"""Longer unordered arrays are compared in sorted order only."""


@dataclass(frozen=True, slots=True)
class ArgumentsMatch:
    """How far the arguments of a call are those of the expected call."""

    differences: Mapping[str, Code]
    """Why each argument differs that does, whether or not it was given."""
    names_f1: float
    """F1 of the argument names, 0 to 1, the right omissions left out; 1 where there are none."""
    values: float
    """Share of the arguments of either call whose values are equal, 0 to 1; 1 without any."""
    n_equal: int
    """Arguments of the expected call that are equal, right omissions and ignored ones included."""
    _actual: Mapping[str, Json]
    _expected: Mapping[str, Json]
    _path: str

    @property
    def equal(self) -> bool:
        return not self.differences

    @property
    def failures(self) -> tuple[Failure, ...]:
        """One for each argument that differs, by its own path.

        Made on demand: of all pairs of calls that are compared, few are told of.
        """
        found = (
            _failure(
                code,
                self._path + pointer(name),
                name,
                self._actual.get(name, ABSENT),
                self._expected.get(name, ABSENT),
            )
            for name, code in self.differences.items()
        )
        return tuple(sorted(found, key=lambda failure: failure.path))


def match_arguments(
    actual: Mapping[str, Json],
    expected: Mapping[str, Json],
    *,
    rules: Mapping[str, tuple[MatchRule, ...]],
    defaults: Mapping[str, Json],
    path: str,
) -> ArgumentsMatch:
    """Compare the arguments of a call with the expected ones, one by one.

    An omitted argument equals its declared default, on either side: null equals omission only where
    the default is null. `AnyOf` values are equal to any of theirs and may be optional.

    Args:
        expected: Values may be `AnyOf`.
        rules: By argument; without a rule `json_equal` decides.
        defaults: By argument, as the tool's schema declares them.
        path: JSON Pointer of `actual`.
    """
    # A policy may write thousands of names, once for each of the pairs that are compared.
    strange = actual.keys() - expected.keys() - defaults.keys() - rules.keys()
    differences = dict.fromkeys(strange, Code.ARGUMENT_UNEXPECTED)
    n_names = n_either = len(strange)
    n_both = 0
    for name in (*expected, *(actual.keys() - expected.keys() - strange)):
        its_rules = rules.get(name, ())
        if "ignore" in its_rules:
            continue
        given, wanted = actual.get(name, ABSENT), expected.get(name, ABSENT)
        code = _difference(given, wanted, defaults.get(name, ABSENT), its_rules)
        if code is not None:
            differences[name] = code
        n_names += 1
        if given is not ABSENT and wanted is not ABSENT:
            n_both += 1
            n_either += 2
        elif code is not None:
            n_either += 1
    n_unexpected = list(differences.values()).count(Code.ARGUMENT_UNEXPECTED)
    return ArgumentsMatch(
        differences,
        names_f1=2 * n_both / n_either if n_either else 1.0,
        values=1 - len(differences) / n_names if n_names else 1.0,
        n_equal=len(expected) - len(differences) + n_unexpected,
        _actual=actual,
        _expected=expected,
        _path=path,
    )


def parse_rule(value: Json) -> MatchRule:
    """The match rule that a dataset writes as a name, `{"tolerance": x}` or `{"regex": "..."}`.

    Raises:
        ValueError: No such rule; the text says which there are.
    """
    names = get_args(NamedRule)
    if isinstance(value, str):
        for name in names:
            if value == name:
                return name  # type: ignore[no-any-return]  # a member of the literal
    if isinstance(value, dict) and value.keys() == {"tolerance"}:
        return Tolerance(_tolerance(value["tolerance"]))
    if isinstance(value, dict) and value.keys() == {"regex"}:
        return Regex(_pattern(value["regex"]))
    raise ValueError(
        f"{quote(value)} is no match rule; use {', '.join(names)}, "
        '{"tolerance": number} or {"regex": "pattern"}'
    )


def equal_under(rules: Sequence[MatchRule], actual: Json, expected: Json) -> bool:
    """Whether a value equals an expected one; no rule makes two JSON types equal.

    Rules that rewrite strings (`casefold`, `strip`, `collapse_space`, `date`) apply first, in their
    order and to every string inside; then a regex decides alone, else numbers may differ by the
    tolerance and the outermost arrays are multisets if `unordered`.
    """
    if isinstance(expected, AnyOf):
        return any(equal_under(rules, actual, value) for value in expected.values)
    if type(actual) not in SCALARS and _outgrows(actual, expected):
        return False
    if not rules:
        return json_equal(actual, expected)
    for rewrite in [REWRITES[rule] for rule in rules if isinstance(rule, str) and rule in REWRITES]:
        actual, expected = _rewritten(actual, rewrite), _rewritten(expected, rewrite)
    patterns = [rule.pattern for rule in rules if isinstance(rule, Regex)]
    if patterns:
        return isinstance(actual, str) and all(
            compile_pattern(each).fullmatch(actual) for each in patterns
        )
    tolerance = max((rule.absolute for rule in rules if isinstance(rule, Tolerance)), default=None)
    if tolerance is None and "unordered" not in rules:
        return json_equal(actual, expected)
    actual, expected = _rewritten(actual, nfc), _rewritten(expected, nfc)
    if "unordered" in rules:
        return _near(_in_order(actual), _in_order(expected), tolerance, unordered=True)
    return _near(actual, expected, tolerance, unordered=False)


def _difference(
    given: Json, wanted: Json, default: Json, rules: Sequence[MatchRule]
) -> Code | None:
    """Why an argument differs; each of the three values may be `ABSENT`."""

    may_be_left_out = isinstance(wanted, AnyOf) and wanted.optional
    if wanted is ABSENT:
        return None if _by_default(given, default, rules) else Code.ARGUMENT_UNEXPECTED
    if given is not ABSENT:
        is_right = equal_under(rules, given, wanted) or (
            may_be_left_out and _by_default(given, default, rules)
        )
        return None if is_right else Code.ARGUMENT_VALUE
    if may_be_left_out:
        return None
    is_right = default is not ABSENT and equal_under(rules, default, wanted)
    return None if is_right else Code.ARGUMENT_MISSING


def _by_default(value: Json, default: Json, rules: Sequence[MatchRule]) -> bool:
    """Whether a value might as well have been left out."""
    return default is not ABSENT and equal_under(rules, value, default)


def _failure(code: Code, path: str, name: str, given: Json, wanted: Json) -> Failure:
    if code is Code.ARGUMENT_UNEXPECTED:
        message = f"{quote(name)} is not among the expected arguments"
        return Failure(code, path, message, actual=abridged(given))
    if code is Code.ARGUMENT_MISSING:
        message = f"{quote(name)} was left out where {_words(wanted)} was expected"
        return Failure(code, path, message, expected=_shown(wanted))
    message = f"{quote(name)} is {quote(given)} where {_words(wanted)} was expected"
    return Failure(code, path, message, _shown(wanted), abridged(given))


def _shown(wanted: Json) -> Json:
    if isinstance(wanted, AnyOf):
        return {"$any_of": abridged(list(wanted.values))}
    return abridged(wanted)


def _words(wanted: Json) -> str:
    if isinstance(wanted, AnyOf):
        return f"one of {quote(list(wanted.values))}"
    return quote(wanted)


def _outgrows(value: Json, expected: Json) -> bool:
    """Whether a value has more parts than the expected one, which no rule overlooks.

    The policy chooses the value: so comparing takes no longer than the expected one is large.
    """
    pending, room = [value], _n_parts(expected)
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping | list | tuple):
            room -= len(node)
            if room < 0:
                return True
            pending.extend(node.values() if isinstance(node, Mapping) else node)
    return False


def _n_parts(value: Json) -> int:
    """How many members and items there are at all levels."""
    n_parts, pending = 0, [value]
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping | list | tuple):
            n_parts += len(node)
            pending.extend(node.values() if isinstance(node, Mapping) else node)
    return n_parts


def _in_order(value: Json) -> Json:
    """The value with its outermost arrays sorted: the items of a list of points are no sets."""
    if isinstance(value, Mapping):
        return {name: _in_order(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return sorted(value, key=ordering)
    return value


def _rewritten(value: Json, rewrite: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        return rewrite(nfc(value))
    if isinstance(value, Mapping):
        return {name: _rewritten(member, rewrite) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_rewritten(item, rewrite) for item in value]
    return value


def _collapsed(text: str) -> str:
    return SPACE.sub(" ", text)


def _day(text: str) -> str:
    day = calendar_day(text)
    return text if day is None else day.isoformat()


REWRITES: Final[Mapping[str, Callable[[str], str]]] = {
    "casefold": str.casefold,
    "strip": str.strip,
    "collapse_space": _collapsed,
    "date": _day,
}


def _near(actual: Json, expected: Json, tolerance: float | None, *, unordered: bool) -> bool:
    """Whether values are equal but for the tolerance; if `unordered`, their outermost arrays
    are sorted."""
    near = partial(_near, tolerance=tolerance, unordered=unordered)
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        return actual.keys() == expected.keys() and all(
            near(actual[name], expected[name]) for name in actual
        )
    if isinstance(actual, list | tuple) and isinstance(expected, list | tuple):
        if len(actual) != len(expected):
            return False
        in_place = partial(_near, tolerance=tolerance, unordered=False)
        if all(map(in_place, actual, expected)):
            return True
        return unordered and _same_multiset(actual, expected, in_place)
    if tolerance is not None and is_number(actual) and is_number(expected):
        return _distance(actual, expected) <= exact(tolerance) or json_equal(actual, expected)
    return json_equal(actual, expected)


def _distance(left: float, right: float) -> Fraction:
    """As written in decimals: 1.01 and 1 are 0.01 apart."""
    return abs(exact(left) - exact(right))


def _same_multiset(
    actual: Sequence[Json], expected: Sequence[Json], near: Callable[[Json, Json], bool]
) -> bool:
    # Nearness within arrays and objects does not follow their order.
    if len(actual) > LARGEST_ASSIGNMENT or not any(
        isinstance(item, Mapping | list | tuple) for item in expected
    ):
        return False
    weights = [[float(near(one, other)) for other in expected] for one in actual]
    return all(weights[i][j] for i, j in pair(weights))


def _tolerance(value: Json) -> float:
    if not is_number(value) or not 0 <= value <= sys.float_info.max:
        raise ValueError(f"the tolerance is {quote(value)}; write a number of 0 or more")
    return float(value)


def _pattern(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError(f"the regex is {quote(value)}; write a string")
    try:
        compile_pattern(value)
    except ValueError as error:
        raise ValueError(f"the regex {quote(value)} cannot be read: {error}") from error
    return value
