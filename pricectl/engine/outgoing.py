"""Stored bars on their way out: which assets, which days, one asset at a time, so that memory stays bounded."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pricectl.engine.gaps import Days
from pricectl.engine.ranges import Wish, span_of
from pricectl.engine.segments import cuts, lay_out
from pricectl.errors import NotFound, UsageError
from pricectl.model.asset import Asset
from pricectl.model.bar import INTERVALS, Row, Segment

if TYPE_CHECKING:
    from pricectl.engine import Engine

# Assets that are read in one query, and so are in memory: 32 of ten years are 80,000 bars, 40 MB. One query for each
# takes six times as long in all.
_AT_ONCE = 32


class Wanted(NamedTuple):
    """Which bars: ``wish`` says which days, ``interval`` is auto, 1d, 1wk or 1mo, ``adjust`` none, split or all."""

    wish: Wish
    interval: str
    adjust: str


class Part(NamedTuple):
    """The bars of one asset, oldest first; ``before`` is the last day that is only stored in a coarser interval than
    was asked for (None: none is)."""

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
    for some in _by(_AT_ONCE, assets):
        alike: dict[tuple[Segment, ...], list[Asset]] = {}
        for asset in some:
            alike.setdefault(_segments(engine, asset, wanted, now_ms), []).append(asset)
        found: dict[Asset, Part] = {}
        for segments, own in alike.items():
            bars = engine.store.history_of_many([asset.series for asset in own], segments, wanted.adjust)
            for asset in own:
                currency, rows = bars.get(asset.series, ("", []))
                before = _coarser_before(held.get(asset.series, {}), segments, rows, wanted.interval)
                found[asset] = Part(asset, currency or asset.currency, rows, before)
        for asset in some:
            yield found.pop(asset)


def _by(count: int, assets: Sequence[Asset]) -> Iterator[Sequence[Asset]]:
    for start in range(0, len(assets), count):
        yield assets[start : start + count]


def _segments(engine: "Engine", asset: Asset, wanted: Wanted, now_ms: int) -> tuple[Segment, ...]:
    calendar = engine.calendar(asset)
    span = span_of(wanted.wish, calendar.last_completed(now_ms), calendar.day_of(now_ms), calendar.last_session)
    as_of = dt.datetime.fromtimestamp(now_ms // 1000, dt.UTC).date()
    policy = cuts(engine.settings["retention.daily"], engine.settings["retention.weekly"], as_of)
    return tuple(lay_out(wanted.interval, wanted.wish.range, span, policy, calendar.last_session))


def _coarser_before(
    tiers: Mapping[str, Days], segments: Sequence[Segment], rows: Sequence[Row], interval: str
) -> dt.date | None:
    """The last day that is stored in a coarser interval than was asked for, and has none of ``rows``."""
    if interval not in INTERVALS or not segments:
        return None
    coarser = INTERVALS[INTERVALS.index(interval) + 1 :]
    ends = [tiers[one][1] for one in coarser if one in tiers]
    return max((end for end in ends if segments[0].start <= end and not _reached(rows, end)), default=None)


def _reached(rows: Sequence[Row], end: dt.date) -> bool:
    """Whether one of ``rows`` begins within the week up to ``end``."""
    at = bisect_right(rows, end, key=lambda row: row.date)
    return at > 0 and (end - rows[at - 1].date).days < 7
