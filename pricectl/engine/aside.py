"""Bars that are kept aside instead of stored: remembered, settled by what comes later, or decided by a person."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pricectl.config import ensure_home
from pricectl.engine.overlap import same_prices
from pricectl.engine.quality import Finding
from pricectl.errors import PricectlError, Unwritable, UsageError
from pricectl.model.asset import Asset, Series
from pricectl.model.bar import LIVE, Bar
from pricectl.model.instant import iso
from pricectl.state.quarantine import REJECTED, RELEASED, REPLACED, Aside, Quarantine

if TYPE_CHECKING:
    from pricectl.engine import Engine

# The provider says the same again so much later, within so much: then it is what it has to say.
AGAIN_MS = 60_000
AGREES = 0.02


def waiting(engine: "Engine") -> list[Aside]:
    """The bars that wait for a decision, by series and day."""
    return Quarantine(engine.settings.home).listed()


def decide(engine: "Engine", ids: Sequence[str], *, release: bool) -> list[Aside]:
    """Release or reject what is kept aside under ``ids`` (``id``, or ``id:2026-11-20`` for one of its days). What is
    released is stored, as if it had been believed at once; what is rejected is not kept aside again.

    Returns what was decided. Raises NotFound, UsageError for another currency than what is stored, StoreError.
    """
    quarantine, now_ms = Quarantine(engine.settings.home), engine.clock.now_ms()
    chosen = quarantine.named(ids)
    if release:
        _store(engine, chosen, now_ms)
    quarantine.decide(chosen, RELEASED if release else REJECTED, now_ms)
    return chosen


def _store(engine: "Engine", asides: Sequence[Aside], now_ms: int) -> None:
    from pricectl.store import Addition

    series = sorted({one.series for one in asides})
    closes = engine.store.last_closes(series)
    additions = []
    for one in series:
        own = [aside for aside in asides if aside.series == one]
        stored = closes[one][2] if one in closes else ""
        said = {aside.currency for aside in own if aside.currency}
        if len({*said, stored} - {""}) > 1:
            raise UsageError(f"{one} is stored in {stored}, not in {', '.join(sorted(said))}", "reject these bars")
        currency = next(iter(said), stored)
        days = [(aside.bar.date, aside.bar.date) for aside in own]
        bars = [aside.bar for aside in own]
        additions.append(Addition(one, currency, bars, [], days, None, _symbol(engine, one)))
    engine.store.add_all(additions, now_ms)


def _symbol(engine: "Engine", series: Series) -> str:
    try:
        return engine.catalogue.find(str(series)).symbol
    except PricectlError:
        return str(series)


class Keeper:
    """What is and was kept aside of one asset, for one command that began at ``now_ms``. Writes nothing where nothing
    may be written, and warns once where it cannot be."""

    def __init__(self, engine: "Engine", asset: Asset, now_ms: int) -> None:
        self._engine = engine
        self._asset = asset
        self._now_ms = now_ms
        self._quarantine = Quarantine(engine.settings.home)
        self._writes = not engine.settings.read_only
        self._read()

    def _read(self) -> None:
        self._waiting = self._quarantine.listed(self._asset.series)
        known = self._quarantine.listed(self._asset.series, decided=True)
        self._decided = [one for one in known if one.decision]

    def days(self) -> list[dt.date]:
        """The days whose bars wait, nothing being stored of them."""
        return [one.bar.date for one in self._waiting if one.stored is None]

    def sift(self, findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
        """Those of ``findings`` that stand, and those that are settled: the person released them, or the provider says
        the same again after a minute."""
        standing: list[Finding] = []
        settled: list[Finding] = []
        for one in findings:
            (settled if self._settles(one) else standing).append(one)
        return standing, settled

    def keep(
        self, bars: Sequence[Bar], why: str, stored: Sequence[Bar], currency: str, *, settles: bool = False
    ) -> list[Bar]:
        """Keep ``bars`` aside unless they are already, or were rejected; returns those that are new."""
        new = [bar for bar in bars if not bar.flags & LIVE and not self._known(bar)]
        if new:
            self._append(new, why, stored, currency, settles)
            self._read()
        return new

    def reject(self, findings: Sequence[Finding], currency: str) -> list[Bar]:
        """Remember what was rejected for good; returns what was not before."""
        new = [one for one in findings if not self._known(one.bar)]
        for why in dict.fromkeys(one.why for one in new):
            bars = [one.bar for one in new if one.why == why]
            self._append(bars, why, (), currency, settles=False, decision=REJECTED)
        return [one.bar for one in new]

    def close(self, accepted: Iterable[Bar]) -> None:
        """What waits of the days of bars that are now accepted is settled: by the same price, or by another."""
        now = {bar.date: bar for bar in accepted if not bar.flags & LIVE}
        fitting = [one for one in self._waiting if one.bar.date in now and one.stored is None]
        if not fitting or not self._writes:
            return
        for decision, agrees in ((RELEASED, True), (REPLACED, False)):
            chosen = [one for one in fitting if _agree(one.bar, now[one.bar.date]) == agrees]
            self._try(partial(self._quarantine.decide, chosen, decision, self._now_ms, self._asset.provider))
        self._waiting = [one for one in self._waiting if one not in fitting]

    def _settles(self, finding: Finding) -> bool:
        bar = finding.bar
        if any(one.decision == RELEASED and one.bar.date == bar.date and _same(one.bar, bar) for one in self._decided):
            return True
        if not finding.may_settle or finding.rejected:
            return False
        latest = iso(self._now_ms - AGAIN_MS)
        return any(
            one.may_settle and one.bar.date == bar.date and one.at <= latest and _agree(one.bar, bar)
            for one in self._waiting
        )

    def _known(self, bar: Bar) -> bool:
        before = [one for one in self._waiting if one.bar.date == bar.date]
        before += [one for one in self._decided if one.bar.date == bar.date and one.decision == REJECTED]
        return any(_same(one.bar, bar) for one in before)

    def _append(
        self, bars: Sequence[Bar], why: str, stored: Iterable[Bar], currency: str, settles: bool, decision: str = ""
    ) -> None:
        if not self._writes:
            return
        said = (self._asset.series, why, bars, self._now_ms, stored, currency, settles, decision)
        self._try(partial(self._quarantine.append, *said))

    def _try(self, write: Callable[[], None]) -> None:
        try:
            ensure_home(self._engine.settings)
            write()
        except (OSError, Unwritable) as error:
            self._writes = False
            self._engine.warn(f"what is kept aside cannot be remembered ({error})")


def _same(one: Bar, other: Bar) -> bool:
    return repr(one[1:5]) == repr(other[1:5]) or same_prices(one, other)


def _agree(one: Bar, other: Bar) -> bool:
    return abs(one.close - other.close) <= AGREES * max(abs(one.close), abs(other.close))
