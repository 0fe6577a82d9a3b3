"""Segments, ranges and gaps held against a day-by-day count, for any calendar and any span."""

import datetime as dt
import itertools

from hypothesis import given
from hypothesis import strategies as st

from pricectl.engine.gaps import expected, merge, missing, widen
from pricectl.engine.ranges import RANGES, Span, read_wish, span_of
from pricectl.engine.segments import Cuts, cuts, lay_out

DAY = dt.timedelta(days=1)
FIRST = dt.date(2023, 6, 1)
LAST = dt.date(2026, 12, 31)
dates = st.dates(FIRST, LAST)


class Sessions:
    """A calendar that closes on some weekdays and on some holidays, counted day by day."""

    def __init__(self, weekmask, holidays):
        self.weekmask, self.holidays = weekmask, holidays

    def __repr__(self):
        return f"Sessions({self.weekmask}, {self.holidays})"

    def is_session(self, day):
        return self.weekmask[day.weekday()] and day not in self.holidays

    def sessions(self, start, end):
        return [day for day in days_of(start, end) if self.is_session(day)]

    def last_session(self, start, end):
        while end >= start:
            if self.is_session(end):
                return end
            end -= DAY
        return None


calendars = st.builds(
    Sessions,
    st.sampled_from([[True] * 5 + [False] * 2, [True] * 7, [True] * 4 + [False, False, True]]),
    st.frozensets(dates, max_size=40),
)
policies = st.builds(
    cuts, st.sampled_from(["1m", "6m", "1y", "all"]), st.sampled_from(["3m", "1y", "3y", "all"]), dates
)


def days_of(start, end):
    return [start + n * DAY for n in range((end - start).days + 1)]


def label(interval: str, day: dt.date, policy: Cuts, coarse_only: str | None = None) -> tuple[str, dt.date]:
    """The bar to which a day belongs: its interval and first day, straight from the contract's words."""
    if interval == "auto":
        interval = "1d" if day >= policy.daily else "1wk" if day >= policy.weekly else "1mo"
        floor = policy.daily if interval == "1d" else policy.weekly if interval == "1wk" else dt.date.min
    else:
        floor = dt.date.min
    if interval == "1d":
        return interval, day
    if interval == "1wk":
        year, week, _ = day.isocalendar()
        return interval, max(dt.date.fromisocalendar(year, week, 1), floor)
    return interval, max(dt.date(day.year, day.month, 1), floor)


def bars_day_by_day(interval, start, end, policy, calendar):
    """{bar: its sessions} for the bars whose last session lies in start..end."""
    bars: dict[tuple[str, dt.date], list[dt.date]] = {}
    for day in calendar.sessions(start - 62 * DAY, end + 62 * DAY):
        bars.setdefault(label(interval, day, policy), []).append(day)
    return {bar: sessions for bar, sessions in bars.items() if start <= sessions[-1] <= end}


def bars_of(segments, policy, calendar):
    bars: dict[tuple[str, dt.date], list[dt.date]] = {}
    for segment in segments:
        for day in calendar.sessions(segment.start, segment.end):
            own = label(segment.interval, day, policy)
            bars.setdefault((segment.interval, max(own[1], segment.start)), []).append(day)
    return bars


spans = st.tuples(dates, dates).map(sorted).map(lambda pair: Span(*pair))


@given(st.sampled_from(["auto", "1d", "1wk", "1mo"]), spans, policies, calendars)
def test_the_bars_are_those_whose_last_session_lies_in_the_span(interval, span, policy, calendar):
    segments = lay_out(interval, "10y", span, policy, calendar.last_session)
    assert bars_of(segments, policy, calendar) == bars_day_by_day(interval, *span[:2], policy, calendar)


@given(st.sampled_from(["auto", "1d", "1wk", "1mo"]), spans, policies, calendars)
def test_segments_meet_exactly(interval, span, policy, calendar):
    segments = lay_out(interval, "10y", span, policy, calendar.last_session)
    for one, next_one in itertools.pairwise(segments):
        assert next_one.start == one.end + DAY
    assert [s.interval for s in segments] == sorted({s.interval for s in segments}, key=["1mo", "1wk", "1d"].index)
    assert all(segment.start <= segment.end <= span.end for segment in segments)


@given(st.sampled_from(["auto", "1wk", "1mo"]), dates, dates, dates, policies, calendars)
def test_any_span_is_its_parts_one_after_the_other(interval, a, b, c, policy, calendar):
    a, b, c = sorted([a, b, c])

    def bars(start, end):
        if start > end:
            return {}
        segments = lay_out(interval, "10y", Span(start, end), policy, calendar.last_session)
        return bars_of(segments, policy, calendar)

    left, right = bars(a, b), bars(b + DAY, c)
    assert left.keys().isdisjoint(right)
    assert left | right == bars(a, c)


@given(st.sampled_from(RANGES), dates, calendars)
def test_a_range_ends_with_the_last_completed_session(range_, today, calendar):
    completed = calendar.last_session(dt.date(2000, 1, 1), today - DAY) or today - DAY
    span = span_of(read_wish(range_), completed, today, calendar.last_session)
    assert span.end == completed
    assert span.start <= completed
    assert (range_ == "1d") == (span.start == completed)


@given(st.lists(st.tuples(dates, dates).map(sorted).map(tuple), max_size=8), dates, dates)
def test_missing_is_wanted_minus_covered_day_by_day(covered, start, end):
    known = {day for span in covered for day in days_of(*span)}
    gaps = missing(start, end, covered)
    assert [day for gap in gaps for day in days_of(*gap)] == [d for d in days_of(start, end) if d not in known]
    assert merge(gaps) == gaps


@given(st.lists(st.tuples(dates, dates).map(sorted).map(tuple), max_size=8), spans, calendars)
def test_what_is_asked_for_holds_every_missing_session(covered, span, calendar):
    covered = merge(covered)
    gaps = expected(missing(*span[:2], covered), calendar.last_session)
    known = {day for each in covered for day in days_of(*each)}
    asked = {day for gap in gaps for day in days_of(*widen(gap, covered, calendar.sessions))}
    assert {day for day in calendar.sessions(*span[:2]) if day not in known} <= asked
