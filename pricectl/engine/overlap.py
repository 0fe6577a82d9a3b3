"""Whether what a provider says now agrees with what is stored, on the scale as traded. Pure.

Prices of final bars are compared, volumes not: those are corrected for days. A constant ratio is a split that the
provider's prices know and its list of events does not; any other difference is a restatement.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from pricectl.model.adjust import to_traded, to_traded_volume
from pricectl.model.bar import LIVE, MANUAL, PROVISIONAL, SPLITS, Action, Bar
from pricectl.model.number import float32

# Yahoo's prices are float32: 6e-8 relative. Anything beyond this is another price.
TOLERANCE = 1e-6
# Pence for pounds, cents for dollars: a slip of the unit, which must never pass for a split.
UNIT_SLIPS = (100.0, 1000.0, 0.01, 0.001)
# An inferred split takes effect at the first session after the stored ones; the provider may tell it later for
# another day nearby, and then it is the same split.
SAME_SPLIT = dt.timedelta(days=30)
DAY = dt.timedelta(days=1)

Sessions = Callable[[dt.date, dt.date], Sequence[dt.date]]


class Verdict(NamedTuple):
    """``same``, ``split`` (``ratio`` new shares for one old, not listed) or ``restated``; ``differing`` are the
    days on which the prices differ, ``compared`` how many days could be compared."""

    kind: str
    ratio: float
    differing: list[dt.date]
    compared: int


def compare(stored: Iterable[Bar], fetched: Iterable[Bar]) -> Verdict:
    """Hold the prices of the days in both against each other, but for bars that are not final and a person's own."""
    final = {bar.date: bar for bar in stored if not bar.flags & (PROVISIONAL | LIVE | MANUAL)}
    pairs = [(final[new.date], new) for new in fetched if new.date in final and not new.flags & (PROVISIONAL | LIVE)]
    differing = [old.date for old, new in pairs if not same_prices(old, new)]
    if not differing:
        return Verdict("same", 1.0, [], len(pairs))
    ratio = _constant_ratio(pairs) if len(pairs) == len(differing) > 1 else None
    if ratio is None or any(abs(ratio / slip - 1) < 1e-3 for slip in UNIT_SLIPS):
        return Verdict("restated", 1.0, differing, len(pairs))
    return Verdict("split", ratio, differing, len(pairs))


def _prices(bar: Bar) -> tuple[float, float, float, float]:
    return bar.open, bar.high, bar.low, bar.close


def same_prices(old: Bar, new: Bar) -> bool:
    return all(
        abs(one - other) <= TOLERANCE * max(abs(one), abs(other))
        for one, other in zip(_prices(old), _prices(new), strict=True)
    )


def _constant_ratio(pairs: Sequence[tuple[Bar, Bar]]) -> float | None:
    prices = [both for old, new in pairs for both in zip(_prices(old), _prices(new), strict=True)]
    if any(old <= 0 or new <= 0 for old, new in prices):
        return None
    ratios = sorted(old / new for old, new in prices)
    if ratios[-1] / ratios[0] - 1 > TOLERANCE:
        return None
    return _simple(ratios[len(ratios) // 2])


def _simple(ratio: float) -> float:
    """The ratio of the smallest whole numbers within the tolerance: 4.0000001 is 4, 1.0460003 is 523:500."""
    for below in range(1, 1001):
        above = round(ratio * below)
        if above and abs(above / below / ratio - 1) <= TOLERANCE:
            return above / below
    return float(f"{ratio:.7g}")


def untold(recorded: Iterable[Action], told: Sequence[Action]) -> list[Action]:
    """The recorded splits that the provider does not tell: inferred ones, and those that it withdrew.

    An inferred split for which the provider now tells one of the same ratio nearby is that one.
    """
    return [one for one in recorded if one.kind in SPLITS and not any(_same_split(one, other) for other in told)]


def _same_split(one: Action, other: Action) -> bool:
    apart = SAME_SPLIT if one.kind == "inferred" else dt.timedelta(0)
    return (
        other.kind in SPLITS
        and abs(other.value / one.value - 1) <= TOLERANCE
        and abs(other.ex_date - one.ex_date) <= apart
    )


def rescaled(bars: Sequence[Bar], splits: Sequence[Action]) -> list[Bar]:
    """``bars`` as traded when ``splits``, unknown when they were turned back, are known as well."""
    return [_rescaled(bar, splits) for bar in bars]


def _rescaled(bar: Bar, splits: Sequence[Action]) -> Bar:
    factor = 1.0
    for split in splits:
        if split.ex_date > bar.date:
            factor *= split.value
    if factor == 1.0:
        return bar
    open_, high, low, close = (to_traded(float32(price), factor) for price in _prices(bar))
    volume = None if bar.volume is None else to_traded_volume(bar.volume, factor)
    return Bar(bar.date, open_, high, low, close, volume, bar.flags)


class Weighed(NamedTuple):
    """What is to be believed: the bars as traded by all that is known, the splits to keep besides those that the
    provider tells, and the verdict (``split``: the last of ``splits`` has just been inferred)."""

    bars: list[Bar]
    splits: list[Action]
    verdict: Verdict


def weigh(
    stored: Sequence[Bar],
    recorded: Iterable[Action],
    fetched: Sequence[Bar],
    told: Sequence[Action],
    sessions: Sessions,
) -> Weighed:
    """Weigh fetched bars, turned back with the splits ``told``, against the stored ones and the recorded splits.

    ``sessions`` gives the expected sessions between two days: an inferred split takes effect at the next one.
    """
    kept = untold(recorded, told)
    moved = [(one, other) for one in recorded if one.kind == "inferred" for other in told if _same_split(one, other)]
    # Between the day inferred and the day told, bars were stored on the wrong scale: the provider's replace them.
    firm = [bar for bar in stored if not any(_between(bar.date, one, other) for one, other in moved)]
    bars = rescaled(fetched, kept)
    verdict = compare(firm, bars)
    if verdict.kind != "same" and kept:
        plain = compare(firm, fetched)
        if plain.kind == "same":
            return Weighed(list(fetched), [], plain)
    if verdict.kind == "split":
        return _inferred(firm, bars, kept, told, sessions, verdict)
    return Weighed(bars, kept, verdict)


def _between(day: dt.date, one: Action, other: Action) -> bool:
    return min(one.ex_date, other.ex_date) <= day < max(one.ex_date, other.ex_date)


def _inferred(
    stored: Sequence[Bar],
    bars: list[Bar],
    kept: list[Action],
    told: Sequence[Action],
    sessions: Sessions,
    verdict: Verdict,
) -> Weighed:
    # What is stored last was true when it was stored, so the split came after it, at the earliest with the next
    # session. If the newest final bar was not compared, there is no telling when.
    newest = max(bar.date for bar in stored)
    compared = max(bar.date for bar in stored if not bar.flags & (PROVISIONAL | LIVE | MANUAL)) in verdict.differing
    # Inverse to a split just told: its prices are not adjusted yet.
    early = any(one.kind in SPLITS and abs(one.value * verdict.ratio - 1) <= 1e-5 for one in told)
    if early or not compared:
        return Weighed(bars, kept, verdict._replace(kind="restated", ratio=1.0))
    later = [*sessions(newest + DAY, newest + 14 * DAY), *(bar.date for bar in bars if bar.date > newest)]
    split = Action(min(later, default=newest + DAY), "inferred", verdict.ratio)
    return Weighed(rescaled(bars, [split]), [*kept, split], verdict)
