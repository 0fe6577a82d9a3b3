"""The bars of one asset over a span: from the store, and from the provider what the store lacks.

What is fetched once is stored and read from there afterwards. All bars, stored or not, are adjusted and rolled up
in one place, the store's reader.
"""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pricectl.engine import routing
from pricectl.engine.gaps import DAY, Days
from pricectl.engine.intake import Intake
from pricectl.engine.news import days_named
from pricectl.engine.ranges import Span, Wish, span_of
from pricectl.engine.segments import beyond, cuts, lay_out, unfinished
from pricectl.errors import NotFresh, PricectlError, ProviderError, StoreError
from pricectl.home import Home
from pricectl.model.asset import Asset
from pricectl.model.bar import Row, Segment

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.sessions import Calendar

INTERVALS = ("auto", "1d", "1wk", "1mo")
_NO_HOME = Home("/nonexistent")  # the store's reader also adjusts and rolls up what was never stored


class Query(NamedTuple):
    """What to give: ``wish`` says which days, ``interval`` is one of INTERVALS, ``adjust`` none, split or all."""

    symbol: str
    wish: Wish
    interval: str = "auto"
    adjust: str = "split"
    include_today: bool = False
    offline: bool = False
    refresh: bool = False


class Answer(NamedTuple):
    """Bars, oldest first, adjusted as the query said, in ``currency`` a unit.

    ``segments`` says where the intervals meet, with the number of bars in each; ``start`` and ``end`` are the days
    that the bars cover, which is more than was asked where a coarse bar begins earlier. ``complete`` is false when
    part could not be had; ``failure`` is then why (None: nobody was asked, or the answer was refused). With both
    ``complete`` and a ``failure`` all is there as it was stored, and could not be had anew.
    """

    asset: Asset
    asked: str
    range: str
    adjust: str
    currency: str
    rows: list[Row]
    segments: list[tuple[Segment, int]]
    start: dt.date
    end: dt.date
    complete: bool
    failure: PricectlError | None


class _Plan(NamedTuple):
    span: Span
    segments: list[Segment]
    completed: dt.date
    running: Days | None  # days of a session that has begun and is not over


def get(engine: "Engine", query: Query) -> Answer:
    """The bars that ``query`` asks for; what is missing is fetched and stored, unless ``offline``.

    A provider that fails does not fail the answer while something of it is stored: then ``complete`` is false. Where
    nothing is, the first of the asset's fallbacks that has all of it answers, as the series that it is.
    Raises UsageError, NotFound, the provider's error, or NotFresh (offline) when there is nothing to give.
    """
    asset = routing.as_named(engine.catalogue.find(query.symbol), query.symbol)
    chain = routing.fallbacks(asset, engine.settings.lacks_key)
    began = engine.clock.monotonic()
    timeout_s = engine.settings.timeout_s
    try:
        return _of_series(engine, query, asset, routing.own_time_s(timeout_s, [chain]))
    except ProviderError as error:
        if not routing.moves_on(error):
            raise
        for number, series in enumerate(chain):
            left_s = (timeout_s - (engine.clock.monotonic() - began)) / (len(chain) - number)
            answer = _whole(engine, query, routing.stand_in(asset, series), left_s)
            if answer is not None:
                engine.warn(f"{asset.symbol}: {series} in {answer.currency} answers instead ({error})")
                return answer
        raise


def _whole(engine: "Engine", query: Query, asset: Asset, timeout_s: float) -> Answer | None:
    """The answer of a fallback, None if it has not all of it."""
    if timeout_s <= 0.0:
        return None
    try:
        answer = _of_series(engine, query, asset, timeout_s)
    except (ProviderError, NotFresh):
        return None
    return answer if answer.complete and answer.rows else None


def _of_series(engine: "Engine", query: Query, asset: Asset, timeout_s: float) -> Answer:
    calendar = engine.calendar(asset)
    intake = Intake(engine, asset, timeout_s=timeout_s)
    plan = _supply(engine, query, calendar, intake)
    try:
        currency, rows = _read(engine, query, asset, plan, intake)
    except StoreError as error:
        intake.leave_store(error)
        plan = _supply(engine, query, calendar, intake)
        currency, rows = _read(engine, query, asset, plan, intake)
    _check(engine, asset, rows, intake)
    whole = (intake.failure is None or intake.not_renewed) and not intake.lacking and not intake.refused
    doubted = _doubted(engine, asset, plan, intake)
    return _answer(query, asset, currency, rows, plan, intake, calendar)._replace(complete=whole and not doubted)


def _supply(engine: "Engine", query: Query, calendar: "Calendar", intake: Intake) -> _Plan:
    """The plan, after what it lacks has been asked for."""
    now_ms = engine.clock.now_ms()
    plan = _plan(engine, query, calendar, now_ms)
    _fill(intake, plan, query, now_ms)
    if intake.server_ms is not None:
        # The provider's clock decides what is over; ours may be wrong.
        now_ms, ours = intake.server_ms, plan
        plan = _plan(engine, query, calendar, now_ms)
        if plan != ours:
            _fill(intake, plan, query, now_ms)
    if not intake.store_reads:
        _fill(intake, plan, query, now_ms)
    return plan


def _plan(engine: "Engine", query: Query, calendar: "Calendar", now_ms: int) -> _Plan:
    completed, today = calendar.last_completed(now_ms), calendar.day_of(now_ms)
    span = span_of(query.wish, completed, today, calendar.last_session, query.include_today)
    as_of = dt.datetime.fromtimestamp(now_ms // 1000, dt.UTC).date()
    policy = cuts(engine.settings["retention.daily"], engine.settings["retention.weekly"], as_of)
    segments = lay_out(query.interval, query.wish.range, span, policy, calendar.last_session)
    running = None
    if span.today is not None:
        begun = [day for day in calendar.sessions(completed + DAY, span.today) if calendar.hours(day)[0] <= now_ms]
        running = (begun[0], begun[-1]) if begun else None
    return _Plan(span, segments, completed, running)


def _fill(intake: Intake, plan: _Plan, query: Query, now_ms: int) -> None:
    if not plan.segments:
        return
    # A dividend counts against the close before it, so adjusting for dividends takes all bars from then to now.
    end = plan.completed if query.adjust == "all" else min(plan.segments[-1].end, plan.span.end)
    intake.fill((plan.segments[0].start, end), plan.running, now_ms, offline=query.offline, refresh=query.refresh)
    kept = intake.pieces(plan.segments[0].start, end)
    intake.show(beyond(plan.segments, kept), offline=query.offline)


def _read(engine: "Engine", query: Query, asset: Asset, plan: _Plan, intake: Intake) -> tuple[str, list[Row]]:
    if not plan.segments:
        return "", []
    store = engine.store
    if not intake.store_reads:
        from pricectl.store import Store

        store = Store(_NO_HOME, engine.clock, read_only=True)
    extra = [intake.bars[day] for day in sorted(intake.bars)]
    return store.history(asset.series, plan.segments, query.adjust, extra, intake.currency, intake.actions)


def _check(engine: "Engine", asset: Asset, rows: Sequence[Row], intake: Intake) -> None:
    """Raise why there is nothing at all, or warn why there is not everything."""
    if intake.failure is not None:
        if not rows:
            raise intake.failure
        what = "these are the stored bars, not refreshed" if intake.not_renewed else "part of the range is missing"
        engine.warn(f"{asset.symbol}: {what} ({intake.failure})")
    if intake.lacking:
        if not rows:
            raise NotFresh(f"nothing is stored of {asset.symbol} for these days", "ask again without --offline")
        engine.warn(f"{asset.symbol}: part of the range is not stored, and --offline asks nobody")


def _doubted(engine: "Engine", asset: Asset, plan: _Plan, intake: Intake) -> bool:
    """Whether days of the answer are kept aside, or stand on a wrong scale in it; says so."""
    if not plan.segments:
        return False
    span = plan.segments[0].start, plan.segments[-1].end
    aside, torn = intake.waiting(*span), intake.torn(*span)
    if set(aside) - intake.told:
        engine.warn(f"{asset.symbol}: {days_named(aside)} kept aside, see `pricectl doctor`; not in the answer")
    if torn:
        engine.warn(
            f"{asset.symbol}: a split or dividend became known after its days had been rolled up; bars from "
            f"{torn[0][0]} to {torn[-1][1]} are not right until `pricectl aggregate` has fetched those days again"
        )
    return bool(aside or torn)


def _answer(
    query: Query,
    asset: Asset,
    currency: str,
    rows: Sequence[Row],
    plan: _Plan,
    intake: Intake,
    calendar: "Calendar",
) -> Answer:
    segments = _from_first_bar(plan.segments, rows) if query.wish.range == "all" else plan.segments
    parts = [(segment, _marked(segment, rows, plan.completed, calendar)) for segment in segments]
    return Answer(
        asset,
        query.symbol,
        query.wish.range,
        query.adjust,
        currency or asset.currency,
        [row for _, own in parts for row in own],
        [(segment, len(own)) for segment, own in parts],
        segments[0].start if segments else plan.span.start,
        segments[-1].end if segments else max(plan.span.start, plan.span.end),
        True,
        intake.failure,
    )


def _marked(segment: Segment, rows: Sequence[Row], completed: dt.date, calendar: "Calendar") -> list[Row]:
    """The bars of ``segment``, the one still running marked as not final."""
    since = unfinished(segment, completed, calendar.last_session)
    own = [row for row in rows if segment.start <= row.date <= segment.end]
    return [
        row if row.final == (since is None or row.date < since) else row._replace(final=not row.final) for row in own
    ]


def _from_first_bar(segments: list[Segment], rows: Sequence[Row]) -> list[Segment]:
    """``all`` begins with the first bar there is, not with the first day that was asked for."""
    if not rows:
        return segments
    first = rows[0].date
    return [segment._replace(start=max(segment.start, first)) for segment in segments if segment.end >= first]
