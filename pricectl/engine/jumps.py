"""Whether a bar fits those around it: real crashes come through, slips of a unit and spikes do not. Pure.

What one answer can settle by itself: a price that jumps and stays is confirmed by the bars after it; one that jumps and
is back within days, opening where it was before, was never paid. Only a jump in the newest bar must wait: for the next
one, or for the provider to say the same again a minute later. All on the scale of today's shares, so that a reverse
split is no jump.
"""

import datetime as dt
import math
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from itertools import pairwise

from pricectl.engine.quality import Finding
from pricectl.model.adjust import factor_spans, span_on
from pricectl.model.bar import LIVE, Action, Bar

# A jump is more than this (logarithm of the ratio) and ten times the median move of 50 days. Ten times the deviation
# from their median price instead lets a trend widen it: of 506 bars times 1.5 among real ones it passed 79, this way 6.
FLOORS = {"crypto": 0.5, "commodity": 0.5, "fx": 0.1}
FLOOR = 0.25
_USUAL = 10.0
_WINDOW = 50
# A spike lasts one bar, a tall one at most five. AIG at 2.05 and 2.39 between 3.75 and 3.85 (September 2008) was paid,
# and so were two days of the lira in 2018 and of the VIX in 1991.
_BLOCK = 5
_TALL = 3.0  # jumps
# Pence for pounds, grams for kilograms: ratios near 100 and 1000, and powers of ten of those.
_UNITS = ((90.0, 110.0, 2), (900.0, 1100.0, 3))


def jumps(
    bars: Sequence[Bar], type_: str, actions: Iterable[Action] = (), known: Container[dt.date] = ()
) -> list[Finding]:
    """What does not fit among ``bars`` (as traded, oldest first, one a day, all prices positive or found out before):
    R-DQ6 slips of a unit, R-DQ5 spikes and unconfirmed jumps. ``actions`` tell the scale; the days ``known`` are in the
    store with these prices, and settle which side of a step is right."""
    spans = factor_spans(actions, "split")
    scaled = [_scaled(bar, span_on(spans, bar.date).price_factor) for bar in bars if min(bar[1:5]) > 0]
    floor = FLOORS.get(type_, FLOOR)
    slipped = _slipped(scaled, known)
    rest = [bar for bar in scaled if bar.date not in slipped]
    found = {**slipped, **_spikes(rest, floor, known)}
    return [Finding(bar, *found[bar.date]) for bar in bars if bar.date in found and bar.date not in known]


_Why = tuple[str, str, bool, bool]  # rule, word, rejected, may settle
_UNIT: _Why = ("R-DQ6", "unit", False, False)
_SPIKE: _Why = ("R-DQ5", "spike", False, False)
_JUMP: _Why = ("R-DQ5", "jump", False, True)


def _scaled(bar: Bar, factor: float) -> Bar:
    return bar if factor == 1.0 else bar._replace(**{name: getattr(bar, name) / factor for name in _PRICES})


_PRICES = ("open", "high", "low", "close")


def _power(ratio: float) -> int:
    """2 for a ratio near 100, 3 near 1000, negative for their reciprocals, 0 for all others."""
    for low, high, power in _UNITS:
        if low <= ratio <= high:
            return power
        if low <= 1 / ratio <= high:
            return -power
    return 0


def _slipped(bars: Sequence[Bar], known: Container[dt.date]) -> dict[dt.date, _Why]:
    """The days whose prices, or one of them, are a hundred or a thousand times off."""
    found: dict[dt.date, _Why] = {}
    level = 0
    levels: list[tuple[Bar, int]] = []
    before: Bar | None = None
    for place, bar in enumerate(bars):
        after = bars[place + 1] if place + 1 < len(bars) else None
        if _off(before, bar, after):
            found[bar.date] = _UNIT
            continue
        level += _step(before, bar) if before is not None else 0
        levels.append((bar, level))
        before = bar
    if any(own for _, own in levels):
        right = _right_level(levels, known)
        found |= {bar.date: _UNIT for bar, own in levels if own != right}
    return found


def _step(before: Bar, bar: Bar) -> int:
    """The power of ten by which the whole bar stands above the one before: its open did not lead there."""
    power = _power(bar.close / before.close)
    return power if power and abs(math.log10(bar.open / before.close) - power) < 0.3 else 0


def _off(before: Bar | None, bar: Bar, after: Bar | None) -> bool:
    """Whether a single price of ``bar`` slipped: a high or low that no open or close comes near, an open far from both
    closes; or the close, if nothing after it goes on from there."""
    if _power(bar.high / max(bar.open, bar.close)) or _power(min(bar.open, bar.close) / bar.low):
        return True
    if before is None or _step(before, bar):
        return False
    if _power(bar.close / before.close):
        return after is None or abs(math.log(after.open / bar.close)) > 1.0
    return bool(_power(bar.open / bar.close)) and abs(math.log(bar.open / before.close)) > 1.0


def _right_level(levels: Sequence[tuple[Bar, int]], known: Container[dt.date]) -> int:
    """The level of what is stored; otherwise the one that most bars are on, of two the later."""
    stored = [level for bar, level in levels if bar.date in known]
    if stored:
        return stored[-1]
    count = Counter(level for _, level in levels)
    return max(reversed(levels), key=lambda one: count[one[1]])[1]


def _spikes(bars: Sequence[Bar], floor: float, known: Container[dt.date]) -> dict[dt.date, _Why]:
    found: dict[dt.date, _Why] = {}
    closes = [math.log(bar.close) for bar in bars]
    base = place = 0
    while (place := place + 1) < len(bars):
        jump = closes[place] - closes[base]
        if abs(jump) <= floor or bars[place].date in known or not _is_far(closes, abs(jump), place, floor):
            base = place
            continue
        back = _back(bars, closes, base, place, floor)
        if back is not None and not any(bar.date in known for bar in bars[place:back]):
            found |= {bar.date: _SPIKE for bar in bars[place:back]}
            place = base = back
        elif place == len(bars) - 1 and not bars[place].flags & LIVE:
            found[bars[place].date] = _JUMP
        else:
            base = place
    return found


def _is_far(closes: Sequence[float], jump: float, place: int, floor: float) -> bool:
    """Whether ``jump`` is more than this asset does in a day, by the 50 days around ``place``."""
    import statistics  # 9 ms with what it loads, for bars that arrive only

    start = max(min(place - _WINDOW // 2, len(closes) - _WINDOW), 0)
    around = closes[start : start + _WINDOW]
    moves = [abs(later - earlier) for earlier, later in pairwise(around)]
    return jump > max(_USUAL * statistics.median(moves), floor)


def _back(bars: Sequence[Bar], closes: Sequence[float], base: int, place: int, floor: float) -> int | None:
    """The place, soon after, of the bar that opens and closes where things were at ``base`` before the jump at
    ``place``; None if there is none, and the jump is real."""
    jump = abs(closes[place] - closes[base])
    longest = _BLOCK if jump > _TALL * floor else 1
    for later in range(place + 1, min(place + 1 + longest, len(bars))):
        opened = math.log(bars[later].open)
        returned = abs(closes[later] - closes[base]) <= min(floor, jump / 4)
        if returned and abs(opened - closes[base]) <= jump / 3 and abs(opened - closes[later - 1]) > jump / 2:
            return later
    return None
