"""What of a provider's answer is news, what is final, which days it settles, and when none of it is believed. Pure."""

import datetime as dt
from collections.abc import Sequence

from pricectl.engine.gaps import DAY, Days
from pricectl.engine.overlap import Verdict, same_prices
from pricectl.model.bar import LIVE, MANUAL, PROVISIONAL, Action, Bar, Segment

# A session without a bar may still get one for so long (funds report a day or two late); then it never was one.
LATE_DAYS = 7 * DAY


def torn(pieces: Sequence[Segment], actions: Sequence[Action]) -> list[Days]:
    """Those of ``pieces`` that an ex-date cuts: days of two scales in one, or a close that is not that before it."""
    days = [one.ex_date for one in actions]
    return [(piece.start, piece.end) for piece in pieces if any(piece.start < day <= piece.end for day in days)]


def days_named(days: Sequence[dt.date]) -> str:
    """``2026-11-20 is``, or ``3 days from 2026-11-02 to 2026-11-20 are``."""
    first, last = min(days), max(days)
    return f"{first} is" if first == last else f"{len(set(days))} days from {first} to {last} are"


def doubt(currency: str, named: str, stored: Sequence[Bar], bars: Sequence[Bar], verdict: Verdict) -> str:
    """Why nothing of an answer can be believed; empty where it can."""
    if stored and named != currency:
        return f"in {named}, not in {currency}"
    if _mostly_restated(verdict):
        return "another price"
    if not bars and any(not bar.flags & (PROVISIONAL | LIVE | MANUAL) for bar in stored):
        return "no bar of days that had one"
    return ""


def marked(bar: Bar, completed: dt.date) -> Bar:
    """The moving row of a session that is over by the exchange's hours is provisional; a row of one that is not over
    is live, whatever its stamp."""
    if bar.date > completed:
        return bar._replace(flags=bar.flags | LIVE)
    return bar._replace(flags=bar.flags & ~LIVE | PROVISIONAL) if bar.flags & LIVE else bar


def is_news(bar: Bar, old: Bar | None) -> bool:
    """Whether the store, which holds ``old`` of that day, lacks this bar; a corrected volume is news, a difference
    of 1e-7 is none, and what the person entered stays."""
    if old is None:
        return True
    if old.flags & MANUAL:
        return False
    return old.volume != bar.volume or old.flags != bar.flags or not same_prices(old, bar)


def _mostly_restated(verdict: Verdict) -> bool:
    # One corrected bar says nothing about the others; when half of them differ, the whole scale is in doubt.
    return verdict.kind == "restated" and 2 * len(verdict.differing) >= verdict.compared


def settled_days(asked: Days, bars: Sequence[Bar], completed: dt.date, unsure: dt.date | None) -> list[Days]:
    """The days of ``asked`` that need not be asked for again, whether there was a bar or none.

    Not a session still open or provisional, not the latest sessions without a bar: they may be late; and nothing
    from ``unsure`` on, the first day whose bar the provider can still confirm.
    """
    final = max((bar.date for bar in bars if not bar.flags & (LIVE | PROVISIONAL)), default=dt.date.min)
    end = min(asked[1], max(final, completed - LATE_DAYS))
    if unsure is not None:
        end = min(end, unsure - DAY)
    return [(asked[0], end)] if asked[0] <= end else []
