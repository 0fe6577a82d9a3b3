"""What was asked for as days: ``1m``, or a first and a last date, become the span of sessions meant. Pure.

A range counts back from the last completed session D and covers (D - range, D], so that adjoining ranges meet
without a shared day: 1m on 4 December is 4 November to 3 December for an asset that never closes.
"""

import calendar as months
import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from pricectl.errors import UsageError

RANGES = ("1d", "7d", "1m", "3m", "6m", "1y", "3y", "5y", "10y", "all")
DEFAULT = "1m"
# Older than any series of the providers (Yahoo's oldest index bar is of 1927): what "all" asks for.
EARLIEST = dt.date(1900, 1, 1)
DAY = dt.timedelta(days=1)


class Wish(NamedTuple):
    """What was asked, checked but not yet counted back from a session. ``range`` is empty for plain dates."""

    range: str
    start: dt.date | None
    end: dt.date | None


class Span(NamedTuple):
    """The days meant, inclusive. ``end`` is never later than the last completed session.

    ``today`` is the day up to which an unfinished period may be shown as well (None: completed bars only).
    Where the only day asked for is not over yet, ``start`` lies after ``end``.
    """

    start: dt.date
    end: dt.date
    today: dt.date | None = None


def read_day(text: str, option: str) -> dt.date:
    """The date that ``2020-01-31`` stands for. Raises UsageError naming the option."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        day = dt.date.min
    if day.isoformat() != text or day < EARLIEST:
        raise UsageError(f"{option} {text!r} is not a date", f"write it as YYYY-MM-DD, {EARLIEST.year} or later")
    return day


def read_wish(range_: str | None = None, start: str | None = None, end: str | None = None) -> Wish:
    """The wish that the options state. Nothing at all means ``1m``; ``end`` alone is where the range ends.

    Raises UsageError: an unknown range, a range together with a first date, a date that is none, dates in the
    wrong order.
    """
    if range_ is not None and start is not None:
        raise UsageError("--range and --from exclude each other", "give one of them; --to may join either")
    if range_ is not None and range_ not in RANGES:
        hint = f"one of {' '.join(RANGES)}; any other span with --from and --to"
        raise UsageError(f"{range_!r} is not a range", hint)
    first = None if start is None else read_day(start, "--from")
    last = None if end is None else read_day(end, "--to")
    if first is not None and last is not None and first > last:
        raise UsageError(f"--from {first} is after --to {last}", "exchange the two dates")
    return Wish("" if first is not None else range_ or DEFAULT, first, last)


def back(day: dt.date, span: str) -> dt.date:
    """``day`` minus ``7d``, ``18m`` or ``3y``; a day that the month reached lacks becomes its last one.

    Stops at year 1 instead of failing.
    """
    number, unit = int(span[:-1]), span[-1]
    if unit == "d":
        return day - dt.timedelta(days=number)
    count = day.year * 12 + day.month - 1 - number * (12 if unit == "y" else 1)
    year, month = divmod(count, 12)
    if year < 1:
        return dt.date.min
    return dt.date(year, month + 1, min(day.day, months.monthrange(year, month + 1)[1]))


def span_of(
    wish: Wish,
    completed: dt.date,
    today: dt.date,
    last_session: Callable[[dt.date, dt.date], dt.date | None],
    include_today: bool = False,
) -> Span:
    """The days that ``wish`` means for an asset whose last completed session is ``completed``.

    ``today`` is the date at the exchange now; ``last_session(start, end)`` the last expected session between two
    dates (None: none). Raises UsageError where the first date asked for has not come anywhere on earth.
    """
    if wish.start is not None and wish.start > today + DAY:
        raise UsageError(f"--from {wish.start} is in the future", f"it is {today} at the exchange")
    end = completed if wish.end is None else min(wish.end, completed)
    if wish.start is not None:
        start = wish.start
    elif wish.range == "all":
        start = EARLIEST
    else:
        # A range that ends at a date counts from the last session by then: 1d to a Sunday is Friday's bar.
        session = completed if wish.end is None else last_session(end - 14 * DAY, end) or end
        start = max(back(session, wish.range) + DAY, EARLIEST)
    running = include_today and today > completed and (wish.end is None or wish.end >= today)
    return Span(start, end, today if running else None)
