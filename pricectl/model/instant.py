"""Instants are milliseconds since the epoch, UTC; days are ``datetime.date``. Nothing here imports datetime:
the front door prints instants before anything heavy may be loaded."""

import time


def iso(ms: int) -> str:
    """``2026-11-24T01:10:25Z``; milliseconds only where there are any. Years before 1970 work too."""
    seconds, rest = divmod(ms, 1000)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{stamp}.{rest:03d}Z" if rest else f"{stamp}Z"


class Clock:
    """The machine's clocks; tests hand in their own. ``now_ms`` is wall time and only ever data: durations and
    deadlines are taken from ``monotonic`` (seconds)."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()
