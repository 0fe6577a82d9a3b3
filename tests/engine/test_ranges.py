"""Ranges and dates as days. Every expected date is written down from the calendar on the wall."""

import datetime as dt

import pytest

from pricectl.engine.ranges import EARLIEST, RANGES, Span, Wish, back, read_wish, span_of
from pricectl.errors import UsageError


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def weekdays(start: dt.date, end: dt.date) -> dt.date | None:
    while end >= start:
        if end.weekday() < 5:
            return end
        end -= dt.timedelta(days=1)
    return None


def every_day(start: dt.date, end: dt.date) -> dt.date | None:
    return end if end >= start else None


def span(range_=None, start=None, end=None, *, completed, today, sessions=weekdays, include_today=False):
    wish = read_wish(range_, start, end)
    return span_of(wish, day(completed), day(today), sessions, include_today)


def test_ranges_are_those_of_the_contract():
    assert RANGES == ("1d", "7d", "1m", "3m", "6m", "1y", "3y", "5y", "10y", "all")


def test_1m_on_4_december_of_an_asset_that_never_closes_is_thirty_days():
    got = span("1m", completed="2026-12-03", today="2026-12-04", sessions=every_day)
    assert got == (day("2026-11-04"), day("2026-12-03"), None)
    assert (got.end - got.start).days + 1 == 30


@pytest.mark.parametrize(
    ("asked", "completed", "start"),
    [
        ("1d", "2026-12-03", "2026-12-03"),
        ("7d", "2026-12-03", "2026-11-27"),
        ("1m", "2026-12-03", "2026-11-04"),
        ("3m", "2026-12-03", "2026-09-04"),
        ("6m", "2026-12-03", "2026-06-04"),
        ("1y", "2026-12-03", "2025-12-04"),
        ("3y", "2026-12-03", "2023-12-04"),
        ("5y", "2026-12-03", "2021-12-04"),
        ("10y", "2026-12-03", "2016-12-04"),
        ("all", "2026-12-03", "1900-01-01"),
        # the month reached lacks the day: its last day stands for it
        ("1m", "2026-03-31", "2026-03-01"),
        ("1m", "2024-03-31", "2024-03-01"),
        ("1m", "2026-07-31", "2026-07-01"),
        ("1m", "2026-02-28", "2026-01-29"),
        ("6m", "2026-08-31", "2026-03-01"),
        ("6m", "2024-08-31", "2024-03-01"),
        ("3m", "2026-05-31", "2026-03-01"),
        # leap days
        ("1y", "2024-02-29", "2023-03-01"),
        ("1y", "2025-02-28", "2024-02-29"),
        ("3y", "2023-02-28", "2020-02-29"),
        ("1m", "2024-02-29", "2024-01-30"),
        ("1d", "2024-03-01", "2024-03-01"),
        # across new year
        ("1m", "2026-01-15", "2025-12-16"),
        ("3m", "2026-01-31", "2025-11-01"),
    ],
)
def test_a_range_covers_the_days_after_the_same_day_back_then(asked, completed, start):
    got = span(asked, completed=completed, today="2026-12-04")
    assert got.start == day(start)
    assert got.end == day(completed)


def test_nothing_asked_means_one_month():
    assert read_wish() == Wish("1m", None, None)


def test_back_takes_retention_periods_too():
    assert back(day("2026-11-24"), "18m") == day("2025-05-24")
    assert back(day("2026-11-24"), "999y") == day("1027-11-24")
    assert back(day("1900-01-01"), "1900y") == dt.date.min


@pytest.mark.parametrize(
    "asked", ["2y", "1M", "1Y", "", "0d", "-1d", "1w", "1mo", "all ", "1d\x00", "١d", "9" * 10_000]
)
def test_another_range_is_a_usage_error(asked):
    with pytest.raises(UsageError) as caught:
        read_wish(asked)
    assert caught.value.exit_code == 2
    assert "1d 7d 1m 3m 6m 1y 3y 5y 10y all" in caught.value.hint


def test_range_together_with_from_is_a_usage_error_even_for_the_default():
    for range_ in ("1m", "all"):
        with pytest.raises(UsageError, match="--range and --from"):
            read_wish(range_, "2026-01-01")


@pytest.mark.parametrize(
    "text",
    ["2026-02-29", "2026-13-01", "20260102", "2026-W01-1", "2026-1-2", "yesterday", "", "1899-12-31", "٢٠٢٦-01-02"],
)
def test_what_is_no_date_is_a_usage_error_that_names_the_option(text):
    with pytest.raises(UsageError, match="--from"):
        read_wish(None, text)
    with pytest.raises(UsageError, match="--to"):
        read_wish(None, None, text)


def test_dates_in_the_wrong_order_are_a_usage_error():
    with pytest.raises(UsageError, match="2026-01-03 is after --to 2026-01-02"):
        read_wish(None, "2026-01-03", "2026-01-02")
    assert read_wish(None, "2026-01-02", "2026-01-02").range == ""


def test_dates_are_inclusive_and_end_with_the_last_completed_session():
    facts = {"completed": "2026-12-03", "today": "2026-12-04"}
    assert span(None, "2020-01-02", "2020-01-02", **facts) == (day("2020-01-02"), day("2020-01-02"), None)
    assert span(None, "2026-11-30", **facts) == (day("2026-11-30"), day("2026-12-03"), None)
    assert span(None, "2026-11-30", "2027-01-01", **facts).end == day("2026-12-03")


def test_a_last_date_alone_is_where_the_range_ends():
    # 2026-11-29 is a Sunday: the range counts from Friday the 27th
    facts = {"completed": "2026-12-03", "today": "2026-12-04"}
    assert span("1d", None, "2026-11-29", **facts) == (day("2026-11-27"), day("2026-11-29"), None)
    assert span(None, None, "2026-11-29", **facts).start == day("2026-10-28")
    assert span("7d", None, "2030-01-01", **facts) == (day("2026-11-27"), day("2026-12-03"), None)


def test_a_first_date_that_has_not_come_is_a_usage_error():
    facts = {"completed": "2026-12-03", "today": "2026-12-04"}
    with pytest.raises(UsageError, match="2026-12-06 is in the future"):
        span(None, "2026-12-06", **facts)
    # in Auckland it may be the 5th already when it is the 4th in New York
    assert span(None, "2026-12-05", **facts) == Span(day("2026-12-05"), day("2026-12-03"))


def test_a_day_not_over_yet_has_no_completed_day():
    got = span(None, "2026-12-04", "2026-12-04", completed="2026-12-03", today="2026-12-04")
    assert got.start > got.end
    assert got.today is None


def test_today_is_added_only_when_asked_and_when_the_span_reaches_it():
    facts = {"completed": "2026-12-03", "today": "2026-12-04"}
    assert span("1m", **facts, include_today=True) == (
        day("2026-11-04"), day("2026-12-03"), day("2026-12-04"),
    )  # fmt: skip
    assert span(None, "2026-12-04", **facts, include_today=True).today == day("2026-12-04")
    assert span(None, "2026-12-01", "2026-12-04", **facts, include_today=True).today == day("2026-12-04")
    assert span(None, "2026-12-01", "2026-12-03", **facts, include_today=True).today is None
    over = {"completed": "2026-12-04", "today": "2026-12-04"}
    assert span("1m", **over, include_today=True).today is None


def test_all_and_dates_begin_no_earlier_than_any_series():
    assert day("1900-01-01") == EARLIEST
    early = {"completed": "1905-06-01", "today": "2026-12-04"}
    assert span("10y", **early).start == day("1900-01-01")
