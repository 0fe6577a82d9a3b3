"""Who answers for an asset whose own provider fails: against the simulated market, on a clock that is set."""

import datetime as dt
import json

import pytest

from engines import SetClock, engine
from pricectl.engine import history, prices, routing
from pricectl.engine.prices import Wish
from pricectl.engine.ranges import Wish as Range
from pricectl.errors import (
    BadPayload,
    NotFound,
    NotFresh,
    ProviderError,
    RateLimited,
    Refused,
    Transient,
    UnknownSymbol,
    UsageError,
)
from pricectl.model.asset import Asset, Series
from pricectl.model.quote import Answer, Miss
from pricectl.simulator import Match, Simulator
from pricectl.simulator.faults import garbage, hang, html, status

NOON_MS = 1_795_521_600_000  # Tuesday, 2026-11-24T12:00:00Z
WISH = Wish(timeout_s=10.0)
GONE = status(503)


@pytest.fixture
def clock():
    return SetClock(NOON_MS)


@pytest.fixture
def market(clock):
    with Simulator(clock=clock) as simulator:
        yield simulator


def one(engine, symbol, wish=WISH):
    (outcome,) = prices.get(engine, [symbol], wish)
    return outcome


def asked(market):
    """The providers that were asked, in order, each once for requests in a row."""
    names = [entry.provider for entry in market.journal]
    return [name for number, name in enumerate(names) if number == 0 or names[number - 1] != name]


# The pure decisions

BTC = Asset("BTC", "Bitcoin", "crypto", "", "BTC", "binance", "BTCUSDT", "USDT", "BINANCE",
            fallbacks="kraken:XBTUSD tiingo:X coinbase:BTC-USD")  # fmt: skip


@pytest.mark.parametrize("error", [Transient("x"), RateLimited("x"), Refused("x"), BadPayload("x"), ProviderError("x")])
def test_the_next_is_asked_when_a_provider_fails(error):
    assert routing.moves_on(error)


@pytest.mark.parametrize("error", [UnknownSymbol("x"), NotFound("x"), NotFresh("x"), UsageError("x"), None])
def test_nobody_else_is_asked_about_what_is_not_known(error):
    assert not routing.moves_on(error)


def test_those_without_a_key_are_not_asked():
    kraken, coinbase = Series("kraken", "XBTUSD"), Series("coinbase", "BTC-USD")
    assert routing.fallbacks(BTC, lambda name: name == "tiingo") == (kraken, coinbase)
    assert routing.fallbacks(BTC, lambda _: False) == (kraken, Series("tiingo", "X"), coinbase)
    assert routing.fallbacks(BTC._replace(fallbacks="none"), lambda _: False) == ()
    assert routing.fallbacks(BTC._replace(fallbacks="binance:BTCUSDT"), lambda _: False) == ()


def test_a_stand_in_is_not_called_by_the_assets_own_currency():
    found = routing.stand_in(BTC, Series("kraken", "XBTUSD"))
    assert (found.symbol, found.series, found.currency, found.chain) == ("BTC", ("kraken", "XBTUSD"), "", ())


# Quotes


@pytest.mark.parametrize("fault", [GONE, status(429, 120), status(451), garbage(), html(), status(418, 120)])
def test_the_first_fallback_answers_under_its_own_name_and_currency(tmp_path, market, clock, fault):
    market.script(fault, Match(provider="binance"))
    market.market.pin("kraken", "XBTUSD", 65123.5)
    answer = one(engine(tmp_path, market, clock, said := []), "BTC")
    assert isinstance(answer, Answer)
    assert (answer.symbol, answer.source, answer.stale) == ("BTC", "provider", False)
    assert (answer.quote.series, answer.quote.price, answer.quote.currency) == (("kraken", "XBTUSD"), "65123.5", "USD")
    assert len(said) == 1
    assert said[0].startswith("BTC: kraken answers instead (binance")
    assert asked(market) == ["binance", "kraken"]


def test_the_second_is_asked_when_the_first_fails_too(tmp_path, market, clock):
    for name in ("binance", "kraken"):
        market.script(GONE, Match(provider=name))
    answer = one(engine(tmp_path, market, clock), "BTC")
    assert answer.quote.series == ("coinbase", "BTC-USD")
    assert asked(market) == ["binance", "kraken", "coinbase"]


def test_a_fallback_that_does_not_know_it_leaves_the_question_to_the_next(tmp_path, market, clock):
    market.script(GONE, Match(provider="binance"))
    market.market.remove("kraken", "XBTUSD")
    market.market.add(Asset("XBTUSD", "", "crypto", "", "", "kraken", "ETHUSD", "USD", "KRAKEN"))
    assert one(engine(tmp_path, market, clock), "BTC").quote.provider == "coinbase"


def test_when_all_fail_the_error_is_that_of_its_own_provider(tmp_path, market, clock):
    market.script(status(429, 120), Match(provider="binance"))
    market.script(GONE)
    miss = one(engine(tmp_path, market, clock), "BTC")
    assert isinstance(miss, Miss)
    assert type(miss.error) is RateLimited


def test_nobody_else_is_asked_about_a_symbol_that_its_provider_does_not_know(tmp_path, market, clock):
    market.market.remove("binance", "BTCUSDT")
    assert type(one(engine(tmp_path, market, clock), "BTC").error) is UnknownSymbol
    assert asked(market) == ["binance"]


def test_an_outage_that_looks_like_a_delisting_is_an_outage(tmp_path, market, clock):
    """Yahoo knows no symbol any more, not even the one that certainly exists: the fallback is asked."""
    for ticker in ("AAPL", "EURUSD=X"):
        market.market.remove("yahoo", ticker)
    answer = one(engine(tmp_path, market, clock), "EURUSD")
    assert (answer.quote.series, answer.quote.currency) == (("frankfurter", "EURUSD"), "USD")


def test_a_name_with_its_provider_in_it_is_answered_by_no_other(tmp_path, market, clock):
    market.script(GONE, Match(provider="binance"))
    assert type(one(engine(tmp_path, market, clock), "binance:BTCUSDT").error) is Transient
    assert asked(market) == ["binance"]
    assert one(engine(tmp_path, market, clock), "BTC").quote.provider == "kraken"  # and is kept for that name
    for wish in (WISH, WISH._replace(offline=True), WISH._replace(max_age_s=3600.0)):
        assert isinstance(one(engine(tmp_path, market, clock), "Binance:btcusdt", wish), Miss)


def test_both_names_of_a_series_in_one_batch_are_answered_each_in_its_way(tmp_path, market, clock):
    market.script(GONE, Match(provider="binance"))
    names = ["binance:BTCUSDT", "BTC", "binance:BTCUSDT"]
    for _ in ("from the providers", "from the cache"):
        outcomes = prices.get(engine(tmp_path, market, clock), names, WISH)
        assert [type(outcome) for outcome in outcomes] == [Miss, Answer, Miss]
        assert outcomes[1].quote.provider == "kraken"
    market.clear()
    market.forget()
    outcomes = prices.get(engine(tmp_path / "another", market, clock), names, WISH)
    assert [(outcome.quote.provider, outcome.source) for outcome in outcomes] == [("binance", "provider")] * 3
    assert len(market.journal) == 1


def test_a_name_with_its_provider_in_it_has_an_older_answer_of_that_provider(tmp_path, market, clock):
    known = one(engine(tmp_path, market, clock), "BTC")
    market.script(GONE, Match(provider="binance"))
    clock.ms += 120_000
    outcomes = prices.get(engine(tmp_path, market, clock), ["BTC", "binance:BTCUSDT"], WISH)
    assert [(outcome.quote.provider, outcome.stale) for outcome in outcomes] == [("kraken", False), ("binance", True)]
    assert outcomes[1].quote == known.quote


def test_a_price_of_the_future_is_none_and_the_fallback_answers(tmp_path, market, clock):
    ahead = json.dumps([{"symbol": "BTCUSDT", "lastPrice": "65000.1", "closeTime": NOON_MS + 7_200_000}])
    market.script(status(200, body=ahead), Match(provider="binance"))
    answer = one(engine(tmp_path / "a", market, clock, said := []), "BTC")
    assert (answer.quote.provider, answer.stale) == ("kraken", False)
    why = "binance gives a price of 2026-11-24T14:00:00Z, and it is 2026-11-24T12:00:00Z"
    assert said == [f"BTC: kraken answers instead ({why})"]
    miss = one(engine(tmp_path / "b", market, clock), "binance:BTCUSDT")
    assert (type(miss.error), str(miss.error)) == (BadPayload, why)


def test_a_fix_is_labelled_with_its_own_time(tmp_path, market, clock):
    market.script(GONE, Match(provider="yahoo"))
    quote = one(engine(tmp_path, market, clock), "EURUSD").quote
    assert quote.updated_ms == int(dt.datetime(2026, 11, 23, 15, tzinfo=dt.UTC).timestamp() * 1000)  # Monday 16:00 CET


def test_a_fallback_answers_from_the_cache_for_a_minute_and_then_the_own_provider_is_asked_again(
    tmp_path, market, clock
):
    market.script(GONE, Match(provider="binance"))
    first = one(engine(tmp_path, market, clock), "BTC")
    assert first.quote.fresh_until_ms == NOON_MS + 60_000
    market.forget()
    clock.ms += 59_000
    again = one(engine(tmp_path, market, clock), "BTC")
    assert (again.source, again.stale, again.quote) == ("cache", False, first.quote)
    assert market.journal == []
    market.clear()
    clock.ms += 60_000  # the breaker lets one probe through
    back = one(engine(tmp_path, market, clock), "BTC")
    assert back.quote.series == ("binance", "BTCUSDT")
    assert (back.source, back.quote.currency) == ("provider", "USDT")
    assert engine(tmp_path, market, clock).cache.named(["BTC"])["BTC"] == back.quote  # at the front door too
    assert one(engine(tmp_path, market, clock), "BTC").quote == back.quote


def test_a_fix_that_stands_in_is_not_kept_until_the_next_one(tmp_path, market, clock):
    market.script(GONE, Match(provider="yahoo"))
    saturday_ms = NOON_MS + 4 * 86_400_000
    clock.ms = saturday_ms
    assert one(engine(tmp_path, market, clock), "EURUSD").quote.provider == "frankfurter"
    standing = engine(tmp_path, market, clock).cache.named(["EURUSD"])["EURUSD"]
    assert (standing.provider, standing.fresh_until_ms) == ("frankfurter", saturday_ms + 60_000)


def test_a_closing_price_that_stands_in_is_not_kept_until_the_next_open(tmp_path, market, clock):
    """Tiingo's own series is fresh all night; asking for it by name does not lengthen what it stands in for."""
    clock.ms = night_ms = NOON_MS + 12 * 3_600_000  # New York has closed
    token = {"tiingo__token": "a-token"}
    direct = one(engine(tmp_path, market, clock, **token), "tiingo:AAPL").quote
    assert direct.fresh_until_ms > night_ms + 10 * 3_600_000
    market.script(GONE, Match(provider="yahoo"))
    assert one(engine(tmp_path, market, clock, **token), "AAPL").quote.provider == "tiingo"
    one(engine(tmp_path, market, clock, **token), "tiingo:AAPL", WISH._replace(refresh=True))
    market.clear()
    clock.ms += 61_000
    assert one(engine(tmp_path, market, clock, **token), "AAPL").quote.provider == "yahoo"
    assert one(engine(tmp_path, market, clock), "tiingo:AAPL").source == "cache"


def test_a_fallbacks_quote_in_the_cache_says_nothing_of_an_asset_whose_provider_answers(tmp_path, market, clock):
    one(engine(tmp_path, market, clock), "kraken:XBTUSD")
    assert one(engine(tmp_path, market, clock), "BTC").quote.provider == "binance"


def test_a_fallbacks_quote_in_the_cache_is_used_before_it_is_asked_again(tmp_path, market, clock):
    known = one(engine(tmp_path, market, clock), "kraken:XBTUSD")
    market.script(GONE, Match(provider="binance"))
    market.forget()
    answer = one(engine(tmp_path, market, clock), "BTC")
    assert (answer.quote, answer.source) == (known.quote, "cache")
    assert asked(market) == ["binance"]


def test_offline_gives_what_stood_in_last_marked_stale(tmp_path, market, clock):
    market.script(GONE, Match(provider="binance"))
    first = one(engine(tmp_path, market, clock), "BTC")
    clock.ms += 3_600_000
    answer = one(engine(tmp_path, market, clock), "BTC", WISH._replace(offline=True))
    assert (answer.quote, answer.stale) == (first.quote, True)


def test_a_batch_asks_each_fallback_once_for_all(tmp_path, market, clock):
    market.script(GONE, Match(provider="binance"))
    outcomes = prices.get(engine(tmp_path, market, clock, said := []), ["BTC", "ETH", "SOL", "AAPL", "DENT"], WISH)
    assert [one.quote.provider if isinstance(one, Answer) else type(one.error) for one in outcomes] == [
        "kraken", "kraken", "kraken", "yahoo", Transient,
    ]  # fmt: skip
    assert sum(entry.provider == "kraken" for entry in market.journal) == 1
    assert said == [f"3 symbols (BTC, ETH, SOL, ...): kraken answers instead ({outcomes[-1].error})"]


def test_a_provider_that_hangs_leaves_time_for_the_fallback(tmp_path, market, clock):
    market.script(hang(), Match(provider="binance"))
    assert one(engine(tmp_path, market, clock), "BTC", Wish(timeout_s=2.0)).quote.provider == "kraken"


def test_shares_are_asked_of_tiingo_only_with_a_token(tmp_path, market, clock):
    market.script(GONE, Match(provider="yahoo"))
    assert type(one(engine(tmp_path / "a", market, clock), "AAPL").error) is Transient
    assert asked(market) == ["yahoo"]
    answer = one(engine(tmp_path / "b", market, clock, tiingo__token="a-token"), "AAPL")
    assert (answer.quote.series, answer.quote.currency) == (("tiingo", "AAPL"), "USD")


def test_the_users_own_chain_replaces_the_shipped_one(tmp_path, market, clock):
    market.script(GONE, Match(provider="binance"))
    (tmp_path / "assets.csv").write_text("symbol,fallbacks\nBTC,coinbase:btc-usd\nETH,none\nSOL,\n")
    outcomes = prices.get(engine(tmp_path, market, clock), ["BTC", "ETH", "SOL"], WISH)
    assert [one.quote.provider if isinstance(one, Answer) else type(one.error) for one in outcomes] == [
        "coinbase", Transient, "kraken",
    ]  # fmt: skip


def test_an_asset_that_the_user_made_another_thing_has_no_shipped_fallbacks(tmp_path, market, clock):
    market.script(GONE, Match(provider="yahoo"))
    (tmp_path / "assets.csv").write_text("symbol,provider,provider_id\nBTC,yahoo,BTC-USD\n")
    assert type(one(engine(tmp_path, market, clock), "BTC").error) is Transient


# History

MONTH = history.Query("BTC", Range("1m", None, None))


def test_history_falls_back_as_a_whole_and_is_stored_as_the_other_series(tmp_path, market, clock):
    market.script(GONE, Match(provider="binance"))
    where = engine(tmp_path, market, clock, said := [])
    answer = history.get(where, MONTH)
    assert (answer.asset.symbol, answer.asset.provider, answer.currency) == ("BTC", "kraken", "USD")
    assert (len(answer.rows), answer.complete) == (31, True)
    assert said[-1].startswith("BTC: kraken:XBTUSD in USD answers instead (binance")
    assert where.store.coverage(Series("binance", "BTCUSDT")) == []
    stored = where.store.traded(Series("kraken", "XBTUSD"), answer.start, answer.end)
    assert (stored[0], len(stored[1])) == ("USD", 31)


def test_history_comes_from_its_own_series_again_when_that_answers(tmp_path, market, clock):
    market.script(GONE, Match(provider="binance"))
    history.get(engine(tmp_path, market, clock), MONTH)
    market.clear()
    clock.ms += 120_000  # the breaker lets one probe through
    answer = history.get(engine(tmp_path, market, clock), MONTH)
    assert (answer.asset.provider, answer.currency, len(answer.rows)) == ("binance", "USDT", 31)


def test_history_is_not_mixed_where_some_of_its_own_is_stored(tmp_path, market, clock):
    history.get(engine(tmp_path, market, clock), MONTH)
    market.script(GONE, Match(provider="binance"))
    answer = history.get(engine(tmp_path, market, clock), MONTH._replace(wish=Range("3m", None, None)))
    assert (answer.asset.provider, answer.complete, len(answer.rows)) == ("binance", False, 31)


def test_a_fallback_that_has_only_a_part_is_passed_over(tmp_path, market, clock):
    market.script(GONE, Match(provider="binance"))
    answer = history.get(engine(tmp_path, market, clock), MONTH._replace(wish=Range("3y", None, None)))
    assert (answer.asset.provider, answer.currency, answer.complete) == ("coinbase", "USD", True)


def test_a_truncated_history_is_incomplete_and_its_days_are_not_taken_for_empty(tmp_path, market, clock):
    where = engine(tmp_path, market, clock, said := [])
    answer = history.get(where, history.Query("kraken:XBTUSD", Range("3y", None, None), "1d"))
    assert not answer.complete
    assert answer.rows[0].date == dt.date(2024, 12, 4)  # 720 days before the open one
    assert said == ["kraken:XBTUSD: part of the range is missing (kraken gives no days before 2024-12-04)"]
    assert where.store.coverage(Series("kraken", "XBTUSD"))[0][0] == dt.date(2024, 12, 4)


def test_fixes_stand_in_for_a_currencys_history(tmp_path, market, clock):
    market.script(GONE, Match(provider="yahoo"))
    answer = history.get(engine(tmp_path, market, clock), history.Query("EURUSD", Range("7d", None, None)))
    assert (answer.asset.provider, answer.currency) == ("frankfurter", "USD")
    assert len(answer.rows) == 5
    assert all(row.open == row.high == row.low == row.close and row.volume is None for row in answer.rows)


def test_a_history_asked_for_with_its_provider_is_given_by_no_other(tmp_path, market, clock):
    market.script(GONE, Match(provider="binance"))
    with pytest.raises(Transient):
        history.get(engine(tmp_path, market, clock), MONTH._replace(symbol="binance:BTCUSDT"))
    assert asked(market) == ["binance"]


def test_nobody_else_is_asked_for_the_history_of_what_is_not_known(tmp_path, market, clock):
    market.market.remove("binance", "BTCUSDT")
    with pytest.raises(UnknownSymbol):
        history.get(engine(tmp_path, market, clock), MONTH)
    assert asked(market) == ["binance"]
