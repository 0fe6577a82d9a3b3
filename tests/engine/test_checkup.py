"""Modes, repairs that ask a provider, and what a checkup does with a store that it cannot believe."""

import os
from pathlib import Path

import pytest

from engines import SetClock, engine
from pricectl.engine.checkup import PROBLEM, Checkup, Finding
from pricectl.engine.modes import healed, wrong_modes
from pricectl.engine.repair import Repair
from pricectl.errors import Locked, NewerFormat, Unwritable
from pricectl.home import Home
from pricectl.model.bar import Action
from pricectl.simulator import Simulator
from pricectl.simulator.faults import status
from pricectl.state.runlock import RunLock
from stores import AAPL, D, add, flat, home, newest_entry, part_files, store

NOW_MS = 1_764_000_000_000  # 24 November 2025


def findings(path: Path, market: Simulator) -> list[Finding]:
    return Checkup(engine(path, market, SetClock(NOW_MS)), {}).findings()


def problems(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.check, one.fix) for one in found if one.level == PROBLEM]


def repair(path: Path, market: Simulator, said: list[str] | None = None, **flags: str) -> Repair:
    one = engine(path, market, SetClock(NOW_MS), said, **flags)
    return Repair(one, lambda: Checkup(one, {}))


@pytest.fixture
def market() -> Simulator:
    return Simulator(seed=1, clock=SetClock(NOW_MS))


def test_lost_splits_are_told_again_by_the_provider(tmp_path: Path, market: Simulator) -> None:
    tmp_path.chmod(0o700)
    split = Action(D(2020, 8, 31), "split", 4.0)
    add(store(tmp_path), [flat(D(2020, 8, 3), 435.75)], actions=[split])
    (path,) = part_files(home(tmp_path), "actions")
    os.truncate(path, 10)
    with market:
        mended = repair(tmp_path, market)
        assert problems(mended.run(0)) == []
        requests = [entry.path for entry in market.journal]
    assert mended.left == []
    assert len(mended.done) == 1
    assert requests == ["/v8/finance/chart/AAPL"]
    told = [action for action in store(tmp_path).actions(AAPL) if action.kind == "split"]
    assert told == [split]


def test_lost_splits_stay_listed_while_the_provider_fails(tmp_path: Path, market: Simulator) -> None:
    tmp_path.chmod(0o700)
    add(store(tmp_path), [flat(D(2020, 8, 3), 435.75)], actions=[Action(D(2020, 8, 31), "split", 4.0)])
    (path,) = part_files(home(tmp_path), "actions")
    os.truncate(path, 10)
    with market:
        market.script(status(404))
        mended = repair(tmp_path, market)
        assert problems(mended.run(0)) == [("parts", "actions")]
    assert (len(mended.left), mended.done, os.path.exists(path)) == (1, [], True)


def test_everything_at_once_is_mended_in_one_run(tmp_path: Path, market: Simulator) -> None:
    tmp_path.chmod(0o700)
    kept = store(tmp_path)
    add(kept, [flat(D(2024, 1, 2), 1.0)])
    add(kept, [flat(D(2024, 1, 3), 1.0)])
    add(kept, [flat(D(2024, 1, 4), 1.0)])
    parts = {os.path.basename(path): path for path in part_files(home(tmp_path))}
    newest = newest_entry(home(tmp_path))
    newest.write_bytes(newest.read_bytes()[:-10])  # the third commit is lost; of the others' parts one is damaged
    older = Path(home(tmp_path).store, "bars", "_delta_log", f"{0:020d}.json").read_text()
    (first,) = [path for name, path in parts.items() if name in older]
    os.truncate(first, 5)
    (tmp_path / "state").chmod(0o770)
    with market:
        mended = repair(tmp_path, market)
        assert problems(mended.run(0)) == []
        assert market.journal == []
    assert store(tmp_path).traded(AAPL, D(2024, 1, 1), D(2024, 1, 9))[1] == [flat(D(2024, 1, 3), 1.0)]
    assert D(2024, 1, 2) not in [day for span in store(tmp_path).coverage(AAPL) for day in span]
    assert len(list(Path(home(tmp_path).store, "aside").iterdir())) == 2
    assert len(mended.done) == 4  # of the lost entry two: it is set aside, and its days are asked for again


def test_an_old_damaged_entry_cannot_be_mended_and_nothing_is_changed(tmp_path: Path, market: Simulator) -> None:
    tmp_path.chmod(0o700)
    kept = store(tmp_path)
    add(kept, [flat(D(2024, 1, 2), 1.0)])
    add(kept, [flat(D(2024, 1, 3), 1.0)])
    Path(home(tmp_path).store, "bars", "_delta_log", f"{0:020d}.json").write_bytes(b"")
    with market:
        mended = repair(tmp_path, market)
        assert problems(mended.run(0)) == [("log", "")]
    assert (mended.done, mended.left) == ([], [])


def test_a_newer_format_is_no_problem_but_an_end(
    tmp_path: Path, market: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pricectl.store.entry.FORMAT", 2)
    add(store(tmp_path), [flat(D(2024, 1, 2), 1.0)])
    monkeypatch.undo()
    with market, pytest.raises(NewerFormat):
        findings(tmp_path, market)


def test_nothing_is_mended_under_another_run_or_read_only(tmp_path: Path, market: Simulator) -> None:
    add(store(tmp_path), [flat(D(2024, 1, 2), 1.0)])
    tmp_path.chmod(0o755)
    lock = RunLock(home(tmp_path), SetClock(NOW_MS), "refresh")
    lock.take(0, lambda _: None)
    with market:
        with pytest.raises(Locked):
            repair(tmp_path, market).run(0)
        lock.free()
        with pytest.raises(Unwritable):
            repair(tmp_path, market, read_only="1").run(0)
        assert tmp_path.stat().st_mode & 0o777 == 0o755
        assert problems(repair(tmp_path, market).run(0)) == []
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("mode", "group", "said"),
    [
        (0o600, False, ""),
        (0o644, False, ""),  # the home itself lets nobody in
        (0o664, False, "its mode is 0664: others than its owner may write it"),
        (0o602, False, "its mode is 0602: others than its owner may write it"),
        (0o400, False, "its mode is 0400: its owner may not use it"),
        (0o640, True, ""),
        (0o600, True, "its mode is 0600: the group of home.group may not read it"),
    ],
)
def test_modes_of_files(tmp_path: Path, mode: int, group: bool, said: str) -> None:
    tmp_path.chmod(0o2750 if group else 0o700)
    (tmp_path / "file").write_text("x")
    (tmp_path / "file").chmod(mode)
    seen, found = wrong_modes(Home(str(tmp_path)), group)
    assert seen == 2
    assert found == ([(str(tmp_path / "file"), said, True)] if said else [])
    if said:
        (tmp_path / "file").chmod(healed((tmp_path / "file").stat().st_mode, group))
        assert wrong_modes(Home(str(tmp_path)), group)[1] == []


@pytest.mark.parametrize(
    ("mode", "group", "right"),
    [(0o700, False, True), (0o750, False, False), (0o701, False, False), (0o755, True, False), (0o2750, True, True),
     (0o700, True, False)],
)  # fmt: skip
def test_modes_of_the_home(tmp_path: Path, mode: int, group: bool, right: bool) -> None:
    tmp_path.chmod(mode)
    assert (wrong_modes(Home(str(tmp_path)), group)[1] == []) is right
    tmp_path.chmod(healed(tmp_path.stat().st_mode, group))
    assert wrong_modes(Home(str(tmp_path)), group)[1] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_somebody_else_is_told_and_not_touched(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "file").write_text("x")
    os.chown(tmp_path / "file", 65534, 65534)
    _, ((path, message, healable),) = wrong_modes(Home(str(tmp_path)), False)
    assert (path, message, healable) == (str(tmp_path / "file"), "it belongs to user 65534, the home to 0", False)
