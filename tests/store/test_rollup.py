"""Days become weeks and months: literal answers, worked out by hand."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pricectl.errors import Damaged, Locked, StoreError, Unwritable
from pricectl.model.asset import Series
from pricectl.model.bar import MANUAL, SUSPECT, Action, Bar, Row, Segment
from pricectl.store import rollup
from pricectl.store.rows import Days
from pricectl.store.upkeep import Outcome
from stores import AAPL, MSFT, NOON_MS, D, add, flat, home, newest_entry, part_files, store

DAY = dt.timedelta(days=1)
# Everything before February as months, the first half of February as weeks.
WEEKLY, DAILY = D(2021, 2, 1), D(2021, 2, 15)
ALL = (D(2020, 1, 1), D(2022, 12, 31))


def weekdays(first: dt.date, last: dt.date) -> list[dt.date]:
    days = [first + DAY * n for n in range((last - first).days + 1)]
    return [day for day in days if day.weekday() < 5]


FIRST, LAST = D(2021, 1, 4), D(2021, 2, 19)


def rising(first: dt.date = FIRST, last: dt.date = LAST) -> list[Bar]:
    """The n-th weekday opens at n, rises to n + 2, falls to n - 1, closes at n + 1, and trades 100 + n shares."""
    return [Bar(day, n, n + 2.0, n - 1.0, n + 1.0, 100.0 + n) for n, day in enumerate(weekdays(first, last), 1)]


def roll_up(
    path: Path,
    daily: dt.date = DAILY,
    weekly: dt.date = WEEKLY,
    gaps: Mapping[Series, Sequence[Days]] | None = None,
    dry_run: bool = False,
) -> Outcome:
    return store(path).upkeep().run(daily, weekly, lambda firsts: gaps or {}, lambda *_: None, dry_run=dry_run)


def stored(path: Path, interval: str) -> list[tuple[object, ...]]:
    """The rows of one tier as they lie in the parts that the log lists: date, until, sessions, OHLC, volume, flags."""
    import duckdb

    from pricectl.store.disk import Disk
    from pricectl.store.log import Log
    from pricectl.store.tables import BARS

    log = Log(BARS, home(path).store, home(path).state, Disk(shared=False))
    paths = [f"{log.folder}/{part.path}" for part in log.parts() if part.interval == interval]
    if not paths:
        return []
    columns = "provider_id, date, until, sessions, open, high, low, close, volume, flags"
    return duckdb.execute(f"SELECT {columns} FROM read_parquet(?) ORDER BY ALL", [paths]).fetchall()


def test_months_weeks_and_days_meet_and_weeks_are_cut_at_month_ends(tmp_path: Path) -> None:
    # 4 January 2021 is a Monday; 29 January is the 20th weekday, 1 February (a Monday) the 21st.
    add(store(tmp_path), rising())
    outcome = roll_up(tmp_path)
    assert stored(tmp_path, "1mo") == [
        ("AAPL", D(2021, 1, 4), D(2021, 1, 29), 20, 1.0, 22.0, 0.0, 21.0, 2210.0, 0),
    ]
    assert stored(tmp_path, "1wk") == [
        ("AAPL", D(2021, 2, 1), D(2021, 2, 5), 5, 21.0, 27.0, 20.0, 26.0, 615.0, 0),
        ("AAPL", D(2021, 2, 8), D(2021, 2, 12), 5, 26.0, 32.0, 25.0, 31.0, 640.0, 0),
    ]
    assert [row[1] for row in stored(tmp_path, "1d")] == weekdays(D(2021, 2, 15), D(2021, 2, 19))
    assert (outcome.daily.before, outcome.daily.after, outcome.daily.periods) == (35, 5, 0)
    assert (outcome.weekly.before, outcome.weekly.after, outcome.weekly.periods) == (0, 2, 2)
    assert (outcome.monthly.before, outcome.monthly.after, outcome.monthly.periods) == (0, 1, 1)
    assert outcome.waiting == 0


def test_a_week_across_a_month_end_is_two_pieces_and_read_as_one_week(tmp_path: Path) -> None:
    add(store(tmp_path), rising(D(2021, 3, 29), D(2021, 4, 30)))
    roll_up(tmp_path, D(2021, 4, 12), D(2021, 3, 1))
    assert [row[1:4] for row in stored(tmp_path, "1wk")] == [
        (D(2021, 3, 29), D(2021, 3, 31), 3),
        (D(2021, 4, 1), D(2021, 4, 2), 2),
        (D(2021, 4, 5), D(2021, 4, 9), 5),
    ]
    weeks = store(tmp_path).history(AAPL, [Segment("1wk", D(2021, 3, 29), D(2021, 4, 11))], "none")[1]
    assert weeks == [
        Row(D(2021, 3, 29), 1.0, 7.0, 0.0, 6.0, 515.0, "1wk"),
        Row(D(2021, 4, 5), 6.0, 12.0, 5.0, 11.0, 540.0, "1wk"),
    ]
    # Months follow from the pieces of weeks.
    assert store(tmp_path).history(AAPL, [Segment("1mo", D(2021, 3, 1), D(2021, 4, 30))], "none")[1] == [
        Row(D(2021, 3, 1), 1.0, 5.0, 0.0, 4.0, 306.0, "1mo"),
        Row(D(2021, 4, 1), 4.0, 27.0, 3.0, 26.0, 2519.0, "1mo"),
    ]


def test_pieces_are_cut_at_ex_dates_of_splits_and_dividends(tmp_path: Path) -> None:
    actions = [
        Action(D(2021, 1, 13), "split", 2.0),
        Action(D(2021, 1, 21), "dividend", 0.5),
        Action(D(2021, 2, 10), "split", 3.0),
        Action(D(2021, 2, 8), "dividend", 1.0),  # a Monday: where a week begins anyhow
    ]
    add(store(tmp_path), rising(), actions=actions)
    roll_up(tmp_path)
    assert [row[1:4] for row in stored(tmp_path, "1mo")] == [
        (D(2021, 1, 4), D(2021, 1, 12), 7),
        (D(2021, 1, 13), D(2021, 1, 20), 6),
        (D(2021, 1, 21), D(2021, 1, 29), 7),
    ]
    assert [row[1:4] for row in stored(tmp_path, "1wk")] == [
        (D(2021, 2, 1), D(2021, 2, 5), 5),
        (D(2021, 2, 8), D(2021, 2, 9), 2),
        (D(2021, 2, 10), D(2021, 2, 12), 3),
    ]


@pytest.mark.parametrize("adjust", ["none", "split", "all"])
@pytest.mark.parametrize("interval", ["1wk", "1mo"])
def test_weeks_and_months_are_read_as_before_however_adjusted(tmp_path: Path, interval: str, adjust: str) -> None:
    actions = [
        Action(D(2021, 1, 12), "split", 4.0),
        Action(D(2021, 1, 14), "split", 0.5),  # two in one week
        Action(D(2021, 1, 27), "dividend", 0.25),
        Action(D(2021, 2, 10), "split", 1.046),
        Action(D(2021, 2, 18), "dividend", 0.25),
    ]
    add(store(tmp_path), rising(), actions=actions)
    # Weeks from the weekly tier on; what is kept as months cannot be told as weeks.
    first = D(2021, 2, 1) if interval == "1wk" else D(2021, 1, 1)
    segments = [Segment(interval, first, D(2021, 2, 28))]
    before = store(tmp_path).history(AAPL, segments, adjust)
    roll_up(tmp_path)
    assert store(tmp_path).history(AAPL, segments, adjust) == before


def test_running_it_again_changes_nothing(tmp_path: Path) -> None:
    actions = [Action(D(2021, 1, 13), "split", 2.0), Action(D(2021, 2, 10), "dividend", 0.5)]
    add(store(tmp_path), rising(), actions=actions)
    add(store(tmp_path), rising(), series=MSFT)
    roll_up(tmp_path)
    entry, files = newest_entry(home(tmp_path)), part_files(home(tmp_path))
    outcome = roll_up(tmp_path)
    assert (newest_entry(home(tmp_path)), part_files(home(tmp_path))) == (entry, files)
    assert outcome.weekly.periods == outcome.monthly.periods == 0
    assert outcome.daily.before == outcome.daily.after == 10


def test_weeks_become_months_when_their_time_has_come(tmp_path: Path) -> None:
    add(store(tmp_path), rising(), actions=[Action(D(2021, 2, 10), "split", 2.0)])
    roll_up(tmp_path)
    add(store(tmp_path), rising(D(2021, 2, 22), D(2021, 3, 5)))
    outcome = roll_up(tmp_path, D(2021, 3, 1), D(2021, 3, 1))
    assert stored(tmp_path, "1wk") == []
    assert [row[1:5] + row[7:9] for row in stored(tmp_path, "1mo")] == [
        (D(2021, 1, 4), D(2021, 1, 29), 20, 1.0, 21.0, 2210.0),
        (D(2021, 2, 1), D(2021, 2, 9), 7, 21.0, 28.0, 868.0),
        # From the weeks up to the 12th, the days up to the 19th, and those of the last week, which begin again at 1.
        (D(2021, 2, 10), D(2021, 2, 26), 13, 28.0, 6.0, 1567.0),
    ]
    assert (outcome.weekly.before, outcome.weekly.after, outcome.monthly.periods) == (3, 0, 2)


def test_a_period_of_which_days_were_never_asked_for_waits(tmp_path: Path) -> None:
    add(store(tmp_path), rising())
    gaps = {AAPL: [(D(2021, 1, 2), D(2021, 1, 3)), (D(2021, 2, 6), D(2021, 2, 8))]}
    outcome = roll_up(tmp_path, gaps=gaps)
    # All of January waits, and both weeks that the second gap touches.
    assert (stored(tmp_path, "1mo"), stored(tmp_path, "1wk")) == ([], [])
    assert outcome.waiting == 30
    assert outcome.daily.after == 35
    outcome = roll_up(tmp_path)
    assert (outcome.waiting, outcome.monthly.after, outcome.weekly.after) == (0, 1, 2)


def test_what_one_series_lacks_does_not_keep_another_waiting(tmp_path: Path) -> None:
    add(store(tmp_path), rising())
    add(store(tmp_path), rising(), series=MSFT)
    roll_up(tmp_path, gaps={AAPL: [(D(2021, 1, 2), D(2021, 1, 3))]})
    assert [row[0] for row in stored(tmp_path, "1mo")] == ["MSFT"]
    assert len(stored(tmp_path, "1d")) == 20 + 5 + 5


def test_days_that_come_late_wait_until_all_of_their_period_are_there(tmp_path: Path) -> None:
    add(store(tmp_path), rising())
    roll_up(tmp_path)
    week = [Segment("1wk", D(2021, 2, 1), D(2021, 2, 7))]
    before = store(tmp_path).history(AAPL, week, "none")
    days = [flat(day, 500.0, 1.0) for day in weekdays(D(2021, 2, 1), D(2021, 2, 5))]
    add(store(tmp_path), days[:4], fetched_ms=NOON_MS + 1)
    assert roll_up(tmp_path).waiting == 4
    assert store(tmp_path).history(AAPL, week, "none") == before
    add(store(tmp_path), days[4:], fetched_ms=NOON_MS + 2)
    outcome = roll_up(tmp_path)
    assert (outcome.waiting, outcome.weekly.periods) == (0, 1)
    assert store(tmp_path).history(AAPL, week, "none")[1] == [
        Row(D(2021, 2, 1), 500.0, 500.0, 500.0, 500.0, 5.0, "1wk")
    ]


def test_as_many_late_days_as_there_were_but_not_the_same_ones_wait(tmp_path: Path) -> None:
    add(store(tmp_path), [bar for bar in rising() if bar.date != D(2021, 2, 5)])
    roll_up(tmp_path)
    assert stored(tmp_path, "1wk")[0][1:4] == (D(2021, 2, 1), D(2021, 2, 4), 4)
    days = [flat(day, 500.0) for day in (D(2021, 2, 1), D(2021, 2, 2), D(2021, 2, 3), D(2021, 2, 5))]
    add(store(tmp_path), days, fetched_ms=NOON_MS + 1)
    outcome = roll_up(tmp_path)
    # The 5th is new and belongs to no piece: it joins. The others wait.
    assert stored(tmp_path, "1wk")[0][1:5] == (D(2021, 2, 1), D(2021, 2, 5), 5, 21.0)
    assert stored(tmp_path, "1wk")[0][7] == 500.0
    assert outcome.waiting == 3


def test_a_split_learned_later_blocks_its_period_until_the_days_are_there_again(tmp_path: Path) -> None:
    add(store(tmp_path), rising())
    roll_up(tmp_path, D(2021, 2, 15), D(2021, 1, 1))
    weeks = [row[1:4] for row in stored(tmp_path, "1wk")]
    store(tmp_path).add(AAPL, "USD", [], [Action(D(2021, 1, 13), "split", 2.0)], [], NOON_MS + 1)
    # January is due to become a month now; the week of the 13th holds two scales, so it is left alone.
    outcome = roll_up(tmp_path)
    assert [row[1:4] for row in stored(tmp_path, "1wk")] == weeks
    assert outcome.monthly.after == 0
    days = [bar for bar in rising() if D(2021, 1, 11) <= bar.date <= D(2021, 1, 15)]
    add(store(tmp_path), days, fetched_ms=NOON_MS + 2)
    roll_up(tmp_path)
    assert [row[1:4] for row in stored(tmp_path, "1mo")] == [
        (D(2021, 1, 4), D(2021, 1, 12), 7),
        (D(2021, 1, 13), D(2021, 1, 29), 13),
    ]


def test_the_persons_own_price_in_a_piece_is_not_replaced_by_a_providers_days(tmp_path: Path) -> None:
    bars = [bar if bar.date != D(2021, 2, 3) else flat(bar.date, 77.0, 1.0, MANUAL) for bar in rising()]
    add(store(tmp_path), bars)
    roll_up(tmp_path)
    assert stored(tmp_path, "1wk")[0][5] == 77.0
    assert stored(tmp_path, "1wk")[0][9] == MANUAL
    add(
        store(tmp_path), [bar for bar in rising() if D(2021, 2, 1) <= bar.date <= D(2021, 2, 5)], fetched_ms=NOON_MS + 9
    )
    assert roll_up(tmp_path).waiting == 5
    assert stored(tmp_path, "1wk")[0][5] == 77.0


def test_of_two_rows_of_a_day_the_better_one_is_rolled_up(tmp_path: Path) -> None:
    bars = rising()
    add(store(tmp_path), bars)
    add(store(tmp_path), [flat(D(2021, 1, 12), 900.0, 1.0)], fetched_ms=NOON_MS + 1)
    add(store(tmp_path), [flat(D(2021, 2, 2), 800.0, 1.0, MANUAL)], fetched_ms=NOON_MS - 1)
    add(store(tmp_path), [flat(D(2021, 2, 16), 700.0, 1.0)], fetched_ms=NOON_MS + 1)
    roll_up(tmp_path)
    # 12 January was the 7th day (107 shares), 2 February the 22nd (122 shares).
    assert stored(tmp_path, "1mo")[0][3:9] == (20, 1.0, 900.0, 0.0, 21.0, 2210.0 - 107.0 + 1.0)
    assert stored(tmp_path, "1wk")[0][3:9] == (5, 21.0, 800.0, 20.0, 26.0, 615.0 - 122.0 + 1.0)
    assert [row[7] for row in stored(tmp_path, "1d")] == [32.0, 700.0, 34.0, 35.0, 36.0]


def test_missing_volumes_and_marks_are_kept(tmp_path: Path) -> None:
    bars = [bar._replace(volume=None) if bar.date < D(2021, 2, 1) else bar for bar in rising()]
    bars = [bar._replace(volume=None, flags=SUSPECT) if bar.date == D(2021, 2, 2) else bar for bar in bars]
    add(store(tmp_path), bars)
    roll_up(tmp_path)
    assert stored(tmp_path, "1mo")[0][8] is None
    assert stored(tmp_path, "1wk")[0][8:] == (615.0 - 122.0, SUSPECT)


def test_an_asset_listed_in_the_middle_of_a_month_and_a_week_of_one_session(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(D(2021, 1, 20), 5.0), flat(D(2021, 2, 4), 7.0), flat(D(2021, 2, 16), 8.0)])
    roll_up(tmp_path)
    assert [row[1:4] for row in stored(tmp_path, "1mo")] == [(D(2021, 1, 20), D(2021, 1, 20), 1)]
    assert [row[1:4] for row in stored(tmp_path, "1wk")] == [(D(2021, 2, 4), D(2021, 2, 4), 1)]
    rows = store(tmp_path).history(AAPL, [Segment("1mo", D(2021, 1, 1), D(2021, 2, 28))], "none")[1]
    assert [(row.date, row.close) for row in rows] == [(D(2021, 1, 1), 5.0), (D(2021, 2, 1), 8.0)]


def test_the_turn_of_the_year_and_a_leap_day(tmp_path: Path) -> None:
    days = [flat(D(2019, 12, 30) + DAY * n, float(n + 1), 1.0) for n in range(64)]  # to 2 March 2020
    add(store(tmp_path), days)
    roll_up(tmp_path, D(2020, 3, 2), D(2019, 12, 1))
    assert [row[1:4] for row in stored(tmp_path, "1wk")][:3] == [
        (D(2019, 12, 30), D(2019, 12, 31), 2),
        (D(2020, 1, 1), D(2020, 1, 5), 5),
        (D(2020, 1, 6), D(2020, 1, 12), 7),
    ]
    assert stored(tmp_path, "1wk")[-2][1:4] == (D(2020, 2, 24), D(2020, 2, 29), 6)
    assert stored(tmp_path, "1wk")[-1][1:4] == (D(2020, 3, 1), D(2020, 3, 1), 1)


def test_two_currencies_never_meet_in_one_piece(tmp_path: Path) -> None:
    bars = rising()
    add(store(tmp_path), [bar for bar in bars if bar.date < D(2021, 1, 18)], currency="GBp")
    add(store(tmp_path), [bar for bar in bars if bar.date >= D(2021, 1, 18)], currency="GBP")
    roll_up(tmp_path)
    assert [row[1:4] for row in stored(tmp_path, "1mo")] == [
        (D(2021, 1, 4), D(2021, 1, 15), 10),
        (D(2021, 1, 18), D(2021, 1, 29), 10),
    ]


def test_a_dry_run_tells_the_same_and_writes_nothing(tmp_path: Path) -> None:
    add(store(tmp_path), rising())
    files = sorted(Path(home(tmp_path).store).rglob("*"))
    planned = roll_up(tmp_path, dry_run=True)
    assert sorted(Path(home(tmp_path).store).rglob("*")) == files
    done = roll_up(tmp_path)
    assert planned == done
    assert done.daily.bytes_after < done.daily.bytes_before


def test_an_empty_store_is_nothing_to_do(tmp_path: Path) -> None:
    outcome = roll_up(tmp_path)
    assert outcome.daily.before == outcome.monthly.after == 0


def test_a_roll_up_that_contradicts_its_days_is_not_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store(tmp_path), rising())
    entry, files = newest_entry(home(tmp_path)), part_files(home(tmp_path))
    changes = {
        "max(high) AS high": "min(high) AS high",
        "sum(volume) AS": "1.0001 * sum(volume) AS",
        "max_by(close, date)": "min_by(close, date)",
        "min_by(open, date)": "max_by(open, date)",
        "sum(sessions)::INT": "(sum(sessions) - 1)::INT",
    }
    for old, new in changes.items():
        assert old in rollup.pieces.ROLL_UP
        monkeypatch.setattr(rollup.pieces, "ROLL_UP", rollup.pieces.ROLL_UP.replace(old, new, 1))
        with pytest.raises(StoreError, match="contradicts its days"):
            roll_up(tmp_path)
        monkeypatch.undo()
        assert (newest_entry(home(tmp_path)), part_files(home(tmp_path))) == (entry, files)


def test_a_damaged_part_is_never_merged_on(tmp_path: Path) -> None:
    add(store(tmp_path), rising())
    store(tmp_path).traded(AAPL, *ALL)  # seen and remembered as whole
    (path,) = map(Path, part_files(home(tmp_path)))
    data, stat = bytearray(path.read_bytes()), path.stat()
    data[600] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    import os

    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(Damaged, match=path.name):
        roll_up(tmp_path)
    assert part_files(home(tmp_path)) == [str(path)]


def test_another_writer_is_waited_for_and_then_told(tmp_path: Path) -> None:
    import fcntl

    add(store(tmp_path), rising())
    with open(Path(home(tmp_path).store, "write.lock"), "r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Locked) as caught:
            store(tmp_path, wait_s=0.0).upkeep().run(DAILY, WEEKLY, lambda _: {}, lambda *_: None, dry_run=False)
        assert (caught.value.exit_code, bool(caught.value.hint)) == (11, True)


def test_a_store_that_is_only_read_is_not_rolled_up(tmp_path: Path) -> None:
    add(store(tmp_path), rising())
    with pytest.raises(Unwritable):
        store(tmp_path, read_only=True).upkeep().run(DAILY, WEEKLY, lambda _: {}, lambda *_: None, dry_run=False)
