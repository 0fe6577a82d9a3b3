"""What goes into the store comes out of it, and what wins over what."""

import datetime as dt
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pricectl.errors import StoreError, Unwritable
from pricectl.model.asset import Series
from pricectl.model.bar import LIVE, MANUAL, PROVISIONAL, Action, Bar, Segment
from pricectl.model.quote import Quote
from pricectl.store import Addition
from pricectl.store.log import Log
from stores import AAPL, MSFT, NOON_MS, D, add, flat, home, part_files, store

SPLIT = Action(D(2020, 8, 31), "split", 4.0)
PAID = Action(D(2020, 2, 7), "dividend", 0.77)


def test_an_empty_store_answers_with_nothing_and_makes_nothing(tmp_path: Path) -> None:
    empty = store(tmp_path)
    assert empty.coverage(AAPL) == []
    assert empty.actions(AAPL) == []
    assert empty.traded(AAPL, D(2020, 1, 1), D(2020, 12, 31)) == ("", [])
    assert empty.history(AAPL, [Segment("1d", D(2020, 1, 1), D(2020, 1, 31))], "all") == ("", [])
    assert empty.latest([AAPL]) == {}
    assert empty.last_closes([AAPL]) == {}
    assert not os.path.exists(home(tmp_path).store)


def test_bars_come_back_as_they_were_traded(tmp_path: Path) -> None:
    bars = [
        Bar(D(2019, 12, 31), 289.93, 293.68, 289.52, 293.65, 25247600.0),
        Bar(D(2020, 1, 2), 296.24, 300.6, 295.19, 300.35, 33911864.0, PROVISIONAL),
        Bar(D(2020, 1, 3), 0.00000123, 0.1 + 0.2, 5e-324, 1e300, None),
    ]
    add(store(tmp_path), bars)
    assert store(tmp_path).traded(AAPL, D(2019, 12, 31), D(2020, 1, 3)) == ("USD", bars)
    assert store(tmp_path).traded(AAPL, D(2020, 1, 1), D(2020, 1, 2)) == ("USD", bars[1:2])
    assert store(tmp_path).traded(MSFT, D(2019, 12, 31), D(2020, 1, 3)) == ("", [])


def test_a_bar_that_still_moves_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="still moving"):
        add(store(tmp_path), [flat(D(2020, 1, 2), 1.0), flat(D(2020, 1, 3), 1.0, flags=LIVE)])
    assert not os.path.exists(home(tmp_path).store)


def test_the_later_fetched_bar_wins_whatever_the_order_of_writing(tmp_path: Path) -> None:
    to = store(tmp_path)
    add(to, [flat(D(2020, 1, 2), 2.0)], fetched_ms=NOON_MS + 1)
    add(to, [flat(D(2020, 1, 2), 1.0), flat(D(2020, 1, 3), 1.5)], fetched_ms=NOON_MS)
    assert to.traded(AAPL, D(2020, 1, 1), D(2020, 1, 9))[1] == [flat(D(2020, 1, 2), 2.0), flat(D(2020, 1, 3), 1.5)]


def test_a_final_bar_wins_over_a_provisional_one_of_the_same_run(tmp_path: Path) -> None:
    to = store(tmp_path)
    add(to, [flat(D(2020, 1, 2), 2.0)])
    add(to, [flat(D(2020, 1, 2), 9.0, flags=PROVISIONAL)])
    assert to.traded(AAPL, D(2020, 1, 2), D(2020, 1, 2))[1] == [flat(D(2020, 1, 2), 2.0)]


def test_a_persons_own_price_is_never_replaced_by_a_providers(tmp_path: Path) -> None:
    to = store(tmp_path)
    own = flat(D(2020, 1, 2), 7.0, flags=MANUAL)
    add(to, [own])
    add(to, [flat(D(2020, 1, 2), 2.0)], fetched_ms=NOON_MS + 99)
    assert to.traded(AAPL, D(2020, 1, 2), D(2020, 1, 2))[1] == [own]
    _, rows = to.history(AAPL, [Segment("1d", D(2020, 1, 2), D(2020, 1, 2))], "none", [flat(D(2020, 1, 2), 3.0)], "USD")
    assert [row.close for row in rows] == [7.0]


def test_coverage_is_merged_where_days_touch(tmp_path: Path) -> None:
    to = store(tmp_path)
    for first, last in ((1, 5), (6, 9), (12, 20), (14, 15), (31, 31)):
        to.add(AAPL, "USD", [], [], [(D(2020, 1, first), D(2020, 1, last))], NOON_MS)
    assert to.coverage(AAPL) == [
        (D(2020, 1, 1), D(2020, 1, 9)),
        (D(2020, 1, 12), D(2020, 1, 20)),
        (D(2020, 1, 31), D(2020, 1, 31)),
    ]
    assert to.coverage(MSFT) == []
    # The span within another one was known: no part was written for it.
    assert len(part_files(home(tmp_path), "coverage")) == 4


def test_an_action_told_again_is_written_once(tmp_path: Path) -> None:
    to = store(tmp_path)
    for _ in range(3):
        to.add(AAPL, "USD", [], [SPLIT, PAID], [], NOON_MS)
    assert to.actions(AAPL) == [PAID, SPLIT]
    assert len(part_files(home(tmp_path), "actions")) == 1


def test_an_action_that_the_provider_no_longer_tells_is_withdrawn_within_the_span_only(tmp_path: Path) -> None:
    to = store(tmp_path)
    to.add(AAPL, "USD", [], [PAID, SPLIT], [], NOON_MS)
    moved = SPLIT._replace(ex_date=D(2020, 9, 1))
    to.add(AAPL, "USD", [], [moved], [], NOON_MS + 1, replace_actions_span=(D(2020, 3, 1), D(2020, 12, 31)))
    assert to.actions(AAPL) == [PAID, moved]
    to.add(AAPL, "USD", [], [SPLIT], [], NOON_MS + 2, replace_actions_span=(D(2020, 3, 1), D(2020, 12, 31)))
    assert to.actions(AAPL) == [PAID, SPLIT]


def test_a_corrected_action_replaces_the_one_of_its_day_and_kind(tmp_path: Path) -> None:
    to = store(tmp_path)
    to.add(AAPL, "USD", [], [SPLIT], [], NOON_MS)
    to.add(AAPL, "USD", [], [SPLIT._replace(value=5.0)], [], NOON_MS + 1)
    assert to.actions(AAPL) == [SPLIT._replace(value=5.0)]


def test_many_series_go_in_with_one_commit_a_table(tmp_path: Path) -> None:
    to = store(tmp_path)
    days = (D(2020, 1, 2), D(2020, 1, 2))
    to.add_all([Addition(one, "USD", [flat(days[0], 5.0)], [PAID], [days]) for one in (MSFT, AAPL)], NOON_MS)
    for table in ("bars", "actions", "coverage"):
        assert len(list(Path(home(tmp_path).store, table, "_delta_log").glob("*.json"))) == 1
    assert to.last_closes([AAPL, MSFT, Series("yahoo", "IBM")]) == {
        AAPL: (D(2020, 1, 2), 5.0, "USD"),
        MSFT: (D(2020, 1, 2), 5.0, "USD"),
    }


def test_series_of_two_providers_with_one_id_are_kept_apart(tmp_path: Path) -> None:
    to, other = store(tmp_path), Series("binance", "AAPL")
    add(to, [flat(D(2020, 1, 2), 1.0)])
    add(to, [flat(D(2020, 1, 2), 2.0)], other, currency="USDT")
    assert to.traded(other, D(2020, 1, 2), D(2020, 1, 2)) == ("USDT", [flat(D(2020, 1, 2), 2.0)])
    assert to.last_closes([other]) == {other: (D(2020, 1, 2), 2.0, "USDT")}


def test_two_currencies_in_one_answer_are_refused_not_mixed(tmp_path: Path) -> None:
    to = store(tmp_path)
    add(to, [flat(D(2020, 1, 2), 1.0)], currency="GBp")
    add(to, [flat(D(2020, 1, 3), 1.0)], currency="GBP")
    assert to.traded(AAPL, D(2020, 1, 3), D(2020, 1, 3))[0] == "GBP"
    with pytest.raises(StoreError, match="GBP and GBp"):
        to.traded(AAPL, D(2020, 1, 2), D(2020, 1, 3))
    with pytest.raises(StoreError, match="GBP and GBp"):
        to.history(AAPL, [Segment("1wk", D(2020, 1, 1), D(2020, 1, 5))], "split")


def test_the_last_close_is_on_todays_scale(tmp_path: Path) -> None:
    to = store(tmp_path)
    add(to, [flat(D(2019, 5, 2), 80.0), flat(D(2020, 8, 28), 499.23)], actions=[SPLIT])
    assert to.last_closes([AAPL]) == {AAPL: (D(2020, 8, 28), 124.8075, "USD")}


def test_names_of_any_kind_are_data(tmp_path: Path) -> None:
    to = store(tmp_path)
    odd = [Series("yahoo", name) for name in ("EURUSD=X", "^GSPC", "a'b;--", "*", "..", "Zürich", "$paths")]
    for number, series in enumerate(odd):
        add(to, [flat(D(2020, 1, 2), number + 1.0)], series)
    for number, series in enumerate(odd):
        assert to.traded(series, D(2020, 1, 2), D(2020, 1, 2))[1] == [flat(D(2020, 1, 2), number + 1.0)]


@pytest.mark.parametrize("name", ["data[1]", "a*b", "what?", "100% a#b", "date=2001-01-01", "Zürich 'x'"])
def test_a_home_may_be_called_anything(tmp_path: Path, name: str) -> None:
    add(store(tmp_path / name), [flat(D(2020, 1, 2), 5.0)], actions=[SPLIT])
    for path in Path(home(tmp_path / name).state).iterdir():
        path.unlink()
    assert store(tmp_path / name).traded(AAPL, D(2020, 1, 2), D(2020, 1, 2))[1] == [flat(D(2020, 1, 2), 5.0)]


def test_a_home_that_delta_rs_would_misread_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(Unwritable, match="% and two digits"):
        add(store(tmp_path / "100%20"), [flat(D(2020, 1, 2), 5.0)])
    assert store(tmp_path / "100%20").coverage(AAPL) == []


def test_read_only_refuses_to_write_and_says_why(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(D(2020, 1, 2), 5.0)])
    reader = store(tmp_path, read_only=True)
    with pytest.raises(Unwritable, match="read_only is set"):
        add(reader, [flat(D(2020, 1, 3), 5.0)])
    with pytest.raises(Unwritable, match="read_only is set"):
        reader.put_latest([Quote("yahoo", "AAPL", "1", "USD", None, 1, 1)])
    assert len(reader.traded(AAPL, D(2020, 1, 1), D(2020, 1, 9))[1]) == 1


WITHOUT_RIGHTS = """
import os, sys
from pathlib import Path
from stores import AAPL, D, add, flat, store
from pricectl.errors import Unwritable
read, scratch = Path(sys.argv[1]), Path(sys.argv[2])
# All that is imported late is imported here: the other account may not see this one's Python.
add(store(scratch), [flat(D(2020, 1, 2), 5.0)])
store(scratch).traded(AAPL, D(2020, 1, 1), D(2020, 1, 9))
if os.getuid() == 0:
    os.setuid(65534)
print([bar.close for bar in store(read).traded(AAPL, D(2020, 1, 1), D(2020, 1, 9))[1]])
try:
    add(store(read), [flat(D(2020, 1, 3), 5.0)])
except Unwritable as error:
    print(error.exit_code, "cannot write" in str(error), bool(error.hint))
"""


def test_a_store_without_write_permission_is_read_and_refuses_to_be_written(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        add(store(Path(folder)), [flat(D(2020, 1, 2), 5.0)])
        for at, _, files in os.walk(folder, topdown=False):
            for name in files:
                os.chmod(os.path.join(at, name), 0o444)
            os.chmod(at, 0o555)
        done = _python(WITHOUT_RIGHTS, folder, str(tmp_path))
        for at, _, _ in os.walk(folder):
            os.chmod(at, 0o755)
    assert done.stdout == "[5.0]\n9 True True\n", done.stderr


def _python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=_env(), check=False)


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_modes_are_the_owners_alone_or_open_to_the_group(tmp_path: Path) -> None:
    for name, group, folder_mode, file_mode in (("own", "", 0o700, 0o600), ("open", "staff", 0o2750, 0o640)):
        to = store(tmp_path / name, group=group)
        add(to, [flat(D(2020, 1, 2), 5.0)], actions=[SPLIT])
        to.put_latest([Quote("yahoo", "AAPL", "1", "USD", None, 1, 1)])
        to.traded(AAPL, D(2020, 1, 2), D(2020, 1, 2))
        for folder, folders, files in os.walk(tmp_path / name):
            for below in folders:
                if below != "state":
                    assert os.stat(os.path.join(folder, below)).st_mode & 0o7777 == folder_mode, below
            for file in files:
                assert os.stat(os.path.join(folder, file)).st_mode & 0o7777 == file_mode, file


def test_two_processes_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from pricectl.model.asset import Series
from pricectl.model.quote import Quote
from stores import D, add, flat, store
to = store(Path(sys.argv[1]), wait_s=60.0)
for number in range(8):
    name = f"{sys.argv[2]}{number}"
    add(to, [flat(D(2020, 1, 2), 5.0)], Series("yahoo", name))
    to.put_latest([Quote("yahoo", name, "1", "USD", None, 1, 1)])
"""
    running = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name], env=_env()) for name in ("A", "B")]
    assert [process.wait() for process in running] == [0, 0]
    series = [Series("yahoo", f"{name}{number}") for name in "AB" for number in range(8)]
    assert sorted(store(tmp_path).last_closes(series)) == series
    assert sorted(store(tmp_path).latest(series)) == series
    assert all(store(tmp_path).coverage(one) for one in series)


def test_a_writer_that_another_keeps_waiting_gives_up(tmp_path: Path) -> None:
    import fcntl

    add(store(tmp_path), [flat(D(2020, 1, 2), 5.0)])
    with open(os.path.join(home(tmp_path).store, "write.lock"), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Unwritable, match="another run has been writing"):
            add(store(tmp_path, wait_s=0.0), [flat(D(2020, 1, 3), 5.0)])
    add(store(tmp_path, wait_s=0.0), [flat(D(2020, 1, 3), 5.0)])


def test_other_engines_read_the_table_as_it_stands(tmp_path: Path) -> None:
    from deltalake import DeltaTable

    bars = [Bar(D(2019, 12, 31), 1.0, 4.0, 0.5, 2.0, 7.0), Bar(D(2020, 1, 2), 2.0, 2.0, 2.0, 2.0, None)]
    to = store(tmp_path)
    to.add(AAPL, "USD", bars, [], [], NOON_MS, symbol="AAPL")
    table = DeltaTable(os.path.join(home(tmp_path).store, "bars")).to_pyarrow_table()
    rows = sorted(table.to_pylist(), key=lambda row: row["date"])
    assert rows[0] == {
        "symbol": "AAPL", "provider": "yahoo", "provider_id": "AAPL", "currency": "USD", "date": D(2019, 12, 31),
        "until": None, "sessions": None, "open": 1.0, "high": 4.0, "low": 0.5, "close": 2.0, "volume": 7.0,
        "fetched_at": dt.datetime.fromtimestamp(NOON_MS / 1000, dt.UTC), "flags": 0, "interval": "1d", "year": 2019,
    }  # fmt: skip
    assert [row["year"] for row in rows] == [2019, 2020]


def test_many_series_are_read_at_once_each_within_its_days(tmp_path: Path) -> None:
    kept = store(tmp_path)
    add(kept, [flat(D(2026, 1, 5), 10.0), flat(D(2026, 1, 6), 11.0), flat(D(2026, 1, 7), 12.0)])
    add(kept, [flat(D(2026, 1, 6), 11.5)], fetched_ms=NOON_MS + 1)
    add(kept, [flat(D(2026, 1, 6), 21.0)], MSFT, [Action(D(2026, 1, 6), "split", 2.0)], currency="EUR")
    other = Series("yahoo", "OTHER")
    jan6 = (D(2026, 1, 6), D(2026, 1, 6))
    assert kept.traded_of({AAPL: (D(2026, 1, 6), D(2026, 1, 9)), MSFT: jan6, other: jan6}) == {
        AAPL: ("USD", [flat(D(2026, 1, 6), 11.5), flat(D(2026, 1, 7), 12.0)]),
        MSFT: ("EUR", [flat(D(2026, 1, 6), 21.0)]),
    }
    assert kept.traded_of({}) == {}
    assert kept.coverage_of([AAPL, MSFT, other]) == {AAPL: [(D(2026, 1, 5), D(2026, 1, 7))], MSFT: [jan6]}
    assert kept.actions_of([AAPL, MSFT, other]) == {MSFT: [Action(D(2026, 1, 6), "split", 2.0)]}


def test_a_path_is_never_taken_for_a_pattern(tmp_path: Path) -> None:
    from pricectl.store.query import Query

    add(store(tmp_path / "a1b"), [flat(D(2020, 1, 2), 5.0)], actions=[SPLIT])
    (other,) = part_files(home(tmp_path / "a1b"), "actions")
    assert len(Query().actions([other], [AAPL])) == 1
    for pattern in ("a*b", "a?b", "a[1]b"):
        with pytest.raises(StoreError):
            Query().actions([other.replace("a1b", pattern)], [AAPL])


def test_an_entry_has_the_modes_of_the_home_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put, modes = Log._put, []

    def looked_at(self: Log, version: int, *arguments: object) -> Exception | None:
        failure = put(self, version, *arguments)  # type: ignore[arg-type]
        modes.append(os.stat(self._path(version)).st_mode & 0o777)
        return failure

    monkeypatch.setattr(Log, "_put", looked_at)
    add(store(tmp_path / "own"), [flat(D(2020, 1, 2), 5.0)])
    add(store(tmp_path / "open", group="staff"), [flat(D(2020, 1, 2), 5.0)])
    assert modes == [0o600, 0o600, 0o640, 0o640]
