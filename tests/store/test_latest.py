"""The latest prices: whole files, the newest name counts."""

import os
from pathlib import Path

import pytest

from pricectl.errors import Damaged
from pricectl.model.asset import Series
from pricectl.model.instant import Clock
from pricectl.model.quote import Quote
from pricectl.store import Store
from stores import AAPL, MSFT, home, store

ONE = Quote("yahoo", "AAPL", "0.00000123", "GBp", None, 1_000, 2_000, 3_000)
TWO = Quote("yahoo", "MSFT", "65000.1", "USDT", "-1.25", 1_001, 2_001, 3_001)


class At(Clock):
    def __init__(self, ms: int) -> None:
        self.ms = ms

    def now_ms(self) -> int:
        return self.ms


def names(path: Path) -> list[str]:
    return sorted(os.listdir(Path(home(path).store, "latest")))


def test_quotes_come_back_with_their_digits(tmp_path: Path) -> None:
    store(tmp_path).put_latest([ONE, TWO])
    assert store(tmp_path).latest([AAPL, MSFT, Series("binance", "AAPL")]) == {AAPL: ONE, MSFT: TWO}
    assert store(tmp_path).latest([MSFT]) == {MSFT: TWO}


def test_a_put_keeps_the_others_and_the_later_fetched(tmp_path: Path) -> None:
    store(tmp_path).put_latest([ONE, TWO])
    newer, older = ONE._replace(price="2", fetched_ms=2_500), TWO._replace(price="3", fetched_ms=1_500)
    store(tmp_path).put_latest([newer, older])
    assert store(tmp_path).latest([AAPL, MSFT]) == {AAPL: newer, MSFT: TWO}


def test_only_what_was_fetched_after_the_time_asked_for(tmp_path: Path) -> None:
    store(tmp_path).put_latest([ONE, TWO])
    assert store(tmp_path).latest([AAPL, MSFT], newer_than_ms=2_000) == {MSFT: TWO}


def test_where_nothing_can_be_new_enough_no_file_is_opened(tmp_path: Path) -> None:
    Store(home(tmp_path), At(5_000)).put_latest([ONE])
    (path,) = Path(home(tmp_path).store, "latest").iterdir()
    path.write_bytes(b"damaged")
    assert store(tmp_path).latest([AAPL], newer_than_ms=5_000) == {}
    with pytest.raises(Damaged, match=path.name):
        store(tmp_path).latest([AAPL], newer_than_ms=4_999)


def test_a_damaged_newest_file_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    Store(home(tmp_path), At(5_000)).put_latest([ONE])
    Store(home(tmp_path), At(6_000)).put_latest([TWO])
    newest = Path(home(tmp_path).store, "latest", names(tmp_path)[-1])
    newest.write_bytes(newest.read_bytes()[:-1])
    assert store(tmp_path).latest([AAPL, MSFT]) == {AAPL: ONE}
    Store(home(tmp_path), At(7_000)).put_latest([TWO])
    assert store(tmp_path).latest([AAPL, MSFT]) == {AAPL: ONE, MSFT: TWO}


def test_old_files_wait_ten_minutes_for_their_readers(tmp_path: Path) -> None:
    for ms in (5_000, 6_000, 600_000, 606_000, 606_001):
        Store(home(tmp_path), At(ms)).put_latest([ONE])
    assert [int(name[:15]) for name in names(tmp_path)] == [6_000, 600_000, 606_000, 606_001]


def test_a_clock_that_went_back_does_not_hide_the_newest(tmp_path: Path) -> None:
    Store(home(tmp_path), At(9_000)).put_latest([ONE])
    Store(home(tmp_path), At(4_000)).put_latest([TWO])
    assert store(tmp_path).latest([AAPL, MSFT]) == {AAPL: ONE, MSFT: TWO}


def test_stray_files_are_passed_over(tmp_path: Path) -> None:
    store(tmp_path).put_latest([ONE])
    Path(home(tmp_path).store, "latest", "999999999999999-x.parquet").touch()
    Path(home(tmp_path).store, "latest", ".hidden").touch()
    assert store(tmp_path).latest([AAPL]) == {AAPL: ONE}
