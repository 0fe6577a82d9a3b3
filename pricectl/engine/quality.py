"""What may be believed of the bars that a provider sends, each for itself: accept, flag, set aside, or reject. Pure.

Nothing is mended in silence and nothing dropped in silence: every bar that is not accepted comes back as a Finding.
The thresholds were held against 1.23 M real bars: see tests/engine/test_quality_real_bars.py. Jumps from one bar to
the next are weighed in ``jumps``.
"""

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pricectl.model.bar import LIVE, PROVISIONAL, ROUNDED, SUSPECT, Bar

# A float32 that was divided by a split may miss its own high or low by so much.
ROUNDING = 1e-6
# Past this an open or close outside low..high is a slip. Below it is how sources are: 309 of 665 days of ELCO.L stray
# by up to 6 %, the VIX of the nineties by up to 24 % in its open; the four of 1.23 M bars beyond are known errors.
STRAY = 0.25
# More than this share of an answer's bars in doubt, and the whole answer is.
FAILING = 0.2
_FEW = 10  # of so few bars one in doubt says nothing about the rest
# Of these a price of zero or less is possible: crude oil closed at -37.63 on 2020-04-20.
_MAY_BE_NEGATIVE = frozenset(("commodity", "index"))


class Finding(NamedTuple):
    """Why ``bar`` is not accepted: ``rule`` (R-DQ1 to R-DQ11), ``why`` in a word. ``rejected``: it is no price at all,
    and there is nothing to decide. ``may_settle``: the provider's next bars, or the same said again a minute later,
    can still confirm it."""

    bar: Bar
    rule: str
    why: str
    rejected: bool = False
    may_settle: bool = False


class Screened(NamedTuple):
    """The bars that are accepted, by day and one a day, and what was found against the others."""

    bars: list[Bar]
    findings: list[Finding]


def screen(bars: Iterable[Bar], type_: str, last: dt.date) -> Screened:
    """Weigh each bar for itself (R-DQ1 to R-DQ4). ``type_`` is the asset's; ``last`` the newest day there can be: the
    provider's today."""
    good: list[Bar] = []
    findings: list[Finding] = []
    for bar in bars:
        found = _unsound(bar, type_, last)
        if found is None:
            good.append(_widened(bar))
        else:
            findings.append(found)
    kept, doubled = _one_a_day(good)
    return Screened(kept, findings + doubled)


def page_fails(bars: int, findings: Sequence[Finding]) -> bool:
    """Whether so much of an answer of ``bars`` bars is in doubt that nothing of it is believed (R-DQ11)."""
    return len(findings) > max(FAILING * bars, 1) and bars >= _FEW


def counted(findings: Iterable[Finding]) -> str:
    """``2 unit, 1 jump``: how many bars were found wanting, by word, most first."""
    words = Counter(finding.why for finding in findings)
    return ", ".join(f"{count} {why}" for why, count in sorted(words.items(), key=lambda one: (-one[1], one[0])))


def _unsound(bar: Bar, type_: str, last: dt.date) -> Finding | None:
    prices = bar[1:5]
    if not all(map(math.isfinite, prices)) or not math.isfinite(bar.volume or 0.0):
        return Finding(bar, "R-DQ1", "not a number", rejected=True)
    if bar.volume is not None and bar.volume < 0:
        return Finding(bar, "R-DQ1", "negative volume", rejected=True)
    if bar.close <= 0 or max(prices) <= 0:
        return Finding(bar, "R-DQ1", "not positive", rejected=type_ not in _MAY_BE_NEGATIVE, may_settle=True)
    if bar.date > last:
        return Finding(bar, "R-DQ3", "in the future", rejected=True)
    if min(prices) <= 0 or _stray(bar) > STRAY:
        return Finding(bar, "R-DQ2", "outside its range")
    return None


def _stray(bar: Bar) -> float:
    """By which part of itself a positive open or close lies outside low..high; how far low is above high counts."""
    above = max(bar.open, bar.close, bar.low) / bar.high - 1
    below = 1 - min(bar.open, bar.close, bar.high) / bar.low
    return max(above, below, 0.0)


def _widened(bar: Bar) -> Bar:
    """A high or low that a rounding puts on the wrong side of open or close is moved to it, and the bar flagged; what
    lies further out is left as it was said, and flagged as well."""
    stray = _stray(bar)
    if stray == 0.0:
        return bar
    if stray > ROUNDING:
        return bar._replace(flags=bar.flags | SUSPECT)
    high, low = max(bar[1:5]), min(bar[1:5])
    return bar._replace(high=high, low=low, flags=bar.flags | ROUNDED)


def _one_a_day(bars: Iterable[Bar]) -> tuple[list[Bar], list[Finding]]:
    """R-DQ4: of two bars of a day that differ, the later one where the first was not final, otherwise neither."""
    kept: dict[dt.date, Bar] = {}
    doubled: list[Finding] = []
    disputed = set()
    for bar in bars:
        before = kept.get(bar.date)
        if before is None or before.flags & (LIVE | PROVISIONAL):
            kept[bar.date] = bar
        elif before[:6] != bar[:6] and not bar.flags & (LIVE | PROVISIONAL):
            disputed.add(bar.date)
            doubled.append(Finding(bar, "R-DQ4", "twice"))
    doubled += [Finding(kept[day], "R-DQ4", "twice") for day in sorted(disputed)]
    return [kept[day] for day in sorted(kept) if day not in disputed], doubled
