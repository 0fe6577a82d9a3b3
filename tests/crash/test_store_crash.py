"""A write that is stopped at any step on the disk leaves the old version or the new one, whole, and the next goes on."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from stores import AAPL, D, add, flat, home, part_files, store

from pricectl.errors import Unwritable

# The three kinds of fault take turns, so that each step is stopped once; CRASH_SWEEP=all stops every step in every way
# (90 s instead of 15).
ALL = os.environ.get("CRASH_SWEEP") == "all"
TURNS = {"torn": (1, 2), "ENOSPC": (2, 4), "EIO": (4, 4)}


def sweep(folder: Path, scenario: str, mode: str, first: int = 1, stride: int = 1) -> list[Mapping[str, str]]:
    script = Path(__file__).with_name("sweep_store.py")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, str(script), scenario, str(folder), mode, str(first), str(stride)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def judge(steps: list[Mapping[str, str]], mode: str) -> None:
    for step in steps:
        assert step["then"] in ("old new", "new new"), step
        if mode == "torn":
            assert step["ended"] == "signal 9", step
        else:
            # What may be forgotten may fail in silence; all else is told, with a hint, as the store's failure.
            assert step["ended"].split(" ", 1)[1] in ("ok", "store_unwritable 9 hint"), step
            assert not (step["ended"].endswith("ok") and step["then"] == "old new"), step
    # Otherwise the faults do not hit what they should.
    assert {step["then"] for step in steps} == {"old new", "new new"}


@pytest.mark.parametrize("mode", TURNS)
def test_adding_bars_stopped_at_any_step(tmp_path: Path, mode: str) -> None:
    steps = sweep(tmp_path, "add", mode, *((1, 1) if ALL else TURNS[mode]))
    judge(steps, mode)
    assert len(steps) >= (50 if ALL else 12)


@pytest.mark.parametrize("mode", TURNS)
def test_putting_the_latest_prices_stopped_at_any_step(tmp_path: Path, mode: str) -> None:
    steps = sweep(tmp_path, "latest", mode)
    judge(steps, mode)
    assert len(steps) >= 6
