"""Writers, readers and an upkeep on one store, killed at random: nothing acknowledged is lost, no answer is torn, and
no answer holds less than one before it."""

import json
import os
import subprocess
import sys
from pathlib import Path

# CRASH_SECONDS=60 for the whole test; as many as the default suite affords otherwise.
SECONDS = float(os.environ.get("CRASH_SECONDS", "3"))


def test_four_writers_and_eight_readers_with_random_kills_and_an_upkeep(tmp_path: Path) -> None:
    script = Path(__file__).with_name("many_processes.py")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, str(script), str(tmp_path), str(SECONDS), str(os.getpid())]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    print(said)  # shown by pytest -rP
    assert said["wrong"] == "", said["wrong"]
    if SECONDS >= 60:
        # Otherwise little was tried: the upkeep has something to remove after its five seconds of grace.
        assert said["killed"] > 100
        assert said["removed"] > 0
