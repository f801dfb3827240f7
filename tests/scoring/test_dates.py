"""Which texts spell a calendar day."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier_service.scoring.dates import calendar_day

THIRD_OF_JANUARY = [
    "2025-01-03",
    "20250103",
    "2025-01-03T00:00:00Z",
    "2025-01-03T23:30:00-05:00",
    "2025-01-03 10:00",
    "2025/01/03",
    "2025-1-3",
    " 2025-01-03 ",
    "January 3, 2025",
    "JANUARY 3 2025",
    "Jan. 3, 2025",
    "3 Jan 2025",
    "3 January, 2025",
    "January 3rd, 2025",
    "the 3rd of January 2025",
    "Friday, January 3, 2025",
]
NO_DAY = [
    "01/03/2025",
    "3/1/25",
    "2025-02-30",
    "February 30, 2025",
    "Monday, January 3, 2025",
    "January 2025",
    "January 3",
    "3 January February 2025",
    "3-Jan-2025 or later",
    "not January 3, 2025",
    "2025-01-03T99:00:00Z",
    "2025",
    "tomorrow",
    "",
    "2025-01-0\uff13",
    "3 " * 40_000,
]


@pytest.mark.parametrize("text", THIRD_OF_JANUARY)
def test_the_text_spells_the_third_of_january(text: str) -> None:
    assert calendar_day(text) == date(2025, 1, 3)


@pytest.mark.parametrize("text", NO_DAY, ids=lambda text: text[:24])
def test_the_text_spells_no_day_or_more_than_one(text: str) -> None:
    assert calendar_day(text) is None


@pytest.mark.parametrize("text", ["01/31/2025", "31/01/2025", "31.1.2025"])
def test_numbers_that_can_be_one_day_only_are_that_day(text: str) -> None:
    assert calendar_day(text) == date(2025, 1, 31)


@given(st.text() | st.text("0123456789-/T:Z. ", max_size=20))
def test_no_text_raises(text: str) -> None:
    day = calendar_day(text)
    assert day is None or calendar_day(day.isoformat()) == day
