"""``pricectl aggregate``: old days into weeks and months."""

from typing import TYPE_CHECKING, Annotated

import typer

from pricectl.cli.options import Context, common
from pricectl.engine import aggregate as engine
from pricectl.engine.ranges import read_day
from pricectl.output.rows import Column, Record, Value

if TYPE_CHECKING:
    from pricectl.output.progress import Progress
    from pricectl.store.upkeep import Tier

_COLUMNS = ("tier", "before", "after", "periods", "bytesBefore", "bytesAfter")
_TABLE = (
    Column("tier", "TIER"),
    Column("before", "ROWS"),
    Column("after", "ROWS AFTER"),
    Column("periods", "ROLLED UP"),
    Column("bytesBefore", "BYTES"),
    Column("bytesAfter", "BYTES AFTER"),
)


@common(asks=False)
def aggregate(
    context: Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be rolled up, and write nothing.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="By the policy as it stood on that day.")
    ] = None,
) -> None:
    """Roll old days up into weeks and months, and make the store small.

    \b
      pricectl aggregate                     by the settings retention.daily and retention.weekly
      pricectl aggregate --dry-run           the rows and bytes of each tier before and after
      pricectl aggregate --as-of 2026-01-01

    Only whole periods of which every day was asked for are rolled up; days that came late wait until all of their
    period are there. Where a split or dividend became known within a stored week or month, its days are asked for
    again (not with --offline). One commit for all tiers, checked before it; running it again changes nothing. Exit
    codes: 9 the store failed and stays as it was, 11 another run is writing it.
    """
    day = None if as_of is None else read_day(as_of, "--as-of")
    with _Steps(context) as steps:
        report = engine.run(context.engine, day, dry_run, steps, ask=not context.offline)
    tiers = {"daily": report.outcome.daily, "weekly": report.outcome.weekly, "monthly": report.outcome.monthly}
    records = {name: _record(tier) for name, tier in tiers.items()}
    if context.output == "json":
        from pricectl.output import json

        context.write(json.document(_document(report, records)))
    else:
        listed = [{"tier": name, **record} for name, record in records.items()]
        context.show({"tiers": listed}, "tiers", _COLUMNS, _TABLE)
    _say(context, report)


def _record(tier: "Tier") -> dict[str, Value]:
    return {
        "before": tier.before,
        "after": tier.after,
        "periods": tier.periods,
        "bytesBefore": tier.bytes_before,
        "bytesAfter": tier.bytes_after,
    }


def _document(report: engine.Report, records: dict[str, dict[str, Value]]) -> Record:
    outcome = report.outcome
    tiers = (outcome.daily, outcome.weekly, outcome.monthly)
    return {
        "asOf": report.as_of.isoformat(),
        **records,
        "bytesBefore": sum(tier.bytes_before for tier in tiers),
        "bytesAfter": sum(tier.bytes_after for tier in tiers),
        "waiting": outcome.waiting,
        "removed": outcome.removed,
        "dryRun": report.dry_run,
    }


def _say(context: Context, report: engine.Report) -> None:
    if report.dry_run:
        context.note("nothing was written")
    if report.outcome.waiting:
        context.note(f"{report.outcome.waiting} old days stay days: their periods are not whole")


class _Steps:
    """Progress on a terminal; how many steps there are is known with the first."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._progress: Progress | None = None
        self._done = 0

    def __enter__(self) -> "_Steps":
        return self

    def __call__(self, done: int, steps: int) -> None:
        self._progress = self._progress or self._context.progress("rolling up", steps)
        self._progress.step(done - self._done)
        self._done = done

    def __exit__(self, *ended: object) -> None:
        if self._progress:
            self._progress.__exit__(None, None, None)
