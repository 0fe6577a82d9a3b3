"""One run at a time: a lock of the kernel, freed when its owner dies, so nothing is ever left behind.

The file is never unlinked: two owners would then hold two locks. What it says of its owner is for people only.
"""

import fcntl
import json
import os
import stat
from collections.abc import Callable
from typing import NamedTuple

from pricectl.errors import Locked, Unwritable
from pricectl.home import Home
from pricectl.model.instant import Clock, iso

_POLL_S = 0.1
_TEXT_MAX = 4096


class Owner(NamedTuple):
    """Who holds a lock, by its own word: process, command, and since when (milliseconds)."""

    pid: int
    command: str
    since_ms: int


class RunLock:
    """The lock under which ``command`` (refresh, aggregate, ...) runs; a context manager, once taken.

    Runs of one ``name`` exclude each other.
    """

    def __init__(self, home: Home, clock: Clock, command: str, name: str = "refresh") -> None:
        self._path = os.path.join(home.state, f"{name}.lock")
        self._clock = clock
        self._command = command
        self._fd = -1

    def take(self, wait_s: float, sleep: Callable[[float], object], stop: Callable[[], bool] = lambda: False) -> bool:
        """Take the lock, waiting at most ``wait_s`` seconds, or until ``stop`` says so: then it is false.

        Raises Locked when another run has it, Unwritable where its file cannot be made.
        """
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise Unwritable(
                f"cannot make {self._path}: {error.strerror}", "check the folder's owner, mode and space"
            ) from error
        deadline = self._clock.monotonic() + wait_s
        while not self._locked():
            left_s = deadline - self._clock.monotonic()
            if left_s <= 0 or stop():
                owner = self.owner()
                self.free()
                if left_s > 0:
                    return False
                raise Locked(_who(owner), "wait for it to end, or give --wait 30s")
            sleep(min(_POLL_S, left_s))
        self._sign()
        return True

    def owner(self) -> Owner | None:
        """Who signed the file last, None if that cannot be read."""
        try:
            with open(self._path, "rb") as file:
                pid, command, since_ms = json.loads(file.read(_TEXT_MAX))
            return Owner(int(pid), str(command), int(since_ms))
        except (OSError, ValueError, TypeError):
            return None

    def free(self) -> None:
        """Give the lock back; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def __enter__(self) -> "RunLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.free()

    def _locked(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _sign(self) -> None:
        text = json.dumps(Owner(os.getpid(), self._command, self._clock.now_ms())).encode()
        try:
            if os.stat(os.path.dirname(self._path)).st_mode & stat.S_IRGRP:
                os.fchmod(self._fd, 0o640)
            os.pwrite(self._fd, text, 0)
            os.ftruncate(self._fd, len(text))
        except OSError:
            pass  # no space for a few bytes: the lock holds all the same


def _who(owner: Owner | None) -> str:
    if owner is None:
        return "another run holds the lock"
    return f"another run holds the lock: {owner.command}, process {owner.pid}, since {iso(owner.since_ms)}"
