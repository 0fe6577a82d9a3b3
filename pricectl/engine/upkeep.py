"""The bars of an unattended run: which are missing, and from the providers into the store in one set of commits."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pricectl import providers
from pricectl.engine import due
from pricectl.engine.due import Tried
from pricectl.engine.gaps import Days
from pricectl.engine.intake import Intake, Tray
from pricectl.engine.live import ask_histories
from pricectl.engine.ranges import EARLIEST
from pricectl.errors import PricectlError, RateLimited, StoreError, UnknownSymbol
from pricectl.model.asset import Asset, Series
from pricectl.model.bar import PROVISIONAL, History
from pricectl.state.notes import Note

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.store import Addition

_NOTE = "bars"
BACKFILL_SHARE = 1.0


class Kept(NamedTuple):
    """What came of the bars of a run. ``left`` assets are due and wait for the next run; ``failed`` are those whose
    last request failed, whether in this run or before; ``error``: the store could not be read or written. Of the bars
    that came, ``flagged`` were stored with a remark, ``aside`` kept aside, ``rejected`` no prices at all."""

    added: int = 0
    revised: int = 0
    left: int = 0
    failed: Mapping[Asset, tuple[str, str]] = {}
    error: StoreError | None = None
    flagged: int = 0
    aside: int = 0
    rejected: int = 0


class Upkeep:
    """The bars of ``assets``. ``backfill``: all that their providers have, not only what is newer than what is stored.

    ``wanted`` are the days due of each asset, longest missed first. Raises StoreError when the store cannot be read.
    """

    def __init__(self, engine: "Engine", assets: Sequence[Asset], *, backfill: bool = False) -> None:
        self._engine = engine
        self._backfill = backfill
        self._note = Note(engine.settings.home, _NOTE)
        self._tried = _read(self._note.read())
        self._assets = {asset.series: asset for asset in assets}
        self._now_ms = engine.clock.now_ms()
        self.wanted = self._due()

    def _due(self) -> dict[Asset, Days]:
        covered = self._engine.store.coverage_of(list(self._assets))
        found = []
        for series, asset in self._assets.items():
            spans = covered.get(series, [])
            since = EARLIEST if self._backfill else None
            calendar = self._engine.calendar(asset)
            days = due.bars_missing(calendar, spans, self._now_ms, since)
            if days is None:
                self._tried.pop(series, None)
            elif not due.too_early(calendar, self._tried.get(series), self._now_ms):
                found.append((max((end for _, end in spans), default=dt.date.min), asset.symbol, asset, days))
        return {asset: days for _, _, asset, days in sorted(found)}

    def chosen(self, sent: Mapping[str, int]) -> dict[Asset, Days]:
        """Those of ``wanted`` for which the request budget has room in this run, after ``sent`` for quotes."""
        room: dict[str, int] = {}
        found = {}
        for asset, days in self.wanted.items():
            name = asset.provider
            if name not in room:
                share = BACKFILL_SHARE if self._backfill else due.BARS_SHARE
                room[name] = due.bars_room(providers.get(name).host, sent.get(name, 0), share)
            if room[name] > 0:
                room[name] -= 1
                found[asset] = days
        return found

    def bring(self, chosen: Mapping[Asset, Days], timeout_s: float, stop: Callable[[], bool]) -> Kept:
        """Ask for the bars of ``chosen``, store what came; what was whole when ``stop`` said so is stored too."""
        spans = {asset.series: days for asset, days in chosen.items()}
        found = ask_histories(self._engine, spans, timeout_s, stop) if spans and timeout_s > 0 else {}
        came = {series: outcome for series, outcome in found.items() if isinstance(outcome, History)}
        try:
            kept = self._store({series: spans[series] for series in came}, came)
        except StoreError as error:
            return Kept(left=len(self.wanted), failed=self._failed(), error=error)
        for series, outcome in found.items():
            if isinstance(outcome, PricectlError) and not isinstance(outcome, RateLimited):
                how = due.EMPTY if isinstance(outcome, UnknownSymbol) else due.FAILED
                self._try(series, how, outcome.code, str(outcome))
        self._note.write({str(series): _written(tried) for series, tried in self._tried.items()})
        limited = sum(isinstance(outcome, RateLimited) for outcome in found.values())
        return kept._replace(left=len(self.wanted) - len(found) + limited, failed=self._failed())

    def _store(self, spans: Mapping[Series, Days], came: Mapping[Series, History]) -> Kept:
        """Weigh what came against what is stored and commit it; what came of the bars, counted."""
        if not came:
            return Kept()
        store = self._engine.store
        additions: list[Addition] = []
        tray = Tray(store.traded_of(spans), store.actions_of(list(spans)), additions)
        takes = []
        refused = set()
        for series, history in came.items():
            intake = Intake(self._engine, self._assets[series], tray)
            intake.take(spans[series], history)
            takes.append(intake)
            if intake.refused:
                refused.add(series)
        if additions:
            store.add_all(additions, self._now_ms)
        settled = {one.series: one for one in additions}
        for series in came:
            if series in refused:
                self._try(series, due.REFUSED, "contradiction", "the provider contradicts what is stored")
            else:
                self._settle(series, settled.get(series))
        return Kept(
            added=sum(one.added for one in takes),
            revised=sum(one.revised for one in takes),
            flagged=sum(one.flagged for one in takes),
            aside=sum(one.aside for one in takes),
            rejected=sum(one.rejected for one in takes),
        )

    def _settle(self, series: Series, stored: "Addition | None") -> None:
        """Remember whether the last completed session is in the store for good."""
        completed = self._engine.calendar(self._assets[series]).last_completed(self._now_ms)
        if stored is not None and any(end >= completed for _, end in stored.covered):
            self._tried.pop(series, None)
        elif stored is not None and any(bar.date >= completed and bar.flags & PROVISIONAL for bar in stored.bars):
            self._try(series, due.PROVISIONAL)
        elif series not in self._tried or self._tried[series].how != due.PROVISIONAL:
            self._try(series, due.EMPTY)

    def _try(self, series: Series, how: str, code: str = "", message: str = "") -> None:
        completed = self._engine.calendar(self._assets[series]).last_completed(self._now_ms)
        self._tried[series] = Tried(completed, self._now_ms, how, code, message)

    def _failed(self) -> dict[Asset, tuple[str, str]]:
        return {
            self._assets[series]: (tried.code, tried.message)
            for series, tried in self._tried.items()
            if tried.code and series in self._assets
        }


def _read(noted: Mapping[str, Any]) -> dict[Series, Tried]:
    found = {}
    for name, said in noted.items():
        try:
            provider, _, provider_id = name.partition(":")
            day, at_ms, how, code, message = said
            found[Series(provider, provider_id)] = Tried(
                dt.date.fromisoformat(day), int(at_ms), str(how), str(code), str(message)
            )
        except (TypeError, ValueError):
            continue  # damaged: asked again, no more
    return found


def _written(tried: Tried) -> list[object]:
    return [tried.day.isoformat(), *tried[1:]]
