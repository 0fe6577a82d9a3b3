"""The market: the same for the same seed, whatever is asked; bars that hold together; replays to the digit."""

import datetime as dt
import itertools

import pytest

from loopback import Standing, at
from pricectl.model.asset import Asset
from pricectl.model.bar import Action, Bar
from pricectl.simulator import Market

DAY = dt.date
AAPL_BAR = Bar(DAY(2020, 1, 2), 296.24, 300.6, 295.19, 300.35, 33870100.0)


def bars_of(market, provider, provider_id, start, end):
    tape = market.tape(provider, provider_id)
    return tape.bars(tape.sessions(start, end))


@pytest.mark.parametrize("series", [("yahoo", "AAPL"), ("yahoo", "EURUSD=X"), ("binance", "BTCUSDT")])
def test_a_bar_is_the_same_whatever_window_asks_for_it(series):
    year = bars_of(Market(), *series, DAY(2020, 1, 1), DAY(2020, 12, 31))
    fresh = Market()
    fresh.tape(*series)
    asked_backwards = [
        bars_of(fresh, *series, bar.date, bar.date)[0] for bar in reversed(year) if bar and bar.date.day % 7 == 0
    ]
    assert asked_backwards == [bar for bar in reversed(year) if bar and bar.date.day % 7 == 0]
    assert len(asked_backwards) > 30


def test_another_seed_is_another_market():
    one, other = (bars_of(Market(seed=seed), "yahoo", "AAPL", DAY(2020, 1, 2), DAY(2020, 1, 2)) for seed in (1, 2))
    assert one != other


@pytest.mark.parametrize("symbol", ["AAPL", "NVDA", "BRK-B", "OCDO.L", "EURUSD=X", "JPY=X", "^GSPC", "GC=F", "BTC-USD"])
def test_bars_hold_together(symbol):
    bars = bars_of(Market(), "yahoo", symbol, DAY(1995, 1, 1), DAY(2026, 11, 20))
    kept = [bar for bar in bars if bar]
    assert len(kept) > 2000
    assert all(0 < bar.low <= min(bar.open, bar.close) for bar in kept)
    assert all(max(bar.open, bar.close) <= bar.high for bar in kept)


def test_a_coin_opens_where_it_closed_and_a_share_does_not():
    coin = bars_of(Market(), "binance", "BTCUSDT", DAY(2024, 1, 1), DAY(2024, 12, 31))
    assert len(coin) == 366
    assert all(one.close == other.open for one, other in itertools.pairwise(coin))
    share = bars_of(Market(), "yahoo", "MSFT", DAY(2024, 1, 1), DAY(2024, 12, 31))
    assert len(share) == 252
    assert sum(one.close == other.open for one, other in itertools.pairwise(share)) < 10


@pytest.mark.parametrize(
    ("symbol", "ex_date", "ratio"),
    [("AAPL", DAY(2020, 8, 31), 4.0), ("NVDA", DAY(2021, 7, 20), 4.0), ("NVDA", DAY(2024, 6, 10), 10.0)],
)
def test_the_well_known_splits_are_the_real_ones(symbol, ex_date, ratio):
    market = Market()
    assert (ex_date, ratio) in market.tape("yahoo", symbol).splits()
    before, after = bars_of(market, "yahoo", symbol, ex_date - dt.timedelta(days=4), ex_date)[-2:]
    assert before.close / after.open == pytest.approx(ratio, rel=0.1)


def test_currencies_lose_a_row_now_and_then_and_shares_do_not():
    lost = [bar for bar in bars_of(Market(), "yahoo", "INR=X", DAY(2010, 1, 1), DAY(2026, 1, 1)) if bar is None]
    assert 2 <= len(lost) <= 30
    assert None not in bars_of(Market(), "yahoo", "AAPL", DAY(2010, 1, 1), DAY(2026, 1, 1))


def test_every_asset_of_the_catalogue_has_a_price():
    market = Market(clock=Standing("2026-11-24T16:00:00"))
    assets = market.assets("yahoo") + market.assets("binance")
    without = []
    for asset in assets:
        now = market.moment(market.tape(*asset.series), market.now_ms())
        if now is None or not 0 < now.bar.low <= now.bar.close <= now.bar.high:
            without.append(asset.series)
    assert len(assets) > 1500
    assert without == []


@pytest.mark.parametrize(
    ("text", "day", "time", "running", "live"),
    [
        ("2026-11-23T21:30:00", DAY(2026, 11, 23), "2026-11-23T21:00:01", False, True),  # the evening
        ("2026-11-24T12:00:00", DAY(2026, 11, 23), "2026-11-23T21:00:01", False, False),  # the morning after
        ("2026-11-24T16:00:00", DAY(2026, 11, 24), "2026-11-24T16:00:00", True, True),  # in session
        ("2026-11-27T19:00:00", DAY(2026, 11, 27), "2026-11-27T18:00:01", False, True),  # after an early close
        ("2026-11-28T16:00:00", DAY(2026, 11, 27), "2026-11-27T18:00:01", False, False),  # a Saturday
    ],
)
def test_the_last_session_is_live_until_its_day_is_over(text, day, time, running, live):
    market = Market(clock=Standing(text))
    now = market.moment(market.tape("yahoo", "AAPL"), market.now_ms())
    assert (now.session.date, now.time_ms, now.open, now.live) == (day, at(time), running, live)


def test_a_delayed_exchange_is_seen_late():
    market = Market(clock=Standing("2026-11-24T12:00:00"))
    assert market.moment(market.tape("yahoo", "OCDO.L"), market.now_ms()).time_ms == at("2026-11-24T11:45:00")


def test_the_price_moves_during_the_session_and_ends_at_the_final_close():
    market, clock = Market(), Standing("2026-11-24T15:00:00")
    tape = market.tape("yahoo", "AAPL")
    final = tape.bars(tape.sessions(DAY(2026, 11, 24), DAY(2026, 11, 24)))[0]
    prices = set()
    for hour in ("15:00", "16:00", "17:00", "18:00"):
        clock.set(f"2026-11-24T{hour}:00")
        bar = market.moment(tape, clock.now_ms()).bar
        assert final.low <= bar.low <= bar.close <= bar.high <= final.high
        prices.add(bar.close)
    assert len(prices) == 4
    clock.set("2026-11-24T22:00:00")
    evening = market.moment(tape, clock.now_ms()).bar
    assert (evening.close, evening.high, evening.low) == (final.close, final.high, final.low)
    assert evening.open != final.open  # the provider's first word, corrected the day after
    assert evening.volume != final.volume


def test_a_pinned_price_is_a_trade_of_just_now():
    market = Market(clock=Standing("2026-11-28T16:00:00"))
    tape = market.tape("yahoo", "AAPL")
    market.pin("yahoo", "AAPL", 1000.25)
    now = market.moment(tape, market.now_ms())
    assert (now.bar.close, now.bar.high, now.time_ms) == (1000.25, 1000.25, at("2026-11-28T16:00:00"))
    market.pin("yahoo", "AAPL", None)
    assert market.moment(tape, market.now_ms()).bar.close != 1000.25


def test_a_replay_is_given_back_as_it_came_and_nothing_else():
    market = Market()
    market.replay("yahoo", "AAPL", [AAPL_BAR], [Action(DAY(2020, 8, 31), "split", 4.0)])
    assert bars_of(market, "yahoo", "AAPL", DAY(2019, 1, 1), DAY(2026, 1, 1)) == [AAPL_BAR]


def test_an_adjusted_replay_is_turned_back_to_what_was_traded():
    market = Market()
    shown = Bar(DAY(2020, 1, 2), 74.06, 75.15, 73.7975, 75.0875, 135480400.0)
    market.replay("yahoo", "AAPL", [shown], [Action(DAY(2020, 8, 31), "split", 4.0)], adjusted=True)
    assert bars_of(market, "yahoo", "AAPL", DAY(2020, 1, 1), DAY(2020, 1, 3)) == [AAPL_BAR]


def test_a_replay_of_what_nobody_lists_needs_to_be_told_what_it_is():
    market = Market()
    with pytest.raises(ValueError, match="does not list yahoo:XYZQ"):
        market.replay("yahoo", "XYZQ", [AAPL_BAR])
    market.replay("yahoo", "XYZQ", [AAPL_BAR], asset=Asset("XYZQ", "X", "stock", "", "", "yahoo", "XYZQ", "USD", "NMS"))
    assert bars_of(market, "yahoo", "XYZQ", DAY(2020, 1, 1), DAY(2020, 1, 3)) == [AAPL_BAR]


def test_more_actions_can_be_given_to_a_seeded_series():
    market = Market()
    day = DAY(2025, 3, 3)
    plain = bars_of(market, "yahoo", "MSFT", DAY(2025, 2, 28), day)
    market.act("yahoo", "MSFT", [Action(day, "split", 2.0), Action(day, "dividend", 1.5)], [DAY(2025, 3, 4)])
    split = bars_of(market, "yahoo", "MSFT", DAY(2025, 2, 28), DAY(2025, 3, 4))
    assert split[0].close == pytest.approx(plain[0].close * 2, abs=0.011)
    assert split[1:] == [plain[1], None]
    assert Action(day, "dividend", 1.5) in market.tape("yahoo", "MSFT").payouts(day, day)
