"""Between prices as traded and prices adjusted for splits and dividends. Pure arithmetic.

Yahoo shows every price divided by all splits since, up to the day of the request, rounded to float32; volumes are
multiplied. Turning back and showing again are exact inverses here, so what Yahoo said comes back digit for digit:
AAPL of 2020-01-02 arrives as 75.0875015258789, traded at 300.35, and is shown as 75.0875.

The store does the same on reading, in SQL: ``(price / price_factor)::FLOAT::VARCHAR::DOUBLE`` where the factor is
not 1, ``floor(volume * volume_factor + 0.5)``.
"""

import datetime as dt
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pricectl.model.bar import SPLITS, Action
from pricectl.model.number import float32, shortest, shortest32

if TYPE_CHECKING:
    from fractions import Fraction

_DAY = dt.timedelta(days=1)


class Span(NamedTuple):
    """Days ``start`` to ``end`` (inclusive) that lie on one scale: adjusted price = traded / ``price_factor``,
    adjusted volume = traded * ``volume_factor``."""

    start: dt.date
    end: dt.date
    price_factor: float
    volume_factor: float


def to_traded(price: float, factor: float) -> float:
    """The traded price behind one that a float32 provider shows adjusted: the shortest decimal t such that
    float32(t / factor) is ``price`` again. A ``price`` that is not a float32 is multiplied out to 15 digits."""
    if float32(price) != price:
        return price if factor == 1.0 else float(f"{price * factor:.15g}")
    if factor == 1.0:
        return shortest32(price)
    return shortest(price * factor, lambda traded: float32(traded / factor) == price)


def shown(price: float, factor: float) -> float:
    """The adjusted price as the provider shows it: the shortest decimal of float32(price / factor); with factor 1
    the traded price itself."""
    return price if factor == 1.0 else shortest32(float32(price / factor))


def to_traded_volume(volume: float, factor: float) -> float:
    """The traded volume behind an adjusted one, in whole shares (with factor 1 as it is)."""
    return volume if factor == 1.0 else float(math.floor(volume / factor + 0.5))


def shown_volume(volume: float, factor: float) -> float:
    """The adjusted volume, in whole shares (with factor 1 as it is)."""
    return volume if factor == 1.0 else float(math.floor(volume * factor + 0.5))


def to_paid(amount: float, factor: float) -> float:
    """The dividend for one share as it was paid, behind one that Yahoo shows adjusted and rounded to 6 decimals:
    1.548757 with the factor 1.046 was 1.62. More decimals than 6 are multiplied out to 15 digits."""
    if factor == 1.0 or amount <= 0.0:
        return amount
    if round(amount, 6) != amount:
        return float(f"{amount * factor:.15g}")
    return shortest(amount * factor, lambda paid: round(paid / factor, 6) == amount)


def factor_spans(
    actions: Iterable[Action],
    adjust: str,
    closes: Mapping[dt.date, tuple[dt.date, float]] | None = None,
) -> list[Span]:
    """The scales of all days, oldest first, without a gap from ``date.min`` to ``date.max``.

    ``adjust`` is ``none``, ``split`` or ``all``. For ``all``, ``closes`` gives for the ex-date of a dividend (or
    gain) the last session before it and its close as traded; a dividend without one, or not smaller than that
    close, changes nothing: no bar lies before it, or its amount is wrong. Equal actions count once.
    """
    known = set(actions) if adjust != "none" else set[Action]()
    if not known:
        return [Span(dt.date.min, dt.date.max, 1.0, 1.0)]
    splits = {action for action in known if action.kind in SPLITS}
    cash = known - splits if adjust == "all" else set[Action]()
    ratio, kept = _ratio(()), 1.0
    spans: list[Span] = []
    end = dt.date.max
    for day in sorted({action.ex_date for action in splits | cash if action.ex_date > dt.date.min}, reverse=True):
        spans.append(Span(day, end, float(ratio) / kept, float(ratio)))
        ratio *= _ratio(action for action in splits if action.ex_date == day)
        paid = sum(action.value for action in cash if action.ex_date == day)
        if paid and day in (closes or {}):
            assert closes is not None
            kept *= _kept(paid, day, closes[day], splits)
        end = day - _DAY
    spans.append(Span(dt.date.min, end, float(ratio) / kept, float(ratio)))
    return spans[::-1]


def span_on(spans: Sequence[Span], day: dt.date) -> Span:
    """The span that ``day`` lies in; ``spans`` as ``factor_spans`` gives them."""
    return spans[bisect_right(spans, day, key=lambda span: span.start) - 1]


def _ratio(splits: Iterable[Action]) -> "Fraction":
    from fractions import Fraction  # 3 ms, which a series without a split need not wait for

    # A split is a ratio of whole numbers: 1:3 and later 3:1 must cancel to exactly 1, which floats would miss.
    ratio = Fraction(1)
    for split in splits:
        ratio *= Fraction(split.value).limit_denominator(1_000_000)
    return ratio


def _kept(paid: float, ex_date: dt.date, before: tuple[dt.date, float], splits: Iterable[Action]) -> float:
    """The part of the price that a payment leaves: 1 - D / C, with C on the scale of the ex-date's shares."""
    day, close = before
    close /= float(_ratio(split for split in splits if day < split.ex_date <= ex_date))
    return 1.0 - paid / close if 0.0 < paid < close else 1.0
