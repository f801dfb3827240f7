"""Families that write literals, or JSON on channels: what their templates render comes back."""

from __future__ import annotations

import json
import keyword
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox_tools.types import ToolSpec
from verifier_service.scoring.codes import Code
from verifier_service.scoring.parse import parse
from verifier_service.scoring.types import Limits, Parsed

TOOLS = {name: ToolSpec(name, "", {"type": "object"}) for name in ("f", "g")}

Arguments = dict[str, Any]
Calls = Sequence[tuple[str, Arguments]]
Render = Callable[[Calls], str]


# The templates, written from the formats' descriptions


def python_call(name: str, arguments: Arguments) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def python_list(calls: Calls) -> str:
    return f"[{', '.join(python_call(*call) for call in calls)}]"


def python_lines(calls: Calls) -> str:
    return "\n".join(python_call(*call) for call in calls)


def gemma(opener: str, closer: str, delimiter: str) -> Render:
    def value(each: object) -> str:
        if isinstance(each, str):
            return f"{delimiter}{each}{delimiter}"
        if isinstance(each, dict):
            return "{" + ",".join(f"{k}:{value(v)}" for k, v in each.items()) + "}"
        if isinstance(each, list):
            return "[" + ",".join(map(value, each)) + "]"
        return json.dumps(each)

    return lambda calls: "".join(f"{opener}call:{n}{value(a)}{closer}" for n, a in calls)


def harmony(header: str) -> Render:
    def message(name: str, arguments: Arguments) -> str:
        start = header.replace("NAME", f"functions.{name}")
        return f"<|start|>assistant{start}<|message|>{json.dumps(arguments)}<|call|>"

    return lambda calls: "".join(message(*call) for call in calls).removeprefix(
        "<|start|>assistant"
    )


def stripped_harmony(calls: Calls) -> str:
    return "assistant".join(
        f"commentary to=functions.{name} json{json.dumps(arguments)}" for name, arguments in calls
    )


def named(first: str, second: str) -> Render:
    return lambda calls: "\n".join(
        f"{first}{name}\n{second}{json.dumps(arguments, ensure_ascii=False)}"
        for name, arguments in calls
    )


RENDER: dict[str, tuple[str, Render]] = {
    "pythonic": ("pythonic", python_list),
    "Llama 4": ("pythonic", lambda c: f"<|python_start|>{python_list(c)}<|python_end|>"),
    "Gemma 3": ("pythonic", lambda c: f"```tool_code\n{python_lines(c)}\n```"),
    "LFM2": ("lfm2", lambda c: f"<|tool_call_start|>{python_list(c)}<|tool_call_end|>"),
    "Olmo 3": ("olmo3", lambda c: f"<function_calls>\n{python_lines(c)}\n</function_calls>"),
    "Nemotron Ultra": ("nemotron", lambda c: f"<TOOLCALL>{python_list(c)}</TOOLCALL>"),
    "Gemma 4": ("gemma4", gemma("<|tool_call>", "<tool_call|>", '<|"|>')),
    "FunctionGemma": (
        "functiongemma",
        gemma("<start_function_call>", "<end_function_call>", "<escape>"),
    ),
    "harmony": ("harmony", harmony("<|channel|>commentary to=NAME <|constrain|>json")),
    "harmony's template": ("harmony", harmony(" to=NAME<|channel|>commentary json")),
    "harmony, stripped": ("harmony", stripped_harmony),
    "Functionary": ("functionary_v3.2", named(">>>", "")),
    "Qwen-Agent": ("qwen_agent", named("✿FUNCTION✿: ", "✿ARGS✿: ")),
    "ReAct": ("react", named("Action: ", "Action Input: ")),
}
EVERY_FAMILY = pytest.mark.parametrize("family", RENDER)

MARKS = [
    *("</think>", "<think>", "<|python_end|>", "<|tool_call_end|>", "</function_calls>", ")]"),
    *("</TOOLCALL>", "<tool_call|>", "<end_function_call>", "<|call|>", "<|start|>assistant"),
    *(
        "<|channel|>final<|message|>",
        "```",
        "\n✿FUNCTION✿: g",
        "\n>>>g\n{}",
        "\nAction: g",
        "'\"\\",
    ),
    *("<tool_call>{}</tool_call>", "assistantfinal", "# no comment", "true", "3", "null", "{a:1}"),
]
TEXT = st.text(max_size=20) | st.sampled_from(MARKS)
KEYS = st.from_regex("[a-z_]{1,6}", fullmatch=True) | st.sampled_from(keyword.kwlist)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
CALLS = st.lists(
    st.tuples(st.sampled_from("fg"), st.dictionaries(KEYS, VALUES, max_size=3)),
    min_size=1,
    max_size=3,
)


def read(text: str, family: str) -> Parsed:
    return parse(text, tools=TOOLS, format="react" if family == "ReAct" else "auto")


def typed(calls: Calls) -> list[tuple[str, str]]:
    return [(name, json.dumps(arguments, sort_keys=True)) for name, arguments in calls]


def called(parsed: Parsed) -> list[tuple[str, str]]:
    return typed([(call.name, dict(call.arguments)) for call in parsed.calls])


@EVERY_FAMILY
@given(calls=CALLS)
@settings(max_examples=40, deadline=None)
def test_rendered_calls_come_back_equal(family: str, calls: Calls) -> None:
    name, render = RENDER[family]
    parsed = read(render(calls), family)
    assert (parsed.format, parsed.malformed, parsed.problems) == (name, (), ())
    assert called(parsed) == typed(calls)
    assert parsed.content == ""


@EVERY_FAMILY
@given(calls=CALLS)
@settings(max_examples=12, deadline=None)
def test_calls_in_reasoning_are_none(family: str, calls: Calls) -> None:
    text = RENDER[family][1](calls)
    for closing in ("", "</think>"):
        assert read(f"<think>{text}{closing}", family).calls == ()


@EVERY_FAMILY
@given(calls=CALLS)
@settings(max_examples=12, deadline=None)
def test_a_text_cut_anywhere_yields_the_first_calls_or_none(family: str, calls: Calls) -> None:
    text = RENDER[family][1](calls)
    for end in range(0, len(text), 1 + len(text) // 40):
        found = called(read(text[:end], family))
        assert found == typed(calls)[: len(found)]


@EVERY_FAMILY
def test_a_text_cut_within_its_call_is_no_clean_text(family: str) -> None:
    text = RENDER[family][1]([("f", {"n": "value"})])
    start = text.rindex("n", 0, text.index("value"))
    for end in range(start + 1, text.index("value") + 5):
        parsed = read(text[:end], family)
        assert [failure.code for failure in parsed.malformed] == [Code.TRUNCATED], text[:end]


@EVERY_FAMILY
def test_calls_beyond_the_limit_fail_the_completion(family: str) -> None:
    text = RENDER[family][1]([("f", {})] * 4)
    declared = "react" if family == "ReAct" else "auto"
    parsed = parse(text, tools=TOOLS, format=declared, limits=Limits(calls=3))
    assert len(parsed.calls) == 3
    assert [failure.code for failure in parsed.malformed] == [Code.LIMIT_CALLS]


@EVERY_FAMILY
def test_a_family_is_read_where_its_format_is_declared(family: str) -> None:
    name, render = RENDER[family]
    parsed = parse(render([("f", {"a": 1})]), tools=TOOLS, format=name)
    assert (called(parsed), parsed.malformed) == ([("f", '{"a": 1}')], ())


# Values that the schema types

TYPES = {
    "text": {"type": "string"},
    "whole": {"type": "integer"},
    "number": {"type": "number"},
    "flag": {"type": "boolean"},
    "maybe": {"type": ["string", "null"]},
    "items": {"type": "array"},
}
DECLARED = {"f": ToolSpec("f", "", {"type": "object", "properties": TYPES})}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("text:12", "12"),
        ("text:true", "true"),
        ("whole:3", 3),
        ("whole:3.0", 3),
        ("whole:three", "three"),
        ("number:5", 5),
        ("flag:True", True),
        ("flag:yes", "yes"),
        ("maybe:null", None),
        ("items:[1,null]", [1, None]),
    ],
)
@pytest.mark.parametrize("family", ["Gemma 4", "FunctionGemma"])
def test_a_bare_value_is_typed_by_the_schema(family: str, argument: str, value: object) -> None:
    text = RENDER[family][1]([("f", {})]).replace("{}", f"{{{argument}}}")
    (call,) = parse(text, tools=DECLARED).calls
    assert typed([("f", dict(call.arguments))]) == typed(
        [("f", {argument.partition(":")[0]: value})]
    )


@pytest.mark.parametrize(
    ("name", "text", "in_function_gemma"),
    [("text", "3", "3"), ("whole", "3", 3), ("flag", "true", True), ("items", "[1]", [1])],
)
def test_a_delimited_value_is_a_string_but_in_function_gemma(
    name: str, text: str, in_function_gemma: object
) -> None:
    for family, value in (("Gemma 4", text), ("FunctionGemma", in_function_gemma)):
        (call,) = parse(RENDER[family][1]([("f", {name: text})]), tools=DECLARED).calls
        assert dict(call.arguments) == {name: value}


# Time

REPEATED = [
    *("[f(", "[f(a=", "[f(a='", '[f(a="""', "[f(),", "f()\n", "[f()] ", "</think>[f(a='", "'''"),
    *("<|python_start|>", "<|python_start|>[f(a='", "<|python_start|>[f()", "<TOOLCALL>[f("),
    *("<function_calls>f(", "<function_calls>f()\n", "```tool_code\nf()\n```\n", "```python\nf("),
    *("[f(a={", "[f(a='x' ", "[f(a=1_", "[f(a='\\N{", "[f(#\n", "<think><|python_start|>[f(a='"),
    *("<|tool_call>", "<|tool_call>call:f{", "<|tool_call>call:f{a:<", "<|tool_call>call:f{a:[,"),
    *('<|tool_call>call:f{a:<|"|>', "<start_function_call>call:f{a:1", "<|channel>thought"),
    *("<|start|>", "<|channel|>", "<|channel|>analysis<|message|>", "<|start|>assistant"),
    *("<|channel|>commentary to=f<|message|>{", "`<|start|>assistant<|message|>x", "<|message|>"),
    *("<|channel|>commentary to=f<|message|>{}<|call|>", "assistantanalysis", "analysis to=f"),
    *("assistantcommentary to=functions.f json{}", "assistant to=functions.f", "commentary"),
    *(">>>f\n{", ">>>f\n", ">>>", "✿FUNCTION✿: f\n✿ARGS✿: {", "✿FUNCTION✿: ", "Action: f\n"),
    *("Action: f\nAction Input: {", "f\n{}\n>>>"),
]


@pytest.mark.parametrize("piece", REPEATED)
def test_time_is_linear_in_the_length(piece: str) -> None:
    declared = "react" if piece.startswith("Action") else "auto"

    def cpu_seconds(n_characters: int) -> float:
        text = piece * (n_characters // len(piece))
        limits = Limits(completion_bytes=10**9)
        started = time.process_time()
        parse(text, tools=TOOLS, format=declared, limits=limits)
        return time.process_time() - started

    # Eight times the text would take 64 times as long if anything were quadratic.
    ratios = (cpu_seconds(32_000) / max(cpu_seconds(4_000), 0.0005) for _ in range(4))
    assert any(ratio < 20 for ratio in ratios)
