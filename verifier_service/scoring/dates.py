"""Spellings of a calendar day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

LONGEST: Final = 64
WORD: Final = re.compile(r"[0-9]+|[a-z]+")
PUNCTUATED: Final = re.compile(r"[0-9a-z\s,.]+")
ISO: Final = re.compile(r"\d{4}(?:-\d\d-|\d\d)\d\d(?:[Tt ].+)?", re.ASCII)
NUMERIC: Final = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})", re.ASCII)
FILLERS: Final = frozenset({"of", "the", "on"})
ORDINALS: Final = frozenset({"st", "nd", "rd", "th"})

MONTH_NAMES: Final = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
WEEKDAY_NAMES: Final = (
    *("monday", "tuesday", "wednesday", "thursday", "friday"),
    *("saturday", "sunday"),
)


def _numbered(names: Sequence[str], first: int) -> dict[str, int]:
    return {
        spelling: number
        for number, name in enumerate(names, first)
        for spelling in (name, name[:3])
    }


MONTHS: Final = _numbered(MONTH_NAMES, 1) | {"sept": 9}
WEEKDAYS: Final = _numbered(WEEKDAY_NAMES, 0) | {"tues": 1, "thur": 3, "thurs": 3}


def calendar_day(text: str) -> date | None:
    """The day that a text spells, or None.

    Understood are ISO 8601 dates and date-times (the day as written, whatever the time and its
    zone), year-first numbers, and days with the month's English name. `01/03/2025` names two
    days and is None; `01/31/2025` and `31.01.2025` name one.
    """
    text = text.strip()
    if len(text) > LONGEST or not text.isascii():
        return None
    try:
        return _iso(text) or _numeric(text) or _written(text.lower())
    except ValueError:  # no such day
        return None


def _iso(text: str) -> date | None:
    return datetime.fromisoformat(text).date() if ISO.fullmatch(text) else None


def _numeric(text: str) -> date | None:
    found = NUMERIC.fullmatch(text)
    if found is None:
        return None
    first, middle, last = int(found[1]), int(found[3]), int(found[4])
    if len(found[1]) == 4:
        return date(first, middle, last)
    if len(found[4]) != 4 or (first <= 12 and middle <= 12 and first != middle):
        return None
    return date(last, middle, first) if middle <= 12 else date(last, first, middle)


def _written(text: str) -> date | None:
    words = WORD.findall(text)
    if not PUNCTUATED.fullmatch(text):
        return None
    numbers = [word for word in words if word.isdigit()]
    names = [word for word in words if not word.isdigit() and word not in FILLERS | ORDINALS]
    months = [MONTHS[name] for name in names if name in MONTHS]
    weekdays = [WEEKDAYS[name] for name in names if name in WEEKDAYS]
    if len(months) != 1 or len(weekdays) > 1 or len(months) + len(weekdays) != len(names):
        return None
    if len(numbers) != 2 or len(numbers[0]) > 2 or len(numbers[1]) != 4:
        return None
    day = date(int(numbers[1]), months[0], int(numbers[0]))
    return None if weekdays and day.weekday() != weekdays[0] else day
