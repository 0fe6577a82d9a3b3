"""Every flipped bit and every cut is found; what is damaged is taken off the list, and nothing else suffers."""

import os
import random
import shutil
from pathlib import Path

import pytest

from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.bar import LIVE, SUSPECT, Action, Bar
from pricectl.model.instant import Clock
from pricectl.store import Addition, Store
from pricectl.store.contents import Contents, Fault, Hole, minus, without
from pricectl.store.disk import Disk
from pricectl.store.log import Log
from pricectl.store.tables import ACTIONS, BARS, COVERAGE, Part
from pricectl.store.verify import Examined, examine
from stores import AAPL, MSFT, NOON_MS, D, add, commit_pieces, flat, forget, home, newest_entry, part_files, store

TABLES = {table.name: table for table in (ACTIONS, BARS, COVERAGE)}
TODAY = D(2025, 6, 1)


def examined(path: Path) -> dict[str, Examined]:
    return {one.table.name: one for one in store(path).examined()}


def bad(path: Path, table: str = "bars") -> list[tuple[str, str]]:
    return [(os.path.basename(one.part.path), one.why) for one in examined(path)[table].bad]


def contents(path: Path) -> Contents:
    kept = home(path)
    held = {
        name: [os.path.join(kept.store, name, part.path) for part in one.sound] for name, one in examined(path).items()
    }
    return Contents(held, TODAY)


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    split = Action(D(2024, 1, 3), "split", 4.0)
    add(store(tmp_path), [flat(D(2023, 12, 29), 1.0), flat(D(2024, 1, 2), 2.0)], actions=[split])
    add(store(tmp_path), [flat(D(2024, 1, 2), 5.0)], MSFT)
    return tmp_path


def test_a_sound_store_is_found_sound(filled: Path) -> None:
    found = examined(filled)
    assert [(name, one.version, len(one.parts), len(one.bad), one.log_error) for name, one in found.items()] == [
        ("actions", 0, 1, 0, ""),
        ("bars", 1, 3, 0, ""),
        ("coverage", 1, 2, 0, ""),
    ]
    assert contents(filled).faults() == []


def test_an_empty_home_is_sound(tmp_path: Path) -> None:
    assert [(one.version, one.bad, one.log_error) for one in store(tmp_path).examined()] == [(None, [], "")] * 3
    nothing = Contents({}, TODAY)
    assert (nothing.faults(), nothing.waiting(), nothing.series(), nothing.holes({}, {})) == ([], 0, {}, [])


def test_every_flipped_bit_and_every_cut_is_found(filled: Path) -> None:
    paths = [path for table in ("bars", "actions", "coverage") for path in part_files(home(filled), table)]
    random_ = random.Random(7)
    whole = {path: Path(path).read_bytes() for path in paths}
    missed = []
    for number in range(400):
        path = random_.choice(paths)
        data = bytearray(whole[path])
        if number % 4:
            place = random_.randrange(len(data) * 8)
            data[place // 8] ^= 1 << place % 8
        else:
            del data[random_.randrange(len(data)) :]
        os.chmod(path, 0o600)
        Path(path).write_bytes(data)
        table = TABLES[os.path.relpath(path, home(filled).store).split(os.sep)[0]]
        found = examine(Log(table, home(filled).store, home(filled).state, Disk(shared=False)))
        if [os.path.basename(one.part.path) for one in found.bad] != [os.path.basename(path)]:
            missed.append((path, number))
        Path(path).write_bytes(whole[path])
    assert missed == []
    assert not any(one.bad for one in examined(filled).values())


def test_what_was_seen_whole_before_is_looked_at_again(filled: Path) -> None:
    path = part_files(home(filled))[0]
    store(filled).traded(AAPL, D(2023, 1, 1), D(2024, 12, 31))
    before = os.stat(path)
    data = bytearray(Path(path).read_bytes())
    data[len(data) // 2] ^= 1
    Path(path).write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert bad(filled) == [(os.path.basename(path), "its bytes are not those that were written")]


def test_a_part_that_is_gone_or_cut_is_named_with_its_reason(filled: Path) -> None:
    first, second, third = part_files(home(filled))
    os.unlink(first)
    os.truncate(second, 100)
    size = os.path.getsize(third)
    with open(third, "ab") as file:
        file.write(b"x")
    assert sorted(bad(filled)) == sorted(
        [
            (os.path.basename(first), "it is gone"),
            (os.path.basename(second), f"it has 100 bytes instead of {_size(filled, second)}"),
            (os.path.basename(third), f"it has {size + 1} bytes instead of {size}"),
        ]
    )


def _size(path: Path, part: str) -> int:
    (found,) = [one for one in examined(path)["bars"].parts if one.path.endswith(os.path.basename(part))]
    return found.size


@pytest.mark.parametrize("cut", [0, 10, -1])
def test_a_cut_newest_entry_is_seen(filled: Path, cut: int) -> None:
    entry = newest_entry(home(filled))
    data = entry.read_bytes()
    entry.write_bytes(data[: len(data) + cut if cut < 0 else cut])
    found = examined(filled)["bars"]
    assert (found.bad_newest, found.version, "newest log entry" in found.log_error) == (True, None, True)
    store(filled).repair().entries(BARS)
    assert (examined(filled)["bars"].version, examined(filled)["bars"].log_error) == (0, "")
    assert len(list(Path(home(filled).store, "aside").iterdir())) == 1


def test_an_older_damaged_entry_is_seen_though_the_list_is_remembered(filled: Path) -> None:
    entry = Path(home(filled).store, "bars", "_delta_log", f"{0:020d}.json")
    entry.write_bytes(entry.read_bytes().replace(b'"size":', b'"size":1', 1))
    found = examined(filled)["bars"]
    assert (found.version, found.bad_newest, found.old_entries) == (1, False, [str(entry)])
    assert found.log_error
    assert store(filled).traded(AAPL, D(2024, 1, 1), D(2024, 1, 9))[1] == [flat(D(2024, 1, 2), 2.0)]


def test_files_that_nothing_lists_are_counted(filled: Path) -> None:
    Path(home(filled).store, "bars", "interval=1d", "stray.parquet").write_bytes(b"1234")
    found = examined(filled)["bars"]
    assert (found.unlisted, found.unlisted_bytes) == (1, 4)


def test_lost_bars_are_taken_off_the_list_and_asked_for_again(filled: Path) -> None:
    (path,) = [path for path in part_files(home(filled)) if "year=2023" in path]
    os.truncate(path, 10)
    found = examined(filled)["bars"]
    repair = store(filled).repair()
    repair.cover(without(contents(filled).covered, [one.part for one in found.bad]))
    repair.lose(found.bad)
    forget(home(filled))
    assert bad(filled) == []
    kept = store(filled)
    assert kept.traded(AAPL, D(2023, 1, 1), D(2024, 12, 31))[1] == [flat(D(2024, 1, 2), 2.0)]
    assert kept.coverage(AAPL) == [(D(2023, 12, 30), D(2024, 1, 2))]
    assert kept.coverage(MSFT) == [(D(2024, 1, 2), D(2024, 1, 2))]
    aside = Path(home(filled).store, "aside", f"bars-{os.path.basename(path)}")
    assert (aside.stat().st_size, os.path.exists(path)) == (10, False)


def test_lost_coverage_costs_the_questions_only(filled: Path) -> None:
    path = part_files(home(filled), "coverage")[0]
    os.truncate(path, 0)
    assert bad(filled, "coverage") == [(os.path.basename(path), f"it has 0 bytes instead of {_bytes(filled)}")]
    store(filled).repair().cover(contents(filled).covered)
    assert bad(filled, "coverage") == []
    spans = [*store(filled).coverage(AAPL), *store(filled).coverage(MSFT)]
    assert len(spans) == 1
    assert len(store(filled).traded(AAPL, D(2023, 1, 1), D(2024, 12, 31))[1]) == 2


def _bytes(path: Path) -> int:
    return examined(path)["coverage"].bad[0].part.size


def test_lost_actions_are_replaced_in_one_commit(filled: Path) -> None:
    import datetime as dt

    (path,) = part_files(home(filled), "actions")
    os.truncate(path, 10)
    fetched = dt.datetime.fromtimestamp(NOON_MS / 1000, dt.UTC)
    again = ("yahoo", "AAPL", D(2024, 1, 3), "split", 4.0, "", False, fetched)
    store(filled).repair().retell(examined(filled)[ACTIONS.name].bad, [again])
    assert store(filled).actions(AAPL) == [Action(D(2024, 1, 3), "split", 4.0)]
    assert examined(filled)["actions"].bad == []


def bars_as_they_are(path: Path, bars: list[Bar], series: Series = AAPL, currency: str = "USD") -> None:
    """Rows that the store itself would not take, as another tool might have left them."""
    commit_pieces(home(path), "1d", [(bar, bar.date) for bar in bars], series, currency)


def test_rows_against_the_rules_are_counted_with_an_example(tmp_path: Path) -> None:
    day = D(2024, 1, 2)
    wrong = [
        Bar(D(2024, 1, 2), 1.0, 1.0, 1.0, float("nan"), 1.0),
        Bar(D(2024, 1, 3), 1.0, 1.0, -1.0, 1.0, 1.0),
        Bar(D(2024, 1, 4), 5.0, 4.0, 1.0, 2.0, 1.0),
        Bar(D(2024, 1, 5), 1.0, 1.0, 1.0, 1.0, -1.0),
        Bar(D(2024, 1, 8), 1.0, 1.0, 1.0, 1.0, 1.0, LIVE),
        Bar(D(2025, 7, 1), 1.0, 1.0, 1.0, 1.0, 1.0),
        Bar(D(2024, 1, 9), 5.0, 4.0, -1.0, 2.0, None, SUSPECT),
    ]
    bars_as_they_are(tmp_path, wrong)
    bars_as_they_are(tmp_path, [flat(day, 1.0)], MSFT, currency="")
    assert contents(tmp_path).faults() == [
        Fault("prices that are not positive numbers", 2, 1, "yahoo:AAPL 2024-01-02"),
        Fault("bars whose high and low do not hold their open and close", 1, 1, "yahoo:AAPL 2024-01-04"),
        Fault("volumes that are negative or no numbers", 1, 1, "yahoo:AAPL 2024-01-05"),
        Fault("bars that were still moving when they were stored", 1, 1, "yahoo:AAPL 2024-01-08"),
        Fault("bars of days to come", 1, 1, "yahoo:AAPL 2025-07-01"),
        Fault("bars without a currency", 1, 1, "yahoo:MSFT 2024-01-02"),
    ]


def test_pieces_that_share_days_or_leave_their_month_are_found(tmp_path: Path) -> None:
    commit_pieces(
        home(tmp_path),
        "1wk",
        [
            (flat(D(2024, 1, 8), 1.0), D(2024, 1, 12)),
            (flat(D(2024, 1, 12), 1.0), D(2024, 1, 19)),
            (flat(D(2024, 1, 29), 1.0), D(2024, 2, 2)),
        ],
    )
    assert [(fault.rule, fault.rows, fault.example) for fault in contents(tmp_path).faults()] == [
        ("pieces that end before they begin, or reach into another month", 1, "yahoo:AAPL 2024-01-29"),
        ("weekly pieces that share days", 1, "yahoo:AAPL 2024-01-08"),
    ]


def test_days_within_a_piece_wait(tmp_path: Path) -> None:
    commit_pieces(home(tmp_path), "1mo", [(flat(D(2024, 1, 2), 1.0), D(2024, 1, 31))])
    add(store(tmp_path), [flat(D(2024, 1, 31), 1.0), flat(D(2024, 2, 1), 1.0)])
    assert contents(tmp_path).waiting() == 1


JANUARY = [D(2024, 1, day) for day in (2, 3, 4, 5, 8, 9, 10, 11, 12, 16, 17, 18, 19, 22)]


def test_sessions_that_were_asked_for_and_have_no_bar_are_holes(tmp_path: Path) -> None:
    kept = store(tmp_path)
    days = [day for day in JANUARY if day not in (D(2024, 1, 4), D(2024, 1, 11), D(2024, 1, 12), D(2024, 1, 16))]
    for series in (AAPL, MSFT):
        additions = [Addition(series, "USD", [flat(day, 1.0) for day in days], [], [(JANUARY[0], JANUARY[-1])])]
        kept.add_all(additions, NOON_MS)
    looked = contents(tmp_path)
    holes = [(D(2024, 1, 4), D(2024, 1, 4), 1), (D(2024, 1, 11), D(2024, 1, 16), 3)]
    calendars = {AAPL: "NYC", MSFT: "NYC"}
    assert looked.holes({"NYC": JANUARY}, calendars) == [Hole(one, *hole) for one in calendars for hole in holes]
    # on an exchange that was closed on those days nothing is missing, and nothing in a series without a calendar
    assert looked.holes({"X": days}, {AAPL: "X"}) == []
    assert looked.holes({"NYC": JANUARY}, {}) == []


def test_a_bar_on_a_day_without_a_session_hides_no_hole(tmp_path: Path) -> None:
    days = sorted([*JANUARY[:5], D(2024, 1, 13), *JANUARY[6:]])  # a Saturday's bar, none of Tuesday the 9th
    bars = [flat(day, 1.0) for day in days]
    store(tmp_path).add_all([Addition(AAPL, "USD", bars, [], [(JANUARY[0], JANUARY[-1])])], NOON_MS)
    missing = Hole(AAPL, D(2024, 1, 9), D(2024, 1, 9), 1)
    assert contents(tmp_path).holes({"NYC": JANUARY}, {AAPL: "NYC"}) == [missing]


def test_days_not_asked_for_before_the_first_bar_or_within_pieces_are_no_holes(tmp_path: Path) -> None:
    commit_pieces(home(tmp_path), "1wk", [(flat(D(2024, 1, 8), 1.0), D(2024, 1, 12))])
    bars = [flat(D(2024, 1, 16), 1.0), flat(D(2024, 1, 19), 1.0), flat(D(2024, 1, 22), 1.0)]
    covered = [(D(2024, 1, 1), D(2024, 1, 16)), (D(2024, 1, 19), D(2024, 1, 31))]
    store(tmp_path).add_all([Addition(AAPL, "USD", bars, [], covered)], NOON_MS)
    assert contents(tmp_path).holes({"NYC": JANUARY}, {AAPL: "NYC"}) == []


def test_a_whole_missing_month_between_pieces_is_a_hole(tmp_path: Path) -> None:
    commit_pieces(
        home(tmp_path),
        "1mo",
        [(flat(D(2024, 1, 2), 1.0), D(2024, 1, 31)), (flat(D(2024, 3, 1), 1.0), D(2024, 3, 28))],
    )
    store(tmp_path).add_all([Addition(AAPL, "USD", [], [], [(D(2024, 1, 1), D(2024, 3, 31))])], NOON_MS)
    february = [D(2024, 2, day) for day in range(1, 30) if D(2024, 2, day).isoweekday() < 6]
    assert contents(tmp_path).holes({"W": february}, {AAPL: "W"}) == [Hole(AAPL, D(2024, 2, 1), D(2024, 2, 29), 21)]


def test_spans_without_days() -> None:
    spans = [(D(2024, 1, 1), D(2024, 1, 31))]
    assert minus(spans, (D(2024, 1, 10), D(2024, 1, 12))) == [
        (D(2024, 1, 1), D(2024, 1, 9)),
        (D(2024, 1, 13), D(2024, 1, 31)),
    ]
    assert minus(spans, (D(2023, 1, 1), D(2024, 1, 31))) == []
    assert minus(spans, (D(2024, 2, 1), D(2024, 2, 2))) == spans


def test_only_series_that_a_part_may_hold_lose_their_days() -> None:
    part = Part("x", 1, 1, "yahoo", "yahoo", "AAPL", "MSFT", "2024-01-01", "2024-01-31")
    spans = [(D(2024, 1, 1), D(2024, 1, 31))]
    given = {
        AAPL: spans,
        Series("yahoo", "NVDA"): spans,
        Series("binance", "BTC"): spans,
        Series("yahoo", "IBM"): spans,
    }
    kept = without(given, [part])
    assert {str(one): days for one, days in kept.items() if days} == {"yahoo:NVDA": spans, "binance:BTC": spans}


def test_a_copied_store_is_examined_where_it_lies(filled: Path, tmp_path: Path) -> None:
    other = tmp_path / "copy"
    shutil.copytree(home(filled).store, other / "store")
    (other / "state").mkdir()
    found = Store(Home(str(other)), Clock()).examined()
    assert [(one.version, len(one.bad), one.log_error) for one in found] == [(0, 0, ""), (1, 0, ""), (1, 0, "")]
    assert COVERAGE.name in [one.table.name for one in found]
