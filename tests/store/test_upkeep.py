"""Compaction, checkpoints and vacuum: what is small stays right, and what may still be read stays there."""

import contextlib
import os
from pathlib import Path

import pytest

from pricectl.model.bar import Action
from pricectl.model.instant import Clock
from pricectl.store import Store
from pricectl.store.disk import Disk
from pricectl.store.log import Log
from pricectl.store.tables import ACTIONS, BARS, COVERAGE
from pricectl.store.upkeep import Outcome
from stores import AAPL, MSFT, NOON_MS, D, add, flat, forget, home, part_files, store

HOUR_MS = 3_600_000


class Later(Clock):
    def __init__(self, hours: float) -> None:
        self.hours = hours

    def now_ms(self) -> int:
        return super().now_ms() + round(self.hours * HOUR_MS)


def upkeep(path: Path, hours: float = 0.0) -> Outcome:
    """Nothing to roll up, all the rest; ``hours`` from now."""
    kept = Store(home(path), Later(hours))
    return kept.upkeep().run(D(2000, 1, 1), D(2000, 1, 1), lambda _: {}, lambda *_: None, dry_run=False)


def log_of(path: Path, table=BARS) -> Log:
    return Log(table, home(path).store, home(path).state, Disk(shared=False))


def files(path: Path) -> list[str]:
    """The parts of bars, listed or not."""
    return [name for name in part_files(home(path)) if "checkpoint" not in name]


def fill(path: Path, days: int = 12) -> None:
    for number in range(1, days + 1):
        series = AAPL if number % 2 else MSFT
        actions = [Action(D(2019, 1, number), "dividend", 0.5)]
        add(store(path), [flat(D(2020, 1, number), float(number))], series, actions, NOON_MS + number)


def told(path: Path) -> list[object]:
    reader = store(path)
    return [
        *(reader.traded(series, D(2020, 1, 1), D(2020, 12, 31)) for series in (AAPL, MSFT)),
        *(reader.actions(series) for series in (AAPL, MSFT)),
        *(reader.coverage(series) for series in (AAPL, MSFT)),
    ]


def test_each_table_comes_into_one_sorted_part_and_says_the_same(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    fill(tmp_path)
    add(store(tmp_path), [flat(D(2020, 1, 1), 50.0)], fetched_ms=NOON_MS + 99)
    before = told(tmp_path)
    upkeep(tmp_path)
    assert told(tmp_path) == before
    for table in (BARS, ACTIONS, COVERAGE):
        (part,) = log_of(tmp_path, table).parts()
        rows = pq.read_table(os.path.join(log_of(tmp_path, table).folder, part.path), partitioning=None).to_pylist()
        keys = [(row.get("symbol", ""), row["provider_id"], row[table.first]) for row in rows]
        assert keys == sorted(keys)
        assert len(rows) == part.rows == 12
    assert upkeep(tmp_path).daily.after == 12


def test_spans_that_touch_or_overlap_become_one(tmp_path: Path) -> None:
    spans = [(1, 3), (4, 5), (8, 9), (9, 12), (20, 20), (2, 2)]
    for number, (first, last) in enumerate(spans):
        store(tmp_path).add(AAPL, "USD", [], [], [(D(2020, 1, first), D(2020, 1, last))], NOON_MS + number)
    upkeep(tmp_path)
    (part,) = log_of(tmp_path, COVERAGE).parts()
    assert part.rows == 3
    assert store(tmp_path).coverage(AAPL) == [
        (D(2020, 1, 1), D(2020, 1, 5)), (D(2020, 1, 8), D(2020, 1, 12)), (D(2020, 1, 20), D(2020, 1, 20)),
    ]  # fmt: skip


def test_an_action_that_was_withdrawn_stays_withdrawn(tmp_path: Path) -> None:
    split, span = Action(D(2020, 1, 5), "split", 2.0), (D(2020, 1, 1), D(2020, 12, 31))
    store(tmp_path).add(AAPL, "USD", [], [split], [], NOON_MS)
    store(tmp_path).add(AAPL, "USD", [], [], [], NOON_MS + 1, span)
    store(tmp_path).add(MSFT, "USD", [], [split], [], NOON_MS + 2)
    upkeep(tmp_path)
    assert (store(tmp_path).actions(AAPL), store(tmp_path).actions(MSFT)) == ([], [split])


def test_a_checkpoint_stands_for_the_entries_before_it(tmp_path: Path) -> None:
    fill(tmp_path)
    before = told(tmp_path)
    upkeep(tmp_path)
    entries = Path(log_of(tmp_path).entries)
    (checkpoint,) = entries.glob("*.checkpoint.parquet")
    assert checkpoint.name == f"{12:020d}.checkpoint.parquet"
    for number in range(12):
        (entries / f"{number:020d}.json").unlink()
    forget(home(tmp_path))
    assert told(tmp_path) == before
    add(store(tmp_path), [flat(D(2020, 2, 1), 7.0)])
    forget(home(tmp_path))
    assert store(tmp_path).traded(AAPL, D(2020, 2, 1), D(2020, 2, 1))[1] == [flat(D(2020, 2, 1), 7.0)]


def test_a_damaged_checkpoint_is_never_a_shorter_list(tmp_path: Path) -> None:
    from pricectl.errors import StoreError

    fill(tmp_path)
    upkeep(tmp_path)
    before = told(tmp_path)
    (checkpoint,) = Path(log_of(tmp_path).entries).glob("*.checkpoint.parquet")
    data = checkpoint.read_bytes()
    spoiled = [data[:length] for length in (0, 4, len(data) // 2, len(data) - 1)]
    for place in range(0, len(data), len(data) // 25):
        spoiled.append(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
    checkpoint.chmod(0o600)
    for each in spoiled:
        checkpoint.write_bytes(each)
        forget(home(tmp_path))
        with contextlib.suppress(StoreError):  # exit code 9
            assert told(tmp_path) == before
    checkpoint.write_bytes(data)
    forget(home(tmp_path))
    assert told(tmp_path) == before


def test_what_left_the_list_stays_for_a_day_and_then_goes(tmp_path: Path) -> None:
    fill(tmp_path)
    for path in files(tmp_path):
        os.utime(path, (1.0, 1.0))  # listed for years
    forget(home(tmp_path))
    upkeep(tmp_path)
    assert len(files(tmp_path)) == 13
    assert upkeep(tmp_path, hours=23.9).removed == 0
    assert len(files(tmp_path)) == 13
    before = told(tmp_path)
    # The twelve parts of each table before its compaction.
    assert upkeep(tmp_path, hours=24.1).removed == 36
    assert len(files(tmp_path)) == 1
    assert told(tmp_path) == before


def test_only_old_files_named_like_parts_are_removed(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(D(2020, 1, 1), 1.0)])
    folder = Path(part_files(home(tmp_path))[0]).parent
    names = {f"{'a' * 32}-{'b' * 64}.parquet": True, f"{'c' * 32}-{'d' * 64}.parquet": False, "mine.parquet": True}
    for name, old in names.items():
        (folder / name).write_bytes(b"x")
        if old:
            os.utime(folder / name, (1.0, 1.0))
    assert upkeep(tmp_path).removed == 1
    assert not (folder / f"{'a' * 32}-{'b' * 64}.parquet").exists()
    assert (folder / f"{'c' * 32}-{'d' * 64}.parquet").exists()
    assert (folder / "mine.parquet").exists()
    assert len(store(tmp_path).traded(AAPL, D(2020, 1, 1), D(2020, 1, 1))[1]) == 1


def test_entries_go_when_two_checkpoints_and_a_day_have_passed(tmp_path: Path) -> None:
    fill(tmp_path)
    upkeep(tmp_path)
    entries = Path(log_of(tmp_path).entries)
    fill(tmp_path)
    upkeep(tmp_path)
    assert len(list(entries.glob("*.json"))) == 26
    before = told(tmp_path)
    upkeep(tmp_path, hours=25.0)
    # Those before the first of the two checkpoints, which stands for version 12.
    assert min(path.name for path in entries.glob("*.json")) == f"{12:020d}.json"
    forget(home(tmp_path))
    assert told(tmp_path) == before


def test_a_checkpoint_that_cannot_be_written_is_told_and_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricectl.errors import Unwritable

    fill(tmp_path)
    put = Log._put_checkpoint

    def half(self: Log, version: int) -> OSError | None:
        put(self, version)
        path = Path(self._checkpoint(version))
        path.write_bytes(path.read_bytes()[:-40])
        return None

    monkeypatch.setattr(Log, "_put_checkpoint", half)
    with pytest.raises(Unwritable, match="cannot write a checkpoint"):
        upkeep(tmp_path)
    assert not list(Path(home(tmp_path).store).rglob("*checkpoint*"))
    monkeypatch.undo()
    assert upkeep(tmp_path).daily.after == 12
