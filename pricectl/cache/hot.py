"""The hot quotes, on diskcache. Keeps them long and returns stale ones: freshness is the engine's business.

A damaged or unwritable cache is a miss and one warning, never a failed answer. Reading goes through ``peek`` (one
SELECT, no diskcache); writing through diskcache in one transaction.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pricectl.cache import peek
from pricectl.config import Settings, ensure_home
from pricectl.errors import UnknownSymbol
from pricectl.model.asset import Series
from pricectl.model.instant import Clock
from pricectl.model.quote import Quote

QUOTES_KEPT_S = 7 * 86_400.0
MISSES_KEPT_S = 3_600.0  # an unknown symbol may be listed tomorrow: forgotten far sooner than a quote


class Cache:
    """The hot cache of one home. ``warn`` is told once when it cannot be read or written."""

    def __init__(self, settings: Settings, clock: Clock, warn: Callable[[str], None]) -> None:
        self._settings = settings
        self._home = settings.home
        self._clock = clock
        self._warn = warn
        self._warned = False

    def quotes(self, series: Sequence[Series]) -> dict[Series, Quote]:
        """What is kept of these series, fresh or stale, in one query; absent means missing."""
        keys = [_key(one) for one in series]
        found = self._read(lambda connection, now_s: peek.keyed(connection, keys, now_s), {})
        return {quote.series: quote for quote in map(Quote._make, found.values())}

    def named(self, names: Sequence[str]) -> dict[str, Quote]:
        """The quotes, fresh or stale, that these names (upper case) mean under the present state of the catalogue."""
        stamp = peek.stamp(self._home)
        rows = self._read(lambda connection, now_s: peek.named(connection, names, now_s), {})
        return {name: Quote._make(fields) for name, (_, known, fields) in rows.items() if known == stamp}

    def misses(self, series: Sequence[Series]) -> dict[Series, UnknownSymbol]:
        """Which of these series their provider did not know within the last hour, and what it said."""
        wanted = {_miss_key(one): one for one in series}
        rows = self._read(lambda connection, now_s: peek.sayings(connection, list(wanted), now_s), {})
        now_ms = self._clock.now_ms()
        return {
            wanted[key]: UnknownSymbol(message, "check the spelling at the provider", wanted[key].provider)
            for key, (message, said_ms) in rows.items()
            if 0 <= now_ms - said_ms < MISSES_KEPT_S * 1000
        }

    def _read(self, query: Callable[[sqlite3.Connection, float], Any], empty: Any) -> Any:
        if not os.path.exists(os.path.join(self._home.cache, "cache.db")):
            return empty
        try:
            connection = peek.connect(self._home)
            try:
                return query(connection, time.time())  # diskcache's clock: what it would drop is dropped
            finally:
                connection.close()
        except (sqlite3.Error, OSError, UnicodeError) as error:
            self._say(f"the hot cache cannot be read ({_why(error)}); answering without it")
            return empty

    def put(
        self,
        quotes: Sequence[Quote],
        names: Mapping[str, tuple[str, Series]],
        misses: Mapping[Series, str],
        stand_ins: Mapping[str, tuple[str, Quote]] = MappingProxyType({}),
    ) -> None:
        """Keep what a look-up learnt, in one transaction; nothing new, nothing written.

        ``quotes``: the newer of two stays, so that racing processes cannot move a price back. ``names``: what
        asked names (upper case) mean, canonical symbol and series, for the front door, under the present state
        of the catalogue. ``misses``: what a provider said of series that it does not know, kept for an hour.
        ``stand_ins``: names that a fallback's quote answers for now; kept beside that series' own quote, which may
        be fresh for longer.
        """
        stamp = peek.stamp(self._home)
        meant = {name: (symbol, series, _key(series)) for name, (symbol, series) in names.items()}
        meant |= {name: (symbol, quote.series, _stood_key(quote)) for name, (symbol, quote) in stand_ins.items()}
        known = self._read(lambda connection, now_s: peek.named(connection, list(meant), now_s), {})
        new_names = {
            peek.NAME_KEY + name: [symbol, key, stamp]
            for name, (symbol, series, key) in meant.items()
            if name not in known or (*known[name][:2], *known[name][2][:2]) != (symbol, stamp, *series)
        }
        new_stand_ins = [
            quote for name, (_, quote) in stand_ins.items() if name not in known or known[name][2] != tuple(quote)
        ]
        remembered, now_ms = self.misses(list(misses)), self._clock.now_ms()
        new_misses = {_miss_key(series): [text, now_ms] for series, text in misses.items() if series not in remembered}

        def write(cache: Any) -> None:
            series = [quote.series for quote in quotes]
            kept = self.quotes(series)  # no writer comes between: we hold the lock
            unknown = self.misses(series)
            for quote in quotes:
                old = kept.get(quote.series)
                if old is None or (old.updated_ms, old.fetched_ms) <= (quote.updated_ms, quote.fetched_ms):
                    cache.set(_key(quote.series), list(quote[2:]), expire=QUOTES_KEPT_S)
                if quote.series in unknown:
                    cache.delete(_miss_key(quote.series))
            for quote in new_stand_ins:
                cache.set(_stood_key(quote), list(quote[2:]), expire=QUOTES_KEPT_S)
            for key, row in new_names.items():
                cache.set(key, row, expire=QUOTES_KEPT_S)
            for key, said in new_misses.items():
                cache.set(key, said, expire=MISSES_KEPT_S)

        if quotes or new_names or new_misses or new_stand_ins:
            self._write(write)

    def _write(self, write: Callable[[Any], None]) -> None:
        """Run ``write`` in one transaction; a damaged cache is set aside first and made anew."""
        if self._settings.read_only:
            return
        from diskcache import Timeout

        try:
            try:
                self._transact(write)
            except sqlite3.OperationalError:
                raise
            except (sqlite3.DatabaseError, ValueError) as error:
                self._set_aside(error)
                self._transact(write)
        except Timeout:
            self._say("the hot cache is busy; the quotes were not kept")
        except (sqlite3.Error, OSError, ValueError) as error:
            self._say(f"the hot cache cannot be written ({_why(error)}); the quotes were not kept")

    def _transact(self, write: Callable[[Any], None]) -> None:
        from pricectl.cache.disk import opened

        ensure_home(self._settings)
        cache = opened(self._home.cache)
        try:
            with cache.transact(retry=True):
                write(cache)
        finally:
            cache.close()

    def _set_aside(self, error: Exception) -> None:
        path = os.path.join(self._home.cache, "cache.db")
        os.replace(path, f"{path}.damaged-{self._clock.now_ms()}")
        for suffix in ("-wal", "-shm"):
            if os.path.exists(path + suffix):
                os.unlink(path + suffix)
        self._say(f"the hot cache was damaged ({error}); it is set aside and made anew")

    def _say(self, message: str) -> None:
        if not self._warned:
            self._warn(message)
        self._warned = True


def _why(error: Exception) -> str:
    """What the system says, in words: by itself an OSError shows its number."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _key(series: Series) -> str:
    return f"{peek.QUOTE_KEY}{series.provider}/{series.provider_id}"


def _stood_key(quote: Quote) -> str:
    return f"{peek.STOOD_KEY}{quote.provider}/{quote.provider_id}"


def _miss_key(series: Series) -> str:
    return f"miss/1/{series.provider}/{series.provider_id}"
