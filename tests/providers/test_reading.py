"""What no provider may say of the time of a price, and what each of them makes of it."""

import pytest

from pricectl.errors import BadPayload
from pricectl.model.quote import Quote
from pricectl.providers import binance, coinbase, frankfurter, tiingo, yahoo
from pricectl.providers.reading import instant
from provider_bodies import NOW_MS, reply, spark, spark_item, ticker, utc

HOUR_MS = 3_600_000
LATER = r"gives a price of 2026-11-24T13:00:00Z, and it is 2026-11-24T12:00:00.250Z"


def test_five_minutes_of_two_clocks_are_borne_and_no_more() -> None:
    ours_ms = NOW_MS + 250  # when the reply was received
    assert instant(ours_ms + 300_000, reply({}), "yahoo") == ours_ms + 300_000
    with pytest.raises(BadPayload, match=r"^yahoo gives a price of .*, and it is 2026-11-24T12:00:00.250Z$"):
        instant(ours_ms + 300_001, reply({}), "yahoo")


def test_a_slow_clock_of_either_side_makes_no_price_one_of_the_future() -> None:
    theirs_slow = reply({})._replace(server_ms=NOW_MS - 5 * HOUR_MS)
    ours_slow = reply({})._replace(received_ms=NOW_MS - 5 * HOUR_MS)
    assert [instant(NOW_MS, one, "yahoo") for one in (theirs_slow, ours_slow)] == [NOW_MS, NOW_MS]


def test_one_symbols_future_price_does_not_sink_the_others() -> None:
    ahead = spark_item("AAPL", regularMarketTime=(NOW_MS + HOUR_MS) // 1000)
    found = yahoo.read_spark(reply(spark(ahead, spark_item("MSFT"))))
    assert isinstance(found["AAPL"], BadPayload)
    assert isinstance(found["MSFT"], Quote)
    pairs = [ticker("BTCUSDT", closeTime=NOW_MS + HOUR_MS), ticker("ETHUSDT")]
    outcomes = binance.read_tickers(reply(pairs), frozenset({"BTCUSDT", "ETHUSDT"}))
    assert isinstance(outcomes["BTCUSDT"], BadPayload)
    assert isinstance(outcomes["ETHUSDT"], Quote)


def test_the_fallbacks_are_held_to_it_too() -> None:
    last = {"price": "5.0", "time": "2026-11-24T13:00:00Z"}
    with pytest.raises(BadPayload, match=f"^coinbase {LATER}$"):
        coinbase.read_ticker(reply(last), "BTC-USD")
    (share,) = tiingo.read_quotes(
        reply([{"ticker": "AAPL", "timestamp": "2026-11-24T13:00:00+00:00", "tngoLast": 1.5}])
    ).values()
    assert isinstance(share, BadPayload)
    fix = {"amount": 1.0, "base": "USD", "date": "2026-11-25", "rates": {"EUR": 0.8707}}
    with pytest.raises(BadPayload, match=r"^frankfurter gives a price of 2026-11-25T15:00:00Z"):
        frankfurter.read_latest(reply(fix), "USD")
    published = reply(fix, server_ms=utc("2026-11-25T15:00") * 1000)
    assert frankfurter.read_latest(published, "USD")["USDEUR"].price == "0.8707"
