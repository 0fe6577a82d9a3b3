"""How ``refresh`` goes about its runs: alone, again and again, and what is said of them."""

import random
import sys
from typing import TYPE_CHECKING, NamedTuple

from pricectl.cli.options import Context
from pricectl.cli.stopping import Stop
from pricectl.engine.monitors import Monitors
from pricectl.errors import DeadlineReached, Locked, PricectlError
from pricectl.model.instant import iso
from pricectl.output import terminal
from pricectl.state.runs import Run

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.engine.refresh import Order, Plan
    from pricectl.engine.unattended import Done
    from pricectl.model.asset import Asset
    from pricectl.output.rows import Value

COMMIT_S = 3.0  # of the deadline are kept for the commit


class Times(NamedTuple):
    """Seconds: a run is over after ``deadline_s`` (``given``: somebody said so) and begins no bars after ``bars_s``.
    ``every_s`` 0: once."""

    deadline_s: float
    bars_s: float
    jitter_s: float
    every_s: float
    wait_s: float
    given: bool


class Runner:
    """The command as it was given. ``backfill`` without a deadline goes on until nothing is missing."""

    def __init__(self, context: Context, times: Times, symbols: list[str], type_: str, everything: bool) -> None:
        self.backfill = False
        self.monitors = Monitors()
        self._ended_as: Run | None = None
        self._before: Run | None = None
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
        left = self.backfill and done.report.kept.left > 0
        whole = done._replace(run=_together(self._before, done.run))
        if left and not self._times.given and done.report.requests and done.run.exit_code in (0, 3, 12) and not stop():
            if self._watched:
                self._context.note(f"{done.report.kept.left} assets still lack history")
            self._before = whole.run
            return done.run.exit_code, True
        if self._watched or self._context.output != "table":
            self._show(document(whole))
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

    def _show(self, said: "dict[str, Value]") -> None:
        from pricectl.output import json

        many = self._times.every_s > 0  # then a line each, for whoever reads along
        if self._context.output == "jsonl" or (self._context.output == "json" and many):
            self._context.write(json.lines([said]), flush=True)
        elif self._context.output == "json":
            self._context.write(json.document(said), flush=True)
        else:
            self._context.show_record(_flat(said))

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


def document(done: "Done") -> "dict[str, Value]":
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


def _flat(said: "dict[str, Value]") -> "dict[str, Value]":
    """The same for a table or a CSV line: a name for each number, and the failures by number only."""
    flat: dict[str, Value] = {}
    for key, item in said.items():
        if isinstance(item, dict):
            flat |= {f"{key}.{name}": part for name, part in item.items()}
        else:
            flat[key] = len(item) if isinstance(item, list) else item
    return flat


def _together(before: Run | None, run: Run) -> Run:
    """The cycles of one backfill as one run."""
    if before is None:
        return run
    counted = {name: getattr(before, name) + getattr(run, name) for name in ("quotes_ok", "bars_added", "bars_revised")}
    names = {**before.requests, **run.requests}
    requests = {name: before.requests.get(name, 0) + run.requests.get(name, 0) for name in names}
    return run._replace(started_ms=before.started_ms, requests=requests, **counted)
