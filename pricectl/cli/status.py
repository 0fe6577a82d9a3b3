"""``pricectl status``: what happened, how things stand, what the providers allow; and the monitors' question."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pricectl.cli.options import Context, common
from pricectl.errors import UsageError
from pricectl.model.instant import iso
from pricectl.output.rows import Column

if TYPE_CHECKING:
    from pricectl.engine.pulse import Pulse
    from pricectl.engine.report import Status

LIMIT = (
    "provider", "requestsPerMinute", "available", "burst", "ratePerSecond", "atOnce", "usedWeight", "weightPerMinute",
    "breaker", "breakerSeconds", "pauseSeconds", "reason", "banned", "shared",
)  # fmt: skip
LIMIT_TABLE = (
    Column("provider", "PROVIDER"), Column("requestsPerMinute", "LAST MINUTE"), Column("available", "AT ONCE"),
    Column("burst", "OF"), Column("ratePerSecond", "A SECOND"), Column("usedWeight", "WEIGHT USED"),
    Column("weightPerMinute", "OF"), Column("breaker", "BREAKER"), Column("pauseSeconds", "PAUSE S"),
    Column("reason", "REASON"),
)  # fmt: skip
RUN_TABLE = (
    Column("finishedAt", "ENDED"), Column("command", "COMMAND"), Column("seconds", "SECONDS"),
    Column("exitCode", "EXIT"), Column("assets", "ASSETS"), Column("ok", "OK"), Column("failed", "FAILED"),
    Column("skipped", "NOT DUE"), Column("added", "BARS"), Column("sent", "REQUESTS"), Column("message", "MESSAGE"),
)  # fmt: skip
STORE_TABLE = (
    Column("tier", "STORE"), Column("rows", "ROWS"), Column("bytes", "BYTES"), Column("parts", "PARTS"),
    Column("from", "FROM"), Column("to", "TO"),
)  # fmt: skip
FAILING_TABLE = (
    Column("symbol", "FAILING"), Column("since", "SINCE"), Column("code", "CODE"), Column("message", "MESSAGE"),
)  # fmt: skip
FAILING_SHOWN = 20  # to a person; JSON has them all


@common(asks=False)
def status(
    context: Context,
    limits: Annotated[bool, typer.Option("--limits", help="Only the request budgets of all providers.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only whether a refresh succeeded within --max-age (3m): exit code 0 or 6.")
    ] = False,
    runs: Annotated[int, typer.Option("--runs", min=0, metavar="N", help="Show the last N runs.")] = 5,
) -> None:
    """Show the last runs, how fresh and complete things are, the store's size and the providers' health.

    \b
      pricectl status
      pricectl status --json | jq .assets
      pricectl status --limits
      pricectl status --check --max-age 3m || mail -s stale ops < /dev/null

    Asks no provider. --check reads the run log alone: it is quick, and works when little else does. Fresh means that
    a refresh ended with exit code 0 within --max-age, and that it left no price of an open market older than that.
    -o csv and -o jsonl give figures, one a line.
    """
    if limits and check:
        raise UsageError("--limits and --check exclude each other", "give one of the two")
    if check:
        _check(context)
    elif limits:
        _limits(context)
    else:
        _status(context, runs)


def _check(context: Context) -> None:
    from pricectl.engine.pulse import MAX_AGE_S, pulse

    max_age_s = MAX_AGE_S if context.max_age_s is None else context.max_age_s
    found = pulse(context.home, context.clock.now_ms(), max_age_s)
    if context.output != "table":
        from pricectl.cli import status_records as records
        from pricectl.output import json

        context.show_record(json.with_version(records.pulse(found, max_age_s)))
    elif found.wrong is None and not context.quiet:
        context.write(f"fresh: the last refresh succeeded {_ago(found.success_age_s)}{_oldest_price(found)}\n")
    if found.wrong is not None:
        raise found.wrong


def _oldest_price(found: "Pulse") -> str:
    if found.oldest_age_s is None:
        return ""
    return f", the oldest price of an open market came {_ago(found.oldest_age_s)}"


def _ago(seconds: float | None) -> str:
    from pricectl.state.account import span

    return f"{span(max(seconds or 0.0, 0.0))} ago"


def _limits(context: Context) -> None:
    from pricectl.cli import status_records as records
    from pricectl.engine import report

    found, troubles = report.limits(context.engine)
    for trouble in troubles:
        context.warn(trouble)
    document = {"asOf": iso(context.clock.now_ms()), "limits": [records.limit(one) for one in found]}
    context.show(document, "limits", LIMIT, LIMIT_TABLE)


def _status(context: Context, runs: int) -> None:
    from pricectl.cli import status_records as records
    from pricectl.engine import report

    found = report.status(context.engine, runs)
    for trouble in found.troubles:
        context.warn(trouble)
    if context.output == "table":
        context.write(_page(context, found))
    elif context.output == "json":
        from pricectl.output import json

        context.write(json.document(records.document(context.home.root, found)))
    else:
        from pricectl.engine.figures import figures, labelled

        lines = [records.figure(row) for row in labelled(figures(found))]
        context.show({"figures": lines}, "figures", records.FIGURE, ())


def _page(context: Context, found: "Status") -> Iterator[str]:
    """The same for a person: a few lines, then a table for each list that holds something."""
    from pricectl.cli import status_records as records
    from pricectl.output import table

    yield from table.pairs(dict(_lines(context, found)), context.screen)
    runs = [{**records.run(one), "ok": one.quotes_ok, "failed": one.quotes_failed, "skipped": one.quotes_skipped,
             "added": one.bars_added, "sent": sum(one.requests.values())} for one in found.runs]  # fmt: skip
    tiers = [tier for tier in records.tiers(found) if tier["rows"]]
    failing = records.failing(found)
    limits = [records.limit(one) for one in found.limits]
    lists = ((RUN_TABLE, runs), (LIMIT_TABLE, limits), (STORE_TABLE, tiers), (FAILING_TABLE, failing[:FAILING_SHOWN]))
    for columns, listed in lists:
        if listed:
            yield "\n"
            yield from table.lines(columns, listed, context.screen)
    if len(failing) > FAILING_SHOWN:
        yield f"... and {len(failing) - FAILING_SHOWN} more\n"


def _lines(context: Context, found: "Status") -> Iterator[tuple[str, str]]:
    yield "home", context.home.root
    if found.succeeded:
        yield "refreshed", f"{_ago((found.now_ms - found.succeeded.finished_ms) / 1000)}"
    else:
        yield "refreshed", "never, as far as the run log tells" if not found.refreshed else "not for a day"
    if found.assets is not None:
        one = found.assets
        said = f"{one.followed} followed: {one.fresh} fresh, {one.stale} stale, {one.missing} without a price"
        if not one.followed:
            said = "none followed: `pricectl assets follow SYMBOL...` has refresh keep them up to date"
        yield "assets", f"{said}; {one.failing} known to fail" if one.failing else said
        for name, oldest in (("oldest", one.oldest), ("oldest stale", one.oldest_stale)):
            if oldest is not None:
                yield name, f"{oldest.symbol}, fetched {_ago((found.now_ms - oldest.fetched_ms) / 1000)}"
    if found.coverage is not None and any(found.coverage):
        bars = found.coverage
        yield "bars", f"{bars.complete} assets complete, {bars.behind} behind, {bars.none} without"
    if found.ever.rate is not None:
        hour = found.last_hour.rate
        said = f"{100 * found.ever.rate:.1f} % of {found.ever.hits + found.ever.misses} look-ups answered"
        yield "cache", said if hour is None else f"{said}; {100 * hour:.1f} % in the last hour"
    yield "store", f"{sum(held.bytes for held in found.holdings or ())} bytes listed, {found.disk_bytes} on disk"
