"""What an unattended run has to do: which quotes, which bars, in what order, how many at once. Pure.

Decided from the exchange's hours and from what is already known, so that a closed market costs nothing.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pricectl.engine.freshness import is_fresh
from pricectl.engine.gaps import DAY, Days, expected, merge, missing, widen
from pricectl.model.asset import Asset
from pricectl.model.quote import Quote
from pricectl.net.host import Host
from pricectl.sessions import Calendar
from pricectl.state.account import PERSONS_SHARE

# What a refresh writes stays fresh until the next one has written too: it may start so much later (jitter, a busy
# machine) and takes some seconds. Without it every look-up in between went to the provider: 9 % of them (measured).
HANDOVER_S = 15.0
# An asset of which nothing is stored is given the range that `history` shows by default.
FIRST_DAYS = 31 * DAY
# A session without a bar may get one later, and a request that failed may succeed: asked again after so long.
AGAIN_MS = {"empty": 3_600_000, "failed": 300_000, "refused": 86_400_000}
# Of what the request budget brings in a minute beyond a full burst, bars take half; the rest is for people, and for
# the quotes of the next minute.
BARS_SHARE = 0.5

# How a request can leave things: with a row still moving, without anything, failed, contradicting what is stored.
PROVISIONAL, EMPTY, FAILED, REFUSED = "provisional", "empty", "failed", "refused"


class Tried(NamedTuple):
    """How the last request for bars of a series ended, where it did not settle things: when its last completed
    session was ``day`` (``at_ms``: milliseconds): one of the words below, and the error, if it was one."""

    day: dt.date
    at_ms: int
    how: str
    code: str = ""
    message: str = ""


class Wanted(NamedTuple):
    """An asset whose quote is due; ``fetched_ms`` of the one at hand (0: none)."""

    asset: Asset
    is_open: bool
    fetched_ms: int


def quote_is_due(quote: Quote | None, is_open: bool, now_ms: int, next_ms: int) -> bool:
    """Whether a run at ``now_ms`` must fetch: there is no fresh quote, or, while the market is open, it would be
    stale before the next run has written its own (``next_ms``) and was not fetched just now."""
    if quote is None or not is_fresh(quote, now_ms):
        return True
    return is_open and quote.fresh_until_ms < next_ms and now_ms - quote.fetched_ms >= HANDOVER_S * 1000


def in_order(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Open markets first, stalest first: what the budget or the deadline cuts off is what can best wait."""
    return sorted(wanted, key=lambda one: (not one.is_open, one.fetched_ms, one.asset.symbol))


def bars_missing(calendar: Calendar, covered: Sequence[Days], now_ms: int, since: dt.date | None = None) -> Days | None:
    """The days for which bars must be asked, None if nothing is missing.

    From the end of what is ``covered`` (both ends inclusive) to the last completed session; with ``since`` all that
    is missing from that day on. The days include the overlap that is compared with what is stored.
    """
    completed = calendar.last_completed(now_ms)
    if since is None:
        since = max((end for _, end in covered), default=completed - FIRST_DAYS) + DAY
    gaps = merge(expected(missing(since, completed, covered), calendar.last_session))
    return widen((gaps[0][0], gaps[-1][1]), covered, calendar.sessions) if gaps else None


def too_early(calendar: Calendar, tried: Tried | None, now_ms: int) -> bool:
    """Whether a request for missing bars would only bring what the last one brought."""
    return tried is not None and tried.day >= calendar.last_completed(now_ms) and not _again(calendar, tried, now_ms)


def _again(calendar: Calendar, tried: Tried, now_ms: int) -> bool:
    if tried.how == PROVISIONAL:
        return final_row_is_out(calendar, tried.day, now_ms)
    # From the future: a clock was set back, and the wait means nothing.
    return not 0 <= now_ms - tried.at_ms < AGAIN_MS.get(tried.how, 0)


def final_row_is_out(calendar: Calendar, day: dt.date, now_ms: int) -> bool:
    """Whether the provider can have settled the row of session ``day``.

    Yahoo's row of a session stays a moving one until the next session begins, and for futures, whose next session
    begins in the evening, until its day does: before that, asking again brings nothing.
    """
    for later in calendar.sessions(day + DAY, day + 14 * DAY)[:1]:
        opens_ms, _ = calendar.hours(later)
        return opens_ms + calendar.delay_s * 1000 <= now_ms and later <= calendar.day_of(now_ms)
    return True


def bars_room(host: Host, weight_sent: float, share: float = BARS_SHARE) -> int:
    """How many requests for bars one run may make of a provider, after ``weight_sent`` for quotes."""
    spare = host.rate_per_s * 60.0 - host.burst * (1.0 - PERSONS_SHARE)
    return max(int(spare * share - weight_sent), 0)
