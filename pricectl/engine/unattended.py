"""A run that nobody watches: alone under its lock, entered in the run log, and quiet about what was said already."""

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pricectl.config import ensure_home
from pricectl.engine.refresh import Order, Refresh, Report, verdict
from pricectl.errors import Unwritable
from pricectl.home import Home
from pricectl.state import lookups
from pricectl.state.notes import Note
from pricectl.state.runlock import RunLock
from pricectl.state.runs import Failure, Run, Runs

if TYPE_CHECKING:
    from pricectl.engine import Engine

_SILENT_MS = 3_600_000  # the same complaint is made once in so long

_LONGEST = 150  # characters of a line that cron mails; its hint and its beginning come to that


# How a provider that is in trouble shows itself, from one minute to the next: one event, one complaint.
_TROUBLE = frozenset({"unavailable", "refused", "rate_limited", "bad_payload", "provider"})


class Done(NamedTuple):
    """A run that has ended: its line in the log and what it did. ``cause`` is the same for a run that failed for the
    same reason."""

    run: Run
    report: Report
    cause: str


def lock(engine: "Engine") -> RunLock:
    """The lock of ``refresh``, not taken yet, in a home that is there. Raises Unwritable."""
    home = engine.settings.home
    if engine.settings.read_only:
        raise Unwritable("read_only is set: nothing is refreshed", "unset read_only, or refresh by another account")
    try:
        ensure_home(engine.settings)
    except OSError as error:
        raise Unwritable(
            f"cannot make {home.root}: {error.strerror or error}", "check the folder's owner, mode and space"
        ) from error
    return RunLock(home, engine.clock, "refresh")


def refresh(engine: "Engine", order: Order, wrong: Sequence[Failure], stop: Callable[[], bool]) -> Done:
    """One refresh under the lock that the caller holds, entered in the run log. ``wrong``: symbols that mean no
    asset. A log that cannot be written is warned of; nothing else depends on it."""
    home = engine.settings.home
    log = Runs(home)
    started_ms = engine.clock.now_ms()
    known = log.failing()
    report = Refresh(engine, order, known, stop).run()
    code = verdict(report, known, len(wrong))
    errors = [*wrong, *report.errors]
    hits, misses = lookups.counted(home)
    run = Run(
        _run_id(started_ms),
        "refresh",
        started_ms,
        engine.clock.now_ms(),
        code,
        report.assets,
        report.ok,
        report.failed,
        report.skipped,
        report.kept.added,
        report.kept.revised,
        dict(report.requests),
        errors,
        report.oldest_ms,
        hits,
        misses,
        _message(code, report, errors)[:_LONGEST],
        report.kept.flagged,
        report.kept.aside,
        report.kept.rejected,
    )
    try:
        log.set_failing(report.failing)
        log.append(run)
    except Unwritable as error:
        engine.warn(f"{error}; {error.hint}")
    return Done(run, report, _cause(code, order, errors))


def _cause(code: int, order: Order, errors: Sequence[Failure]) -> str:
    of = {asset.symbol: asset.provider for asset in order.assets}
    kinds = {f"{of.get(one.symbol, '')} {'trouble' if one.code in _TROUBLE else one.code}" for one in errors}
    return f"{code}: {', '.join(sorted(kinds))}"


def worth_saying(home: Home, what: str, now_ms: int) -> bool:
    """Whether ``what`` was not said within the last hour; from now on it was. For cron, which mails every line."""
    note = Note(home, "said")
    said = {key: at for key, at in note.read().items() if isinstance(at, int) and 0 <= now_ms - at < _SILENT_MS}
    if what in said:
        return False
    with contextlib.suppress(Unwritable):  # then it is said each time
        note.write({**said, what: now_ms})
    return True


def _message(code: int, report: Report, errors: Sequence[Failure]) -> str:
    """The one line about a run that did not go well, without its hint."""
    if code == 0:
        return ""
    if report.trouble is not None:
        return f"the store cannot be used ({report.trouble})"
    if not errors:
        return f"the time was up with {report.left} of {report.assets} assets left to refresh"
    first = errors[0]
    if len(errors) == 1:
        return f"{first.symbol}: {first.message}"
    return f"{len(errors)} of {report.assets} assets failed; {first.symbol}: {first.message}"


def _run_id(started_ms: int) -> str:
    at = dt.datetime.fromtimestamp(started_ms / 1000, dt.UTC)
    return f"{at:%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}"
