"""Wanted minus covered, in literal days of December 2026 (the 1st is a Tuesday)."""

import datetime as dt

import pytest

from pricectl.engine.gaps import expected, merge, missing, widen


def d(number: int) -> dt.date:
    return dt.date(2026, 12, number)


def days(*spans: tuple[int, int]) -> list[tuple[dt.date, dt.date]]:
    return [(d(start), d(end)) for start, end in spans]


def weekdays(start: dt.date, end: dt.date) -> list[dt.date]:
    span = [start + dt.timedelta(days=n) for n in range((end - start).days + 1)]
    return [day for day in span if day.weekday() < 5]


def last_weekday(start: dt.date, end: dt.date) -> dt.date | None:
    return weekdays(start, end)[-1] if weekdays(start, end) else None


@pytest.mark.parametrize(
    ("spans", "merged"),
    [
        ([], []),
        ([(3, 5)], [(3, 5)]),
        ([(3, 5), (6, 8)], [(3, 8)]),
        ([(3, 5), (7, 8)], [(3, 5), (7, 8)]),
        ([(7, 8), (3, 5)], [(3, 5), (7, 8)]),
        ([(3, 9), (4, 5)], [(3, 9)]),
        ([(3, 5), (3, 5)], [(3, 5)]),
        ([(3, 3), (4, 4), (5, 5)], [(3, 5)]),
    ],
)
def test_merge(spans, merged):
    assert merge(days(*spans)) == days(*merged)


def test_merge_across_a_few_days_when_that_saves_a_request():
    assert merge(days((3, 5), (9, 10)), apart_days=3) == days((3, 10))
    assert merge(days((3, 5), (9, 10)), apart_days=2) == days((3, 5), (9, 10))


def test_merge_holds_the_ends_of_time():
    assert merge([(dt.date.min, dt.date.max), (d(1), d(2))]) == [(dt.date.min, dt.date.max)]


@pytest.mark.parametrize(
    ("wanted", "covered", "gaps"),
    [
        ((1, 10), [], [(1, 10)]),
        ((1, 10), [(1, 10)], []),
        ((3, 5), [(1, 10)], []),
        ((1, 10), [(1, 3)], [(4, 10)]),
        ((1, 10), [(8, 10)], [(1, 7)]),
        ((1, 10), [(4, 6)], [(1, 3), (7, 10)]),
        ((1, 10), [(2, 3), (5, 6), (9, 20)], [(1, 1), (4, 4), (7, 8)]),
        ((5, 10), [(1, 2), (12, 20)], [(5, 10)]),
        ((5, 10), [(1, 4), (11, 20)], [(5, 10)]),
        ((5, 5), [(1, 4), (6, 20)], [(5, 5)]),
        ((5, 10), [(1, 7), (6, 8)], [(9, 10)]),
        ((10, 5), [], []),
        ((10, 5), [(1, 20)], []),
        ((10, 5), [(6, 8)], []),
    ],
)
def test_missing(wanted, covered, gaps):
    assert missing(d(wanted[0]), d(wanted[1]), days(*covered)) == days(*gaps)


def test_missing_holds_the_ends_of_time():
    assert missing(dt.date.min, dt.date.max, [(dt.date.min, dt.date.max)]) == []


def test_a_weekend_alone_is_not_asked_for():
    assert expected(days((5, 6), (4, 6), (12, 14)), last_weekday) == days((4, 6), (12, 14))


def test_a_forward_gap_begins_five_sessions_earlier():
    # covered to Wednesday the 16th; the five sessions before the 17th are 10, 11, 14, 15, 16
    assert widen((d(17), d(18)), days((1, 16)), weekdays) == (d(10), d(18))


def test_a_backward_gap_ends_five_sessions_later():
    assert widen((d(1), d(4)), days((5, 31)), weekdays) == (d(1), d(11))


def test_a_gap_between_two_covered_spans_is_widened_on_both_sides():
    assert widen((d(14), d(15)), days((1, 13), (16, 31)), weekdays) == (d(7), d(22))


def test_a_gap_that_touches_nothing_stays():
    assert widen((d(10), d(15)), [], weekdays) == (d(10), d(15))
    assert widen((d(10), d(15)), days((1, 8), (17, 31)), weekdays) == (d(10), d(15))
