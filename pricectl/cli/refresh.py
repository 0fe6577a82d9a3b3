"""``pricectl refresh``: what cron runs each minute."""

from typing import Annotated

import typer

from pricectl.cli.options import Context, common, duration
from pricectl.cli.runner import Runner, Times
from pricectl.cli.stopping import Stop
from pricectl.engine.monitors import Monitors
from pricectl.errors import UsageError

DEADLINE_S = 55.0
# Bars of ended sessions may wait for the next minute: unless a deadline says how long the run may take, none is begun
# after this.
BARS_S = 8.0


@common
def refresh(
    context: Context,
    symbols: Annotated[list[str] | None, typer.Argument(metavar="[SYMBOL...]", help="Only these assets.")] = None,
    type_: Annotated[str | None, typer.Option("--type", metavar="T", help="Only crypto, stock, etf, ...")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole catalogue, not only what is followed.")] = False,
    backfill: Annotated[bool, typer.Option("--backfill", help="Load all history that is missing, too.")] = False,
    deadline: Annotated[
        str | None, typer.Option("--deadline", metavar="TIME", help="Be over after 55s (the default).")
    ] = None,
    jitter: Annotated[
        str | None, typer.Option("--jitter", metavar="TIME", help="Start up to 5s later, at random.")
    ] = None,
    every: Annotated[str | None, typer.Option("--every", metavar="TIME", help="Go on and on, each 60s.")] = None,
    wait: Annotated[str | None, typer.Option("--wait", metavar="TIME", help="Wait 30s for another run.")] = None,
    metrics_file: Annotated[
        str, typer.Option("--metrics-file", metavar="F.prom", help="Write figures for Prometheus's textfile collector.")
    ] = "",
    ping_url: Annotated[
        str, typer.Option("--ping-url", metavar="URL|@FILE", help="Tell a monitor: URL/start, then URL/<exit code>.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be asked, and ask nobody.")] = False,
) -> int:
    """Keep the assets that are followed up to date: due quotes into the cache, ended sessions into the store.

    \b
      pricectl refresh                       what is due, once
      pricectl refresh --deadline 55s --jitter 5s      for cron, each minute
      pricectl refresh --every 60s           the same as one process
      pricectl refresh --metrics-file /var/lib/node_exporter/pricectl.prom --ping-url @/etc/pricectl-ping
      pricectl refresh --backfill            all history of what is followed
      pricectl refresh --all --dry-run       what the whole catalogue would cost

    Closed markets are not asked. Off a terminal a good run prints nothing, a bad one one line, and that once an
    hour. --refresh fetches also what is not due. Exit codes: 0, also when only assets known as failing fail; 3 new
    failures, or more than 5 %; 9 store; 11 another run holds the lock; 12 time is up; 130 and 143 after a signal.
    """
    if context.offline:
        raise UsageError("refresh asks the providers, --offline asks nobody", "leave one out")
    if (everything and symbols) or (everything and type_):
        raise UsageError("--all excludes symbols and --type", "give one of them")
    run = Runner(context, _times(context, deadline, jitter, every, wait), list(symbols or []), type_ or "", everything)
    run.backfill = backfill
    run.monitors = Monitors(metrics_file, ping_url)
    if dry_run:
        run.show_plan()
        return 0
    with Stop() as stop:
        return run.quietly(stop)


def _times(context: Context, deadline: str | None, jitter: str | None, every: str | None, wait: str | None) -> Times:
    def said(option: str, text: str | None, default: float) -> float:
        return default if text is None else duration(option, text)

    every_s = said("--every", every, 60.0)
    if every is not None and every_s < 1.0:
        raise UsageError("--every is less than a second", "write it as 60s")
    usual = min(DEADLINE_S, every_s * 0.9)
    if context.settings.origins["timeout"] == "flag":
        usual = context.settings.timeout_s
    deadline_s = said("--deadline", deadline, usual)
    if deadline_s <= 0:
        raise UsageError("--deadline leaves no time", "write it as 55s")
    given = deadline is not None or every is not None
    jitter_s = min(said("--jitter", jitter, 0.0), deadline_s / 2)
    return Times(
        deadline_s,
        deadline_s if given else BARS_S,
        jitter_s,
        every_s if every else 0.0,
        said("--wait", wait, 0.0),
        given,
    )
