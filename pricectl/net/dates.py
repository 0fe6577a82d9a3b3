"""HTTP's own dates and delays (RFC 9110, 5.6.7 and 10.2.3), read strictly: nonsense is None, never an error."""

import re
from datetime import UTC, datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_FORMATS = tuple(
    re.compile(text)
    for text in (
        rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",
        rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT",
        rf"{_DAY} {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})",
    )
)
_SECONDS = re.compile(r"[0-9]{1,9}")


def http_date(text: str) -> int | None:
    """Milliseconds since the epoch of an HTTP date in any of its three formats; None for anything else."""
    found = next((match for form in _FORMATS if (match := form.fullmatch(text))), None)
    if found is None:
        return None
    year = int(found["year"])
    if year < 100:  # of two digits: never more than 50 years ahead
        year += 2000 if year < 70 else 1900
    month = _MONTHS.index(found["month"]) + 1
    try:
        moment = datetime(
            year, month, int(found["day"]), int(found["hour"]), int(found["minute"]), int(found["second"]), tzinfo=UTC
        )
    except ValueError:  # 31 Feb, 25:00
        return None
    return int(moment.timestamp()) * 1000


def retry_after(text: str | None, server_ms: int) -> float | None:
    """The seconds that a Retry-After header asks for, never negative; None if it is absent or nonsense.

    A date counts from ``server_ms``, the server's own clock, so that a wrong local clock does not matter.
    """
    if text is None:
        return None
    if _SECONDS.fullmatch(text):
        return float(text)
    until = http_date(text)
    return None if until is None else max(until - server_ms, 0) / 1000
