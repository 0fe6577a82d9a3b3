"""Binance's request weight: counted by the minute, refused over the limit, banned when the refusal is ignored."""

import threading

_MINUTE_MS = 60_000
_PATIENCE = 10  # refused requests within a minute before an address is banned
_BAN_MS = 120_000  # a first ban lasts two minutes


class Meter:
    """The weight used by all clients in the running minute of the market's clock; shared between threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Nothing used, nobody banned."""
        self._minute, self._used, self._refused, self._banned_until_ms = -1, 0, 0, 0

    def spend(self, weight: int, now_ms: int) -> tuple[int, int, int]:
        """The weight used so far with this request, 0 or the status that refuses it, and seconds to wait."""
        with self._lock:
            minute = now_ms // _MINUTE_MS
            if minute != self._minute:
                self._minute, self._used, self._refused = minute, 0, 0
            if now_ms < self._banned_until_ms:
                return self._used, 418, -(-(self._banned_until_ms - now_ms) // 1000)
            self._used += weight
            if self._used <= self._limit:
                return self._used, 0, 0
            self._refused += 1
            if self._refused > _PATIENCE:
                self._banned_until_ms = now_ms + _BAN_MS
                return self._used, 418, _BAN_MS // 1000
            return self._used, 429, -(-((minute + 1) * _MINUTE_MS - now_ms) // 1000)
