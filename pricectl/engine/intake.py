"""What a provider says becomes what is kept: asked for where something is missing, weighed, stored, or refused."""

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pricectl.config import ensure_home
from pricectl.engine.gaps import DAY, Days, expected, merge, missing, widen
from pricectl.engine.overlap import Verdict, Weighed, same_prices, weigh
from pricectl.errors import ProviderError, Refused, StoreError
from pricectl.model.asset import Asset, Series
from pricectl.model.bar import LIVE, MANUAL, PROVISIONAL, Action, Bar, History, Segment
from pricectl.model.instant import iso

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.store import Addition

# Two gaps closer than this are one request: a page of Binance's is 1000 days, Yahoo answers any span at once.
_JOIN_DAYS = 1000
# A session without a bar may still get one for so long (funds report a day or two late); then it never was one.
_LATE_DAYS = 7 * DAY


class Tray(NamedTuple):
    """For a run over many series: what is stored of them, read in one go, and what is to be stored, in one commit.

    ``stored`` holds of each series its bars (with their currency) over the days that are asked for, ``recorded`` its
    actions; ``additions`` collects.
    """

    stored: Mapping[Series, tuple[str, list[Bar]]]
    recorded: Mapping[Series, list[Action]]
    additions: "list[Addition]"


class Intake:
    """Fills what one series lacks, for one command. What could not be stored is kept here for the answer:
    ``bars``, ``actions`` and ``currency``. ``failure`` is why a provider did not answer, ``refused`` says that it
    answered what contradicts the store; ``lacking`` that something was missing and nobody was asked.
    ``server_ms`` is the provider's clock of the last answer (None: not asked). ``added`` and ``revised`` count the
    bars that were handed to the store, new ones and others of days known. With a ``tray`` the store is not touched.
    """

    def __init__(
        self, engine: "Engine", asset: Asset, tray: Tray | None = None, timeout_s: float | None = None
    ) -> None:
        self.bars: dict[dt.date, Bar] = {}
        self.actions: list[Action] = []
        self.currency = ""
        self.server_ms: int | None = None
        self.failure: ProviderError | None = None
        self.refused = False
        self.lacking = False
        self.store_reads = True
        self.added = self.revised = 0
        self._tray = tray
        self._store_writes = not engine.settings.read_only
        self._engine = engine
        self._asset = asset
        self._calendar = engine.calendar(asset)
        self._began_ms = engine.clock.now_ms()
        self._deadline = engine.clock.monotonic() + (engine.settings.timeout_s if timeout_s is None else timeout_s)
        self._had: list[Days] = []
        self._shows_all = False

    def fill(self, wanted: Days, running: Days | None, now_ms: int, *, offline: bool, refresh: bool) -> None:
        """Ask for what is missing of ``wanted`` (completed sessions), and for the days ``running`` that are not over.

        ``refresh`` asks for all of it, whatever is stored. Warns of what cannot be stored; raises StoreError only
        when nobody may be asked (``offline``) and the store cannot be read.
        """
        self._shows_all = refresh
        covered = [] if refresh or not self.store_reads else self._coverage(offline)
        gaps = expected(missing(*wanted, [*covered, *self._had]), self._calendar.last_session)
        if gaps and not refresh and self._awaits_final_row(gaps, now_ms):
            gaps = gaps[:-1]
        if running is not None:
            gaps += expected(missing(*running, self._had), self._calendar.last_session)
        self.lacking = bool(gaps) and offline
        if offline:
            return
        for gap in merge(gaps, _JOIN_DAYS):
            if self.failure is None:
                self._ask(widen(gap, covered, self._calendar.sessions))

    def take(self, days: Days, history: History) -> None:
        """Weigh and keep what the provider said of ``days``, which somebody else has asked for."""
        self._had.append(days)
        self.server_ms = history.server_ms
        self._take(days, history)

    def show(self, spans: Sequence[Days], *, offline: bool) -> None:
        """Ask for days that are kept only as weeks or months, to show them: they are not stored again. Says so."""
        spans = expected([gap for span in spans for gap in missing(*span, self._had)], self._calendar.last_session)
        if not spans:
            return
        if offline:
            self.lacking = True
            return
        self._engine.warn(
            f"{self._asset.symbol}: bars from {spans[0][0]} to {spans[-1][1]} are kept only as weeks or months; "
            f"{self._asset.provider} is asked for them, and they are not stored"
        )
        for span in merge(spans, _JOIN_DAYS):
            history = self._told(span) if self.failure is None else None
            if history is not None:
                self._had.append(span)
                self.server_ms = history.server_ms
                self.currency = self.currency or history.currency
                self.actions = [*self.actions, *(one for one in history.actions if one not in self.actions)]
                completed = self._calendar.last_completed(history.server_ms)
                wanted = (bar for bar in history.bars if any(first <= bar.date <= last for first, last in spans))
                self.bars |= {bar.date: _marked(bar, completed) for bar in wanted}

    def pieces(self, start: dt.date, end: dt.date, *, offline: bool = False) -> list[Segment]:
        """The stored weeks and months that reach into ``start``..``end``. Raises StoreError only when ``offline``."""
        if not self.store_reads or self._tray is not None:
            return []
        try:
            return self._engine.store.pieces(self._asset.series, start, end)
        except StoreError as error:
            if offline:
                raise
            self.leave_store(error)
            return []

    def leave_store(self, error: StoreError) -> None:
        """The store cannot be read: from now on everything is missing, and nothing is stored."""
        if self.store_reads:
            self._engine.warn(f"the store cannot be read ({error}); answering without it")
        self.store_reads = self._store_writes = False
        self._had.clear()

    def _coverage(self, offline: bool) -> list[Days]:
        try:
            return self._engine.store.coverage(self._asset.series)
        except StoreError as error:
            if offline:
                raise
            self.leave_store(error)
            return []

    def _awaits_final_row(self, gaps: Sequence[Days], now_ms: int) -> bool:
        """Whether only the last session is missing, and what is stored of it is all that there is so far.

        Yahoo's row of a session keeps moving after the close, and was seen to be final before the next session
        began (recorded for AAPL, 2024-10-11): on the session's own day, asking again brings nothing.
        """
        start, end = gaps[-1]
        day = self._calendar.last_session(start, end)
        if day is None or self._calendar.last_session(start, day - DAY) is not None:
            return False
        if self._calendar.day_of(now_ms) > day:
            return False
        return any(bar.flags & PROVISIONAL for bar in self._stored((day, day))[1])

    def _stored(self, days: Days) -> tuple[str, list[Bar]]:
        if self._tray is not None:
            return self._tray.stored.get(self._asset.series, ("", []))
        if not self.store_reads:
            return "", []
        try:
            return self._engine.store.traded(self._asset.series, *days)
        except StoreError as error:
            self.leave_store(error)
            return "", []

    def _ask(self, days: Days) -> None:
        history = self._told(days)
        if history is not None:
            self.take(days, history)

    def _told(self, days: Days) -> History | None:
        """What the provider says of ``days``; None, and ``failure`` is set, where it says nothing."""
        from pricectl.engine.live import ask_history

        left_s = max(self._deadline - self._engine.clock.monotonic(), 0.001)
        try:
            return ask_history(self._engine, self._asset, *days, left_s)
        except ProviderError as error:
            self.failure = error
            return None

    def _take(self, days: Days, history: History) -> None:
        if history.earliest is not None and days[0] < history.earliest:
            self.failure = Refused(
                f"{self._asset.provider} gives no days before {history.earliest}",
                "ask for a shorter range, or for another provider's series",
                self._asset.provider,
            )
            if days[1] < history.earliest:
                return
            days = (history.earliest, days[1])
        completed = self._calendar.last_completed(history.server_ms)
        bars = [_marked(bar, completed) for bar in history.bars if days[0] <= bar.date <= days[1]]
        currency, stored = self._stored(days)
        recorded = self._recorded() if stored else []
        weighed = weigh(stored, recorded, bars, history.actions, self._calendar.sessions)
        named = history.currency or currency or self._asset.currency
        other_currency = bool(stored) and named != currency
        if other_currency or _mostly_restated(weighed.verdict):
            self._refuse(stored, bars, f"in {named}, not in {currency}" if other_currency else "another price")
            if self._shows_all:
                self.currency, self.actions = named, history.actions
                self.bars |= {bar.date: bar for bar in bars}
            return
        believed = self._without_restated(stored, weighed)
        if weighed.verdict.kind == "split":
            self._say_inferred(weighed.splits[-1])
        self.currency, self.actions = named, [*history.actions, *weighed.splits]
        known = {bar.date: bar for bar in stored}
        new = [bar for bar in believed if not bar.flags & LIVE and _is_news(bar, known.get(bar.date))]
        if not self._shows_all:
            new = self._without_kept_coarser(days, new)
        if history.reaches_now and self._store_writes:
            self.revised += (changed := sum(bar.date in known for bar in new))
            self.added += len(new) - changed
            self._store(days, new, _settled(days, believed, completed), history)
        elif not history.reaches_now:
            self._engine.warn(
                f"{self._asset.symbol}: the provider's answer does not reach today, so later splits may be missing; "
                "it is shown and not stored"
            )
        kept = history.reaches_now and self._store_writes
        shown = weighed.bars if self._shows_all else [bar for bar in believed if bar.flags & LIVE or not kept]
        self.bars |= {bar.date: bar for bar in shown}

    def _without_kept_coarser(self, days: Days, new: Sequence[Bar]) -> list[Bar]:
        """``new`` without the overlap's days that are kept as weeks or months: alone they could only wait there."""
        kept = self.pieces(*days)
        return [bar for bar in new if not any(piece.start <= bar.date <= piece.end for piece in kept)]

    def _recorded(self) -> list[Action]:
        if self._tray is not None:
            return self._tray.recorded.get(self._asset.series, [])
        try:
            return self._engine.store.actions(self._asset.series)
        except StoreError as error:
            self.leave_store(error)
            return []

    def _store(self, days: Days, new: list[Bar], covered: list[Days], history: History) -> None:
        # An answer without anything is no word about the splits that are recorded.
        told = (days[0], self._calendar.day_of(history.server_ms)) if history.bars or history.actions else None
        said = (self._asset.series, self.currency, new, self.actions, covered)
        if self._tray is not None:
            from pricectl.store import Addition

            self._tray.additions.append(Addition(*said, told, self._asset.symbol))
            return
        try:
            self._engine.store.add(*said, self._began_ms, told, self._asset.symbol)
        except StoreError as error:
            self._store_writes = False
            self._engine.warn(f"the store cannot be written ({error}); {self._asset.symbol} is shown and not stored")

    def _say_inferred(self, split: Action) -> None:
        self._engine.warn(
            f"{self._asset.symbol}: {self._asset.provider} shows all earlier prices divided by {split.value:g} without "
            f"listing a split; recorded as an inferred split of {split.ex_date}"
        )

    def _without_restated(self, stored: Sequence[Bar], weighed: Weighed) -> list[Bar]:
        """The believed bars without those that contradict a stored one: the stored one stays, the other is kept
        aside."""
        if weighed.verdict.kind != "restated":
            return weighed.bars
        days = set(weighed.verdict.differing)
        named = ", ".join(str(day) for day in weighed.verdict.differing)
        self._set_aside(stored, [bar for bar in weighed.bars if bar.date in days], "restated")
        self._engine.warn(
            f"{self._asset.symbol}: {self._asset.provider} now says other prices for {named}; the stored ones stay"
        )
        return [bar for bar in weighed.bars if bar.date not in days]

    def _refuse(self, stored: Sequence[Bar], bars: Sequence[Bar], why: str) -> None:
        self.refused = not self._shows_all
        self._set_aside(stored, bars, why)
        self._engine.warn(
            f"{self._asset.symbol}: {self._asset.provider} contradicts what is stored ({why}); nothing of it is stored"
            + ("" if self._shows_all else ", --refresh shows it")
        )

    def _set_aside(self, stored: Sequence[Bar], fetched: Sequence[Bar], why: str) -> None:
        """One line in ``state/quarantine.jsonl``, by one write, so that processes never mix their lines."""
        import json

        if self._engine.settings.read_only:
            return
        days = {bar.date for bar in fetched}
        entry = {
            "at": iso(self._began_ms),
            "series": str(self._asset.series),
            "why": why,
            "stored": [_listed(bar) for bar in stored if bar.date in days],
            "fetched": [_listed(bar) for bar in fetched],
        }
        path = os.path.join(self._engine.settings.home.state, "quarantine.jsonl")
        try:
            ensure_home(self._engine.settings)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, json.dumps(entry).encode() + b"\n")
            finally:
                os.close(descriptor)
        except OSError as error:
            self._engine.warn(f"cannot write {path}: {error.strerror}")


def _listed(bar: Bar) -> list[object]:
    return [bar.date.isoformat(), *bar[1:]]


def _marked(bar: Bar, completed: dt.date) -> Bar:
    """The moving row of a session that is over by the exchange's hours is provisional; a row of one that is not over
    is live, whatever its stamp."""
    if bar.date > completed:
        return bar._replace(flags=bar.flags | LIVE)
    return bar._replace(flags=bar.flags & ~LIVE | PROVISIONAL) if bar.flags & LIVE else bar


def _is_news(bar: Bar, old: Bar | None) -> bool:
    """Whether the store, which holds ``old`` of that day, lacks this bar; a corrected volume is news, a difference
    of 1e-7 is none, and what the person entered stays."""
    if old is None:
        return True
    if old.flags & MANUAL:
        return False
    return old.volume != bar.volume or old.flags != bar.flags or not same_prices(old, bar)


def _mostly_restated(verdict: Verdict) -> bool:
    # One corrected bar says nothing about the others; when half of them differ, the whole scale is in doubt.
    return verdict.kind == "restated" and 2 * len(verdict.differing) >= verdict.compared


def _settled(asked: Days, bars: Sequence[Bar], completed: dt.date) -> list[Days]:
    """The days of ``asked`` that need not be asked for again, whether there was a bar or none.

    Not a session still open or provisional, and not the latest sessions without a bar: they may be late.
    """
    final = max((bar.date for bar in bars if not bar.flags & (LIVE | PROVISIONAL)), default=dt.date.min)
    end = min(asked[1], max(final, completed - _LATE_DAYS))
    return [(asked[0], end)] if asked[0] <= end else []
