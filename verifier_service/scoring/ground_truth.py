"""Every accepted spelling of a ground truth, translated to the canonical one.

Source: scoring.md section 2; the dataset forms are those of the SageMaker RLVR recipe
(`reward_model.ground_truth`, `tool_call`), of the financial tool-calling lesson (`gold_call`,
`expected_result`), of the OpenAI chat API (`tool_calls`) and of BFCL (possible-answer lists).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn

from sandbox_tools.types import Json
from verifier_service.scoring.codes import Code
from verifier_service.scoring.errors import BadTask
from verifier_service.scoring.json_text import JsonFault, decode
from verifier_service.scoring.match import parse_rule
from verifier_service.scoring.text import behavior_of, missing_in_question
from verifier_service.scoring.types import (
    AnyOf,
    Behavior,
    GroundTruth,
    Limits,
    MatchRule,
    Options,
    ToolCall,
    Tools,
)
from verifier_service.scoring.values import pointer

CANONICAL_FIELDS: Final = (
    "behavior", "calls", "order", "match", "equivalence", "expected_result",
    "text", "missing", "aliases", "given", "forbidden",
)  # fmt: skip
ARGUMENT_KEYS: Final = ("arguments", "parameters", "args", "input", "params")
ROW_KEYS: Final = ("ground_truth", "reward_model", "gold_call", "tool_call", "tool_calls")
ROW_REFINEMENTS: Final[tuple[str, ...]] = (
    "order", "match", "equivalence", "expected_result", "missing", "aliases", "given", "forbidden",
)  # fmt: skip
"""Canonical fields that a dataset row may carry beside its own form of the calls or text."""

BEHAVIORS: Final = {behavior.value: behavior for behavior in Behavior}

_LIKE_JSON: Final = re.compile(r"[{\[]\s*[{\[\"'\]}]")

ReadCalls = Callable[[str], Sequence[ToolCall]]
"""Reads the calls of a text in any tool-call format; no calls where it is prose."""


def read_ground_truth(
    raw: Json, *, tools: Tools, options: Options, limits: Limits, read_calls: ReadCalls
) -> GroundTruth:
    """The canonical ground truth of a canonical object or of any accepted dataset form.

    Raises:
        BadTask: The form is unknown or a field is wrong; names the field.
    """
    return _Reader(tools, options, limits, read_calls).read(raw, ("ground_truth",))


Path = tuple[str | int, ...]


def _fail(path: Path, message: str) -> NoReturn:
    raise BadTask(Code.TASK_GROUND_TRUTH, pointer(*path), message)


class _Reader:
    """Carries what every form needs: the tools on offer, the options and the reader of calls."""

    def __init__(
        self, tools: Tools, options: Options, limits: Limits, read_calls: ReadCalls
    ) -> None:
        self.tools, self.options, self.limits = tools, options, limits
        self.read_calls = read_calls

    def read(self, raw: Json, path: Path) -> GroundTruth:
        if isinstance(raw, str):
            return self.read_text(raw, path)
        if isinstance(raw, list):
            return self.read_list(raw, path)
        if isinstance(raw, dict):
            return self.read_object(raw, path)
        _fail(
            path, "A ground truth is an object, a list of calls, or a string of either or of text."
        )

    def read_text(self, text: str, path: Path) -> GroundTruth:
        stripped = text.strip()
        if not stripped:
            _fail(path, "The ground truth is empty; give the expected calls or a reference text.")
        try:
            decoded = decode(stripped, self.limits)
        except JsonFault as fault:
            if _LIKE_JSON.match(stripped):
                _fail(path, f"The ground truth looks like JSON but is none: {fault.message}.")
        else:
            if isinstance(decoded, dict | list) or (isinstance(decoded, str) and decoded != text):
                return self.read(decoded, path)
        if calls := tuple(self.read_calls(text)):
            return self.from_calls(calls)
        if stripped == self.options.no_call_sentinel:
            return GroundTruth(Behavior.NO_CALL)
        if stripped.partition("(")[0] in self.tools:
            _fail(path, "The ground truth looks like a call; write it as JSON.")
        return self.from_reference_text(text)

    def from_reference_text(self, text: str) -> GroundTruth:
        behavior = Behavior(behavior_of(text))
        missing: tuple[str, ...] = ()
        if behavior is Behavior.CLARIFY:
            missing = missing_in_question(text, _required_parameters(self.tools))
        return GroundTruth(behavior, text=text, missing=missing)

    def read_list(self, raw: list[Json], path: Path) -> GroundTruth:
        if raw and all(self.is_possible_answer(element) for element in raw):
            calls = [self.possible_answer(element) for element in raw]
        else:
            calls = [self.call(element, (*path, i)) for i, element in enumerate(raw)]
        return self.from_calls(tuple(calls))

    def read_object(self, raw: dict[str, Json], path: Path) -> GroundTruth:
        # Tables pad the rows of a column with nulls: null means that a member is left out.
        raw = {key: value for key, value in raw.items() if value is not None}
        if "behavior" in raw or "calls" in raw:
            return self.canonical(raw, path)
        for key in ROW_KEYS:
            if key in raw:
                return self.read_row(key, raw, path)
        if self.is_possible_answer(raw):
            return self.from_calls((self.possible_answer(raw),))
        if "name" in raw or "function" in raw:
            return self.from_calls((self.call(raw, path),))
        if raw.get("role") == "assistant" and isinstance(raw.get("content"), str):
            return self.read_text(raw["content"], (*path, "content"))
        known = difflib.get_close_matches(next(iter(raw), ""), CANONICAL_FIELDS, n=1)
        hint = f' Did you mean "{known[0]}"?' if known else ""
        _fail(path, f'A ground-truth object needs "behavior", or a known dataset field.{hint}')

    def read_row(self, key: str, raw: dict[str, Json], path: Path) -> GroundTruth:
        truth = self.read_member(key, raw, path)
        refined = {name: raw[name] for name in ROW_REFINEMENTS if name in raw}
        if truth.behavior is not Behavior.EXECUTE:
            refined.pop("expected_result", None)
        if not refined:
            return truth
        return replace(truth, **self.fields(refined, truth.calls, path))

    def read_member(self, key: str, raw: dict[str, Json], path: Path) -> GroundTruth:
        value, inner = raw[key], (*path, key)
        if key == "reward_model":
            if not isinstance(value, dict) or value.get("ground_truth") is None:
                _fail(inner, 'reward_model needs a member "ground_truth".')
            return self.read(value["ground_truth"], (*inner, "ground_truth"))
        if key == "tool_call":
            return self.from_calls((self.call(value, inner),))
        if key == "tool_calls":
            calls = _list(value, inner)
            if not calls and isinstance(raw.get("content"), str):
                return self.read_text(raw["content"], (*path, "content"))
            return self.read_list(calls, inner)
        return self.read(value, inner)

    def from_calls(self, calls: tuple[ToolCall, ...]) -> GroundTruth:
        if all(self.is_sentinel(call) for call in calls):
            return GroundTruth(Behavior.NO_CALL)
        return GroundTruth(Behavior.EXECUTE, calls=calls)

    def is_sentinel(self, call: ToolCall) -> bool:
        return (
            call.name == self.options.no_call_sentinel
            and call.name not in self.tools
            and not call.arguments
        )

    # One call, in the spellings of datasets

    def call(self, raw: Json, path: Path) -> ToolCall:
        if isinstance(raw, str):
            try:
                raw = decode(raw, self.limits)
            except JsonFault as fault:
                _fail(path, f"The expected call is not JSON: {fault.message}.")
        if not isinstance(raw, dict):
            _fail(path, 'An expected call is an object {"name", "arguments"}.')
        if isinstance(raw.get("function"), dict):
            return self.call(raw["function"], (*path, "function"))
        name = raw.get("name")
        if not isinstance(name, str) or not name:
            _fail((*path, "name"), "The name of an expected call is a non-empty string.")
        keys = [key for key in ARGUMENT_KEYS if key in raw]
        if len(keys) > 1:
            _fail(path, f"An expected call has both {keys[0]} and {keys[1]}; keep one.")
        if not keys:
            _fail(path, 'An expected call needs "arguments", an object ({} for none).')
        return ToolCall(name, self.arguments(raw[keys[0]], (*path, keys[0])))

    def arguments(self, raw: Json, path: Path) -> dict[str, Json]:
        if isinstance(raw, str):
            try:
                raw = decode(raw, self.limits)
            except JsonFault as fault:
                _fail(path, f"The arguments are a string that is not JSON: {fault.message}.")
        if not isinstance(raw, dict):
            _fail(path, "The arguments of an expected call are an object.")
        return {key: _any_of(value, (*path, key)) for key, value in raw.items()}

    def is_possible_answer(self, raw: Json) -> bool:
        """BFCL's form: one tool name, and for each argument the list of values that are right."""
        if not isinstance(raw, dict) or len(raw) != 1:
            return False
        name, arguments = next(iter(raw.items()))
        return (
            isinstance(arguments, dict)
            and name not in ("function", *ROW_KEYS, *ARGUMENT_KEYS)
            and all(isinstance(values, list) and values for values in arguments.values())
        )

    def possible_answer(self, raw: dict[str, Json]) -> ToolCall:
        name, arguments = next(iter(raw.items()))
        return ToolCall(name, {key: _possible_values(v) for key, v in arguments.items()})

    # The canonical object

    def canonical(self, raw: dict[str, Json], path: Path) -> GroundTruth:
        for key in raw:
            if key not in CANONICAL_FIELDS:
                close = difflib.get_close_matches(key, CANONICAL_FIELDS, n=1)
                hint = f'did you mean "{close[0]}"?' if close else "remove it."
                _fail((*path, key), f"Unknown field of a ground truth; {hint}")
        calls = tuple(
            self.call(call, (*path, "calls", i))
            for i, call in enumerate(_list(raw.get("calls", []), (*path, "calls")))
        )
        truth = GroundTruth(
            self.behavior(raw, calls, path), calls=calls, **self.fields(raw, calls, path)
        )
        if truth.behavior is Behavior.CLARIFY and truth.text is not None and not truth.missing:
            required = _required_parameters(self.tools)
            return replace(truth, missing=missing_in_question(truth.text, required))
        return truth

    def fields(
        self, raw: dict[str, Json], calls: tuple[ToolCall, ...], path: Path
    ) -> dict[str, Any]:
        """The fields that are given, besides the behaviour and the calls."""
        fields = {
            name: self.field(name, value, calls, (*path, name))
            for name, value in raw.items()
            if name not in ("behavior", "calls")
        }
        if "expected_result" in raw:
            fields["has_expected_result"] = True
        return fields

    def field(self, name: str, value: Json, calls: tuple[ToolCall, ...], path: Path) -> Any:
        match name:
            case "order":
                return _choice(value, ("any", "strict"), path)
            case "match":
                return self.match_rules(value, calls, path)
            case "equivalence":
                return _choice(value, ("arguments", "result", "state"), path)
            case "text":
                return _text(value, path)
            case "missing" | "given" | "forbidden":
                return _strings(value, path)
            case "aliases":
                return _aliases(value, path)
        return value

    def behavior(self, raw: dict[str, Json], calls: tuple[ToolCall, ...], path: Path) -> Behavior:
        value = raw.get("behavior", Behavior.EXECUTE if calls else Behavior.NO_CALL)
        behavior = BEHAVIORS.get(value) if isinstance(value, str) else None
        if behavior is None:
            _fail((*path, "behavior"), f"behavior is one of {', '.join(Behavior)}.")
        if behavior is Behavior.EXECUTE and not calls:
            _fail((*path, "calls"), "behavior execute needs at least one expected call.")
        if behavior is not Behavior.EXECUTE and calls:
            _fail((*path, "calls"), f"behavior {behavior} expects no call; remove calls.")
        return behavior

    def match_rules(
        self, raw: Json, calls: tuple[ToolCall, ...], path: Path
    ) -> dict[str, tuple[MatchRule, ...]]:
        if not isinstance(raw, dict):
            _fail(path, 'match is an object of "tool.argument": rule.')
        return {key: self.rules_of(key, rule, calls, (*path, key)) for key, rule in raw.items()}

    def rules_of(
        self, key: str, raw: Json, calls: tuple[ToolCall, ...], path: Path
    ) -> tuple[MatchRule, ...]:
        tool, _, argument = key.rpartition(".")
        if not tool or not argument:
            _fail(path, 'A match rule is named "tool.argument".')
        if all(call.name != tool for call in calls):
            _fail(path, f'No expected call is to "{tool}", so this match rule would do nothing.')
        known = {name for call in calls if call.name == tool for name in call.arguments}
        if tool in self.tools:
            known.update(self.tools[tool].parameters.get("properties", {}))
        if argument not in known:
            _fail(
                path, f'"{tool}" has no argument "{argument}"; it has {", ".join(sorted(known))}.'
            )
        try:
            return tuple(parse_rule(rule) for rule in (raw if isinstance(raw, list) else [raw]))
        except ValueError as error:
            _fail(path, f"{str(error).rstrip('.')}.")


def _required_parameters(tools: Tools) -> list[list[str]]:
    """Those of each tool."""
    listed = (spec.parameters.get("required", []) for spec in tools.values())
    return [[name for name in names if isinstance(name, str)] for names in listed]


def _any_of(value: Json, path: Path) -> Json:
    if not isinstance(value, dict) or "$any_of" not in value:
        if _holds_any_of(value):
            _fail(path, '{"$any_of": […]} may only stand for the whole value of an argument.')
        return value
    alternatives = value["$any_of"]
    if len(value) != 1 or not isinstance(alternatives, list) or not alternatives:
        _fail(path, '{"$any_of": […]} has one member, a list of at least one value.')
    return AnyOf(tuple(alternatives))


def _holds_any_of(value: Json) -> bool:
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if "$any_of" in node:
                return True
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
    return False


def _possible_values(values: list[Json]) -> AnyOf:
    """In BFCL's lists an empty string says that the argument may be left out."""
    real = tuple(value for value in values if value != "")
    return AnyOf(real or ("",), optional="" in values)


def _list(value: Json, path: Path) -> list[Json]:
    if not isinstance(value, list):
        _fail(path, "This is a list.")
    return value


def _strings(value: Json, path: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
        _fail(path, "This is a list of non-empty strings.")
    return tuple(value)


def _aliases(value: Json, path: Path) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        _fail(path, 'aliases is an object of parameter: ["other word", …].')
    return {key: _strings(words, (*path, key)) for key, words in value.items()}


def _text(value: Json, path: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        _fail(path, "text is a non-empty string.")
    return value


def _choice(value: Json, allowed: tuple[str, ...], path: Path) -> str:
    if not isinstance(value, str) or value not in allowed:
        _fail(path, f"{path[-1]} is one of {', '.join(allowed)}.")
    return value
