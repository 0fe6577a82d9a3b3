"""Adjustment and roll-up on reading. Expected figures are worked out by hand or taken from the provider's own."""

import datetime as dt
import random
from pathlib import Path

import pytest

from pricectl.model.adjust import shown, shown_volume
from pricectl.model.bar import LIVE, PROVISIONAL, Action, Bar, Row, Segment
from stores import AAPL, D, add, commit_pieces, flat, home, store

SPLIT = Action(D(2020, 8, 31), "split", 4.0)
DAY = dt.timedelta(days=1)


def daily(first: dt.date, last: dt.date) -> list[Segment]:
    return [Segment("1d", first, last)]


def test_split_adjusted_prices_are_the_providers_own(tmp_path: Path) -> None:
    # Recorded: AAPL of 2020-01-02 arrives as 75.0875 after the 4:1 split; it traded at 300.35.
    add(store(tmp_path), [Bar(D(2020, 1, 2), 296.24, 300.6, 295.19, 300.35, 33870100.0)], actions=[SPLIT])
    span = daily(D(2020, 1, 2), D(2020, 1, 2))
    adjusted = Row(D(2020, 1, 2), 74.06, 75.15, 73.7975, 75.0875, 135480400.0, "1d")
    traded = Row(D(2020, 1, 2), 296.24, 300.6, 295.19, 300.35, 33870100.0, "1d")
    assert store(tmp_path).history(AAPL, span, "split") == ("USD", [adjusted])
    assert store(tmp_path).history(AAPL, span, "none") == ("USD", [traded])


def test_the_sql_divides_as_the_model_does(tmp_path: Path) -> None:
    random_ = random.Random(7)
    prices = [round(10 ** random_.uniform(-6, 6), random_.randint(0, 8)) or 1.0 for _ in range(400)]
    bars = [flat(D(2019, 1, 1) + DAY * n, price, float(n)) for n, price in enumerate(prices)]
    for factor in (4.0, 0.1, 1.046, 7.0):
        path = tmp_path / str(factor)
        add(store(path), bars, actions=[Action(D(2021, 1, 1), "split", factor)])
        _, rows = store(path).history(AAPL, daily(bars[0].date, bars[-1].date), "split")
        assert [row.close for row in rows] == [shown(price, factor) for price in prices]
        assert [row.volume for row in rows] == [shown_volume(float(n), factor) for n in range(400)]


def test_a_split_counts_the_moment_it_is_known_at_every_interval(tmp_path: Path) -> None:
    to = store(tmp_path)
    add(to, [flat(D(2020, 8, 27), 400.0, 10.0), flat(D(2020, 8, 28), 500.0, 10.0)])
    week = [Segment("1wk", D(2020, 8, 24), D(2020, 8, 30))]
    assert to.history(AAPL, week, "split")[1] == [Row(D(2020, 8, 24), 400.0, 500.0, 400.0, 500.0, 20.0, "1wk")]
    to.add(AAPL, "USD", [], [SPLIT], [], 1)
    assert to.history(AAPL, week, "split")[1] == [Row(D(2020, 8, 24), 100.0, 125.0, 100.0, 125.0, 80.0, "1wk")]


def test_a_week_across_a_split_is_on_one_scale(tmp_path: Path) -> None:
    split = SPLIT._replace(ex_date=D(2020, 8, 26))
    bars = [flat(D(2020, 8, 25), 400.0, 10.0), flat(D(2020, 8, 26), 101.0, 40.0)]
    add(store(tmp_path), bars, actions=[split])
    week = [Segment("1wk", D(2020, 8, 24), D(2020, 8, 30))]
    assert store(tmp_path).history(AAPL, week, "split")[1] == [
        Row(D(2020, 8, 24), 100.0, 101.0, 100.0, 101.0, 80.0, "1wk")
    ]


def test_dividends_count_with_the_close_before_them(tmp_path: Path) -> None:
    # 100 before a payment of 2: what came before is multiplied by 0.98.
    actions = [Action(D(2020, 2, 10), "dividend", 2.0)]
    bars = [flat(D(2020, 2, 6), 50.0), flat(D(2020, 2, 7), 100.0), flat(D(2020, 2, 10), 98.0)]
    add(store(tmp_path), bars, actions=actions)
    _, rows = store(tmp_path).history(AAPL, daily(D(2020, 2, 6), D(2020, 2, 10)), "all")
    assert [row.close for row in rows] == [49.0, 98.0, 98.0]
    # The payment counts for days asked for alone too, though its own day lies behind them.
    _, rows = store(tmp_path).history(AAPL, daily(D(2020, 2, 6), D(2020, 2, 6)), "all")
    assert [row.close for row in rows] == [49.0]
    _, rows = store(tmp_path).history(AAPL, daily(D(2020, 2, 6), D(2020, 2, 6)), "split")
    assert [row.close for row in rows] == [50.0]


def test_a_close_from_long_before_is_not_what_a_dividend_was_paid_from(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(D(2020, 1, 2), 100.0)], actions=[Action(D(2020, 6, 1), "dividend", 2.0)])
    _, rows = store(tmp_path).history(AAPL, daily(D(2020, 1, 2), D(2020, 1, 2)), "all")
    assert [row.close for row in rows] == [100.0]


def test_bars_that_are_not_stored_join_in_and_win(tmp_path: Path) -> None:
    extra = [flat(D(2020, 8, 28), 480.0, 1.0), flat(D(2020, 8, 31), 130.0, 1.0, LIVE)]
    span = daily(D(2020, 8, 27), D(2020, 8, 31))
    expected = [
        Row(D(2020, 8, 28), 120.0, 120.0, 120.0, 120.0, 4.0, "1d"),
        Row(D(2020, 8, 31), 130.0, 130.0, 130.0, 130.0, 1.0, "1d", final=False),
    ]
    assert store(tmp_path).history(AAPL, span, "split", extra, "USD", [SPLIT]) == ("USD", expected)
    add(store(tmp_path), [flat(D(2020, 8, 27), 400.0, 1.0), flat(D(2020, 8, 28), 444.0, 1.0)])
    expected.insert(0, Row(D(2020, 8, 27), 100.0, 100.0, 100.0, 100.0, 4.0, "1d"))
    assert store(tmp_path).history(AAPL, span, "split", extra, "USD", [SPLIT]) == ("USD", expected)


def test_a_running_week_is_not_final_and_a_provisional_bar_is(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(D(2020, 1, 2), 1.0, 1.0, PROVISIONAL)])
    segments = [Segment("1wk", D(2019, 12, 30), D(2020, 1, 12))]
    _, rows = store(tmp_path).history(AAPL, segments, "split", [flat(D(2020, 1, 6), 2.0, None, LIVE)], "USD")
    assert rows == [
        Row(D(2019, 12, 30), 1.0, 1.0, 1.0, 1.0, 1.0, "1wk", final=True),
        Row(D(2020, 1, 6), 2.0, 2.0, 2.0, 2.0, None, "1wk", final=False),
    ]


def test_segments_meet_without_a_day_twice_or_lost(tmp_path: Path) -> None:
    days = [D(2020, 1, 1) + DAY * n for n in range(60)]
    add(store(tmp_path), [flat(day, float(n + 1), 1.0) for n, day in enumerate(days)])
    segments = [
        Segment("1mo", D(2020, 1, 1), D(2020, 1, 31)),
        Segment("1wk", D(2020, 2, 1), D(2020, 2, 16)),
        Segment("1d", D(2020, 2, 17), D(2020, 2, 19)),
    ]
    _, rows = store(tmp_path).history(AAPL, segments, "split")
    assert [(row.interval, row.date, row.open, row.close, row.volume) for row in rows] == [
        ("1mo", D(2020, 1, 1), 1.0, 31.0, 31.0),
        ("1wk", D(2020, 2, 1), 32.0, 33.0, 2.0),  # the week at the meeting point is its piece
        ("1wk", D(2020, 2, 3), 34.0, 40.0, 7.0),
        ("1wk", D(2020, 2, 10), 41.0, 47.0, 7.0),
        ("1d", D(2020, 2, 17), 48.0, 48.0, 1.0),
        ("1d", D(2020, 2, 18), 49.0, 49.0, 1.0),
        ("1d", D(2020, 2, 19), 50.0, 50.0, 1.0),
    ]


def test_open_high_low_close_volume_of_a_period(tmp_path: Path) -> None:
    bars = [
        Bar(D(2020, 1, 6), 10.0, 12.0, 9.0, 11.0, 100.0),
        Bar(D(2020, 1, 7), 11.0, 15.0, 10.0, 14.0, None),
        Bar(D(2020, 1, 8), 14.0, 14.5, 8.0, 9.0, 50.0),
    ]
    add(store(tmp_path), bars)
    _, rows = store(tmp_path).history(AAPL, [Segment("1wk", D(2020, 1, 6), D(2020, 1, 12))], "none")
    assert rows == [Row(D(2020, 1, 6), 10.0, 15.0, 8.0, 9.0, 150.0, "1wk")]


def piece(first: dt.date, opened: float, closed: float, volume: float) -> Bar:
    return Bar(first, opened, max(opened, closed), min(opened, closed), closed, volume)


@pytest.fixture
def tiered(tmp_path: Path) -> Path:
    """January as a month, February as weeks (cut at its end and at the split of 12 February), March as days; and a day
    that each coarser piece already covers."""
    at = home(tmp_path)
    commit_pieces(at, "1mo", [(piece(D(2020, 1, 1), 40.0, 44.0, 100.0), D(2020, 1, 31))])
    weeks = [
        (piece(D(2020, 2, 1), 44.0, 44.0, 1.0), D(2020, 2, 2)),
        (piece(D(2020, 2, 3), 44.0, 48.0, 10.0), D(2020, 2, 9)),
        (piece(D(2020, 2, 10), 48.0, 52.0, 10.0), D(2020, 2, 11)),
        (piece(D(2020, 2, 12), 13.0, 14.0, 30.0), D(2020, 2, 16)),
        (piece(D(2020, 2, 17), 14.0, 15.0, 30.0), D(2020, 2, 23)),
        (piece(D(2020, 2, 24), 15.0, 16.0, 30.0), D(2020, 2, 29)),
    ]
    commit_pieces(at, "1wk", weeks)
    actions = [Action(D(2020, 2, 12), "split", 4.0)]
    days = [flat(D(2020, 1, 15), 999.0), flat(D(2020, 2, 14), 999.0), flat(D(2020, 3, 2), 17.0, 5.0)]
    add(store(tmp_path), days, actions=actions)
    return tmp_path


def test_a_day_belongs_to_the_coarsest_piece_that_covers_it(tiered: Path) -> None:
    segments = [
        Segment("1mo", D(2020, 1, 1), D(2020, 1, 31)),
        Segment("1wk", D(2020, 2, 1), D(2020, 3, 1)),
        Segment("1d", D(2020, 3, 2), D(2020, 3, 2)),
    ]
    _, rows = store(tiered).history(AAPL, segments, "split")
    assert rows == [
        Row(D(2020, 1, 1), 10.0, 11.0, 10.0, 11.0, 400.0, "1mo"),
        Row(D(2020, 2, 1), 11.0, 11.0, 11.0, 11.0, 4.0, "1wk"),
        Row(D(2020, 2, 3), 11.0, 12.0, 11.0, 12.0, 40.0, "1wk"),
        # Two pieces of one week on two scales, adjusted and then merged.
        Row(D(2020, 2, 10), 12.0, 14.0, 12.0, 14.0, 70.0, "1wk"),
        Row(D(2020, 2, 17), 14.0, 15.0, 14.0, 15.0, 30.0, "1wk"),
        Row(D(2020, 2, 24), 15.0, 16.0, 15.0, 16.0, 30.0, "1wk"),
        Row(D(2020, 3, 2), 17.0, 17.0, 17.0, 17.0, 5.0, "1d"),
    ]


def test_months_follow_exactly_from_the_pieces_of_weeks(tiered: Path) -> None:
    _, rows = store(tiered).history(AAPL, [Segment("1mo", D(2020, 1, 1), D(2020, 3, 31))], "split")
    assert rows == [
        Row(D(2020, 1, 1), 10.0, 11.0, 10.0, 11.0, 400.0, "1mo"),
        Row(D(2020, 2, 1), 11.0, 16.0, 11.0, 16.0, 174.0, "1mo"),
        Row(D(2020, 3, 1), 17.0, 17.0, 17.0, 17.0, 5.0, "1mo"),
    ]


def test_a_first_piece_may_begin_before_the_segment(tiered: Path) -> None:
    _, rows = store(tiered).history(AAPL, [Segment("1wk", D(2020, 2, 26), D(2020, 3, 1))], "split")
    assert [(row.date, row.close) for row in rows] == [(D(2020, 2, 24), 16.0)]


def test_days_of_a_coarse_piece_are_shown_where_days_are_asked_for(tiered: Path) -> None:
    extra = [flat(D(2020, 1, 16), 48.0, 2.0)]
    _, rows = store(tiered).history(AAPL, daily(D(2020, 1, 15), D(2020, 1, 31)), "split", extra, "USD")
    assert [(row.date, row.close) for row in rows] == [(D(2020, 1, 15), 249.75), (D(2020, 1, 16), 12.0)]


def test_a_dividend_takes_its_close_from_a_piece(tiered: Path) -> None:
    # The week of 17 February ends at 15; the payment of 1.5 on the 24th leaves 0.9 of what came before.
    store(tiered).add(AAPL, "USD", [], [Action(D(2020, 2, 24), "dividend", 1.5)], [], 5)
    _, rows = store(tiered).history(AAPL, [Segment("1wk", D(2020, 2, 17), D(2020, 3, 1))], "all")
    assert [(row.open, row.close) for row in rows] == [(12.6, 13.5), (15.0, 16.0)]


def test_the_last_close_may_be_that_of_a_piece(tmp_path: Path) -> None:
    commit_pieces(home(tmp_path), "1mo", [(piece(D(2020, 1, 1), 40.0, 44.0, 100.0), D(2020, 1, 31))])
    add(store(tmp_path), [flat(D(2020, 1, 15), 9.0)])
    assert store(tmp_path).last_closes([AAPL]) == {AAPL: (D(2020, 1, 31), 44.0, "USD")}
