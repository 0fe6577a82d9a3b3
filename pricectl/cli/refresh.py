"""``pricectl refresh``: what cron runs each minute."""

import random
import sys
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from pricectl.cli.options import Context, common, duration
from pricectl.cli.stopping import Stop
from pricectl.engine.monitors import Monitors
from pricectl.errors import DeadlineReached, Locked, PricectlError, UsageError
from pricectl.model.instant import iso
from pricectl.output import terminal
from pricectl.state.runs import Run

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.engine.refresh import Order, Plan
    from pricectl.engine.unattended import Done
    from pricectl.model.asset import Asset
    from pricectl.output.rows import Value

DEADLINE_S = 55.0
# Bars of ended sessions may wait for the next minute: unless a deadline says how long the run may take, none is begun
# after this.
BARS_S = 8.0
COMMIT_S = 3.0  # of the deadline are kept for the commit


class _Times(NamedTuple):
    deadline_s: float
    bars_s: float
    jitter_s: float
    every_s: float
    wait_s: float
    given: bool


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
    run = _Run(context, _times(context, deadline, jitter, every, wait), list(symbols or []), type_ or "", everything)
    run.backfill = backfill
    run.monitors = Monitors(metrics_file, ping_url)
    if dry_run:
        run.show_plan()
        return 0
    with Stop() as stop:
        return run.quietly(stop)


def _times(context: Context, deadline: str | None, jitter: str | None, every: str | None, wait: str | None) -> _Times:
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
    return _Times(
        deadline_s,
        deadline_s if given else BARS_S,
        jitter_s,
        every_s if every else 0.0,
        said("--wait", wait, 0.0),
        given,
    )


class _Run:
    """The command as it was given. ``backfill`` without a deadline goes on until nothing is missing."""

    def __init__(self, context: Context, times: _Times, symbols: list[str], type_: str, everything: bool) -> None:
        self.backfill = False
        self.monitors = Monitors()
        self._ended_as: Run | None = None
        self._context = context
        self._times = times
        self._symbols = symbols
        self._type = type_
        self._everything = everything
        self._watched = terminal.is_terminal(sys.stderr)

    def show_plan(self) -> None:
        from pricectl.engine.refresh import Refresh, select

        engine = self._engine()
        assets, wrong = select(engine, self._symbols, self._type, self._everything)
        plan = Refresh(engine, self._order(assets, 0.0), {}).plan()
        for one in wrong:
            self._context.warn(f"{one.symbol}: {one.message}")
        if not assets and not wrong:
            self._say_how_to_follow()
        self._show(_planned(plan))

    def quietly(self, stop: Stop) -> int:
        """Run; off a terminal a failure is said once an hour, and that another run is under way not at all."""
        if self._times.jitter_s:
            stop.sleep(random.uniform(0.0, self._times.jitter_s))
        from pricectl.engine import unattended

        try:
            with unattended.lock(self._context.engine) as lock:
                if lock.take(self._times.wait_s, stop.sleep, stop):
                    return self._again_and_again(stop)
            return stop.exit_code
        except Locked as error:
            if self._watched:
                raise
            return error.exit_code
        except Exception as error:
            if self._watched or self._worth_saying(f"{type(error).__name__}: {error}"):
                raise
            return error.exit_code if isinstance(error, PricectlError) else 1

    def _again_and_again(self, stop: Stop) -> int:
        clock = self._context.clock
        while True:
            began = clock.monotonic()
            code, left = self._once(stop)
            if stop():
                return stop.exit_code
            if self._times.every_s:
                stop.sleep(self._times.every_s - (clock.monotonic() - began))
            elif not left:
                return code
            if stop():
                return stop.exit_code

    def _once(self, stop: Stop) -> tuple[int, bool]:
        """One cycle, of which the monitors are told; its exit code, and whether a backfill is to go on."""
        began_ms = self._context.clock.now_ms()
        self._ended_as = None
        self.monitors.begin()
        try:
            code, go_on = self._cycle(stop)
        except Exception as error:
            code = error.exit_code if isinstance(error, PricectlError) else 1
            self._tell_monitors(began_ms, code, str(error), stop)
            raise
        return self._tell_monitors(began_ms, code, "", stop), go_on

    def _tell_monitors(self, began_ms: int, code: int, message: str, stop: Stop) -> int:
        """Tell them of the cycle; its exit code, or where that is 0, that of a file which could not be written."""
        unlogged = Run("", "refresh", began_ms, self._context.clock.now_ms(), code, message=message)
        told = self.monitors.end(self._engine, self._ended_as or unlogged, hurry=stop())
        for trouble in self.monitors.troubles:
            self._complain(trouble, str(trouble))
        return code or told

    def _cycle(self, stop: Stop) -> tuple[int, bool]:
        """One cycle; its exit code, and whether a backfill is to go on."""
        from pricectl.engine import unattended
        from pricectl.engine.refresh import select

        try:
            engine = self._engine()
            assets, wrong = select(engine, self._symbols, self._type, self._everything)
            if not assets and not wrong:
                self._say_how_to_follow()
            done = unattended.refresh(engine, self._order(assets, self._times.jitter_s), wrong, stop)
            self._ended_as = done.run
        except PricectlError as error:
            if not self._times.every_s:
                raise
            self._complain(error, f"{error.code}: {error}")
            return error.exit_code, False
        if self._watched or self._context.output != "table":
            self._show(_document(done))
        left = self.backfill and done.report.kept.left > 0
        go_on = left and not self._times.given and bool(done.report.requests)
        if go_on and done.run.exit_code in (0, 3, 12):
            self._context.note(f"{done.report.kept.left} assets still lack history")
            return done.run.exit_code, True
        return self._ended(done, left, stop), False

    def _ended(self, done: "Done", left: bool, stop: Stop) -> int:
        """The exit code of a cycle, after saying what went wrong in it."""
        code = done.run.exit_code
        if code == 0 and left:
            code = DeadlineReached.exit_code
        if code and not stop():
            missing = f"{done.report.kept.left} assets still lack history; run it again to go on"
            error = PricectlError(
                done.run.message or missing, "`pricectl status` shows more" if done.run.message else ""
            )
            error.exit_code = code
            self._complain(error, done.cause)
        return code

    def _complain(self, error: PricectlError, what: str) -> None:
        from pricectl.cli.failures import say

        if self._watched or self._worth_saying(what):
            say(error, self._context.output in ("json", "jsonl"))

    def _worth_saying(self, what: str) -> bool:
        from pricectl.engine.unattended import worth_saying

        return worth_saying(self._context.home, what, self._context.clock.now_ms())

    def _engine(self) -> "Engine":
        """A new engine each cycle: settings and catalogue are read anew, and nothing piles up."""
        from pricectl.engine import Engine

        context = self._context
        return Engine(context.read_settings(), context.clock, context.warn if self._watched else context.detail)

    def _order(self, assets: "list[Asset]", late_s: float) -> "Order":
        from pricectl.engine.refresh import Order

        context, times = self._context, self._times
        deadline_s = max(times.deadline_s - late_s, 1.0)
        return Order(
            assets,
            deadline_s - min(COMMIT_S, deadline_s / 4),
            times.bars_s if times.given or not self.backfill else deadline_s,
            times.every_s or 60.0,
            context.refresh,
            context.max_age_s,
            self.backfill,
        )

    def _show(self, document: "dict[str, Value]") -> None:
        from pricectl.output import json

        if self._context.output == "json":
            self._context.write(json.document(document), flush=True)
        elif self._context.output == "jsonl":
            self._context.write(json.lines([document]), flush=True)
        else:
            self._context.show_record(_flat(document))

    def _say_how_to_follow(self) -> None:
        text = "nothing is followed, so there is nothing to refresh; `pricectl assets follow BTC AAPL`, or --all"
        if self._watched or self._worth_saying("nothing is followed"):
            self._context.note(text)


def _planned(plan: "Plan") -> "dict[str, Value]":
    return {
        "assets": plan.assets,
        "quotes": {"due": plan.quotes},
        "bars": {"due": plan.bars},
        "requests": dict(plan.requests),
        "dryRun": True,
    }


def _document(done: "Done") -> "dict[str, Value]":
    """The JSON object of the contract."""
    run, report = done.run, done.report
    return {
        "startedAt": iso(run.started_ms),
        "finishedAt": iso(run.finished_ms),
        "assets": run.assets,
        "quotes": {"ok": run.quotes_ok, "failed": run.quotes_failed, "skipped": run.quotes_skipped},
        "bars": {"added": run.bars_added, "revised": run.bars_revised},
        "requests": dict(run.requests),
        "errors": [one._asdict() for one in run.errors],
        "left": {"quotes": report.left, "bars": report.kept.left},
        "runId": run.run_id,
        "exitCode": run.exit_code,
    }


def _flat(document: "dict[str, Value]") -> "dict[str, Value]":
    """The same for a table or a CSV line: a name for each number, and the failures by number only."""
    flat: dict[str, Value] = {}
    for key, item in document.items():
        if isinstance(item, dict):
            flat |= {f"{key}.{name}": part for name, part in item.items()}
        else:
            flat[key] = len(item) if isinstance(item, list) else item
    return flat
