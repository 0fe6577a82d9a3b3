"""How every provider's body is read: what is not as promised is a BadPayload, and odd bars are marked, not mended."""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from pricectl.errors import BadPayload, UsageError
from pricectl.model.bar import SUSPECT
from pricectl.model.instant import iso
from pricectl.model.quote import Miss
from pricectl.net.reply import Reply

# Bars in float32, divided by splits, may miss their own high or low by a rounding.
_ROUNDING = 1e-6
_AHEAD_MS = 300_000
_CURRENCY = re.compile(r"[A-Za-z0-9]{1,10}")


@contextmanager
def promised(provider: str, what: str) -> Iterator[None]:
    """Whatever a body does that its format does not allow comes out as one BadPayload that names ``what``."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise BadPayload(
            f"{provider}'s {what} is not in the promised format ({type(error).__name__}: {said(error)})",
            "try again later; if it stays so, the format has changed",
            provider,
        ) from error


def said(text: object) -> str:
    """A provider's own words, on one line, at most 200 characters, nothing that a terminal would obey."""
    line = " ".join(str(text).split())
    return "".join(c for c in line if c.isprintable())[:200]


def checked(check: Callable[[str], str], ids: Iterable[str]) -> tuple[dict[str, str], dict[str, Miss]]:
    """The ids with their proper spelling, and a Miss for each that ``check`` refuses: it must not sink the rest."""
    symbols, refused = {}, {}
    for one in ids:
        try:
            symbols[one] = check(one)
        except UsageError as error:
            refused[one] = Miss(one, error)
    return symbols, refused


def number(value: object) -> float | None:
    """A JSON number as a float; None for null. Raises ValueError for anything else and for what is not finite."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"{said(value)!r} is not a number")
    result = float(value)
    if not math.isfinite(result):
        raise ValueError(f"{said(value)} is not finite")
    return result


def decimal(value: object) -> float:
    """A price or amount that arrives as decimal text. Raises ValueError, also for NaN and infinity."""
    if not isinstance(value, str) or not math.isfinite(result := float(value)):
        raise ValueError(f"{said(value)!r} is not a decimal number")
    return result


def instant(value_ms: int, reply: Reply, provider: str) -> int:
    """A provider's time of a price in ``reply``, in milliseconds. Raises ValueError for what is before 1970 or after
    2286: a number of any size fits into JSON, and none of them into a calendar. Raises BadPayload for a time more than
    five minutes after both the provider's clock and ours: such a price would pass as newer than all to come."""
    if not 0 <= value_ms < 10**13:
        raise ValueError(f"{said(value_ms)} is not the time of a price")
    now_ms = max(reply.server_ms, reply.received_ms)
    if value_ms > now_ms + _AHEAD_MS:
        raise BadPayload(f"{provider} gives a price of {iso(value_ms)}, and it is {iso(now_ms)}", "", provider)
    return value_ms


def currency(value: object) -> str:
    """A currency or quote asset, verbatim (``GBp`` is not ``GBP``); empty for null. Raises ValueError for others."""
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise ValueError(f"{said(value)!r} is not a currency")
    return value


def flags(opened: float, high: float, low: float, close: float) -> int:
    """SUSPECT where low..high does not hold open and close, or a price is not positive; otherwise 0."""
    room = abs(high) * _ROUNDING
    sound = low > 0 and low - room <= min(opened, close) and max(opened, close) <= high + room
    return 0 if sound else SUSPECT
