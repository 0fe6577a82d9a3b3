"""Stored bars on their way out: which assets, which days, one asset at a time, so that memory stays bounded."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pricectl.engine.ranges import Wish, span_of
from pricectl.engine.segments import cuts, lay_out
from pricectl.errors import NotFound, UsageError
from pricectl.model.asset import Asset
from pricectl.model.bar import Row, Segment

if TYPE_CHECKING:
    from pricectl.engine import Engine


class Wanted(NamedTuple):
    """Which bars: ``wish`` says which days, ``interval`` is auto, 1d, 1wk or 1mo, ``adjust`` none, split or all."""

    wish: Wish
    interval: str
    adjust: str


class Part(NamedTuple):
    """The bars of one asset, oldest first; ``before`` is the last day that is only stored in a coarser interval than
    was asked for (None: no day is)."""

    asset: Asset
    currency: str
    rows: list[Row]
    before: dt.date | None


def chosen(engine: "Engine", symbols: Sequence[str], type_: str | None, followed: bool) -> list[Asset]:
    """The assets named by ``symbols`` in their order, each once; without symbols those of which bars are stored (of one
    type, or followed), by symbol. Raises NotFound, UsageError, StoreError."""
    catalogue = engine.catalogue
    if symbols:
        return list(dict.fromkeys(catalogue.find(symbol) for symbol in symbols))
    known = []
    for series in engine.store.held():
        try:
            known.append(catalogue.find(str(series)))
        except (NotFound, UsageError):  # the list of providers has changed since
            engine.warn(f"bars of {series} are stored, which no provider here knows: they are left out")
    return sorted(
        asset for asset in known if (type_ is None or asset.type == type_) and (asset.followed or not followed)
    )


def parts(engine: "Engine", assets: Sequence[Asset], wanted: Wanted) -> Iterator[Part]:
    """The stored bars of each of ``assets`` that ``wanted`` names; nobody is asked for what is missing. Raises
    StoreError, UsageError."""
    now_ms = engine.clock.now_ms()
    held = engine.store.held()
    for asset in assets:
        tiers = held.get(asset.series, {})
        segments = _segments(engine, asset, wanted, now_ms)
        first = min((start for start, _ in tiers.values()), default=dt.date.max)
        segments = [one._replace(start=max(one.start, first)) for one in segments if one.end >= first]
        currency, rows = engine.store.history(asset.series, segments, wanted.adjust)
        ends = [tier[1] for interval, tier in tiers.items() if _coarser(interval, wanted.interval)]
        day = min((row.date for row in rows), default=dt.date.max)
        lost = [end for end in ends if segments and segments[0].start <= end < day]
        yield Part(asset, currency or asset.currency, rows, max(lost, default=None))


def _segments(engine: "Engine", asset: Asset, wanted: Wanted, now_ms: int) -> list[Segment]:
    calendar = engine.calendar(asset)
    span = span_of(wanted.wish, calendar.last_completed(now_ms), calendar.day_of(now_ms), calendar.last_session)
    as_of = dt.datetime.fromtimestamp(now_ms // 1000, dt.UTC).date()
    policy = cuts(engine.settings["retention.daily"], engine.settings["retention.weekly"], as_of)
    return lay_out(wanted.interval, wanted.wish.range, span, policy, calendar.last_session)


def _coarser(interval: str, asked: str) -> bool:
    order = ("1d", "1wk", "1mo")
    return asked in order and order.index(interval) > order.index(asked)
