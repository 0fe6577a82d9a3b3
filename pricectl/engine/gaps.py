"""What is missing: the days wanted without the days already covered. Pure; all spans are inclusive."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

Days = tuple[dt.date, dt.date]
DAY = dt.timedelta(days=1)
# Sessions on each side of a gap that are asked for again, to compare with what is stored (design, section 5).
OVERLAP_SESSIONS = 5


def merge(spans: Iterable[Days], apart_days: int = 0) -> list[Days]:
    """The same days as few spans, sorted; also across at most ``apart_days`` days between two spans."""
    merged: list[Days] = []
    for start, end in sorted(spans):
        # As a number of days: date.max + 1 day does not exist.
        if merged and (start - merged[-1][1]).days <= apart_days + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def missing(start: dt.date, end: dt.date, covered: Iterable[Days]) -> list[Days]:
    """The parts of ``start``..``end`` that no span of ``covered`` covers, sorted; nothing where start > end."""
    found: list[Days] = []
    for first, last in merge(covered):
        if last < start:
            continue
        if first > end:
            break
        if first > start:
            found.append((start, first - DAY))
        if last >= end:
            return found
        start = last + DAY
    if start <= end:
        found.append((start, end))
    return found


def expected(spans: Iterable[Days], last_session: Callable[[dt.date, dt.date], dt.date | None]) -> list[Days]:
    """The spans in which the exchange calendar expects a session: a week-end alone is not asked for."""
    return [span for span in spans if last_session(*span) is not None]


def widen(gap: Days, covered: Sequence[Days], sessions: Callable[[dt.date, dt.date], Sequence[dt.date]]) -> Days:
    """``gap`` and, where it touches covered days, the five sessions beyond each such edge.

    What a provider says of those is compared with what is stored before anything new is believed.
    """
    start, end = gap
    if any(first < start <= last + DAY for first, last in covered):
        before = sessions(start - 21 * DAY, start - DAY)
        start = before[-OVERLAP_SESSIONS:][0] if before else start
    if any(first - DAY <= end < last for first, last in covered):
        after = sessions(end + DAY, end + 21 * DAY)
        end = after[:OVERLAP_SESSIONS][-1] if after else end
    return start, end
