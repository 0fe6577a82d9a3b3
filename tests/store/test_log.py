"""The log is believed only as far as it vouches for itself."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pricectl.errors import Damaged, NewerFormat, StoreError, Unwritable
from pricectl.store import entry as entries
from pricectl.store.disk import Disk
from pricectl.store.entry import Entry
from pricectl.store.log import Log
from pricectl.store.tables import BARS, Part
from stores import AAPL, NOON_MS, D, add, flat, forget, home, newest_entry, part_files, store

DAY = D(2020, 1, 2)


def closes(path: Path) -> list[float]:
    return [bar.close for bar in store(path).traded(AAPL, D(2020, 1, 1), D(2020, 12, 31))[1]]


def log_of(path: Path) -> Log:
    return Log(BARS, home(path).store, home(path).state, Disk(shared=False))


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A store of two commits: the close 1.0 of 2 January, the close 2.0 of 3 January."""
    add(store(tmp_path), [flat(DAY, 1.0)])
    add(store(tmp_path), [flat(D(2020, 1, 3), 2.0)])
    return tmp_path


def good(data: bytes) -> Entry:
    return entries.read(1, data, "entry")


@pytest.mark.parametrize(("number", "reason", "room"), [(13, "Permission denied", False), (28, "No space left", True)])
def test_a_commit_that_the_system_refuses_is_told_in_words(
    two: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str, room: bool
) -> None:
    path = f"{home(two).store}/bars/_delta_log/{2:020d}.json"
    text = f"Generic LocalFileSystem error \x1b[31m-\x1b[0m Unable to open file {path}#1 {reason} (os error {number})\n"
    monkeypatch.setattr(Log, "_put", lambda *_: OSError(text))  # as delta-rs says it
    with pytest.raises(Unwritable) as caught:
        add(store(two), [flat(D(2020, 1, 4), 3.0)])
    said = str(caught.value)
    assert said.startswith(f"cannot write {path}: {reason}")
    assert ("os error" in said, said.count(path), said.endswith(" MB free)")) == (False, 1, room)
    assert caught.value.hint
    assert closes(two) == [1.0, 2.0]


def test_the_newest_entry_cut_anywhere_is_recognised(two: Path) -> None:
    data = newest_entry(home(two)).read_bytes()
    assert good(data).version == 1
    for length in range(len(data)):
        with pytest.raises(Damaged):
            good(data[:length])


def test_the_newest_entry_with_any_bit_flipped_is_recognised_or_says_the_same(two: Path) -> None:
    data = newest_entry(home(two)).read_bytes()
    unchanged = 0
    for place in range(len(data)):
        for bit in range(8):
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            try:
                assert good(bytes(flipped)) == good(data)
                unchanged += 1
            except Damaged:
                pass
    # What is left is what delta-rs says of itself and of the time, and keys of which nothing is read.
    assert unchanged < len(data) * 8 * 0.3


def test_what_the_entry_says_of_its_part_cannot_be_changed_unseen(two: Path) -> None:
    text = newest_entry(home(two)).read_text()
    for before, after in (("2020-01-03", "2020-01-04"), ("AAPL", "AAPM"), ('"size":', '"size":1'), ("2020", "2021")):
        assert before in text
        with pytest.raises(Damaged):
            good(text.replace(before, after).encode())


@pytest.mark.parametrize("length", [0, 1, 200, -1])
@pytest.mark.parametrize("remembered", [True, False])
def test_a_damaged_newest_entry_stops_readers_until_a_writer_sets_it_aside(
    two: Path, length: int, remembered: bool
) -> None:
    newest = newest_entry(home(two))
    newest.write_bytes(newest.read_bytes()[:length])
    cut = newest.read_bytes()
    if not remembered:
        forget(home(two))
    with pytest.raises(Damaged, match=newest.name) as caught:
        closes(two)
    assert (caught.value.exit_code, bool(caught.value.hint)) == (9, True)
    assert store(two).coverage(AAPL) == [(DAY, D(2020, 1, 3))]  # another table is another matter
    add(store(two), [flat(D(2020, 1, 6), 3.0)])
    assert closes(two) == [1.0, 3.0]
    assert [path.read_bytes() for path in Path(home(two).store, "aside").iterdir()] == [cut]


def test_the_first_entry_may_be_the_damaged_one(tmp_path: Path) -> None:
    add(store(tmp_path), [flat(DAY, 1.0)])
    newest_entry(home(tmp_path)).write_bytes(b"")
    with pytest.raises(Damaged):
        closes(tmp_path)
    add(store(tmp_path), [flat(D(2020, 1, 6), 3.0)])
    assert closes(tmp_path) == [3.0]


def test_an_entry_that_came_to_grief_twice_keeps_both_remains(two: Path) -> None:
    for text in (b"", b"{"):
        newest_entry(home(two)).write_bytes(text)
        add(store(two), [flat(D(2020, 1, 6), 3.0)])
    assert sorted(path.read_bytes() for path in Path(home(two).store, "aside").iterdir()) == [b"", b"{"]


def test_damage_in_an_older_entry_is_recognised_by_who_has_to_replay_it(two: Path) -> None:
    older = newest_entry(home(two)).with_name(f"{0:020d}.json")
    older.write_text(older.read_text().replace("2020-01-02", "2020-01-12"))
    assert closes(two) == [1.0, 2.0]  # the list of parts was remembered whole
    forget(home(two))
    with pytest.raises(Damaged, match="_delta_log"):
        closes(two)
    with pytest.raises(Damaged):
        add(store(two), [flat(D(2020, 1, 6), 3.0)])


def test_a_remembered_list_that_is_not_the_newest_is_not_believed(two: Path) -> None:
    memory = Path(home(two).state, "parts-bars")
    for text in (b"", b"nonsense\n", memory.read_bytes().split(b"\n")[0], memory.read_bytes()[:-1]):
        memory.write_bytes(text)
        assert closes(two) == [1.0, 2.0]
        assert len(memory.read_bytes().split(b"\n")) == 2


def test_an_entry_that_pricectl_did_not_write_is_not_built_on(two: Path) -> None:
    from deltalake import DeltaTable

    table = DeltaTable(os.path.join(home(two).store, "bars"))
    table.delete("provider_id = 'AAPL'")
    with pytest.raises(Damaged):
        closes(two)
    add(store(two), [flat(D(2020, 1, 6), 3.0)])
    assert closes(two) == [1.0, 2.0, 3.0]


def test_a_newer_format_is_neither_read_nor_set_aside(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(entries, "FORMAT", 2)
        add(store(two), [flat(D(2020, 1, 6), 3.0)])
    for attempt in (lambda: closes(two), lambda: add(store(two), [flat(D(2020, 1, 7), 4.0)])):
        with pytest.raises(NewerFormat):
            attempt()
    assert not Path(home(two).store, "aside").exists()


def test_parts_are_removed_and_added_in_one_commit_and_only_listed_ones(two: Path) -> None:
    log = log_of(two)
    first, second = sorted(log.parts(), key=lambda part: part.first)
    log.commit([], [first], NOON_MS)
    assert log_of(two).parts() == [second]
    forget(home(two))
    assert log_of(two).parts() == [second]
    with pytest.raises(StoreError, match="not listed"):
        log.commit([], [first], NOON_MS)
    assert closes(two) == [2.0]


@pytest.mark.parametrize("name", ["../../../etc/passwd.parquet", "/etc/passwd", "interval=1d/year=2020/x.parquet"])
def test_a_name_that_pricectl_never_gives_is_not_opened(two: Path, name: str) -> None:
    bounds = log_of(two).parts()[0][1:]
    log_of(two).commit([Part(name, *bounds)], [], NOON_MS)
    with pytest.raises(Damaged, match="none of its own"):
        closes(two)


def test_a_reader_imports_neither_delta_rs_nor_pyarrow(two: Path) -> None:
    script = """
import sys
from pathlib import Path
from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.model.bar import Segment
from pricectl.model.instant import Clock
from pricectl.store import Store
import datetime as dt
segment = Segment("1wk", dt.date(2020, 1, 1), dt.date(2020, 1, 5))
print(Store(Home(sys.argv[1]), Clock()).history(Series("yahoo", "AAPL"), [segment], "split")[1][0].close)
print([name for name in ("deltalake", "pyarrow", "duckdb", "numpy", "asyncio") if name in sys.modules])
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", script, str(two)], capture_output=True, text=True, env=env, check=True)
    assert done.stdout == "2.0\n[]\n"


def test_a_writer_neither_checkpoints_nor_cleans_the_log(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Left to itself delta-rs writes a checkpoint, unsynced, at every hundredth commit.
    import deltalake

    asked: list[object] = []
    commit = deltalake.DeltaTable.create_write_transaction

    def spy(self: deltalake.DeltaTable, *arguments: object, **named: object) -> None:
        asked.append(named["post_commithook_properties"])
        commit(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(deltalake.DeltaTable, "create_write_transaction", spy)
    add(store(two), [flat(D(2020, 1, 6), 3.0)])
    assert [vars(one) for one in asked] == [{"create_checkpoint": False, "cleanup_expired_logs": False}] * 2


def test_the_custom_metadata_are_where_any_delta_reader_finds_them(two: Path) -> None:
    info = json.loads(newest_entry(home(two)).read_text().split("\n")[0])["commitInfo"]
    assert sorted(info["pricectl"]) == ["actions", "format", "hash", "listed", "parts"]
    assert (info["pricectl"]["actions"], info["pricectl"]["parts"], info["pricectl"]["format"]) == (1, 2, 1)


def test_stray_files_are_never_data(two: Path) -> None:
    stray = Path(part_files(home(two))[0])
    shutil.copy(stray, stray.with_name(f"{'0' * 32}-{'0' * 64}.parquet"))
    stray.with_name("empty.parquet").touch()
    Path(home(two).store, "bars", "_delta_log", "_commit_x.json.tmp").touch()
    Path(home(two).store, "bars", "_delta_log", "notes.json").write_text("{}")
    assert closes(two) == [1.0, 2.0]
    add(store(two), [flat(D(2020, 1, 6), 3.0)])
    assert closes(two) == [1.0, 2.0, 3.0]


def test_the_memory_is_made_again_where_it_was_lost(two: Path) -> None:
    forget(home(two))
    assert closes(two) == [1.0, 2.0]
    assert sorted(os.listdir(home(two).state)) == ["parts-bars", "verified-bars"]
    shutil.rmtree(home(two).state)
    assert closes(two) == [1.0, 2.0]
