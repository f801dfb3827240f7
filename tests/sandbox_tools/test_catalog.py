"""The shipped toolsets: the tutorial's numbers, and made-up worlds that never fail."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sandbox_tools import ToolResult, shipped

FINANCE, ASSISTANT, HELDOUT = (shipped()[n] for n in ("finance", "assistant", "assistant_heldout"))
SPECS = [
    pytest.param(spec, id=f"{toolset.name}.{spec.name}")
    for toolset in shipped().values()
    for spec in toolset.specs.values()
]


def finance(name: str, **arguments: Any) -> ToolResult:
    return FINANCE.sandbox().run(name, arguments)


def assistant(name: str, arguments: dict[str, Any]) -> ToolResult:
    return ASSISTANT.sandbox().run(name, arguments)


def heldout(name: str, **arguments: Any) -> ToolResult:
    return HELDOUT.sandbox().run(name, arguments)


@pytest.mark.parametrize("spec", SPECS)
def test_a_schema_is_closed_described_and_without_titles(spec: Any) -> None:
    Draft202012Validator.check_schema(spec.parameters)
    assert spec.parameters["type"] == "object"
    assert spec.parameters["additionalProperties"] is False
    assert all("description" in schema for schema in spec.parameters["properties"].values())
    assert '"title"' not in json.dumps(spec.parameters)
    assert spec.description


def test_only_the_order_desk_writes() -> None:
    writers = [
        spec.name
        for toolset in shipped().values()
        for spec in toolset.specs.values()
        if not spec.read_only
    ]
    assert writers == ["place_order"]


def test_tools_are_shown_in_the_shape_of_openai() -> None:
    shown = FINANCE.openai_tools()[0]
    assert shown == {
        "type": "function",
        "function": {
            "name": "get_stock_price",
            "description": "Get the closing stock price for a ticker on a date.",
            "parameters": FINANCE.specs["get_stock_price"].parameters,
        },
    }
    shown["function"]["parameters"].clear()
    assert FINANCE.specs["get_stock_price"].parameters


@pytest.mark.parametrize(
    ("ticker", "date", "close"),
    [
        ("AAPL", "2025-01-02", 243.85),
        ("AAPL", "2025-01-03", 243.36),
        ("MSFT", "2025-01-02", 418.58),
        ("MSFT", "2025-01-03", 423.35),
    ],
)
def test_stock_closes_are_the_tutorials(ticker: str, date: str, close: float) -> None:
    assert finance("get_stock_price", ticker=ticker, date=date) == ToolResult(close)


@pytest.mark.parametrize(
    ("company", "revenue"),
    [("Apple", 391_035_000_000), ("Microsoft", 245_122_000_000), ("Tesla", 97_690_000_000)],
)
@pytest.mark.parametrize("year", [2024, 2024.0])
def test_revenues_are_the_tutorials(company: str, revenue: int, year: float) -> None:
    result = finance("get_revenue", company=company, fiscal_year=year)
    assert result == ToolResult(revenue)
    assert isinstance(result.value, int)


@pytest.mark.parametrize(
    ("amount", "source", "target", "converted"),
    [
        (100, "USD", "EUR", 92.0),
        (100, "EUR", "USD", 109.0),
        (100.0, "USD", "JPY", 15720.0),
        (0.333, "USD", "EUR", 0.31),
    ],
)
def test_conversions_are_rounded_to_two_decimals(
    amount: float, source: str, target: str, converted: float
) -> None:
    result = finance("convert_currency", amount=amount, from_currency=source, to_currency=target)
    assert result == ToolResult(converted)


def test_similar_tools_have_different_results() -> None:
    names = ("get_revenue", "get_profit", "get_cash_flow")
    for company in ("Apple", "Microsoft", "Tesla"):
        values = {finance(name, company=company, fiscal_year=2024).value for name in names}
        assert len(values - {None}) == 3


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_stock_price", {"ticker": "AAPL", "date": "2025-01-04"}),
        ("get_stock_price", {"ticker": "aapl", "date": "2025-01-03"}),
        ("get_revenue", {"company": "Apple Inc.", "fiscal_year": 2024}),
        ("get_revenue", {"company": "Apple", "fiscal_year": 10**300}),
        ("get_profit", {"company": "Apple", "fiscal_year": 2023}),
        ("get_cash_flow", {"company": "IBM", "fiscal_year": 2024}),
        ("convert_currency", {"amount": 1, "from_currency": "EUR", "to_currency": "JPY"}),
        ("convert_currency", {"amount": 1e308, "from_currency": "USD", "to_currency": "JPY"}),
        ("convert_currency", {"amount": 10**399, "from_currency": "USD", "to_currency": "JPY"}),
        ("place_order", {"ticker": "XYZ", "quantity": 1, "side": "buy"}),
    ],
)
def test_what_is_unknown_or_too_large_is_refused(name: str, arguments: dict[str, Any]) -> None:
    assert finance(name, **arguments).error


def test_two_identical_orders_are_two_orders() -> None:
    sandbox = FINANCE.sandbox()
    order = {"ticker": "AAPL", "quantity": 5, "side": "buy"}
    first, second = (sandbox.run("place_order", order).value for _ in range(2))
    assert list(sandbox.state["orders"]) == [first, second]
    assert [write.path for write in sandbox.writes] == [f"/orders/{first}", f"/orders/{second}"]
    assert sandbox.state["orders"][first] == {**order, "limit_price": None}


def test_the_order_of_different_orders_changes_neither_ids_nor_state() -> None:
    orders = [
        {"ticker": "AAPL", "quantity": 5, "side": "buy"},
        {"ticker": "AAPL", "quantity": 5, "side": "sell"},
        {"ticker": "MSFT", "quantity": 5.0, "side": "buy", "limit_price": 400},
        {"ticker": "AAPL", "quantity": 5, "side": "buy"},
    ]
    states = []
    for permutation in itertools.permutations(orders):
        sandbox = FINANCE.sandbox()
        for order in permutation:
            sandbox.run("place_order", order)
        states.append(sandbox.state)
    assert all(state == states[0] for state in states)


def test_equal_orders_have_equal_ids_however_they_are_written() -> None:
    order = {"ticker": "AAPL", "quantity": 5, "side": "buy"}
    ids = {
        FINANCE.sandbox().run("place_order", {**order, **extra}).value
        for extra in ({}, {"quantity": 5.0}, {"limit_price": None})
    }
    assert len(ids) == 1


@pytest.mark.parametrize("days", [1, 5, 14])
def test_a_forecast_has_one_entry_a_day(days: int) -> None:
    forecast = assistant("get_weather_forecast", {"city": "Reykjavik", "days": days}).value
    assert len(forecast) == days
    assert forecast[0]["date"] == "2025-01-03"


def test_a_longer_forecast_begins_like_a_shorter_one() -> None:
    short, long = (
        assistant("get_weather_forecast", {"city": "Paris", "days": n}).value for n in (1, 3)
    )
    assert long[:1] == short
    assert assistant("get_weather_forecast", {"city": "Paris"}).value == short


CITIES = ["Paris", "London", "New York", "Tokyo", "Berlin", "Lagos", "Lima", "Oslo", "Rome"]


def test_other_cities_have_other_weather() -> None:
    forecasts = [json.dumps(assistant("get_weather_forecast", {"city": c}).value) for c in CITIES]
    assert len(set(forecasts)) == len(CITIES)


def test_other_routes_and_days_have_other_flights() -> None:
    found = [
        json.dumps(assistant("search_flights", {"origin": a, "destination": b, "date": day}).value)
        for a, b in itertools.permutations(CITIES, 2)
        for day in ("2025-02-01", "2025-02-02")
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("city", ["paris", " PARIS ", "Paris"])
def test_case_and_spaces_do_not_change_the_weather(city: str) -> None:
    expected = assistant("get_weather_forecast", {"city": "Paris"})
    assert assistant("get_weather_forecast", {"city": city}) == expected


@pytest.mark.parametrize(
    ("arguments", "translation"),
    [
        ({"text": "Hello", "target_language": "French"}, "Bonjour"),
        ({"text": "Hello", "target_language": "fr"}, "Bonjour"),
        ({"text": "Hello", "target_language": "es", "source_language": "English"}, "Hola"),
        ({"text": "The cat.", "target_language": "German"}, "[auto to de] The cat."),
    ],
)
def test_texts_are_translated(arguments: dict[str, str], translation: str) -> None:
    assert assistant("translate_text", arguments) == ToolResult(translation)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ({"amount": 100, "from": "USD", "to": "EUR"}, 92.0),
        ({"amount": 92, "from": "EUR", "to": "USD"}, 100.0),
        ({"amount": 1, "from": "GBP", "to": "GBP"}, 1.0),
        ({"amount": 1, "from": "XXX", "to": "GBP"}, None),
        ({"amount": 1.7e308, "from": "USD", "to": "JPY"}, None),
    ],
)
def test_currencies_are_converted(arguments: dict[str, Any], value: float | None) -> None:
    result = assistant("currency_convert", arguments)
    assert result.value == value
    assert (result.error is None) == (value is not None)


def test_statistics_describe_the_numbers() -> None:
    assert assistant("get_statistics", {"numbers": [10, 20, 30, 40, 50]}).value == {
        "count": 5,
        "sum": 150.0,
        "mean": 30.0,
        "median": 30.0,
        "min": 10.0,
        "max": 50.0,
        "standard_deviation": pytest.approx(14.142135623730951),
    }


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6))
def test_statistics_never_break_whatever_the_numbers(numbers: list[float]) -> None:
    for sandbox, name in ((ASSISTANT.sandbox(), "get_statistics"),
                          (HELDOUT.sandbox(), "calculate_standard_deviation")):  # fmt: skip
        result = sandbox.run(name, {"numbers": numbers})
        assert (result.value is None) != (result.error is None)


@given(st.permutations([0.1, 1e20, -1e20, 3, 7.5]))
def test_statistics_do_not_depend_on_the_order(numbers: list[float]) -> None:
    expected = assistant("get_statistics", {"numbers": sorted(numbers)})
    assert assistant("get_statistics", {"numbers": numbers}) == expected


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_any_text_gets_an_answer_or_a_refusal(one: str, other: str) -> None:
    sandbox = ASSISTANT.sandbox()
    sandbox.run("get_weather_forecast", {"city": one})
    sandbox.run("search_flights", {"origin": one, "destination": other, "date": "2025-01-03"})
    sandbox.run("translate_text", {"text": one, "target_language": other})
    sandbox.run("currency_convert", {"amount": 1, "from": one, "to": other})
    HELDOUT.sandbox().run("search_restaurants", {"location": one, "cuisine": other})
    HELDOUT.sandbox().run("get_stock_price", {"ticker": one})


def test_restaurants_depend_on_place_cuisine_and_party() -> None:
    base: dict[str, Any] = {"location": "Rome", "cuisine": "Italian"}
    searches = [base, {**base, "cuisine": "Thai"}, {**base, "party_size": 4}]
    found = [json.dumps(heldout("search_restaurants", **search).value) for search in searches]
    assert len(set(found)) == len(found)
    assert heldout("search_restaurants", **base) == heldout(
        "search_restaurants", **base, party_size=2
    )


@pytest.mark.parametrize(("ticker", "known"), [("AAPL", True), ("NVDA", True), ("1", False)])
def test_the_latest_price_is_known_for_any_ticker(ticker: str, known: bool) -> None:
    assert (heldout("get_stock_price", ticker=ticker).error is None) == known


def test_the_standard_deviation_is_the_populations() -> None:
    result = heldout("calculate_standard_deviation", numbers=[2, 4, 4, 4, 5, 5, 7, 9])
    assert result == ToolResult(2.0)
