"""An aggregate stopped at any step on the disk leaves the old version or the new one, whole, and the next goes on."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

# Each seventh step by default, in turns; CRASH_SWEEP=all stops every step in every way (some minutes).
ALL = os.environ.get("CRASH_SWEEP") == "all"
TURNS = {"torn": (1, 21), "ENOSPC": (8, 21), "EIO": (15, 21)}


@pytest.mark.parametrize("mode", TURNS)
def test_an_aggregate_stopped_at_any_step(tmp_path: Path, mode: str) -> None:
    steps = sweep(tmp_path, mode, *((1, 1) if ALL else TURNS[mode]))
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
    assert len(steps) >= (90 if ALL else 4)


def sweep(folder: Path, mode: str, first: int, stride: int) -> list[Mapping[str, str]]:
    script = Path(__file__).with_name("sweep_aggregate.py")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(script.parent), *filter(None, sys.path)])}
    command = [sys.executable, str(script), str(folder), mode, str(first), str(stride)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
