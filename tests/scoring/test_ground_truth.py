"""Every accepted form of a ground truth means what its canonical form means."""

from __future__ import annotations

import json
from typing import Final

import pytest

from sandbox_tools import shipped
from sandbox_tools.types import Json
from verifier_service.local import LocalVerifier
from verifier_service.scoring.errors import BadTask
from verifier_service.scoring.offer import offer_toolset
from verifier_service.scoring.pipeline import prepare
from verifier_service.scoring.types import AnyOf, Behavior, GroundTruth, Limits, Options

FINANCE = offer_toolset(shipped()["finance"])
ASSISTANT = offer_toolset(shipped()["assistant"])
PRICE = {"ticker": "AAPL", "date": "2025-01-03"}
CALL = {"name": "get_stock_price", "arguments": PRICE}
OPENAI = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_stock_price", "arguments": json.dumps(PRICE)},
}


def truth_of(raw: Json) -> GroundTruth:
    return prepare(raw, FINANCE, Options(), Limits()).truth


def fault_of(raw: Json) -> BadTask:
    with pytest.raises(BadTask) as caught:
        prepare(raw, FINANCE, Options(), Limits())
    return caught.value


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param({"behavior": "execute", "calls": [CALL]}, id="canonical"),
        pytest.param({"calls": [CALL]}, id="canonical without behavior"),
        pytest.param([CALL], id="list of calls"),
        pytest.param(CALL, id="one call"),
        pytest.param(json.dumps([CALL]), id="JSON string of a list"),
        pytest.param(json.dumps(CALL), id="JSON string of a call"),
        pytest.param({"reward_model": {"ground_truth": json.dumps([CALL])}}, id="reward_model"),
        pytest.param({"reward_model": {"style": "rule", "ground_truth": [CALL]}}, id="verl row"),
        pytest.param({"ground_truth": [CALL], "prompt": "…"}, id="row with ground_truth"),
        pytest.param(
            {"tool_call": {"name": "get_stock_price", "parameters": PRICE}}, id="tool_call"
        ),
        pytest.param(
            json.dumps({"tool_call": {"name": "get_stock_price", "parameters": PRICE}}),
            id="JSON string of tool_call",
        ),
        pytest.param({"gold_call": json.dumps(CALL)}, id="gold_call"),
        pytest.param({"role": "assistant", "tool_calls": [OPENAI]}, id="OpenAI message"),
        pytest.param([OPENAI], id="OpenAI tool_calls"),
        pytest.param(
            f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>", id="text in a tool-call format"
        ),
    ],
)
def test_every_form_of_a_call_is_the_same_call(raw: Json) -> None:
    truth = truth_of(raw)
    assert truth.behavior is Behavior.EXECUTE
    assert [(c.name, dict(c.arguments)) for c in truth.calls] == [("get_stock_price", PRICE)]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param([], id="empty list"),
        pytest.param("[]", id="JSON string of an empty list"),
        pytest.param({"name": "no_call", "arguments": {}}, id="sentinel"),
        pytest.param(
            {
                "gold_call": '{"name": "no_call", "arguments": {}}',
                "expected_result": "no_call",
            },
            id="gold_call sentinel",
        ),
        pytest.param("no_call", id="the word"),
        pytest.param("The market opens at 9:30 in New York.", id="free text"),
        pytest.param({"behavior": "no_call"}, id="canonical"),
    ],
)
def test_no_call_in_every_form(raw: Json) -> None:
    assert truth_of(raw).behavior is Behavior.NO_CALL


def test_a_free_question_is_clarify_and_names_what_is_missing() -> None:
    truth = truth_of("Could you tell me which ticker you mean?")
    assert (truth.behavior, truth.missing) == (Behavior.CLARIFY, ("ticker",))


def test_a_free_decline_is_refuse() -> None:
    assert truth_of("I'm sorry, but I can't help with that.").behavior is Behavior.REFUSE


def test_possible_answers_become_alternatives_and_an_empty_string_makes_optional() -> None:
    raw = [{"get_weather_forecast": {"city": ["Paris", "paris"], "days": [3, ""]}}]
    truth = prepare(raw, ASSISTANT, Options(), Limits()).truth
    assert truth.calls[0].arguments == {
        "city": AnyOf(("Paris", "paris")),
        "days": AnyOf((3,), optional=True),
    }


@pytest.mark.parametrize("expected", [243.36, "243.36", [243.36]])
def test_an_expected_result_may_be_typed_or_text(expected: Json) -> None:
    assert truth_of({"gold_call": CALL, "expected_result": expected}).expected_result == expected


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        pytest.param({"behaviour": "execute"}, "/ground_truth", id="misspelt behavior"),
        pytest.param({"behavior": "execute", "call": []}, "/ground_truth/call", id="unknown field"),
        pytest.param({"behavior": "run"}, "/ground_truth/behavior", id="unknown behavior"),
        pytest.param({"behavior": "execute"}, "/ground_truth/calls", id="execute without calls"),
        pytest.param(
            {"behavior": "refuse", "calls": [CALL]}, "/ground_truth/calls", id="refuse with calls"
        ),
        pytest.param([{"name": 5, "arguments": {}}], "/ground_truth/0/name", id="name a number"),
        pytest.param([{"name": "f"}], "/ground_truth/0", id="no arguments"),
        pytest.param(
            [{"name": "get_stock_price", "arguments": "{"}],
            "/ground_truth/0/arguments",
            id="arguments not JSON",
        ),
        pytest.param("{'name': 'f'}", "/ground_truth", id="Python literal"),
        pytest.param("  ", "/ground_truth", id="blank"),
        pytest.param(5, "/ground_truth", id="number"),
        pytest.param(
            {"calls": [CALL], "match": {"get_stock_price.ticker": "fuzzy"}},
            "/ground_truth/match/get_stock_price.ticker",
            id="unknown rule",
        ),
        pytest.param(
            {"calls": [CALL], "match": {"get_revenue.company": "strip"}},
            "/ground_truth/match/get_revenue.company",
            id="rule for no call",
        ),
        pytest.param(
            {"calls": [CALL], "match": {"get_stock_price.ticker": {"regex": "("}}},
            "/ground_truth/match/get_stock_price.ticker",
            id="broken regex",
        ),
        pytest.param({"calls": [CALL], "order": "some"}, "/ground_truth/order", id="order"),
        pytest.param(
            {"behavior": "clarify", "missing": "date"}, "/ground_truth/missing", id="missing text"
        ),
    ],
)
def test_a_wrong_field_is_named(raw: Json, path: str) -> None:
    assert fault_of(raw).path == path


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param(
            [{"name": "get_price", "arguments": {}}], "task.ground_truth", id="undeclared"
        ),
        pytest.param(
            [{"name": "get_stock_price", "arguments": {"ticker": "AAPL"}}],
            "task.self_check",
            id="breaks the schema",
        ),
        pytest.param(
            [{"name": "get_stock_price", "arguments": {"ticker": "ZZZ", "date": "2025-01-03"}}],
            "task.self_check",
            id="the tool refuses",
        ),
        pytest.param(
            {"gold_call": CALL, "expected_result": "1.0"}, "task.expected_result", id="result"
        ),
        pytest.param(
            {"behavior": "refuse", "text": "Which city?"}, "task.self_check", id="text contradicts"
        ),
        pytest.param(
            {"behavior": "clarify", "missing": ["date"], "text": "Which ticker?"},
            "task.self_check",
            id="text does not ask for what is missing",
        ),
        pytest.param(
            {"calls": [CALL], "equivalence": "state"}, "task.ground_truth", id="nothing is written"
        ),
    ],
)
def test_a_ground_truth_that_is_not_full_against_itself_is_refused(raw: Json, code: str) -> None:
    assert fault_of(raw).code == code


def _nested(levels: int) -> Json:
    value: Json = 1
    for _ in range(levels):
        value = [value]
    return value


ANY_VALUE: Final = [
    {"name": "f", "parameters": {"type": "object", "properties": {"value": {}}}},
]


@pytest.mark.parametrize(
    ("value", "above"),
    [
        pytest.param(_nested(62), _nested(63), id="nesting"),
        pytest.param(_nested(62), _nested(900), id="nesting beyond recursion"),
        pytest.param(10**400 - 1, 10**400, id="digits"),
        pytest.param("x" * 65_000, "x" * 66_000, id="bytes"),
    ],
)
def test_a_call_that_no_completion_may_make_is_no_task(value: Json, above: Json) -> None:
    service = LocalVerifier()

    def scored(value: Json) -> tuple[Json, str]:
        call = {"name": "f", "arguments": {"value": value}}
        item = {"completion": json.dumps(call), "ground_truth": [call]}
        answer = service.score({"tools": ANY_VALUE, "items": [item]})
        return answer["rewards"][0], answer["verdicts"][0]["outcome"]

    assert scored(value) == (1.0, "scored")
    assert scored(above) == (None, "invalid_task")


@pytest.mark.parametrize(
    ("raw", "behavior"),
    [
        pytest.param(
            {"role": "assistant", "content": "Which ticker do you mean?", "tool_calls": None},
            Behavior.CLARIFY,
            id="message that asks",
        ),
        pytest.param(
            {"role": "assistant", "content": "I can't help with that.", "tool_calls": []},
            Behavior.REFUSE,
            id="message that declines",
        ),
        pytest.param(json.dumps(json.dumps([CALL])), Behavior.EXECUTE, id="JSON in JSON"),
        pytest.param(
            "[Clarification] Which ticker do you mean?", Behavior.CLARIFY, id="text with a bracket"
        ),
        pytest.param(
            {"gold_call": json.dumps(CALL), "expected_result": None, "tool_calls": None},
            Behavior.EXECUTE,
            id="null columns of a row",
        ),
        pytest.param(
            {"ground_truth": None, "reward_model": {"ground_truth": [CALL]}},
            Behavior.EXECUTE,
            id="null beside the form in use",
        ),
        pytest.param(
            {"calls": [CALL], "match": None, "missing": None}, Behavior.EXECUTE, id="null fields"
        ),
    ],
)
def test_what_tables_and_trainers_make_of_a_row_still_means_the_same(
    raw: Json, behavior: Behavior
) -> None:
    assert truth_of(raw).behavior is behavior


def test_a_row_may_refine_its_calls() -> None:
    match = {"get_stock_price.ticker": "casefold"}
    truth = truth_of({"gold_call": CALL, "match": match, "order": "strict"})
    assert (dict(truth.match), truth.order) == ({"get_stock_price.ticker": ("casefold",)}, "strict")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("get_stock_price(ticker='AAPL', date='2025-01-03')", id="Python call"),
        pytest.param({"tool_call": CALL, "expected_result": "999"}, id="unchecked expected result"),
        pytest.param(
            [{"name": "get_stock_price", "arguments": {"ticker": [{"$any_of": ["A"]}]}}],
            id="nested $any_of",
        ),
    ],
)
def test_what_would_silently_mean_something_else_is_refused(raw: Json) -> None:
    assert fault_of(raw).path.startswith("/ground_truth")


def test_a_clarify_text_names_what_is_missing() -> None:
    truth = truth_of({"behavior": "clarify", "text": "Which ticker do you mean?"})
    assert truth.missing == ("ticker",)


def test_a_match_rule_for_an_argument_that_the_tool_does_not_have_is_refused() -> None:
    match = {"get_stock_price.tikcer": "casefold"}
    fault = fault_of({"calls": [CALL], "match": match})
    assert fault.path == "/ground_truth/match/get_stock_price.tikcer"
