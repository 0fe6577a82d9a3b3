"""Which part of an answer comes in which interval, and where the parts meet. Pure.

A bar counts when the last expected session of its period lies in the span asked for: so any span's bars are the
bars of its parts, one after the other. Weeks are ISO weeks (from Monday); a week that straddles the first day of
the weekly part is given as its piece from that day on.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pricectl.engine.gaps import Days, merge
from pricectl.engine.ranges import DAY, Span, back
from pricectl.model.bar import INTERVALS, Segment

# ``auto`` is never coarser than a day for these, nor for dates at most 92 days apart (the longest three months).
FINE_RANGES = frozenset({"1d", "7d", "1m", "3m", "6m", "1y"})
FINE_DAYS = 92
# Daily bars stay two weeks longer than the policy says, so that a year back from any session is still daily.
DAILY_GRACE = 14 * DAY

LastSession = Callable[[dt.date, dt.date], dt.date | None]


class Cuts(NamedTuple):
    """The first day given in days and the first given in weeks; what is older comes in months."""

    daily: dt.date
    weekly: dt.date


def cuts(daily: str, weekly: str, as_of: dt.date) -> Cuts:
    """Where the retention policy (``18m``, ``1y``, ``all``) cuts on the day ``as_of``.

    Daily: the Monday on or before (as_of - daily - 14 d). Weekly: the first of the month on or before
    (as_of - weekly), and never later than the daily cut's month.
    """
    first_daily = dt.date.min if daily == "all" else period("1wk", _less(back(as_of, daily), DAILY_GRACE))[0]
    first_weekly = dt.date.min if weekly == "all" else period("1mo", back(as_of, weekly))[0]
    return Cuts(first_daily, min(first_weekly, period("1mo", first_daily)[0]))


def _less(day: dt.date, span: dt.timedelta) -> dt.date:
    return day - span if day - dt.date.min > span else dt.date.min


def period(interval: str, day: dt.date) -> tuple[dt.date, dt.date]:
    """The first and last day of the day, ISO week or month around ``day``."""
    if interval == "1d":
        return day, day
    if interval == "1wk":
        # Year 1 begins with a Monday, so no week begins before dates do.
        monday = day - day.weekday() * DAY
        return monday, monday + 6 * DAY
    first = day.replace(day=1)
    return first, (first + 31 * DAY).replace(day=1) - DAY


def lay_out(interval: str, range_: str, span: Span, policy: Cuts, last_session: LastSession) -> list[Segment]:
    """The segments of an answer to ``span``, oldest first, meeting exactly; empty if no whole period fits.

    ``interval`` is ``auto``, ``1d``, ``1wk`` or ``1mo``; ``range_`` the range asked for (empty: dates). The first
    coarse segment may begin before the span: at the first day of its first bar. A segment may reach to
    ``span.today``; ``unfinished`` says from which day its last bar is not final.
    """
    segments = []
    for each, first, last in _parts(interval, range_, span, policy):
        end = min(last, span.today or span.end)
        if end < first or span.start > last:
            continue
        start = max(first, span.start)
        if each != "1d":
            if span.start > first:
                start = _whole_from(each, start, first, last, last_session)
            if last > span.end and span.today is None:
                end = _whole_to(each, end, first, last, last_session)
        if start <= end:
            segments.append(Segment(each, start, end))
    return segments


def _parts(interval: str, range_: str, span: Span, policy: Cuts) -> list[tuple[str, dt.date, dt.date]]:
    fine = range_ in FINE_RANGES or (not range_ and (span.end - span.start).days < FINE_DAYS)
    if interval == "auto" and fine:
        interval = "1d"
    if interval != "auto":
        return [(interval, dt.date.min, dt.date.max)]
    parts = [("1d", policy.daily, dt.date.max)]
    if policy.daily > dt.date.min:
        parts.insert(0, ("1wk", policy.weekly, policy.daily - DAY))
    if policy.weekly > dt.date.min:
        parts.insert(0, ("1mo", dt.date.min, policy.weekly - DAY))
    return parts


def _whole_from(interval: str, start: dt.date, first: dt.date, last: dt.date, last_session: LastSession) -> dt.date:
    """The first day of the first period whose last session is at or after ``start``; pieces within first..last."""
    begin, end = period(interval, start)
    begin, end = max(begin, first), min(end, last)
    closing = last_session(begin, end)
    return begin if closing is not None and closing >= start else end + DAY


def _whole_to(interval: str, end: dt.date, first: dt.date, last: dt.date, last_session: LastSession) -> dt.date:
    """The last day, at most ``end``, by which a period is whole: its last session is not after ``end``."""
    begin, stop = period(interval, end)
    begin, stop = max(begin, first), min(stop, last)
    closing = last_session(begin, stop)
    return end if closing is None or closing <= end else begin - DAY


def beyond(segments: Iterable[Segment], pieces: Iterable[Segment]) -> list[Days]:
    """The days that ``segments`` show finer than they are kept: ``pieces`` are the stored weeks and months."""
    rank = INTERVALS.index
    kept = list(pieces)
    return merge(
        (max(segment.start, piece.start), min(segment.end, piece.end))
        for segment in segments
        for piece in kept
        if rank(piece.interval) > rank(segment.interval) and segment.start <= piece.end and piece.start <= segment.end
    )


def unfinished(segment: Segment, completed: dt.date, last_session: LastSession) -> dt.date | None:
    """The first day of the bar of ``segment`` that is not final when ``completed`` is the last completed session.

    None if all of its bars are final.
    """
    if segment.end <= completed:
        return None
    if segment.interval == "1d":
        return completed + DAY
    begin, stop = period(segment.interval, segment.end)
    begin = max(begin, segment.start)
    closing = last_session(begin, stop)
    return begin if closing is not None and closing > completed else None
