"""Where the parts of an answer meet. As of Tuesday 24 November 2026 the default policy cuts at Monday
10 November 2025 (a year and a fortnight back) and at Wednesday 1 November 2023 (three years back)."""

import datetime as dt

import pytest

from pricectl.engine.ranges import Span
from pricectl.engine.segments import Cuts, cuts, lay_out, period, unfinished

HOLIDAYS = {dt.date(2021, 4, 2), dt.date(2023, 11, 23), dt.date(2026, 11, 26)}


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def weekdays(start: dt.date, end: dt.date) -> dt.date | None:
    while end >= start:
        if end.weekday() < 5 and end not in HOLIDAYS:
            return end
        end -= dt.timedelta(days=1)
    return None


def every_day(start: dt.date, end: dt.date) -> dt.date | None:
    return end if end >= start else None


POLICY = Cuts(day("2025-11-10"), day("2023-11-01"))


def laid(interval, start, end, *, range_="", today=None, policy=POLICY, sessions=weekdays):
    span = Span(day(start), day(end), day(today) if today else None)
    segments = lay_out(interval, range_, span, policy, sessions)
    return [(segment.interval, segment.start.isoformat(), segment.end.isoformat()) for segment in segments]


@pytest.mark.parametrize(
    ("daily", "weekly", "as_of", "expected"),
    [
        ("1y", "3y", "2026-11-24", ("2025-11-10", "2023-11-01")),
        ("1y", "3y", "2026-11-23", ("2025-11-03", "2023-11-01")),  # 2025-11-09 is a Sunday
        ("1y", "3y", "2026-12-01", ("2025-11-17", "2023-12-01")),
        ("1y", "3y", "2024-02-29", ("2023-02-13", "2021-02-01")),  # back to 28 February, 14 February
        ("18m", "5y", "2026-11-24", ("2025-05-05", "2021-11-01")),  # 2025-05-10 is a Saturday
        ("all", "3y", "2026-11-24", ("0001-01-01", "0001-01-01")),
        ("all", "all", "2026-11-24", ("0001-01-01", "0001-01-01")),
        ("1y", "all", "2026-11-24", ("2025-11-10", "0001-01-01")),
        # kept longer in days than in weeks: weeks only fill the month in which the days begin
        ("5y", "3y", "2026-11-24", ("2021-11-08", "2021-11-01")),
        ("999y", "999y", "0900-01-01", ("0001-01-01", "0001-01-01")),
    ],
)
def test_cuts(daily, weekly, as_of, expected):
    assert cuts(daily, weekly, day(as_of)) == (day(expected[0]), day(expected[1]))


def test_cuts_fall_on_a_monday_and_on_the_first_of_a_month():
    for number in range(400):
        got = cuts("1y", "3y", day("2026-01-01") + dt.timedelta(days=number))
        assert got.daily.isoweekday() == 1
        assert got.weekly.day == 1


def test_periods():
    assert period("1d", day("2024-02-29")) == (day("2024-02-29"), day("2024-02-29"))
    assert period("1wk", day("2024-02-29")) == (day("2024-02-26"), day("2024-03-03"))
    assert period("1wk", day("2027-01-01")) == (day("2026-12-28"), day("2027-01-03"))
    assert period("1mo", day("2024-02-29")) == (day("2024-02-01"), day("2024-02-29"))
    assert period("1mo", day("2023-02-01")) == (day("2023-02-01"), day("2023-02-28"))
    assert period("1mo", day("2026-12-31")) == (day("2026-12-01"), day("2026-12-31"))


def test_auto_over_ten_years_meets_exactly():
    # 24 November 2016 is a Thursday; the last session of that month is in the range, so the month is a bar
    assert laid("auto", "2016-11-24", "2026-11-23", range_="10y") == [
        ("1mo", "2016-11-01", "2023-10-31"),
        ("1wk", "2023-11-01", "2025-11-09"),
        ("1d", "2025-11-10", "2026-11-23"),
    ]


def test_auto_over_three_years_begins_with_a_whole_week():
    assert laid("auto", "2023-11-24", "2026-11-23", range_="3y") == [
        ("1wk", "2023-11-20", "2025-11-09"),
        ("1d", "2025-11-10", "2026-11-23"),
    ]


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2023-11-20", "2023-11-20"),  # Monday
        ("2023-11-24", "2023-11-20"),  # Friday, the last session of the week
        ("2023-11-25", "2023-11-27"),  # Saturday: that week's last session is before the range
        ("2023-11-03", "2023-11-01"),  # the piece of the week at the meeting point
        ("2023-11-04", "2023-11-06"),
        ("2023-11-01", "2023-11-01"),
    ],
)
def test_a_week_counts_when_its_last_session_is_in_the_range(start, first):
    assert laid("auto", start, "2026-11-23")[0] == ("1wk", first, "2025-11-09")


def test_the_last_session_is_the_calendars_not_friday():
    # 2 April 2021 was Good Friday: the week's last session is Thursday the 1st
    assert laid("1wk", "2021-04-01", "2021-04-16")[0] == ("1wk", "2021-03-29", "2021-04-16")
    assert laid("1wk", "2021-04-02", "2021-04-16")[0] == ("1wk", "2021-04-05", "2021-04-16")
    assert laid("1wk", "2021-03-22", "2021-04-01") == [("1wk", "2021-03-22", "2021-04-01")]


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2016-11-30", "2016-11-01"),
        ("2016-12-01", "2016-12-01"),
        ("2016-12-30", "2016-12-01"),  # a Friday, and the month's last session
        ("2016-12-31", "2017-01-01"),  # a Saturday
    ],
)
def test_a_month_counts_when_its_last_session_is_in_the_range(start, first):
    assert laid("auto", start, "2026-11-23")[0] == ("1mo", first, "2023-10-31")


@pytest.mark.parametrize("range_", ["1d", "7d", "1m", "3m", "6m", "1y"])
def test_auto_is_never_coarser_than_a_day_up_to_a_year(range_):
    assert laid("auto", "2010-06-02", "2011-06-01", range_=range_) == [("1d", "2010-06-02", "2011-06-01")]


def test_auto_is_never_coarser_than_a_day_for_92_days():
    assert laid("auto", "2010-07-01", "2010-09-30") == [("1d", "2010-07-01", "2010-09-30")]
    # 93 days: months, and only those that end in the span
    assert laid("auto", "2010-06-30", "2010-09-30") == [("1mo", "2010-06-01", "2010-09-30")]
    assert laid("auto", "2010-07-01", "2010-10-01") == [("1mo", "2010-07-01", "2010-09-30")]


def test_weeks_and_months_are_one_uniform_series():
    assert laid("1wk", "2016-11-24", "2026-11-23") == [("1wk", "2016-11-21", "2026-11-22")]
    assert laid("1mo", "2016-11-24", "2026-11-23") == [("1mo", "2016-11-01", "2026-10-31")]
    assert laid("1d", "2016-11-24", "2026-11-23") == [("1d", "2016-11-24", "2026-11-23")]


def test_only_periods_that_ended_count():
    # Friday 27 November 2026 completes the week; on the Wednesday it is not a bar yet
    assert laid("1wk", "2026-11-09", "2026-11-25") == [("1wk", "2026-11-09", "2026-11-22")]
    assert laid("1wk", "2026-11-09", "2026-11-27") == [("1wk", "2026-11-09", "2026-11-27")]
    assert laid("1mo", "2026-10-15", "2026-11-27") == [("1mo", "2026-10-01", "2026-10-31")]
    assert laid("1mo", "2026-10-15", "2026-10-30") == [("1mo", "2026-10-01", "2026-10-30")]  # the 31st: Saturday
    assert laid("1mo", "2026-10-15", "2026-10-30", sessions=every_day) == []


def test_a_span_without_a_whole_period_has_no_bar():
    assert laid("1wk", "2026-11-24", "2026-11-25") == []
    assert laid("1mo", "2026-11-24", "2026-11-25") == []
    assert laid("1d", "2026-11-25", "2026-11-24") == []


def test_a_day_and_night_market_closes_its_week_on_sunday():
    assert laid("1wk", "2026-11-22", "2026-11-29", sessions=every_day) == [("1wk", "2026-11-16", "2026-11-29")]
    assert laid("1wk", "2026-11-23", "2026-11-28", sessions=every_day) == []


def test_parts_meet_where_a_month_begins_on_a_weekend():
    # 1 March 2025 is a Saturday: the first week of the weekly part holds no session and still is not left out
    policy = Cuts(day("2025-11-10"), day("2025-03-01"))
    assert laid("auto", "2024-01-01", "2026-11-23", policy=policy) == [
        ("1mo", "2024-01-01", "2025-02-28"),
        ("1wk", "2025-03-01", "2025-11-09"),
        ("1d", "2025-11-10", "2026-11-23"),
    ]


def test_everything_kept_is_everything_daily():
    assert laid("auto", "2010-01-01", "2026-11-23", policy=Cuts(dt.date.min, dt.date.min)) == [
        ("1d", "2010-01-01", "2026-11-23")
    ]
    assert laid("auto", "2010-01-01", "2026-11-23", policy=Cuts(day("2025-11-10"), dt.date.min)) == [
        ("1wk", "2009-12-28", "2025-11-09"),
        ("1d", "2025-11-10", "2026-11-23"),
    ]


def test_the_running_period_is_added_when_today_is_asked_for():
    # Tuesday the 24th is open, Monday the 23rd complete
    assert laid("1d", "2026-11-20", "2026-11-23", today="2026-11-24") == [("1d", "2026-11-20", "2026-11-24")]
    assert laid("1wk", "2026-11-09", "2026-11-23", today="2026-11-24") == [("1wk", "2026-11-09", "2026-11-24")]
    assert laid("1mo", "2026-11-09", "2026-11-23", today="2026-11-24") == [("1mo", "2026-11-01", "2026-11-24")]
    assert laid("auto", "2016-11-24", "2026-11-23", range_="10y", today="2026-11-24")[-1] == (
        "1d", "2025-11-10", "2026-11-24",
    )  # fmt: skip


def open_from(interval, start, end, completed, sessions=weekdays):
    from pricectl.model.bar import Segment

    got = unfinished(Segment(interval, day(start), day(end)), day(completed), sessions)
    return got.isoformat() if got else None


def test_the_running_bar_is_the_only_one_that_is_not_final():
    assert open_from("1d", "2026-11-20", "2026-11-24", "2026-11-23") == "2026-11-24"
    assert open_from("1wk", "2026-11-09", "2026-11-24", "2026-11-23") == "2026-11-23"
    assert open_from("1mo", "2026-10-01", "2026-11-24", "2026-11-23") == "2026-11-01"
    assert open_from("1wk", "2026-11-25", "2026-11-26", "2026-11-25") == "2026-11-25"  # a piece


def test_a_period_whose_last_session_is_over_is_final():
    assert open_from("1d", "2026-11-20", "2026-11-23", "2026-11-23") is None
    # Saturday 28 November: Friday closed the week, but not the month
    assert open_from("1wk", "2026-11-09", "2026-11-28", "2026-11-27") is None
    assert open_from("1mo", "2026-11-01", "2026-11-28", "2026-11-27") == "2026-11-01"
    assert open_from("1wk", "2026-11-09", "2026-11-28", "2026-11-27", sessions=every_day) == "2026-11-23"
