"""The run log: whole lines, newest first, whatever was done to the file."""

import multiprocessing
from pathlib import Path

import pytest

from pricectl.errors import Unwritable
from pricectl.home import Home
from pricectl.state import runs
from pricectl.state.runs import Failing, Failure, Run, Runs

FIRST = Run("a1", "refresh", 1_000, 2_000, 0, 3, 2, 1, 0, 4, 1, {"yahoo": 2}, [Failure("X", "not_found", "no")], 900)


def _log(home: Path) -> Path:
    return home / "state" / "runs.jsonl"


def test_a_run_comes_back_as_it_went(tmp_path: Path) -> None:
    log = Runs(Home(str(tmp_path)))
    log.append(FIRST)
    log.append(FIRST._replace(run_id="a2", command="aggregate", errors=[], requests={}))
    assert [run.run_id for run in log.last(5)] == ["a2", "a1"]
    assert log.last(1, "refresh") == [FIRST]
    assert log.damaged == 0


def test_runs_since_an_instant_newest_first(tmp_path: Path) -> None:
    log = Runs(Home(str(tmp_path)))
    for minute in range(5):
        log.append(FIRST._replace(run_id=f"r{minute}", started_ms=minute * 60_000, finished_ms=minute * 60_000 + 5))
    assert [run.run_id for run in log.since(120_000)] == ["r4", "r3", "r2"]


@pytest.mark.parametrize(
    "damage",
    [b"\x00\xff\n", b"{}\n", b"[]\n", b'{"run_id": 7}\n', b"null\n", b'{"run_id":"x","command":"refresh"}\n'],
)
def test_a_damaged_line_costs_only_itself(tmp_path: Path, damage: bytes) -> None:
    log = Runs(Home(str(tmp_path)))
    log.append(FIRST)
    with _log(tmp_path).open("ab") as file:
        file.write(damage)
    log.append(FIRST._replace(run_id="a2"))
    assert [run.run_id for run in log.last(9)] == ["a2", "a1"]
    assert log.damaged == 1


def test_a_line_cut_by_a_full_disk_does_not_swallow_the_next(tmp_path: Path) -> None:
    log = Runs(Home(str(tmp_path)))
    log.append(FIRST)
    data = _log(tmp_path).read_bytes()
    _log(tmp_path).write_bytes(data[:-20])
    log.append(FIRST._replace(run_id="a2"))
    assert [run.run_id for run in log.last(9)] == ["a2"]
    assert log.damaged == 1


def test_a_line_has_at_most_4096_bytes_however_many_failed(tmp_path: Path) -> None:
    log = Runs(Home(str(tmp_path)))
    log.append(FIRST._replace(errors=[Failure(f"SYMBOL{n}", "unavailable", "é" * 500) for n in range(1000)]))
    assert _log(tmp_path).stat().st_size <= 4096
    (run,) = log.last()
    assert run.errors[0].symbol == "SYMBOL0"
    assert run.errors[0].message == "é" * 200


def test_runs_are_found_across_block_and_file_borders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "FULL", 3_000)
    monkeypatch.setattr(runs, "_BLOCK", 17)
    log = Runs(Home(str(tmp_path)))
    for number in range(40):
        log.append(FIRST._replace(run_id=f"r{number}"))
    kept = [run.run_id for run in log.last(100)]
    assert kept == [f"r{number}" for number in range(39, 39 - len(kept), -1)]
    assert len(kept) >= 32
    log.append(FIRST)
    names = sorted(path.name for path in (tmp_path / "state").glob("runs.jsonl*"))
    assert names == ["runs.jsonl", "runs.jsonl.1", "runs.jsonl.2", "runs.jsonl.3", "runs.jsonl.4", "runs.jsonl.lock"]


def _write_many(home: str, name: str) -> None:
    log = Runs(Home(home))
    for number in range(200):
        log.append(FIRST._replace(run_id=f"{name}{number}", errors=[Failure("X" * 50, "c", "m" * 200)] * 9))


def test_processes_never_mix_their_lines(tmp_path: Path) -> None:
    writers = [
        multiprocessing.get_context("fork").Process(target=_write_many, args=(str(tmp_path), name)) for name in "abcd"
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    log = Runs(Home(str(tmp_path)))
    assert len({run.run_id for run in log.last(1000)}) == 800
    assert log.damaged == 0


def test_what_fails_is_remembered_and_forgotten(tmp_path: Path) -> None:
    log = Runs(Home(str(tmp_path)))
    assert log.failing() == {}
    log.append(FIRST)
    log.set_failing({"GONE": Failing("not_found", "yahoo does not know GONE", 5)})
    assert log.failing() == {"GONE": Failing("not_found", "yahoo does not know GONE", 5)}
    log.set_failing({})
    assert log.failing() == {}


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"A": 1}', b'{"A": ["x", "y", "z"]}', b"\xff"])
def test_a_damaged_list_of_failing_assets_is_empty(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "failing.json").write_bytes(damage)
    assert Runs(Home(str(tmp_path))).failing() == {}


def test_a_home_open_to_a_group_shows_it_the_log(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o750)
    (tmp_path / "state").chmod(0o750)
    Runs(Home(str(tmp_path))).append(FIRST)
    assert _log(tmp_path).stat().st_mode & 0o777 == 0o640


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    with pytest.raises(Unwritable, match=r"runs\.jsonl"):
        Runs(Home(str(tmp_path))).append(FIRST)
