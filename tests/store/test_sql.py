"""The views: what they show of the store, on which scale, and how values of all types come out."""

import datetime as dt
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pricectl.config import load
from pricectl.engine import Engine
from pricectl.engine.facts import facts
from pricectl.errors import Damaged, DeadlineReached, UsageError
from pricectl.model.asset import Series
from pricectl.model.bar import MANUAL, Action, Bar
from pricectl.model.instant import Clock
from pricectl.model.quote import Quote
from pricectl.store.sql import _CONFIG, Sql
from stores import AAPL, MSFT, NOON_MS, D, add, commit_pieces, flat, home, part_files, store

SPLIT = Action(D(2024, 1, 4), "split", 4.0)


def sql(path: Path, seconds: float = 30) -> Sql:
    return Sql(store(path), facts(Engine(load(home(path), {}), Clock(), print)), seconds)


def ask(path: Path, statement: str) -> list[tuple[Any, ...]]:
    one = sql(path)
    try:
        one.ask(statement)
        return [row for rows in one.rows(1_000_000) for row in rows]
    finally:
        one.close()


def test_daily_bars_are_adjusted_for_splits_and_raw_ones_are_not(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(D(2024, 1, 3), 400.0, 10.0), flat(D(2024, 1, 4), 101.0, 50.0)], actions=[SPLIT])
    assert ask(tmp_path, "SELECT symbol, date, close, volume, currency FROM daily ORDER BY date") == [
        ("AAPL", D(2024, 1, 3), 100.0, 40.0, "USD"),
        ("AAPL", D(2024, 1, 4), 101.0, 50.0, "USD"),
    ]
    assert ask(tmp_path, "SELECT date, close, volume, interval FROM bars_raw ORDER BY date") == [
        (D(2024, 1, 3), 400.0, 10.0, "1d"),
        (D(2024, 1, 4), 101.0, 50.0, "1d"),
    ]
    assert ask(tmp_path, "SELECT symbol, ex_date, kind, value FROM actions") == [("AAPL", D(2024, 1, 4), "split", 4.0)]


def test_the_row_that_counts_is_the_persons_own_then_the_latest(tmp_path: Path) -> None:
    kept = store(tmp_path)
    add(kept, [flat(D(2024, 1, 2), 1.0), flat(D(2024, 1, 3), 1.0)])
    add(kept, [flat(D(2024, 1, 2), 2.0), flat(D(2024, 1, 3), 2.0, flags=MANUAL)], fetched_ms=NOON_MS + 1000)
    add(kept, [flat(D(2024, 1, 2), 3.0), flat(D(2024, 1, 3), 3.0)], fetched_ms=NOON_MS + 2000)
    assert ask(tmp_path, "SELECT close FROM daily ORDER BY date") == [(3.0,), (2.0,)]
    assert ask(tmp_path, "SELECT close FROM bars_raw ORDER BY date") == [(3.0,), (2.0,)]


def test_weeks_and_months_are_merged_from_their_pieces(tmp_path: Path) -> None:
    at = home(tmp_path)
    # the week of 29 January 2024 is stored in two pieces, cut at the end of the month
    commit_pieces(
        at,
        "1wk",
        [
            (Bar(D(2024, 1, 29), 10.0, 12.0, 9.0, 11.0, 100.0), D(2024, 1, 31)),
            (Bar(D(2024, 2, 1), 11.5, 15.0, 11.0, 14.0, 50.0), D(2024, 2, 2)),
        ],
    )
    commit_pieces(at, "1mo", [(Bar(D(2023, 12, 1), 8.0, 9.0, 7.0, 8.5, 900.0), D(2023, 12, 29))])
    columns = "interval, date, until, open, high, low, close, volume"
    assert ask(tmp_path, f"SELECT {columns} FROM weekly") == [
        ("1wk", D(2024, 1, 29), D(2024, 2, 2), 10.0, 15.0, 9.0, 14.0, 150.0)
    ]
    assert ask(tmp_path, f"SELECT {columns} FROM monthly") == [
        ("1mo", D(2023, 12, 1), D(2023, 12, 29), 8.0, 9.0, 7.0, 8.5, 900.0)
    ]
    assert ask(tmp_path, "SELECT interval, count(*) FROM bars GROUP BY 1 ORDER BY 1") == [("1mo", 1), ("1wk", 1)]
    assert ask(tmp_path, "SELECT count(*) FROM bars_raw WHERE interval = '1wk'") == [(2,)]


def test_pieces_are_adjusted_before_they_are_merged(tmp_path: Path) -> None:
    at = home(tmp_path)
    commit_pieces(
        at,
        "1wk",
        [
            (Bar(D(2024, 1, 2), 400.0, 404.0, 396.0, 400.0, 10.0), D(2024, 1, 3)),
            (Bar(D(2024, 1, 4), 100.0, 101.0, 99.0, 100.5, 40.0), D(2024, 1, 5)),
        ],
    )
    add(store(tmp_path), [flat(D(2024, 3, 1), 100.0)], actions=[SPLIT])
    assert ask(tmp_path, "SELECT open, high, low, close, volume FROM weekly") == [(100.0, 101.0, 99.0, 100.5, 80.0)]


def test_a_day_within_a_stored_piece_is_in_one_bar_only(tmp_path: Path) -> None:
    commit_pieces(home(tmp_path), "1wk", [(flat(D(2024, 1, 8), 5.0), D(2024, 1, 12))])
    commit_pieces(home(tmp_path), "1mo", [(flat(D(2024, 1, 1), 6.0), D(2024, 1, 10))])
    add(store(tmp_path), [flat(D(2024, 1, 9), 9.0), flat(D(2024, 1, 15), 15.0)])
    assert ask(tmp_path, "SELECT interval, close FROM bars ORDER BY date") == [("1mo", 6.0), ("1d", 15.0)]
    assert ask(tmp_path, "SELECT count(*) FROM bars_raw") == [(4,)]


def test_the_specifications_names_are_aliases(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(D(2024, 1, 2), 10.0)])
    for alias, name in {
        "price_history": "bars",
        "price_history_daily": "daily",
        "price_history_weekly": "weekly",
        "price_history_monthly": "monthly",
        "system_metrics": "metrics",
        "provider_rate_limits": "provider_limits",
    }.items():
        assert ask(tmp_path, f"DESCRIBE {alias}") == ask(tmp_path, f"DESCRIBE {name}")
    assert ask(tmp_path, "SELECT count(*) FROM price_history_daily") == [(1,)]


def test_latest_prices_are_numbers_with_their_instants(tmp_path: Path) -> None:
    quote = Quote("binance", "BTCUSDT", "65000.1", "USDT", None, NOON_MS, NOON_MS + 1500, NOON_MS + 61_500)
    store(tmp_path).put_latest([quote])
    statement = "SELECT symbol, price, currency, change24h, updated_at, fetched_at FROM latest_prices"
    assert ask(tmp_path, statement) == [
        (
            "BTC",
            65000.1,
            "USDT",
            None,
            dt.datetime(2025, 6, 15, 15, 6, 40),
            dt.datetime(2025, 6, 15, 15, 6, 41, 500_000),
        )
    ]


def test_symbols_are_the_catalogues_or_the_series_itself(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(D(2024, 1, 2), 10.0)], Series("binance", "BTCUSDT"), currency="USDT")
    add(store(tmp_path), [flat(D(2024, 1, 2), 10.0)], Series("yahoo", "NOSUCH"))
    assert ask(tmp_path, "SELECT symbol FROM daily ORDER BY 1") == [("BTC",), ("yahoo:NOSUCH",)]
    assert ask(tmp_path, "SELECT name, type FROM assets WHERE symbol = 'BTC'") == [("Bitcoin", "crypto")]


def test_an_empty_home_has_all_views(tmp_path: Path) -> None:
    names = [row[0] for row in ask(tmp_path, "SHOW TABLES")]
    for name in ("assets", "latest_prices", "daily", "weekly", "monthly", "bars", "bars_raw", "actions", "runs",
                 "metrics", "provider_limits"):  # fmt: skip
        assert name in names
        ask(tmp_path, f"SELECT * FROM {name}")
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_every_type_comes_out_and_instants_with_a_zone_too(tmp_path: Path) -> None:
    one = sql(tmp_path)
    one.ask(
        "SELECT TIMESTAMPTZ '2024-01-02 03:04:05+01' AS a, [TIMESTAMPTZ '2024-01-02 00:00:00+00'] AS b, 1 AS a, "
        "{'k': TIMESTAMPTZ '2024-01-02 00:00:00+00'} AS c ORDER BY 1"
    )
    assert [column.name for column in one.columns] == ["a", "b", "a_1", "c"]
    assert one.columns[0].type == "TIMESTAMP WITH TIME ZONE"
    midnight = dt.datetime(2024, 1, 2)
    assert list(one.rows(9)) == [[(dt.datetime(2024, 1, 2, 2, 4, 5), [midnight], 1, {"k": midnight})]]
    one.close()


def test_rows_stop_at_the_limit_and_the_rest_is_known(tmp_path: Path) -> None:
    one = sql(tmp_path)
    one.ask("SELECT * FROM range(10000) AS r(n)")
    assert [row[0] for rows in one.rows(5000) for row in rows] == list(range(5000))
    assert one.has_more()
    one.close()


def test_order_holds_with_instants(tmp_path: Path) -> None:
    rows = ask(tmp_path, "SELECT make_timestamptz(n * 1000000) AS t, n FROM range(50000) AS r(n) ORDER BY n DESC")
    assert [row[1] for row in rows] == list(range(49_999, -1, -1))


def test_time_is_up(tmp_path: Path) -> None:
    one = sql(tmp_path, seconds=0.3)
    began = time.monotonic()
    with pytest.raises(DeadlineReached, match=r"longer than 0\.3 s") as caught:
        one.ask("SELECT sum(a.n * b.n) FROM range(10000000) AS a(n), range(10000000) AS b(n)")
    assert caught.value.exit_code == 12
    assert time.monotonic() - began < 5
    one.close()


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_CONFIG, "memory_limit", "30MiB")  # type: ignore[index]
    with pytest.raises(UsageError, match="Out of Memory") as caught:
        ask(tmp_path, "SELECT length(list(n)) FROM range(20000000) AS r(n)")
    assert "1 GiB" in caught.value.hint


def test_an_interrupt_in_the_asking_thread_stops_the_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = sql(tmp_path)
    one.ask("SELECT sum(n) FROM range(10) AS r(n)")

    class Interrupting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            monkeypatch.undo()
            raise KeyboardInterrupt

    monkeypatch.setattr("pricectl.store.sql.threading.Event", Interrupting)
    with pytest.raises(KeyboardInterrupt):
        one.ask("SELECT sum(a.n * b.n) FROM range(10000000) AS a(n), range(10000000) AS b(n)")
    assert not one.stuck
    one.close()


def test_a_damaged_part_is_named_and_only_answers_that_need_it_fail(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(D(2024, 1, 2), 10.0)])
    (path,) = part_files(home(tmp_path))
    data = bytearray(Path(path).read_bytes())
    data[60] ^= 1
    os.chmod(path, 0o600)
    Path(path).write_bytes(data)
    with pytest.raises(Damaged, match=os.path.basename(path)):
        ask(tmp_path, "SELECT * FROM daily")
    assert len(ask(tmp_path, "SELECT * FROM provider_limits")) >= 2


def test_a_home_may_be_called_like_a_pattern_or_a_quote(tmp_path: Path) -> None:
    odd = tmp_path / "it's [1] * ?"
    odd.mkdir()
    add(store(odd), [flat(D(2024, 1, 2), 10.0)])
    add(store(odd), [flat(D(2024, 1, 2), 11.0)], MSFT)
    assert ask(odd, "SELECT symbol, close FROM daily ORDER BY 1") == [("AAPL", 10.0), ("MSFT", 11.0)]


def test_wrong_statements_say_what_is_wrong_in_one_line(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(D(2024, 1, 2), 10.0)])
    for statement, said in {
        "SELECT nonsense FROM daily": "nonsense",
        "SELECT * FROM dayly": "there is no view 'dayly'",
        "SELEC 1": "syntax error",
        "SELECT 'a'::INTEGER": "Conversion",
    }.items():
        with pytest.raises(UsageError, match=said) as caught:
            ask(tmp_path, statement)
        assert "\n" not in str(caught.value)
    assert ask(tmp_path, f"SELECT count(*) FROM daily WHERE provider = '{AAPL.provider}'") == [(1,)]
