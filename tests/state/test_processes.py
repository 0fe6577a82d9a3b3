"""Real processes, one ledger: nobody exceeds the budget together, and a killed one leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pricectl.config import load
from pricectl.home import Home
from pricectl.model.instant import Clock
from pricectl.net import Host
from pricectl.state import Ledger
from raw_server import RawServer, answer, saying
from shell import ROOT

SUPPORT = Path(__file__).parents[1] / "support"
RATE, BURST, SECONDS = 200.0, 10, 0.6
HOST = Host("yahoo", rate_per_s=RATE, burst=BURST, at_once=4)

TAKER = f"""
import sys, time
from pricectl.config import load
from pricectl.home import Home
from pricectl.model.instant import Clock
from pricectl.net import Host
from pricectl.state import Ledger

class Noted(Clock):
    def monotonic(self):
        self.last = super().monotonic()
        return self.last

clock = Noted()
book = Ledger(load(Home(sys.argv[1]), {{}}), clock)
host = Host("yahoo", rate_per_s={RATE}, burst={BURST}, at_once=4)
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + float(sys.argv[2])
granted = []
while time.monotonic() < end:
    wait = book.take(host, 1, True)
    if wait:
        time.sleep(wait)
    else:
        granted.append(clock.last)
print(book.snapshot(host).shared, *granted)
"""

HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "rb+")
fcntl.flock(file, fcntl.LOCK_EX)
print("ready", flush=True)
time.sleep(60)
"""


def started(code: str, *args: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *args],
        env={"PYTHONPATH": ROOT, "PYTHONSAFEPATH": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def book_of(home: Path) -> Ledger:
    return Ledger(load(Home(str(home)), {}), Clock())


@pytest.fixture
def takers(tmp_path):
    running = [started(TAKER, str(tmp_path), str(SECONDS)) for _ in range(4)]
    yield running
    for process in running:
        killed(process)


def test_together_they_never_send_more_than_burst_and_rate(takers):
    for process in takers:
        process.stdin.write("go\n")
        process.stdin.flush()
    granted = []
    for process in takers:
        said = process.communicate(timeout=30)[0].split()
        assert said[0] == "True"  # none of them lost the shared file
        granted += [float(instant) for instant in said[1:]]
    granted.sort()
    assert len(granted) > RATE * SECONDS * 0.25  # and the budget is used, not only kept
    for first, start in enumerate(granted):
        for last in range(first, len(granted)):
            count = last - first + 1
            # A wait below a millisecond counts as none, once for each.
            assert count <= BURST + RATE * (granted[last] - start + 0.0011), (count, granted[last] - start)


def test_processes_killed_at_work_leave_a_whole_file_and_no_lock(takers, tmp_path):
    for process in takers:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in takers:
        killed(process)
        book = book_of(tmp_path)
        book.take(HOST, 1, True)
        assert book.snapshot(HOST).shared
        data = (tmp_path / "state" / "yahoo.ledger").read_bytes()
        assert data.endswith(b"}\n")


def test_a_lock_dies_with_its_owner(tmp_path):
    book_of(tmp_path).take(HOST, 1, True)
    holder = started(HOLDER, str(tmp_path / "state" / "yahoo.ledger"))
    killed(holder)
    book = book_of(tmp_path)
    book.take(HOST, 1, True)
    assert book.snapshot(HOST).shared


def test_the_lock_is_not_inherited_by_programs_that_are_started(tmp_path):
    from pricectl.state.ledger import _Locked

    with _Locked(str(tmp_path / "yahoo.ledger")) as file:
        assert not os.get_inheritable(file._fd)


def test_a_pause_found_by_one_process_is_kept_by_the_next(tmp_path):
    code = """
import sys
from pathlib import Path
from asking import Asker
from pricectl.model.instant import Clock
got = Asker(Path(sys.argv[1]), sys.argv[2], clock=Clock()).ask()
print(type(got).__name__, getattr(got, "retry_after_s", ""))
"""

    with RawServer(saying(answer(b"", "429 Many", "Retry-After: 50"))) as server:
        said = [
            subprocess.run(
                [sys.executable, "-c", code, str(tmp_path), server.url],
                env={"PYTHONPATH": f"{ROOT}:{SUPPORT}", "PYTHONSAFEPATH": "1"},
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()
            for _ in range(2)
        ]
    assert [word for word, _ in said] == ["RateLimited", "RateLimited"]
    assert 45 < float(said[1][1]) < float(said[0][1]) == 50.0
    assert len(server.heads) == 1
