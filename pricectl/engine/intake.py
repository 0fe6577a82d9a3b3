"""What a provider says becomes what is kept: asked for where something is missing, weighed, stored, or refused."""

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pricectl.engine import quality
from pricectl.engine.aside import Keeper
from pricectl.engine.gaps import DAY, Days, expected, merge, missing, widen
from pricectl.engine.jumps import jumps
from pricectl.engine.news import days_named, doubt, is_news, marked, settled_days, torn
from pricectl.engine.overlap import Weighed, weigh
from pricectl.engine.quality import Finding
from pricectl.engine.splits import Told, settle
from pricectl.errors import ProviderError, Refused, StoreError
from pricectl.model.asset import Asset, Series
from pricectl.model.bar import FLAGGED, LIVE, PROVISIONAL, SPLITS, Action, Bar, History, Segment

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.store import Addition

# Two gaps closer than this are one request: a page of Binance's is 1000 days, Yahoo answers any span at once.
_JOIN_DAYS = 1000


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
    answered what contradicts the store; ``lacking`` that something was missing and nobody was asked; ``not_renewed``
    that what was to be asked for anew is all stored, so that nothing is missing for the failure.
    ``server_ms`` is the provider's clock of the last answer (None: not asked). ``added`` and ``revised`` count the
    bars that were handed to the store, new ones and others of days known; ``flagged`` are those of them with a remark,
    ``aside`` were kept aside instead, ``rejected`` are no prices. With a ``tray`` the store is not touched.
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
        self.lacking = self.not_renewed = False
        self.store_reads = True
        self.added = self.revised = self.flagged = self.aside = self.rejected = 0
        self._tray = tray
        self._store_writes = not engine.settings.read_only
        self._engine = engine
        self._asset = asset
        self._calendar = engine.calendar(asset)
        self._began_ms = engine.clock.now_ms()
        self._deadline = engine.clock.monotonic() + (engine.settings.timeout_s if timeout_s is None else timeout_s)
        self._had: list[Days] = []
        self._shows_all = self._offline = False
        self.told: set[dt.date] = set()  # days of which it was said that they are not stored

    def fill(self, wanted: Days, running: Days | None, now_ms: int, *, offline: bool, refresh: bool) -> None:
        """Ask for what is missing of ``wanted`` (completed sessions), and for the days ``running`` that are not over.

        ``refresh`` asks for all of it, whatever is stored. Warns of what cannot be stored; raises StoreError only
        when nobody may be asked (``offline``) and the store cannot be read.
        """
        self._shows_all, self._offline = refresh, offline
        covered = [] if refresh or not self.store_reads else self._coverage()
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
        if refresh and self.failure is not None:
            self.not_renewed = self.server_ms is None and running is None and self._holds(wanted, now_ms)

    def _holds(self, wanted: Days, now_ms: int) -> bool:
        """Whether all sessions of ``wanted`` are stored, as far as they can be yet."""
        covered = self._coverage()
        gaps = expected(missing(*wanted, covered if self.store_reads else []), self._calendar.last_session)
        return not gaps or (len(gaps) == 1 and self._awaits_final_row(gaps, now_ms))

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
            self.not_renewed = self.not_renewed and history is not None
            if history is not None:
                self._had.append(span)
                self.server_ms = history.server_ms
                self.currency = self.currency or history.currency
                self.actions = [*self.actions, *(one for one in history.actions if one not in self.actions)]
                completed = self._calendar.last_completed(history.server_ms)
                wanted = (bar for bar in history.bars if any(first <= bar.date <= last for first, last in spans))
                self.bars |= {bar.date: marked(bar, completed) for bar in wanted}

    def pieces(self, start: dt.date, end: dt.date) -> list[Segment]:
        """The stored weeks and months that reach into ``start``..``end``. Raises StoreError only when ``offline``."""
        if not self.store_reads or self._tray is not None:
            return []
        try:
            return self._engine.store.pieces(self._asset.series, start, end)
        except StoreError as error:
            self.leave_store(error)
            return []

    def leave_store(self, error: StoreError) -> None:
        """The store cannot be read: from now on everything is missing, and nothing is stored.

        Raises ``error`` when nobody else may be asked (``offline``).
        """
        if self._offline:
            raise error
        if self.store_reads:
            self._engine.warn(f"the store cannot be read ({error}), answering without it; {error.hint}")
        self.store_reads = self._store_writes = False
        self._had.clear()

    def _coverage(self) -> list[Days]:
        try:
            return self._engine.store.coverage(self._asset.series)
        except StoreError as error:
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
        bars = [marked(bar, completed) for bar in history.bars if days[0] <= bar.date <= days[1]]
        currency, stored = self._stored(days)
        splits = any(one.kind in SPLITS for one in history.actions)
        recorded = self._recorded() if stored or splits else []
        named = history.currency or currency or self._asset.currency
        sound, found = self._screened(bars, history)
        told = settle(sound, history.actions, recorded) if history.reaches_now else Told(sound, history.actions, [], [])
        weighed = weigh(stored, recorded, told.bars, told.actions, self._calendar.sessions)
        why = doubt(currency, named, stored, bars, weighed.verdict)
        if why:
            self._refuse(stored, bars, why, named)
            if self._shows_all:
                self.currency, self.actions = named, history.actions
                self.bars |= {bar.date: bar for bar in sound}
            return
        self.currency, self.actions = named, [*told.actions, *weighed.splits]
        believed = self._without_restated(stored, weighed)
        found += self._jumped(believed, stored) if history.reaches_now else []
        if quality.page_fails(len(bars), found):
            self._refuse(stored, bars, f"{len(found)} of {len(bars)} bars in doubt: {quality.counted(found)}", named)
            return
        self._keep_aside(found)
        self._say_splits(told, weighed)
        doubted = {one.bar.date for one in found}
        believed = [bar for bar in believed if bar.date not in doubted]
        known = {bar.date: bar for bar in stored}
        new = [bar for bar in believed if not bar.flags & LIVE and is_news(bar, known.get(bar.date))]
        if not self._shows_all:
            new = self._without_kept_coarser(days, new)
        if history.reaches_now and self._store_writes:
            self._count(new, known)
            unsure = min((one.bar.date for one in found if one.may_settle and not one.rejected), default=None)
            self._store(days, new, settled_days(days, believed, completed, unsure), history)
            self._keeper.close(believed)
        elif not history.reaches_now:
            self._engine.warn(
                f"{self._asset.symbol}: the provider's answer does not reach today, so later splits may be missing; "
                "it is shown and not stored"
            )
        kept = history.reaches_now and self._store_writes
        every = [bar for bar in weighed.bars if bar.date not in doubted]
        shown = every if self._shows_all else [bar for bar in believed if bar.flags & LIVE or not kept]
        self.bars |= {bar.date: bar for bar in shown}

    @cached_property
    def _keeper(self) -> Keeper:
        return Keeper(self._engine, self._asset, self._began_ms)

    def waiting(self, start: dt.date, end: dt.date) -> list[dt.date]:
        """The days from ``start`` to ``end`` whose bars are kept aside, nothing being stored of them."""
        return [day for day in self._keeper.days() if start <= day <= end]

    def torn(self, start: dt.date, end: dt.date) -> list[Days]:
        """The stored weeks and months between the two days that an ex-date cuts which was not known, or stood
        elsewhere, when they were rolled up."""
        kept = self.pieces(start, end)
        return torn(kept, self._recorded()) if kept else []

    def _screened(self, bars: Sequence[Bar], history: History) -> tuple[list[Bar], list[Finding]]:
        """The bars that are sound in themselves, or settled since, and what stands against the others."""
        last = self._calendar.day_of(history.server_ms)
        screened = quality.screen(bars, self._asset.type, last)
        standing, settled = self._keeper.sift(screened.findings)
        return sorted([*screened.bars, *(one.bar for one in settled)]), standing

    def _jumped(self, believed: Sequence[Bar], stored: Sequence[Bar]) -> list[Finding]:
        known = {bar.date: bar for bar in stored if not bar.flags & PROVISIONAL}
        same = {bar.date for bar in believed if bar.date in known and not is_news(bar, known[bar.date])}
        return self._keeper.sift(jumps(believed, self._asset.type, self.actions, same))[0]

    def _keep_aside(self, found: Sequence[Finding]) -> None:
        """Remember what is kept aside and what is rejected, and say what of it is new."""
        told = self._keeper.reject([one for one in found if one.rejected], self.currency)
        for why in dict.fromkeys((one.why, one.may_settle) for one in found if not one.rejected):
            bars = [one.bar for one in found if (one.why, one.may_settle) == why and not one.rejected]
            told += self._keeper.keep(bars, why[0], (), self.currency, settles=why[1])
        self.rejected += sum(one.rejected for one in found)
        self.aside += sum(not one.rejected for one in found)
        if told:
            self.told |= {bar.date for bar in told}
            self._engine.warn(
                f"{self._asset.symbol}: {days_named([bar.date for bar in told])} not stored as {self._asset.provider} "
                f"says ({quality.counted(one for one in found if one.bar in told)}), see `pricectl doctor`"
            )

    def _count(self, new: Sequence[Bar], known: Mapping[dt.date, Bar]) -> None:
        changed = sum(bar.date in known for bar in new)
        self.revised += changed
        self.added += len(new) - changed
        self.flagged += sum(bool(bar.flags & FLAGGED) for bar in new)

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

    def _say_splits(self, told: Told, weighed: Weighed) -> None:
        who = f"{self._asset.symbol}: {self._asset.provider}"
        if weighed.verdict.kind == "split":
            split = weighed.splits[-1]
            self._engine.warn(
                f"{who} shows all earlier prices divided by {split.value:g} without listing a split; recorded as an "
                f"inferred split of {split.ex_date}"
            )
        for split in told.early:
            self._engine.warn(
                f"{who} lists a split of {split.value:g} on {split.ex_date} that its prices do not know yet; they are "
                "taken as traded"
            )
        for split, day in told.moved:
            self._engine.warn(
                f"{who} lists a split of {split.value:g} on {split.ex_date}, but its prices change on {day}; recorded "
                "as of then"
            )

    def _without_restated(self, stored: Sequence[Bar], weighed: Weighed) -> list[Bar]:
        """The believed bars without those that contradict a stored one: the stored one stays, the other is kept
        aside."""
        if weighed.verdict.kind != "restated":
            return weighed.bars
        days = set(weighed.verdict.differing)
        said = [bar for bar in weighed.bars if bar.date in days]
        other, _ = self._keeper.sift([Finding(bar, "R-DQ7", "restated") for bar in said])
        if other:
            named = ", ".join(str(one.bar.date) for one in other)
            self.aside += len(other)
            self._keeper.keep([one.bar for one in other], "restated", stored, self.currency)
            self._engine.warn(
                f"{self._asset.symbol}: {self._asset.provider} now says other prices for {named}; the stored ones stay"
            )
        return [bar for bar in weighed.bars if bar not in [one.bar for one in other]]

    def _refuse(self, stored: Sequence[Bar], bars: Sequence[Bar], why: str, currency: str) -> None:
        self.refused = not self._shows_all
        self.aside += len(bars)
        self.told |= {bar.date for bar in bars}
        self._keeper.keep(bars, why, stored, currency)
        self._engine.warn(
            f"{self._asset.symbol}: {self._asset.provider} contradicts what is stored ({why}); nothing of it is stored"
            + ("" if self._shows_all else ", --refresh shows it")
        )
