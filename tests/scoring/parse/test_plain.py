"""What is read at once is read as the scan of all formats reads it."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.corpus import TOOLSET, mixed
from sandbox_tools import shipped
from tests.scoring.test_corpus_properties import CORPUS, Text
from verifier_service.scoring.parse.parser import _declared, _read_any
from verifier_service.scoring.parse.plain import read_plain
from verifier_service.scoring.parse.records import Context
from verifier_service.scoring.types import Limits, Options

TOOLS = shipped()[TOOLSET].specs
AROUND = (
    "{}",
    " \n{}\n ",
    "{}<|im_end|>",
    "<tool_call>\n{}\n</tool_call>",
    "<tool_call>{}</tool_call><|im_end|>\n",
    "<think>\nThe revenue, then.\n</think>\n\n{}",
    "<think></think><tool_call>\n{}\n</tool_call>",
    "<think>get_revenue(1)</think>{}",
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["<tool_call>", "</think>", "[TOOL_CALLS]", "no_call", "`", "functions.f"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def agree(said: str, context: Context, format_name: str) -> bool:
    """Whether both readers say the same, or the plain one leaves it to the other."""
    declared = _declared(format_name)
    plain = read_plain(said, context, declared)
    return plain is None or plain == _read_any(said, context, declared)


@pytest.mark.parametrize("format_name", ["auto", "hermes", "json"])
def test_every_text_of_the_tables_is_read_alike(format_name: str) -> None:
    def context(text: Text) -> Context:
        return Context(text.tools, text.options, Limits())

    wrong = [
        (text.id, around)
        for text in itertools.chain.from_iterable(CORPUS.values())
        for around in ("{}", "<think>Well.</think>\n{}", "{}<|im_end|>")
        if not agree(around.replace("{}", text.said), context(text), format_name)
    ]
    assert not wrong


@given(
    name=st.sampled_from([*TOOLS, "no_call", "unknown"]),
    arguments=VALUES,
    around=st.sampled_from(AROUND),
    indent=st.sampled_from([None, 2]),
    format_name=st.sampled_from(["auto", "hermes", "json"]),
)
def test_any_call_is_read_alike(
    name: str, arguments: object, around: str, indent: int | None, format_name: str
) -> None:
    call = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False, indent=indent)
    context = Context(TOOLS, Options(), Limits())
    assert agree(around.replace("{}", call), context, format_name)


@given(st.integers(0, 2000), st.data())
def test_a_mutated_completion_is_read_alike(skipped: int, data: st.DataObject) -> None:
    said = next(itertools.islice(mixed(), skipped, None)).completion
    at = data.draw(st.integers(0, len(said)))
    until = data.draw(st.integers(at, min(len(said), at + 4)))
    put = data.draw(st.text("{}[]<>\"':,`\\/ \nabc_0", max_size=3))
    context = Context(TOOLS, Options(), Limits())
    assert agree(said[:at] + put + said[until:], context, "auto")


def test_most_of_what_a_trained_policy_writes_is_read_at_once() -> None:
    samples = list(itertools.islice(mixed(), 500))
    context = Context(TOOLS, Options(), Limits())
    plain = [s for s in samples if read_plain(s.completion, context, None)]
    assert len(plain) > 0.8 * len(samples)
