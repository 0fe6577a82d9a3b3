"""The reference rates that the European Central Bank fixes once a working day, whoever passes them on.

There is no bid, no ask and nothing within the day: a quote is the latest fix, whose time is 16:00 in Frankfurt, when
it is published, and a bar is the fix four times, without a volume.
"""

import datetime as dt
import re
from zoneinfo import ZoneInfo

from pricectl.errors import UsageError
from pricectl.model.bar import Bar
from pricectl.providers.reading import said

FIRST = dt.date(1999, 1, 4)
_PAIR = re.compile(r"[A-Z]{6}")


def pair(provider_id: str) -> str:
    """``EURUSD``: the dollars that a euro costs. Raises UsageError for what is no pair of two currencies."""
    text = provider_id.upper() if provider_id.isascii() else provider_id
    if not _PAIR.fullmatch(text) or text[:3] == text[3:]:
        raise UsageError(f"{said(provider_id)[:40]!r} is no pair of currencies", "write it as EURUSD")
    return text


def fixed_ms(day: dt.date) -> int:
    """When the fix of that day is published, milliseconds since the epoch."""
    return int(dt.datetime(day.year, day.month, day.day, 16, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * 1000


def bar(day: dt.date, rate: float) -> Bar:
    """The bar of a fix. Raises ValueError for a rate that none can be."""
    if rate <= 0:
        raise ValueError(f"the rate of {day} is {rate}")
    return Bar(day, rate, rate, rate, rate, None)
