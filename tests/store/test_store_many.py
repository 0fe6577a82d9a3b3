"""Many series in one query: each is adjusted, rolled up and told as if it had been asked for alone."""

import datetime as dt
from pathlib import Path

from pricectl.model.asset import Series
from pricectl.model.bar import Action, Row, Segment
from stores import AAPL, MSFT, D, add, commit_pieces, flat, home, store

OTHER = Series("binance", "AAPL")  # another provider's, of the same spelling
DAYS = [Segment("1d", D(2025, 1, 1), D(2025, 1, 31))]
MONDAY, TUESDAY, FRIDAY = D(2025, 1, 6), D(2025, 1, 7), D(2025, 1, 10)


def day(of: dt.date, price: float, volume: float = 1000.0, interval: str = "1d") -> Row:
    return Row(of, price, price, price, price, volume, interval)


def test_each_series_has_its_own_splits_dividends_and_currency(tmp_path: Path):
    own = store(tmp_path)
    add(own, [flat(MONDAY, 8.0), flat(TUESDAY, 2.0)], AAPL, [Action(TUESDAY, "split", 4.0)])
    add(own, [flat(MONDAY, 10.0), flat(TUESDAY, 9.0)], MSFT, [Action(TUESDAY, "dividend", 1.0)])
    add(own, [flat(MONDAY, 5.0)], OTHER, currency="USDT")
    asked = [MSFT, OTHER, Series("yahoo", "NONE"), AAPL]
    assert own.history_of_many(asked, DAYS, "split") == {
        MSFT: ("USD", [day(MONDAY, 10.0), day(TUESDAY, 9.0)]),
        OTHER: ("USDT", [day(MONDAY, 5.0)]),
        AAPL: ("USD", [day(MONDAY, 2.0, 4000.0), day(TUESDAY, 2.0)]),
    }
    assert own.history_of_many(asked, DAYS, "none")[AAPL] == ("USD", [day(MONDAY, 8.0), day(TUESDAY, 2.0)])
    assert own.history_of_many(asked, DAYS, "all")[MSFT] == ("USD", [day(MONDAY, 9.0), day(TUESDAY, 9.0)])
    assert own.history_of_many(asked, DAYS, "all")[AAPL] == ("USD", [day(MONDAY, 2.0, 4000.0), day(TUESDAY, 2.0)])


def test_a_piece_of_one_series_covers_no_day_of_another(tmp_path: Path):
    own = store(tmp_path)
    commit_pieces(home(tmp_path), "1wk", [(flat(MONDAY, 7.0, 5000.0), FRIDAY)], AAPL)
    add(own, [flat(TUESDAY, 3.0)], AAPL)
    add(own, [flat(TUESDAY, 4.0), flat(FRIDAY, 4.0)], MSFT)
    weeks = [Segment("1wk", D(2025, 1, 6), D(2025, 1, 12))]
    assert own.history_of_many([AAPL, MSFT], weeks, "split") == {
        AAPL: ("USD", [day(MONDAY, 7.0, 5000.0, "1wk")]),
        MSFT: ("USD", [day(MONDAY, 4.0, 2000.0, "1wk")]),
    }


def test_what_is_held_is_told_by_series_and_interval(tmp_path: Path):
    own = store(tmp_path)
    assert own.held() == {}
    add(own, [flat(D(2025, 2, 3), 3.0), flat(D(2024, 2, 5), 3.0)], AAPL)
    add(own, [flat(TUESDAY, 4.0)], MSFT)
    commit_pieces(home(tmp_path), "1wk", [(flat(MONDAY, 7.0), FRIDAY)], AAPL)
    assert own.held() == {
        AAPL: {"1d": (D(2024, 2, 5), D(2025, 2, 3)), "1wk": (MONDAY, FRIDAY)},
        MSFT: {"1d": (TUESDAY, TUESDAY)},
    }


def test_nothing_is_asked_of_nobody(tmp_path: Path):
    assert store(tmp_path).history_of_many([], DAYS, "split") == {}
    assert store(tmp_path).history_of_many([AAPL, MSFT], [], "split") == {}
    assert store(tmp_path).history_of_many([AAPL, MSFT], DAYS, "split") == {}
