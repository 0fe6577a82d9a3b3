"""Days into weeks and months, by the retention policy: which days stay days, and which must wait. The store does it."""

import datetime as dt
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pricectl.config import ensure_home
from pricectl.engine.gaps import DAY, Days, expected, missing
from pricectl.engine.mending import mend
from pricectl.engine.segments import Cuts, cuts, period
from pricectl.errors import NotFound, PricectlError, Unwritable, UsageError
from pricectl.model.asset import Series
from pricectl.state.runs import Run, Runs

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.store.upkeep import Outcome


class Report(NamedTuple):
    """What was rolled up, or would be, with the policy as it stands on ``as_of``."""

    as_of: dt.date
    outcome: "Outcome"
    dry_run: bool


def run(
    engine: "Engine",
    as_of: dt.date | None,
    dry_run: bool,
    tell: Callable[[int, int], None] = lambda done, steps: None,
    *,
    ask: bool = True,
) -> Report:
    """Roll the store up. ``tell`` hears how many of how many steps are done. A run is entered in the run log.

    ``ask``: providers may be asked again for the days of stored weeks and months that an ex-date has torn since.

    Raises UsageError for a day that has not come, Locked when another run writes, StoreError.
    """
    today = _day(engine.clock.now_ms())
    day = as_of or today
    if day > today:
        raise UsageError(f"--as-of {day} is in the future", f"it is {today} (UTC)")
    if dry_run:
        return Report(day, _roll_up(engine, day, tell, dry_run=True), dry_run)
    if not engine.settings.read_only:
        _make_home(engine)
    started_ms = engine.clock.now_ms()
    try:
        if ask and not engine.settings.read_only:
            mend(engine)
        outcome = _roll_up(engine, day, tell, dry_run=False)
    except PricectlError as error:
        _enter(engine, started_ms, error.exit_code, str(error))
        raise
    _enter(engine, started_ms, 0, "")
    return Report(day, outcome, dry_run)


def _roll_up(engine: "Engine", day: dt.date, tell: Callable[[int, int], None], *, dry_run: bool) -> "Outcome":
    policy = cuts(engine.settings["retention.daily"], engine.settings["retention.weekly"], day)

    def gaps(firsts: Mapping[Series, dt.date]) -> dict[Series, list[Days]]:
        return unasked(engine, policy, firsts)

    return engine.store.upkeep().run(policy.daily, policy.weekly, gaps, tell, dry_run=dry_run)


def unasked(engine: "Engine", policy: Cuts, firsts: Mapping[Series, dt.date]) -> dict[Series, list[Days]]:
    """The days before the daily cut, from the period of each series' first day on, on which its exchange was open and
    for which nobody was asked: what was never asked for may be there, so its period is not complete."""
    covered = engine.store.coverage_of(list(firsts))
    found = {}
    for series, first in firsts.items():
        start, _ = period("1mo" if first < policy.weekly else "1wk", first)
        open_days = _open_days(engine, series, missing(start, policy.daily - DAY, covered.get(series, ())))
        if open_days:
            found[series] = open_days
    return found


def _open_days(engine: "Engine", series: Series, spans: Sequence[Days]) -> list[Days]:
    if not spans:
        return []
    try:
        asset = engine.catalogue.find(str(series))
    except (NotFound, UsageError):  # of a provider that is gone: every day counts
        return list(spans)
    return expected(spans, engine.calendar(asset).last_session)


def _make_home(engine: "Engine") -> None:
    try:
        ensure_home(engine.settings)
    except OSError as error:
        root = engine.settings.home.root
        raise Unwritable(
            f"cannot make {root}: {error.strerror or error}", "check the folder's owner, mode and space"
        ) from error


def _enter(engine: "Engine", started_ms: int, code: int, message: str) -> None:
    """One line in the run log; a log that cannot be written is warned of, nothing else depends on it."""
    if engine.settings.read_only:
        return
    at = dt.datetime.fromtimestamp(started_ms // 1000, dt.UTC)
    entry = Run(
        run_id=f"{at:%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}",
        command="aggregate",
        started_ms=started_ms,
        finished_ms=engine.clock.now_ms(),
        exit_code=code,
        message=message,
    )
    try:
        Runs(engine.settings.home).append(entry)
    except Unwritable as error:
        engine.warn(f"the run log cannot be written ({error})")


def _day(now_ms: int) -> dt.date:
    return dt.datetime.fromtimestamp(now_ms // 1000, dt.UTC).date()
