"""One run at a time, whatever became of the one before."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from asking import SleptClock
from pricectl.errors import Locked, Unwritable
from pricectl.home import Home
from pricectl.state.runlock import Owner, RunLock
from shell import ROOT


def _never(_: float) -> None:
    raise AssertionError("nobody waits")


def test_a_second_run_is_told_who_has_the_lock(tmp_path: Path) -> None:
    clock = SleptClock()
    with RunLock(Home(str(tmp_path)), clock, "refresh") as first:
        assert first.take(0.0, _never)
        second = RunLock(Home(str(tmp_path)), clock, "refresh")
        with pytest.raises(Locked, match=f"refresh, process {os.getpid()}, since 2026-11-24T12:00:00Z"):
            second.take(0.0, _never)
    assert second.take(0.0, _never)
    second.free()


def test_waiting_ends_when_the_lock_is_given_back(tmp_path: Path) -> None:
    clock = SleptClock()
    first, second = (RunLock(Home(str(tmp_path)), clock, "refresh") for _ in range(2))
    first.take(0.0, _never)

    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        if clock.passed > 1005.0:
            first.free()

    assert second.take(30.0, sleep)
    assert 5.0 < clock.passed - 1000.0 < 6.0
    second.free()


def test_waiting_has_an_end(tmp_path: Path) -> None:
    clock = SleptClock()
    first, second = (RunLock(Home(str(tmp_path)), clock, "refresh") for _ in range(2))
    first.take(0.0, _never)
    with pytest.raises(Locked):
        second.take(3.0, clock.advance)
    assert clock.passed - 1000.0 == pytest.approx(3.0)
    assert not second.take(3.0, clock.advance, stop=lambda: True)
    first.free()


def test_other_names_do_not_exclude_each_other(tmp_path: Path) -> None:
    clock = SleptClock()
    with RunLock(Home(str(tmp_path)), clock, "refresh") as one, RunLock(Home(str(tmp_path)), clock, "x", "x") as other:
        assert one.take(0.0, _never)
        assert other.take(0.0, _never)


def test_a_killed_owner_leaves_no_trace(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pricectl.home import Home; from pricectl.model.instant import Clock;"
        "from pricectl.state.runlock import RunLock;"
        "lock = RunLock(Home(sys.argv[1]), Clock(), 'refresh'); lock.take(0.0, time.sleep); "
        "print('has it', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        env={"PYTHONPATH": ROOT, "PYTHONSAFEPATH": "1"},
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == b"has it\n"
        lock = RunLock(Home(str(tmp_path)), SleptClock(), "refresh")
        with pytest.raises(Locked, match=str(child.pid)):
            lock.take(0.0, _never)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert lock.take(0.0, _never)
    assert lock.owner() == Owner(os.getpid(), "refresh", 1_795_521_600_000)
    lock.free()


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"\xff"])
def test_the_word_of_the_owner_may_be_damaged(tmp_path: Path, text: bytes) -> None:
    first, second = (RunLock(Home(str(tmp_path)), SleptClock(), "refresh") for _ in range(2))
    first.take(0.0, _never)
    (tmp_path / "state" / "refresh.lock").write_bytes(text)
    with pytest.raises(Locked, match="another run holds the lock"):
        second.take(0.0, _never)
    first.free()


def test_a_home_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    with pytest.raises(Unwritable, match=r"refresh\.lock"):
        RunLock(Home(str(tmp_path)), SleptClock(), "refresh").take(0.0, _never)
