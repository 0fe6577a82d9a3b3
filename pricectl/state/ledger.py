"""One file a provider, under one lock, for all processes of the machine: who may send what, and when.

A lock file that is unlinked lets two owners in, so the files are never unlinked; ``flock`` is freed by the kernel when
its owner dies. Instants in the file are on the boot clock, which no adjustment of the wall clock moves. Whatever cannot
be read back whole (checksum) counts as never written.
"""

import fcntl
import json
import os
import random
import stat
import time
import zlib
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from pricectl.config import Settings
from pricectl.model.instant import Clock
from pricectl.state import account as accounts
from pricectl.state.account import Account, Limits, Outcome, Snapshot

T = TypeVar("T")

LOCK_WAIT_S = 1.0  # a lock is held for 30 µs; whoever holds it longer does so on purpose, or is stopped
BOOT_ID = "/proc/sys/kernel/random/boot_id"
FILE_MAX = 4096


class _Half(NamedTuple):
    """The limits of a process that cannot see the others: half of everything."""

    name: str
    rate_per_s: float
    burst: int
    weight_per_minute: int
    pauses_s: tuple[float, ...]


class Ledger:
    """The shared request budget, pauses and breakers of every provider.

    Where the state folder cannot be written (read-only home, ``read_only`` setting, no space, a lock that is not
    given back) it works on in memory at half the rate, and still obeys the pauses that it can read.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._folder = settings.home.state
        self._clock = clock
        self._read_only = settings.read_only
        self._boot = _boot_id()
        self._private: dict[str, Account] = {}

    def take(self, limits: Limits, weight: int, person: bool) -> float:
        """0.0: send now, ``weight`` is charged. More: the seconds after which to ask again; nothing is charged.

        ``person`` false leaves the share that is kept for people. Raises RateLimited during a pause that the provider
        asked for, Refused while its breaker is open.
        """
        return self._change(limits, lambda account, own, now: accounts.admit(account, own, weight, person, now))

    def report(self, limits: Limits, outcome: Outcome, used: int | None = None, minute_left_s: float = 0.0) -> None:
        """How an attempt ended, and the weight that the provider says was used in its minute."""
        jitter = random.random()

        def settle(account: Account, own: Limits, now: float) -> tuple[Account, None]:
            account = accounts.settled(account, outcome, now, jitter)
            return (account if used is None else accounts.counted(account, used, minute_left_s, now)), None

        self._change(limits, settle)

    def cool_down(self, limits: Limits, seconds: float | None, reason: str, banned: bool = False) -> float:
        """Nobody sends for ``seconds`` (None: the provider did not say); gives the seconds in force."""
        return self._change(
            limits, lambda account, own, now: accounts.paused(account, own, now, seconds, reason, banned)
        )

    def snapshot(self, limits: Limits) -> Snapshot:
        """The provider's standing now; changes nothing."""
        now = self._now()
        account, shared = self._private.get(limits.name), False
        if account is None:
            account, shared = self._seen(limits.name, now), not self._read_only
        return accounts.standing(accounts.sane(account, limits, now), limits, now, shared)

    def damaged(self, name: str) -> bool:
        """Whether the file of the provider called ``name`` holds something else than what was written to it: it counts
        as never written, and the next request writes it anew."""
        try:
            with open(self._path(name), "rb") as file:
                data = file.read(FILE_MAX)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return bool(data) and self._read(data) is None

    def forget(self, name: str) -> None:
        """The provider called ``name`` counts as never asked. Raises OSError."""
        with _Locked(self._path(name)) as file:
            file.write(b"")

    def _change(self, limits: Limits, decide: Callable[[Account, Limits, float], tuple[Account, T]]) -> T:
        if limits.name not in self._private and not self._read_only:
            try:
                with _Locked(self._path(limits.name)) as file:
                    now = self._now()
                    before = accounts.sane(self._decoded(file.read(), now), limits, now)
                    after, result = decide(before, limits, now)
                    if after != before:
                        file.write(self._encoded(after, now))
                    return result
            except OSError:
                pass  # from here on this process keeps to itself
        return self._change_alone(limits, decide)

    def _change_alone(self, limits: Limits, decide: Callable[[Account, Limits, float], tuple[Account, T]]) -> T:
        half = _Half(
            limits.name,
            limits.rate_per_s / 2,
            max(limits.burst // 2, 1),
            limits.weight_per_minute,
            limits.pauses_s,
        )
        now = self._now()
        seen, own = self._seen(limits.name, now), self._private.get(limits.name, Account())
        before = accounts.sane(accounts.stricter(own, seen), half, now)
        self._private[limits.name] = before
        after, result = decide(before, half, now)
        self._private[limits.name] = after
        return result

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, f"{name}.ledger")

    def _now(self) -> float:
        return self._clock.monotonic() + _suspended()

    def _seen(self, name: str, now: float) -> Account:
        """What the file says, without the lock: its checksum tells a half-written one."""
        try:
            with open(self._path(name), "rb") as file:
                return self._decoded(file.read(FILE_MAX), now)
        except OSError:
            return Account()

    def _encoded(self, account: Account, now: float) -> bytes:
        facts = {"boot": self._boot, "at": now, "wall_ms": self._clock.now_ms(), **account._asdict()}
        text = json.dumps(facts, allow_nan=False).encode()
        return b"%08x %s\n" % (zlib.crc32(text), text)

    def _decoded(self, data: bytes, now: float) -> Account:
        """The account in ``data``, on this boot's clock; a new one if the data are not what was written."""
        read = self._read(data)
        if read is None:
            return Account()
        account, boot, at, wall_ms = read
        if boot == self._boot and at <= now + accounts.SLACK_S:
            return account
        # Another boot (or a machine restored from a snapshot): only the wall clock knows how long ago that was.
        elapsed = max(self._clock.now_ms() - wall_ms, 0) / 1000
        return accounts.moved(account, now - elapsed - at)

    def _read(self, data: bytes) -> tuple[Account, str, float, int] | None:
        """The account in ``data``, the boot, its clock and the wall time at which it was written; None if the data are
        not what was written."""
        try:
            check, text = data.rstrip(b"\n").split(b" ", 1)
            if int(check, 16) != zlib.crc32(text):
                return None
            facts = json.loads(text)
            boot, at, wall_ms = facts.pop("boot"), facts.pop("at"), facts.pop("wall_ms")
            account = Account(**facts)
            known = zip(account, Account(), strict=True)
            return None if any(type(value) is not type(like) for value, like in known) else (account, boot, at, wall_ms)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


class _Locked:
    """An open file under its exclusive lock. Raises OSError: not writable, no space, or the lock is not given back."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> "_Locked":
        self._fd = _opened(self._path)
        try:
            _lock(self._fd)
        except OSError:
            os.close(self._fd)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def read(self) -> bytes:
        return os.pread(self._fd, FILE_MAX, 0)

    def write(self, data: bytes) -> None:
        os.pwrite(self._fd, data, 0)
        os.ftruncate(self._fd, len(data))


def _opened(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags & ~os.O_CREAT)
    except FileNotFoundError:
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
    fd = os.open(path, flags, 0o600)
    if os.stat(folder).st_mode & stat.S_IRGRP:
        os.fchmod(fd, 0o640)  # the home is open to a group: it may see the pauses
    return fd


def _lock(fd: int) -> None:
    give_up = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                raise
            time.sleep(0.001)


def _boot_id() -> str:
    """This boot of the machine, "" where the system has no name for it."""
    try:
        with open(BOOT_ID, encoding="ascii") as file:
            return file.read(64).strip()
    except (OSError, ValueError):
        return ""


def _suspended() -> float:
    """The seconds that the machine has slept: ``monotonic`` leaves them out, and a pause of the provider does not."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return _apart(time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC)
    if hasattr(time, "CLOCK_UPTIME_RAW"):  # macOS, where CLOCK_MONOTONIC counts sleep and UPTIME_RAW does not
        return _apart(time.CLOCK_MONOTONIC, time.CLOCK_UPTIME_RAW)
    return 0.0


def _apart(ahead: int, behind: int) -> float:
    """The distance of two clocks, read close enough together: a process may lose its turn between two readings."""
    for _ in range(5):
        before, far, after = time.clock_gettime(behind), time.clock_gettime(ahead), time.clock_gettime(behind)
        if after - before < 1e-4:
            break
    return round(far - before, 2)  # the same at each reading
