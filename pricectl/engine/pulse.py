"""What a monitor asks every minute: is it alive? Answered from the run log alone, so that it takes no network, no
DuckDB, not even the settings: it must work where those are what is broken."""

from typing import NamedTuple

from pricectl.errors import NotFresh
from pricectl.home import Home
from pricectl.state.account import span
from pricectl.state.runs import Run, Runs

MAX_AGE_S = 180.0  # a refresh each minute, of which two may fail or be late
_FUTURE_MS = 5_000  # dated later than this after now: a clock was set back, and the age means nothing
_LOOKED_AT = (1, 30, 1500)  # runs to look back over for one that succeeded: mostly the newest; a day's at most


class Pulse(NamedTuple):
    """How long ago (seconds; None: never, or not within a day) a refresh last succeeded, and how old the oldest price
    of an open market is now that it left (None: no market was open). ``wrong`` is empty where all is well."""

    success_ms: int | None
    success_age_s: float | None
    oldest_ms: int | None
    oldest_age_s: float | None
    wrong: NotFresh | None


def pulse(home: Home, now_ms: int, max_age_s: float = MAX_AGE_S) -> Pulse:
    """Whether a refresh of ``home`` ended with exit code 0 within the last ``max_age_s`` seconds, and left no price of
    an open market (but for assets known to fail) that is older than that by now."""
    log = Runs(home)
    last, good = newest(log)
    success_ms = good.finished_ms if good else None
    oldest_ms = good.oldest_ms or None if good else None
    ages = _age_s(success_ms, now_ms), _age_s(oldest_ms, now_ms)
    return Pulse(success_ms, ages[0], oldest_ms, ages[1], _wrong(log, last, *ages, max_age_s))


def newest(log: Runs) -> tuple[Run | None, Run | None]:
    """The newest refresh, and the newest that ended with exit code 0 (None if there was none within a day)."""
    found: list[Run] = []
    for count in _LOOKED_AT:
        found = log.last(count, "refresh")
        good = next((run for run in found if run.exit_code == 0), None)
        if good or len(found) < count:
            return (found[0] if found else None), good
    return found[0], None


def _age_s(ms: int | None, now_ms: int) -> float | None:
    return None if ms is None else (now_ms - ms) / 1000


def _wrong(
    log: Runs, last: Run | None, success_age_s: float | None, oldest_age_s: float | None, max_age_s: float
) -> NotFresh | None:
    allowed = f"(allowed: {span(max_age_s)})"
    if last is None:
        damage = f"; the run log holds damaged lines ({log.damaged})" if log.damaged else ""
        return NotFresh(f"no refresh has run{damage}", "`pricectl schedule --install` has it run each minute")
    ended = f"the last one ended with exit code {last.exit_code}{f' ({last.message})' if last.message else ''}"
    if success_age_s is None:
        return NotFresh(f"no refresh has succeeded for a day; {ended}", "`pricectl status` shows the last runs")
    if success_age_s < -_FUTURE_MS / 1000:
        return NotFresh("the last refresh is dated in the future", "check the machine's clock")
    if success_age_s > max_age_s:
        since = f"; {ended}" if last.exit_code else ""
        what = f"the last refresh that succeeded ended {span(success_age_s)} ago {allowed}{since}"
        return NotFresh(what, "`pricectl status` shows the last runs")
    if oldest_age_s is not None and oldest_age_s > max_age_s:
        what = f"the oldest price of an open market is {span(oldest_age_s)} old {allowed}"
        return NotFresh(what, "`pricectl status` shows which; the request budget may be too small for so many assets")
    return None
