"""Stock prices, annual results, currencies, and one order desk."""

import hashlib
import math
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from sandbox_tools import ToolError, World, tool

CLOCK = "2025-01-03T21:00:00Z"
STATE: dict[str, dict[str, object]] = {"orders": {}}

STOCK_CLOSES = {
    ("AAPL", date(2025, 1, 2)): 243.85,
    ("AAPL", date(2025, 1, 3)): 243.36,
    ("MSFT", date(2025, 1, 2)): 418.58,
    ("MSFT", date(2025, 1, 3)): 423.35,
}
TICKERS = frozenset(ticker for ticker, _ in STOCK_CLOSES)

# Dollars by company and fiscal year. Source: the annual reports (form 10-K) of each company.
REVENUES = {
    ("Apple", 2024): 391_035_000_000,
    ("Microsoft", 2024): 245_122_000_000,
    ("Tesla", 2024): 97_690_000_000,
}
PROFITS = {
    ("Apple", 2024): 93_736_000_000,
    ("Microsoft", 2024): 88_136_000_000,
    ("Tesla", 2024): 7_091_000_000,
}
CASH_FLOWS = {
    ("Apple", 2024): 118_254_000_000,
    ("Microsoft", 2024): 118_548_000_000,
    ("Tesla", 2024): 14_923_000_000,
}
EXCHANGE_RATES = {("USD", "EUR"): 0.92, ("EUR", "USD"): 1.09, ("USD", "JPY"): 157.2}


@tool(read_only=True)
def get_stock_price(ticker: str, date: date) -> float:
    """Get the closing stock price for a ticker on a date.

    Args:
        ticker: Stock ticker symbol, such as "AAPL".
        date: Trading day as YYYY-MM-DD.
    """
    if (ticker, date) not in STOCK_CLOSES:
        raise ToolError("No closing price for this ticker and date.")
    return STOCK_CLOSES[ticker, date]


@tool(read_only=True)
def get_revenue(company: str, fiscal_year: int) -> int:
    """Get a company's annual revenue in US dollars for a fiscal year.

    Args:
        company: Company name, such as "Apple".
        fiscal_year: Four-digit fiscal year.
    """
    if (company, fiscal_year) not in REVENUES:
        raise ToolError("No revenue for this company and fiscal year.")
    return REVENUES[company, fiscal_year]


@tool(read_only=True)
def get_profit(company: str, fiscal_year: int) -> int:
    """Get a company's annual net profit in US dollars for a fiscal year.

    Args:
        company: Company name, such as "Apple".
        fiscal_year: Four-digit fiscal year.
    """
    if (company, fiscal_year) not in PROFITS:
        raise ToolError("No profit for this company and fiscal year.")
    return PROFITS[company, fiscal_year]


@tool(read_only=True)
def get_cash_flow(company: str, fiscal_year: int) -> int:
    """Get a company's annual operating cash flow in US dollars for a fiscal year.

    Args:
        company: Company name, such as "Apple".
        fiscal_year: Four-digit fiscal year.
    """
    if (company, fiscal_year) not in CASH_FLOWS:
        raise ToolError("No cash flow for this company and fiscal year.")
    return CASH_FLOWS[company, fiscal_year]


@tool(read_only=True)
def convert_currency(amount: float, from_currency: str, to_currency: str) -> float:
    """Convert an amount from one currency to another, rounded to two decimals.

    Args:
        amount: Amount in the currency to convert from.
        from_currency: ISO 4217 code of the currency to convert from, such as "USD".
        to_currency: ISO 4217 code of the currency to convert to, such as "EUR".
    """
    if (from_currency, to_currency) not in EXCHANGE_RATES:
        raise ToolError("No exchange rate for this pair of currencies.")
    converted = amount * EXCHANGE_RATES[from_currency, to_currency]
    if not math.isfinite(converted):
        raise ToolError("The amount is too large.")
    return round(converted, 2)


@tool
def place_order(
    ticker: str,
    quantity: Annotated[int, Field(ge=1)],
    side: Literal["buy", "sell"],
    world: World,
    limit_price: Annotated[float, Field(gt=0)] | None = None,
) -> str:
    """Place an order to buy or sell shares; returns the order's id.

    Args:
        ticker: Stock ticker symbol, such as "AAPL".
        quantity: Number of shares.
        side: Whether to buy or to sell.
        limit_price: Worst acceptable price a share in US dollars; left out, a market order.
    """
    if ticker not in TICKERS:
        raise ToolError("This ticker is not traded here.")
    order = {"ticker": ticker, "quantity": quantity, "side": side, "limit_price": limit_price}
    # From the content, not from a counter: the order of parallel calls then changes no id.
    content = hashlib.sha256(repr(order).encode()).hexdigest()[:10]
    orders = world.state["orders"]
    repeats = sum(order == placed for placed in orders.values())
    order_id = f"ord-{content}-{repeats + 1}"
    orders[order_id] = order
    return order_id
