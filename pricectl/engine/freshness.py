"""How long a quote counts as fresh. Pure: decided once, when the quote is written."""

from pricectl.model.quote import Quote
from pricectl.sessions import Calendar

FUTURE_MS = 5_000  # fetched later than this after now: a clock was set back, and the age means nothing
_HOUR_MS = 3_600_000
_SOON_MS = 60_000  # until an hour after the close the closing price can still be on its way
_LATER_MS = 300_000


def fresh_until(quote: Quote, calendar: Calendar, now_ms: int, open_s: float) -> int:
    """Until when (milliseconds) ``quote``, just fetched, is fresh.

    While the market is open, ``open_s`` seconds from now. While it is closed, until the next open, if the quote is
    the closing price: its own time is at or after the close (and not in the future), and it was fetched when the
    closing auction and the provider's delay had passed. Otherwise a minute, from an hour after the close on five.
    """
    if calendar.is_open(now_ms):
        return now_ms + round(open_s * 1000)
    close_ms = calendar.last_close(now_ms)
    next_ms = calendar.next_open(now_ms)
    settled_ms = close_ms + round((calendar.delay_s + calendar.auction_s) * 1000)
    if close_ms <= quote.updated_ms <= now_ms + FUTURE_MS and quote.fetched_ms >= settled_ms:
        return next_ms
    return min(next_ms, now_ms + (_SOON_MS if now_ms - close_ms < _HOUR_MS else _LATER_MS))


def is_fresh(quote: Quote, now_ms: int) -> bool:
    """Whether ``quote`` may be given without asking again."""
    return quote.fetched_ms - FUTURE_MS <= now_ms < quote.fresh_until_ms
