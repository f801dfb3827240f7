"""A personal assistant's tools: weather, flights, translation, currencies, statistics."""

import math
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import Field

from sandbox_tools import ToolError, World, tool

CLOCK = "2025-01-03T09:00:00Z"

SKIES = ("sunny", "partly cloudy", "cloudy", "light rain", "rain", "thunderstorms", "fog", "snow")
AIRLINES = ("AF", "BA", "DL", "EK", "IB", "KL", "LH", "NH", "SQ", "UA")

LANGUAGE_CODES = {
    "chinese": "zh",
    "dutch": "nl",
    "english": "en",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "japanese": "ja",
    "korean": "ko",
    "portuguese": "pt",
    "russian": "ru",
    "spanish": "es",
}
PHRASES = {
    "hello": {"de": "Hallo", "es": "Hola", "fr": "Bonjour", "it": "Ciao", "ja": "こんにちは"},
    "thank you": {
        "de": "Danke",
        "es": "Gracias",
        "fr": "Merci",
        "it": "Grazie",
        "ja": "ありがとう",
    },
    "good morning": {"de": "Guten Morgen", "es": "Buenos días", "it": "Buongiorno"},
    "goodbye": {"de": "Auf Wiedersehen", "es": "Adiós", "fr": "Au revoir", "it": "Arrivederci"},
}

# Units of a currency for one US dollar.
DOLLAR_RATES = {
    "AUD": 1.61,
    "BRL": 6.18,
    "CAD": 1.44,
    "CHF": 0.91,
    "CNY": 7.3,
    "EUR": 0.92,
    "GBP": 0.8,
    "INR": 85.8,
    "JPY": 157.2,
    "KRW": 1468.0,
    "MXN": 20.6,
    "NOK": 11.35,
    "SEK": 11.1,
    "SGD": 1.37,
    "USD": 1.0,
    "ZAR": 18.8,
}


@tool(read_only=True)
def get_weather_forecast(
    city: str, world: World, days: Annotated[int, Field(ge=1, le=14)] = 1
) -> list[dict[str, Any]]:
    """Get the weather forecast for a city, one entry a day from today on.

    Args:
        city: City name, such as "Paris".
        days: Number of days.
    """
    start = world.now.date()
    return [_weather(city, start + timedelta(days=day), world) for day in range(days)]


@tool(read_only=True)
def search_flights(origin: str, destination: str, date: date, world: World) -> list[dict[str, Any]]:
    """Search for flights between two cities on a date, cheapest first.

    Args:
        origin: City or airport of departure.
        destination: City or airport of arrival.
        date: Day of departure as YYYY-MM-DD.
    """
    if _folded(origin) == _folded(destination):
        raise ToolError("Origin and destination are the same.")
    draw = world.random("flights", _folded(origin), _folded(destination), date.isoformat())
    flights = [
        {
            "flight": f"{draw.choice(AIRLINES)}{draw.randint(100, 9999)}",
            "departs": f"{draw.randint(5, 22):02}:{draw.randrange(0, 60, 5):02}",
            "duration_minutes": draw.randint(60, 900),
            "price_usd": draw.randint(60, 1500),
        }
        for _ in range(3)
    ]
    return sorted(flights, key=lambda flight: (flight["price_usd"], flight["flight"]))


@tool(read_only=True)
def translate_text(text: str, target_language: str, source_language: str | None = None) -> str:
    """Translate a text into another language.

    Args:
        text: The text to translate.
        target_language: Language to translate into, by name or ISO 639-1 code.
        source_language: Language of the text; left out, it is detected.
    """
    target = _language(target_language)
    source = _language(source_language) if source_language is not None else "auto"
    known = PHRASES.get(_folded(text), {})
    if target in known and source in {"auto", "en"}:
        return known[target]
    return f"[{source} to {target}] {text}"


@tool(read_only=True)
def currency_convert(amount: float, from_: Annotated[str, Field(alias="from")], to: str) -> float:
    """Convert an amount of money from one currency to another.

    Args:
        amount: Amount in the currency to convert from.
        from_: ISO 4217 code of the currency to convert from, such as "USD".
        to: ISO 4217 code of the currency to convert to, such as "EUR".
    """
    source, target = from_.upper(), to.upper()
    if not {source, target} <= DOLLAR_RATES.keys():
        raise ToolError("Unknown currency.")
    converted = amount / DOLLAR_RATES[source] * DOLLAR_RATES[target]
    if not math.isfinite(converted):
        raise ToolError("The amount is too large.")
    return round(converted, 2)


@tool(read_only=True)
def get_statistics(
    numbers: Annotated[list[float], Field(min_length=1)],
) -> dict[str, float]:
    """Get count, sum, mean, median, minimum, maximum and population standard deviation.

    Args:
        numbers: The numbers to describe.
    """
    try:
        total = math.fsum(numbers)
        mean = total / len(numbers)
        deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in numbers) / len(numbers))
    except OverflowError:
        deviation = math.inf
    if not math.isfinite(deviation):
        raise ToolError("The numbers are too large.")
    return {
        "count": len(numbers),
        "sum": total,
        "mean": mean,
        "median": _median(sorted(numbers)),
        "min": min(numbers),
        "max": max(numbers),
        "standard_deviation": deviation,
    }


def _weather(city: str, day: date, world: World) -> dict[str, Any]:
    draw = world.random("weather", _folded(city), day.isoformat())
    high = round(draw.uniform(-5, 35), 1)
    return {
        "date": day.isoformat(),
        "sky": draw.choice(SKIES),
        "high_celsius": high,
        "low_celsius": round(high - draw.uniform(3, 12), 1),
        "humidity_percent": draw.randint(20, 95),
        "wind_kmh": draw.randint(0, 60),
    }


def _median(ordered: list[float]) -> float:
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return ordered[middle - 1] / 2 + ordered[middle] / 2


def _language(name: str) -> str:
    folded = _folded(name)
    return LANGUAGE_CODES.get(folded, folded)


def _folded(text: str) -> str:
    """One spelling for texts that differ only in case and spaces."""
    return " ".join(text.casefold().split())
