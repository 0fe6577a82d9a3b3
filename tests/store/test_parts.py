"""A part is what was written, or it is named; nothing else suffers."""

import os
import random
import shutil
from pathlib import Path

import pytest

from pricectl.errors import Damaged
from pricectl.model.bar import Segment
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
