"""Quotes through the three tiers, against the simulated market over real HTTP, on a real cache and store."""

import datetime as dt
from pathlib import Path

import pytest

from engines import SetClock, engine
from pricectl.engine import prices
from pricectl.engine.prices import Wish
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
from pricectl.model.quote import Answer, Miss
from pricectl.simulator import Match, Simulator
from pricectl.simulator.faults import garbage, hang, html, redirect, status


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp() * 1000)


OPEN = at("2026-11-24T15:00:00+00:00")  # a Tuesday: New York and London are open
CLOSED = at("2026-11-29T12:00:00+00:00")  # a Sunday
WISH = Wish(timeout_s=10.0)


@pytest.fixture
def clock():
    return SetClock(OPEN)


@pytest.fixture
def market(clock):
    with Simulator(seed=7, clock=clock) as running:
        yield running


def one(engine, symbol, wish=WISH) -> Answer | Miss:
    (outcome,) = prices.get(engine, [symbol], wish)
    return outcome


def test_a_price_is_fetched_once_and_then_comes_from_the_cache(tmp_path, market, clock):
    first = one(engine(tmp_path, market, clock), "BTC")
    second = one(engine(tmp_path, market, clock), "BTC")
    assert (first.source, first.stale, first.quote.currency, first.quote.provider) == (
        "provider", False, "USDT", "binance",
    )  # fmt: skip
    assert (second.source, second.stale, second.quote) == ("cache", False, first.quote)
    assert len(market.journal) == 1


def test_after_sixty_seconds_of_an_open_market_it_is_asked_again(tmp_path, market, clock):
    one(engine(tmp_path, market, clock), "AAPL")
    clock.ms += 59_000
    assert one(engine(tmp_path, market, clock), "AAPL").source == "cache"
    clock.ms += 2_000
    assert one(engine(tmp_path, market, clock), "AAPL").source == "provider"
    assert len(market.journal) == 2


def test_a_closing_quote_stays_fresh_over_the_weekend_but_crypto_does_not(tmp_path, market, clock):
    clock.ms = CLOSED
    prices.get(engine(tmp_path, market, clock), ["AAPL", "BTC"], WISH)
    clock.ms += 6 * 3_600_000
    answers = prices.get(engine(tmp_path, market, clock), ["AAPL", "BTC"], WISH)
    assert [answer.source for answer in answers] == ["cache", "provider"]


def test_a_lost_cache_is_answered_from_the_store(tmp_path, market, clock):
    first = one(engine(tmp_path, market, clock), "BTC")
    for path in (tmp_path / "cache").iterdir():
        path.unlink()
    again = one(engine(tmp_path, market, clock), "BTC")
    assert (again.source, again.stale, again.quote) == ("store", False, first.quote)
    assert len(market.journal) == 1


def test_input_order_is_kept_and_duplicates_are_fetched_once(tmp_path, market, clock):
    asked = ["AAPL", "btc", "OCDO.L", "BTC", "yahoo:AAPL", "AAPL"]
    answers = prices.get(engine(tmp_path, market, clock), asked, WISH)
    assert [(answer.symbol, answer.asked) for answer in answers] == [
        ("AAPL", "AAPL"), ("BTC", "btc"), ("OCDO.L", "OCDO.L"), ("BTC", "BTC"), ("AAPL", "yahoo:AAPL"),
        ("AAPL", "AAPL"),
    ]  # fmt: skip
    assert answers[2].quote.currency == "GBp"
    asked_of_providers = [symbol for entry in market.journal for symbol in entry.symbols]
    assert sorted(asked_of_providers) == ["AAPL", "BTCUSDT", "OCDO.L"]


def test_one_bad_symbol_never_sinks_the_rest(tmp_path, market, clock):
    bad = ["GOLD.NOPE", "yahoo:NOSUCHTHING", "../etc/passwd", "BTC ETH", "a\0b", "x" * 10_000, "\N{ROCKET}"]
    outcomes = prices.get(engine(tmp_path, market, clock), ["BTC", *bad, "AAPL"], WISH)
    assert [type(outcome) for outcome in outcomes] == [Answer, *[Miss] * 7, Answer]
    kinds = [type(outcome.error) for outcome in outcomes[1:-1]]
    assert kinds == [NotFound, UnknownSymbol, *[UsageError] * 5]


def test_an_unknown_symbol_is_not_asked_again_within_the_hour(tmp_path, market, clock):
    for _ in range(3):
        assert isinstance(one(engine(tmp_path, market, clock), "yahoo:NOSUCHTHING").error, UnknownSymbol)
    asked = [entry for entry in market.journal if "NOSUCHTHING" in entry.symbols]
    assert len(asked) == 1
    one(engine(tmp_path, market, clock), "yahoo:NOSUCHTHING", WISH._replace(refresh=True))
    assert len([entry for entry in market.journal if "NOSUCHTHING" in entry.symbols]) == 2
    clock.ms += 3_601_000
    one(engine(tmp_path, market, clock), "yahoo:NOSUCHTHING")
    assert len([entry for entry in market.journal if "NOSUCHTHING" in entry.symbols]) == 3


FAULTS = {
    "down": (status(503), Transient),
    "hanging": (hang(), Transient),
    "rate limiting": (status(429, retry_after=120), RateLimited),
    "lying": (garbage(), BadPayload),
    "a web page": (html(), ProviderError),
    "geo-blocking": (status(451), Refused),
    "redirecting": (redirect("http://127.0.0.1:9/elsewhere"), ProviderError),
}


@pytest.mark.parametrize(("fault", "kind"), FAULTS.values(), ids=FAULTS.keys())
def test_a_provider_that_fails_is_an_error_first_and_a_stale_answer_once_something_is_known(
    tmp_path, market, clock, fault, kind
):
    wish = Wish(timeout_s=0.6)
    known = one(engine(tmp_path / "b", market, clock), "BTC")
    market.script(fault)  # the fallbacks fail as well
    miss = one(engine(tmp_path / "a", market, clock), "BTC", wish)
    assert isinstance(miss, Miss)
    assert isinstance(miss.error, kind)
    assert miss.error.hint
    clock.ms += 120_000
    stale = one(engine(tmp_path / "b", market, clock, said := []), "BTC", wish)
    assert (stale.source, stale.stale, stale.quote) == ("cache", True, known.quote)
    assert len(said) == 1
    assert said[0].startswith("BTC: the answer is stale (")


def test_half_an_answer_is_given_and_the_rest_named(tmp_path, market, clock):
    market.script(status(503), Match(provider="yahoo"))
    outcomes = prices.get(engine(tmp_path, market, clock), ["AAPL", "BTC", "MSFT"], Wish(timeout_s=2.0))
    assert [type(outcome) for outcome in outcomes] == [Miss, Answer, Miss]


def test_a_retry_after_is_obeyed_by_the_next_process_too(tmp_path, market, clock):
    market.script(status(429, retry_after=120), Match(provider="binance"), times=1)
    assert isinstance(one(engine(tmp_path, market, clock), "DENT").error, RateLimited)  # those have no fallbacks
    assert isinstance(one(engine(tmp_path, market, clock), "HOT").error, RateLimited)
    assert len(market.journal) == 1


def test_offline_gives_what_is_known_and_asks_nobody(tmp_path, market, clock):
    offline = WISH._replace(offline=True)
    assert isinstance(one(engine(tmp_path, market, clock), "BTC", offline).error, NotFresh)
    assert market.journal == []
    known = one(engine(tmp_path, market, clock), "BTC")
    assert one(engine(tmp_path, market, clock), "BTC", offline).stale is False
    clock.ms += 3_600_000
    stale = one(engine(tmp_path, market, clock), "BTC", offline)
    assert (stale.stale, stale.quote) == (True, known.quote)


def test_max_age_alone_decides_when_it_is_given(tmp_path, market, clock):
    one(engine(tmp_path, market, clock), "BTC")
    clock.ms += 120_000
    assert one(engine(tmp_path, market, clock), "BTC", WISH._replace(max_age_s=300)).source == "cache"
    assert one(engine(tmp_path, market, clock), "BTC", WISH._replace(max_age_s=60)).source == "provider"
    market.script(status(503))
    clock.ms += 120_000
    old = one(engine(tmp_path, market, clock), "BTC", Wish(timeout_s=0.6, max_age_s=60))
    assert old.stale is True


def test_a_quote_from_the_future_is_not_fresh(tmp_path, market, clock):
    one(engine(tmp_path, market, clock), "BTC")
    clock.ms -= 3 * 3_600_000
    assert one(engine(tmp_path, market, clock), "BTC").source == "provider"


def test_refresh_asks_although_the_cache_is_fresh(tmp_path, market, clock):
    one(engine(tmp_path, market, clock), "BTC")
    assert one(engine(tmp_path, market, clock), "BTC", WISH._replace(refresh=True)).source == "provider"


def test_the_last_stored_close_is_the_answer_behind_everything(tmp_path, market, clock):
    asking = engine(tmp_path, market, clock)
    asset = asking.catalogue.find("AAPL")
    from pricectl.model.bar import Bar

    day = dt.date(2026, 11, 23)
    asking.store.add(asset.series, "USD", [Bar(day, 1.0, 2.0, 0.5, 1.25, 10.0)], [], [(day, day)], OPEN)
    market.script(status(503))
    stale = one(engine(tmp_path, market, clock), "AAPL", Wish(timeout_s=0.6))
    assert (stale.source, stale.stale, stale.quote.price, stale.quote.currency) == ("store", True, "1.25", "USD")
    assert stale.quote.updated_ms == at("2026-11-23T21:00:00+00:00")  # the close of that session in New York


def test_a_thousand_crypto_quotes_are_one_request_and_a_hundred_yahoo_quotes_five(tmp_path, market, clock):
    catalogue = engine(tmp_path, market, clock).catalogue
    crypto = [asset.symbol for asset in catalogue.all("crypto") if asset.provider == "binance"]
    stocks = [asset.symbol for asset in catalogue.all("stock")][:100]
    outcomes = prices.get(engine(tmp_path, market, clock), crypto + stocks, Wish(timeout_s=30.0))
    assert len(crypto) > 300
    assert [outcome for outcome in outcomes if isinstance(outcome, Miss)] == []
    by_provider = [entry.provider for entry in market.journal]
    assert (by_provider.count("binance"), by_provider.count("yahoo")) == (1, 5)


def test_read_only_answers_and_leaves_no_trace(tmp_path, market, clock):
    home = tmp_path / "home"
    answer = one(engine(home, market, clock, read_only="true"), "BTC")
    assert answer.source == "provider"
    assert not home.exists()


def test_a_home_that_cannot_be_made_still_answers_with_one_warning_each_tier(market, clock):
    answer = one(engine(Path("/proc/nothing-can-be-made-here"), market, clock, said := []), "BTC")
    assert answer.source == "provider"
    assert 1 <= len(said) <= 3
