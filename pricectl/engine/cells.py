"""What stands in a cell of somebody's file, as a day or a number. Pure, and strict: what could mean two things is
refused with the reason, never guessed. Every function raises ValueError, its text fit to be shown.
"""

import datetime as dt
import math
import re
from decimal import Decimal
from typing import Any

EARLIEST = dt.date(1900, 1, 1)  # older than any series of the providers
# No price and no volume of anything in trade is beyond these; a number that is has slipped its unit or its column.
MOST_PRICE = 1e15
LEAST_PRICE = 1e-15
MOST_VOLUME = 1e20

# The order in which a file writes the parts of a date, where it does not begin with the year.
ORDERS = ("dmy", "mdy")

_MIDNIGHT = re.compile(r"(?P<day>[^T ]{8,10})[T ]00:00(:00(\.0{1,9})?)?( ?(Z|UTC|[+-]\d\d:?\d\d))?", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.]?)(\d{2})\2(\d{2})", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
_SHOWN = 40


def shown(value: object) -> str:
    """``value`` as a message may repeat it: short, text quoted, nothing in it that a terminal would act on."""
    text = value if isinstance(value, str) else str(value)
    said = ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
    return said if isinstance(value, str) else said[1:-1]


def day(value: Any, order: str = "") -> dt.date:
    """The day that a date, a midnight or a text stands for: ``2024-01-31``, ``2024/01/31``, ``20240131``, each with or
    without ``00:00:00`` and a zone. A midnight with a zone is the day written there. ``order`` (``dmy``, ``mdy``) says
    how ``31/01/2024`` is meant; without it that is refused."""
    if value is None or value == "":
        raise ValueError("no date")
    if isinstance(value, dt.datetime):
        if value.time() != dt.time(0):
            raise ValueError(f"{value} has a time of day: a daily bar has none")
        found = value.date()
    elif isinstance(value, dt.date):
        found = value
    else:
        found = _written(str(value).strip(), order)
    if found < EARLIEST:
        raise ValueError(f"{found} is before {EARLIEST}")
    return found


def _written(text: str, order: str) -> dt.date:
    if len(text) > _SHOWN:
        raise ValueError(f"{shown(text)} is not a date")
    midnight = _MIDNIGHT.fullmatch(text)
    bare = midnight["day"] if midnight else text
    if parts := _YEAR_FIRST.fullmatch(bare):
        return _real(text, int(parts[1]), int(parts[3]), int(parts[4]))
    if parts := _YEAR_LAST.fullmatch(bare):
        if order == "dmy":
            return _real(text, int(parts[4]), int(parts[3]), int(parts[1]))
        if order == "mdy":
            return _real(text, int(parts[4]), int(parts[1]), int(parts[3]))
        raise ValueError(f"{shown(text)} may begin with the day or the month: write YYYY-MM-DD, or say --dates dmy|mdy")
    if _YEAR_FIRST.match(text[:10]) and len(text) > 10 and text[10] in "T ":
        raise ValueError(f"{shown(text)} has a time of day: a daily bar has none")
    raise ValueError(f"{shown(text)} is not a date: write YYYY-MM-DD")


def _real(text: str, year: int, month: int, of_month: int) -> dt.date:
    try:
        return dt.date(year, month, of_month)
    except ValueError:
        raise ValueError(f"{shown(text)} is a day that does not exist") from None


def number(value: Any, name: str) -> float:
    """The finite number of a cell called ``name``, from text or from a number; a missing one is refused."""
    if value is None or value == "":
        raise ValueError(f"no {name}")
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            why = ": write it without separators, the decimals after a point" if "," in text[:_SHOWN] else ""
            raise ValueError(f"{name} {shown(text)} is not a number{why}")
        found = float(text)
    elif isinstance(value, float | int | Decimal) and not isinstance(value, bool):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
    else:
        raise ValueError(f"{name} {shown(value)} is not a number")
    if not math.isfinite(found):
        raise ValueError(f"{name} {shown(value)} is not a finite number")
    return found + 0.0 if found else 0.0  # no negative zero


def price(value: Any, name: str, may_be_negative: bool = False) -> float:
    """A price: not 0, not beyond every price's range, and below 0 only where such things have traded."""
    found = number(value, name)
    if found == 0.0:
        raise ValueError(f"{name} is 0: a missing price is no price")
    if found < 0.0 and not may_be_negative:
        raise ValueError(f"{name} {found:g} is negative")
    if not LEAST_PRICE <= abs(found) <= MOST_PRICE:
        raise ValueError(f"{name} {found:g} is out of every price's range")
    return found


def volume(value: Any) -> float | None:
    """A volume; a missing one is None."""
    if value is None or value == "" or (isinstance(value, str) and not value.strip()):
        return None
    found = number(value, "volume")
    if found < 0.0:
        raise ValueError(f"volume {found:g} is negative")
    if found > MOST_VOLUME:
        raise ValueError(f"volume {found:g} is out of every volume's range")
    return found


def word(value: Any) -> str:
    """The text of a cell without blanks around it; a missing one is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not text")
    return value.strip()
