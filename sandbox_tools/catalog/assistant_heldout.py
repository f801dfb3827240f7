"""Tools kept out of training, to measure a model on what it has never seen."""

import math
from typing import Annotated, Any

from pydantic import Field

from sandbox_tools import ToolError, World, tool

CLOCK = "2025-01-03T09:00:00Z"

STOCK_PRICES = {"AAPL": 243.36, "MSFT": 423.35}
PLACES = ("Corner", "Garden", "Harbour", "Hill", "Market", "Old Town", "Park", "Station")
KINDS = ("Bistro", "House", "Kitchen", "Room", "Table")


@tool(read_only=True)
def search_restaurants(
    location: str,
    cuisine: str,
    world: World,
    party_size: Annotated[int, Field(ge=1, le=20)] = 2,
) -> list[dict[str, Any]]:
    """Search for restaurants with a free table, best rated first.

    Args:
        location: City or neighbourhood, such as "Rome".
        cuisine: Kind of food, such as "Italian".
        party_size: Number of guests.
    """
    draw = world.random("restaurants", _folded(location), _folded(cuisine), party_size)
    restaurants = [
        {
            "name": f"{draw.choice(PLACES)} {draw.choice(KINDS)}",
            "rating": draw.randint(30, 50) / 10,
            "price_level": draw.randint(1, 4),
            "distance_metres": draw.randint(100, 5000),
        }
        for _ in range(3)
    ]
    return sorted(restaurants, key=lambda found: (-found["rating"], found["distance_metres"]))


@tool(read_only=True)
def get_stock_price(ticker: str, world: World) -> float:
    """Get the latest stock price for a ticker.

    Args:
        ticker: Stock ticker symbol, such as "AAPL".
    """
    symbol = ticker.upper()
    if not (symbol.isascii() and symbol.isalpha() and len(symbol) <= 5):
        raise ToolError("Unknown ticker.")
    return STOCK_PRICES.get(symbol) or world.random("stock", symbol).randint(500, 90_000) / 100


@tool(read_only=True)
def calculate_standard_deviation(
    numbers: Annotated[list[float], Field(min_length=1)],
) -> float:
    """Calculate the population standard deviation of a list of numbers.

    Args:
        numbers: The numbers.
    """
    try:
        mean = math.fsum(numbers) / len(numbers)
        deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in numbers) / len(numbers))
    except OverflowError:
        deviation = math.inf
    if not math.isfinite(deviation):
        raise ToolError("The numbers are too large.")
    return deviation


def _folded(text: str) -> str:
    """One spelling for texts that differ only in case and spaces."""
    return " ".join(text.casefold().split())
