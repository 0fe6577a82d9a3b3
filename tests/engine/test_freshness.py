"""How long a quote counts as fresh, at instants written out."""

import datetime as dt

import pytest

from pricectl.engine.freshness import fresh_until, is_fresh
from pricectl.model.quote import Quote
from pricectl.sessions import calendar

OPEN_S = 60.0


def ms(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()) * 1000


def until(exchange: str, updated: str, now: str, open_s: float = OPEN_S) -> str:
    """Until when a quote of the time ``updated``, fetched ``now``, is fresh."""
    quote = Quote("yahoo", "X", "1", "USD", None, ms(updated), ms(now))
    fresh_ms = fresh_until(quote, calendar(exchange, "stock"), ms(now), open_s)
    return f"{dt.datetime.fromtimestamp(fresh_ms / 1000, dt.UTC):%Y-%m-%d %H:%M:%S}"


def test_an_open_market_is_fresh_for_the_setting() -> None:
    assert until("NMS", "2026-11-24 15:00", "2026-11-24 15:00:01") == "2026-11-24 15:01:01"
    assert until("NMS", "2026-11-24 15:00", "2026-11-24 15:00:01", open_s=2.5) == "2026-11-24 15:00:03"
    assert until("BINANCE", "2026-11-28 03:00", "2026-11-28 03:00:00") == "2026-11-28 03:01:00"
    assert until("LSE", "2026-11-24 16:10", "2026-11-24 16:29:59") == "2026-11-24 16:30:59"


@pytest.mark.parametrize(
    ("exchange", "updated", "now", "expected"),
    [
        ("NMS", "2026-11-24 21:00:01", "2026-11-24 21:05", "2026-11-25 14:30:00"),
        ("NMS", "2026-11-25 21:00:01", "2026-11-26 15:00", "2026-11-27 14:30:00"),  # Thanksgiving
        ("NMS", "2026-11-27 18:00:01", "2026-11-27 18:30", "2026-11-30 14:30:00"),  # closed at 13:00 New York
        ("LSE", "2026-11-24 16:35:12", "2026-11-24 16:55", "2026-11-25 08:00:00"),
        ("ASX", "2026-11-24 05:10:07", "2026-11-24 06:00", "2026-11-24 23:00:00"),
        ("CCY", "2026-11-27 22:29:00", "2026-11-28 09:00", "2026-11-29 21:00:00"),
        ("JPX", "2026-11-24 02:30:00", "2026-11-24 03:00", "2026-11-24 03:30:00"),  # lunch
    ],
)
def test_a_closing_price_is_fresh_until_the_next_open(exchange: str, updated: str, now: str, expected: str) -> None:
    assert until(exchange, updated, now) == expected


@pytest.mark.parametrize(
    ("exchange", "updated", "now", "expected"),
    [
        ("NMS", "2026-11-24 20:59:59", "2026-11-24 21:30:00", "2026-11-24 21:31:00"),  # a trade before the close
        ("NMS", "2026-11-24 20:59:59", "2026-11-24 21:59:59", "2026-11-24 22:00:59"),
        ("NMS", "2026-11-24 20:59:59", "2026-11-24 22:00:00", "2026-11-24 22:05:00"),  # an hour after: five minutes
        ("NMS", "2026-11-24 20:59:59", "2026-11-25 03:00:00", "2026-11-25 03:05:00"),
        ("NMS", "2026-11-24 20:59:59", "2026-11-25 14:27:00", "2026-11-25 14:30:00"),  # never beyond the open
        ("NMS", "2026-11-24 21:00:01", "2026-11-24 21:04:59", "2026-11-24 21:05:59"),  # the auction may still come
        ("LSE", "2026-11-24 16:30:00", "2026-11-24 16:54:59", "2026-11-24 16:55:59"),  # and London's delay
        ("NMS", "2026-11-20 21:00:01", "2026-11-24 21:30:00", "2026-11-24 21:31:00"),  # the close before
        ("NMS", "2026-11-26 21:00:00", "2026-11-25 21:30:00", "2026-11-25 21:31:00"),  # a time from the future
    ],
)
def test_what_may_not_be_the_closing_price_is_asked_again(exchange: str, updated: str, now: str, expected: str) -> None:
    assert until(exchange, updated, now) == expected


def test_a_quote_is_fresh_up_to_its_time() -> None:
    quote = Quote("yahoo", "X", "1", "USD", None, 900_000, 1_000_000, 1_060_000)
    assert is_fresh(quote, 1_000_000)
    assert is_fresh(quote, 1_059_999)
    assert not is_fresh(quote, 1_060_000)


def test_a_quote_fetched_in_the_future_is_stale() -> None:
    quote = Quote("yahoo", "X", "1", "USD", None, 900_000, 1_000_000, 1_060_000)
    assert is_fresh(quote, 995_000)  # five seconds, clocks are corrected by less all the time
    assert not is_fresh(quote, 994_999)


def test_a_quote_whose_time_was_not_decided_is_stale() -> None:
    assert not is_fresh(Quote("yahoo", "X", "1", "USD", None, 900_000, 1_000_000), 1_000_000)
