"""A part is what was written, or it is named; nothing else suffers."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pricectl.errors import Damaged
from pricectl.model.bar import Action, Segment
from pricectl.store import Store
from pricectl.store.tables import ACTIONS, BARS, COVERAGE
from stores import AAPL, MSFT, D, add, flat, forget, home, part_files, store


def year(path: Path, number: int) -> list[float]:
    return [bar.close for bar in store(path).traded(AAPL, D(number, 1, 1), D(number, 12, 31))[1]]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A store with one part for 2019 and one for 2020, both seen whole before."""
    add(store(tmp_path), [flat(D(2019, 12, 31), 1.0), flat(D(2020, 1, 2), 2.0)])
    assert (year(tmp_path, 2019), year(tmp_path, 2020)) == ([1.0], [2.0])
    return tmp_path


def part_of(path: Path, number: int) -> str:
    (found,) = [file for file in part_files(home(path)) if f"year={number}" in file]
    return found


def change(path: str, data: bytes) -> None:
    os.chmod(path, 0o600)
    Path(path).write_bytes(data)


def test_a_flipped_bit_is_found_and_the_part_named_and_other_years_answer(two: Path) -> None:
    path = part_of(two, 2020)
    data = Path(path).read_bytes()
    for place in random.Random(1).sample(range(len(data) * 8), 40):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        change(path, bytes(flipped))
        with pytest.raises(Damaged, match=os.path.basename(path)) as caught:
            year(two, 2020)
        assert (caught.value.exit_code, bool(caught.value.hint)) == (9, True)
        assert year(two, 2019) == [1.0]
    change(path, data)
    assert year(two, 2020) == [2.0]


@pytest.mark.parametrize("length", [0, 4, 1000, -8, -1])
def test_a_cut_part_is_found(two: Path, length: int) -> None:
    path = part_of(two, 2020)
    change(path, Path(path).read_bytes()[:length])
    for attempt in (
        lambda: year(two, 2020),
        lambda: store(two).history(AAPL, [Segment("1mo", D(2019, 1, 1), D(2020, 12, 31))], "split"),
        lambda: store(two).last_closes([AAPL]),
    ):
        with pytest.raises(Damaged, match=os.path.basename(path)):
            attempt()


def test_a_damaged_part_of_another_asset_is_none_of_our_concern(two: Path) -> None:
    add(store(two), [flat(D(2020, 1, 2), 9.0)], MSFT)
    (path,) = set(part_files(home(two))) - {
        part_of_aapl for part_of_aapl in part_files(home(two)) if _holds_aapl(part_of_aapl)
    }
    change(path, b"")
    assert year(two, 2020) == [2.0]
    with pytest.raises(Damaged):
        store(two).traded(MSFT, D(2020, 1, 1), D(2020, 1, 9))


def _holds_aapl(path: str) -> bool:
    return b"AAPL" in Path(path).read_bytes()


def test_a_listed_part_that_is_gone_is_damage_named(two: Path) -> None:
    path = part_of(two, 2020)
    os.unlink(path)
    with pytest.raises(Damaged, match=f"gone.*{os.path.basename(path)}"):
        year(two, 2020)
    assert year(two, 2019) == [1.0]


def test_a_part_is_hashed_once_as_long_as_it_looks_the_same(two: Path) -> None:
    path = part_of(two, 2020)
    before = os.stat(path)
    data = bytearray(Path(path).read_bytes())
    memory = Path(home(two).state, "verified-bars")
    known = memory.read_text()
    assert year(two, 2020) == [2.0]
    assert memory.read_text() == known
    # Damage that leaves size and time as they were is beyond the first look; losing the memory is a first look.
    data[len(data) // 2] ^= 1
    change(path, bytes(data))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    forget(home(two))
    with pytest.raises(Damaged):
        year(two, 2020)


def test_a_store_that_was_copied_is_looked_at_afresh(two: Path, tmp_path: Path) -> None:
    other = tmp_path / "copy"
    shutil.copytree(home(two).store, home(other).store)
    shutil.copytree(home(two).state, home(other).state, dirs_exist_ok=True)
    path = part_of(other, 2020)
    change(path, Path(path).read_bytes()[:-1] + b"x")
    with pytest.raises(Damaged):
        year(other, 2020)


def test_the_memory_starts_afresh_before_it_grows_without_end(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Path(home(two).state, "verified-bars")
    monkeypatch.setattr("pricectl.store.parts._MEMORY_BYTES", memory.stat().st_size + 10)
    add(store(two), [flat(D(2021, 1, 4), 3.0)])
    assert year(two, 2021) == [3.0]
    assert len(memory.read_text().splitlines()) == 1
    assert year(two, 2020) == [2.0]


READINGS = {
    "history": lambda to: to.history(AAPL, MONTHS, "split"),
    "history with dividends": lambda to: to.history(AAPL, MONTHS, "all"),
    "history as traded, of many": lambda to: to.history_of_many([AAPL, MSFT], MONTHS, "none"),
    "traded": lambda to: to.traded(AAPL, D(2020, 1, 1), D(2021, 12, 31)),
    "traded of many": lambda to: to.traded_of({AAPL: (D(2020, 1, 1), D(2021, 12, 31))}),
    "last closes": lambda to: to.last_closes([AAPL]),
    "pieces": lambda to: to.pieces(AAPL, D(2020, 1, 1), D(2021, 12, 31)),
    "torn": lambda to: to.torn(),
    "held": lambda to: to.held(),
    "actions": lambda to: (to.actions(AAPL), to.actions_of([AAPL])),
    "coverage": lambda to: (to.coverage(AAPL), to.coverage_of([AAPL])),
}
MONTHS = [Segment("1mo", D(2020, 1, 1), D(2021, 12, 31))]
NEED = {
    "bars": set(READINGS) - {"actions", "coverage"},
    "actions": {"history", "history with dividends", "history as traded, of many", "last closes", "torn", "actions"},
    "coverage": {"coverage"},
}


def told_or_named(read: Callable[[Store], Any], home: Path, path: str) -> Any:
    """The answer, or None where the damaged part is named instead."""
    try:
        return read(store(home))
    except Damaged as error:
        return None if os.path.basename(path) in str(error) else error


def test_no_reading_of_any_table_answers_from_a_damaged_part(tmp_path: Path) -> None:
    days = [flat(D(2020, 1, 30), 3.0), flat(D(2020, 1, 31), 4.0), flat(D(2021, 3, 1), 2.0)]
    known = [Action(D(2020, 1, 31), "dividend", 0.5), Action(D(2021, 3, 1), "split", 2.0)]
    add(store(tmp_path), days, actions=known)
    store(tmp_path).upkeep().run(D(2021, 2, 1), D(2021, 2, 1), lambda _: {}, lambda *_: None, dry_run=False)
    told = {name: read(store(tmp_path)) for name, read in READINGS.items()}
    listed = {table.name: store(tmp_path).listed(table) for table in (BARS, ACTIONS, COVERAGE)}
    chance = random.Random(2)
    for table, held in listed.items():
        refused = []
        for _, path in held:
            data = Path(path).read_bytes()
            flipped = bytearray(data)
            flipped[chance.randrange(4, len(data) // 4)] ^= 1 << chance.randrange(8)  # among the values
            for damaged in (bytes(flipped), data[: chance.randrange(len(data))]):
                change(path, damaged)
                answers = {name: told_or_named(read, tmp_path, path) for name, read in READINGS.items()}
                assert all(answer in (told[name], None) for name, answer in answers.items())
                refused.append({name for name, answer in answers.items() if answer is None})
            change(path, data)
        # What needs a part is refused, and nothing else.
        assert all(refused)
        assert set.union(*refused) == NEED[table]
        assert len(held) > 1 or all(each == NEED[table] for each in refused)
    assert {name: read(store(tmp_path)) for name, read in READINGS.items()} == told
