"""What is the matter with it all: the last runs, the followed assets, the cache, the store, the providers.

Each part stands alone: one that is damaged or unreadable is a line among the ``troubles``, and the others are told.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pricectl import providers
from pricectl.engine.freshness import is_fresh
from pricectl.engine.pulse import newest
from pricectl.errors import PricectlError
from pricectl.model.quote import Quote
from pricectl.state import Snapshot, lookups
from pricectl.state.runs import Failing, Run, Runs

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.model.asset import Asset, Series
    from pricectl.net import Host
    from pricectl.store.holdings import Holding

T = TypeVar("T")

_HOUR_MS = 3_600_000


class Oldest(NamedTuple):
    """The asset whose price was fetched longest ago (milliseconds)."""

    symbol: str
    fetched_ms: int


class Assets(NamedTuple):
    """The followed assets by their price at hand: ``fresh``, ``stale`` or ``missing``; ``failing`` of them are known
    to fail. ``oldest`` of all prices; ``oldest_stale`` of those that should be newer."""

    followed: int = 0
    fresh: int = 0
    stale: int = 0
    missing: int = 0
    failing: int = 0
    oldest: Oldest | None = None
    oldest_stale: Oldest | None = None


class Lookups(NamedTuple):
    """How many look-ups the cache answered and how many not."""

    hits: int = 0
    misses: int = 0

    @property
    def rate(self) -> float | None:
        """The share that the cache answered, from 0 to 1; None where nobody has asked."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


class Coverage(NamedTuple):
    """The followed assets by their bars: ``complete`` up to the last completed session, ``behind`` it, or ``none``."""

    complete: int = 0
    behind: int = 0
    none: int = 0


class Limit(NamedTuple):
    """What a provider may be asked, and its standing now."""

    host: "Host"
    standing: Snapshot


class Status(NamedTuple):
    """The answer of ``status``. Instants are milliseconds since the epoch, UTC."""

    now_ms: int
    runs: Sequence[Run]  # newest first
    refreshed: Run | None  # the newest refresh
    succeeded: Run | None  # the newest refresh that ended with exit code 0
    assets: Assets | None  # None, as below: could not be found out, see ``troubles``
    failing: Mapping[str, Failing]
    ever: Lookups
    last_hour: Lookups
    limits: Sequence[Limit]
    holdings: "Sequence[Holding] | None"
    disk_bytes: int
    coverage: Coverage | None
    troubles: Sequence[str]


def status(engine: "Engine", runs: int = 5, *, deep: bool = True) -> Status:
    """All there is to see; the newest ``runs`` runs. Asks nobody; raises nothing of cache, store and state.

    ``deep`` false leaves out what must be looked up for each asset (``assets`` and ``coverage`` are None): then no part
    of the store is opened.
    """
    from pricectl.store.holdings import on_disk

    told = _Told(engine)
    followed = told.part(lambda: engine.catalogue.followed())
    looked_at = followed if deep else None
    log = Runs(engine.settings.home)
    refreshed, succeeded = newest(log)
    failing = log.failing()
    return Status(
        engine.clock.now_ms(),
        told.runs(runs),
        refreshed,
        succeeded,
        None if looked_at is None else _assets(engine, looked_at, failing, told),
        failing,
        Lookups(*lookups.counted(engine.settings.home)),
        told.last_hour(),
        told.limits(_used(engine, followed or ())),
        told.holdings(),
        on_disk(engine.settings.home),
        None if looked_at is None else told.part(lambda: _coverage(engine, looked_at)),
        list(dict.fromkeys(told.troubles)),
    )


def limits(engine: "Engine", names: Sequence[str] = providers.NAMES) -> tuple[list[Limit], list[str]]:
    """The request budgets, pauses and breakers of the providers called ``names``, and the troubles met."""
    told = _Told(engine)
    return told.limits(names), told.troubles


class _Told:
    """The parts of a report, and the troubles met on the way, each in one line."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._home = engine.settings.home
        self.troubles: list[str] = []

    def part(self, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except PricectlError as error:
            self.troubles.append(f"{error}; {error.hint}" if error.hint else str(error))
            return None

    def runs(self, count: int) -> list[Run]:
        log = Runs(self._home)
        found = log.last(count) if count else []
        path = os.path.join(self._home.state, "runs.jsonl")
        if os.path.exists(path) and not os.access(path, os.R_OK):
            self.troubles.append(f"the run log {path} cannot be read; check its owner and mode")
        elif log.damaged:
            self.troubles.append(f"the run log {path} holds damaged lines ({log.damaged}), which are passed over")
        return found

    def last_hour(self) -> Lookups:
        """The look-ups since the end of the first run of the last hour."""
        before = Runs(self._home).since(self._engine.clock.now_ms() - _HOUR_MS)[-1:]
        if not before:
            return Lookups()
        hits, misses = lookups.counted(self._home)
        # A counter that was emptied since says nothing.
        return Lookups(max(hits - before[0].hits, 0), max(misses - before[0].misses, 0))

    def limits(self, names: Sequence[str]) -> list[Limit]:
        found = []
        for name in names:
            host = providers.get(name).host
            if self._engine.ledger.damaged(name):
                self.troubles.append(
                    f"the ledger of {name} in {self._home.state} cannot be read: it counts as never written"
                )
            found.append(Limit(host, self._engine.ledger.snapshot(host)))
        return found

    def holdings(self) -> "list[Holding] | None":
        from pricectl.store.holdings import holdings

        return self.part(lambda: holdings(self._home, self._engine.settings["home.group"]))


def _used(engine: "Engine", followed: "Sequence[Asset]") -> list[str]:
    """The providers of the followed assets, and those that were asked before, in the order of their list."""
    needed = {asset.provider for asset in followed}
    state = engine.settings.home.state
    return [name for name in providers.NAMES if name in needed or os.path.exists(os.path.join(state, f"{name}.ledger"))]


def _assets(engine: "Engine", followed: "Sequence[Asset]", failing: Mapping[str, Failing], told: _Told) -> Assets:
    now_ms = engine.clock.now_ms()
    quotes = _quotes(engine, [asset.series for asset in followed], told)
    held = [(asset.symbol, quotes[asset.series]) for asset in followed if asset.series in quotes]
    stale = [(symbol, quote) for symbol, quote in held if not is_fresh(quote, now_ms)]
    return Assets(
        len(followed),
        len(held) - len(stale),
        len(stale),
        len(followed) - len(held),
        sum(asset.symbol in failing for asset in followed),
        _oldest(held),
        _oldest(stale),
    )


def _quotes(engine: "Engine", series: "Sequence[Series]", told: _Told) -> "dict[Series, Quote]":
    """The quotes at hand: the cache's, and the store's where the cache has none."""
    found = engine.cache.quotes(series)
    missing = [one for one in series if one not in found]
    stored = told.part(lambda: engine.store.latest(missing)) if missing else None
    return found | (stored or {})


def _oldest(held: "Sequence[tuple[str, Quote]]") -> Oldest | None:
    if not held:
        return None
    symbol, quote = min(held, key=lambda one: (one[1].fetched_ms, one[0]))
    return Oldest(symbol, quote.fetched_ms)


def _coverage(engine: "Engine", followed: "Sequence[Asset]") -> Coverage:
    covered = engine.store.coverage_of([asset.series for asset in followed]) if followed else {}
    now_ms = engine.clock.now_ms()
    complete = sum(
        any(end >= engine.calendar(asset).last_completed(now_ms) for _, end in covered.get(asset.series, ()))
        for asset in followed
    )
    known = sum(asset.series in covered for asset in followed)
    return Coverage(complete, known - complete, len(followed) - known)
