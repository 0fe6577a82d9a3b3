"""What ``doctor --fix`` does about what it found. Nothing that can be had again is kept, nothing that cannot is lost:
damaged files are set aside, never deleted."""

import datetime as dt
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pricectl.catalogue.describe import outside
from pricectl.engine.checkup import PROBLEM, Checkup, Finding
from pricectl.errors import Damaged, PricectlError, ProviderError, Transient, Unwritable
from pricectl.model.asset import Asset, Series
from pricectl.state.runlock import RunLock
from pricectl.state.runs import Run, Runs
from pricectl.store.contents import minus, without
from pricectl.store.rows import Days
from pricectl.store.tables import ACTIONS, BARS, COVERAGE

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.store.verify import Bad, Examined

_TRIES = 3  # an entry set aside may have hidden damaged parts, and these a hole


class Repair:
    """Repairs under the run lock. ``look`` makes a fresh checkup; ``done`` says what was done, line by line; ``left``
    what could not be, and why."""

    def __init__(self, engine: "Engine", look: Callable[[], Checkup]) -> None:
        self._engine = engine
        self._look = look
        self._home = engine.settings.home
        self.done: list[str] = []
        self.left: list[str] = []

    def run(self, wait_s: float) -> list[Finding]:
        """Repair what can be; the findings after it. Raises Locked, Unwritable, StoreError."""
        if self._engine.settings.read_only:
            raise Unwritable("read_only is set: nothing is repaired", "unset read_only, or leave it to the owner")
        lock = RunLock(self._home, self._engine.clock, "doctor")
        if os.path.isdir(self._home.root):
            lock.take(wait_s, time.sleep)
        started_ms = self._engine.clock.now_ms()
        try:
            findings = self._repaired()
        finally:
            lock.free()
        if self.done or self.left:
            self._enter(started_ms, findings)
        return findings

    def _repaired(self) -> list[Finding]:
        for _ in range(_TRIES):
            checkup = self._look()
            findings = checkup.findings()
            fixes = {finding.fix for finding in findings if finding.level == PROBLEM and finding.fix}
            before = len(self.done)
            for name, fix in self._fixes(checkup).items():
                if name in fixes:
                    fix()
            if len(self.done) == before:
                return findings
        return self._look().findings()

    def _fixes(self, checkup: Checkup) -> dict[str, Callable[[], None]]:
        """The repairs in the order in which they are safe; the log before all that it lists."""
        return {
            "modes": self._modes,
            "log": lambda: self._logs(checkup.examined),
            "actions": lambda: self._actions(checkup),
            "bars": lambda: self._bars(checkup),
            "latest": self._latest,
            "cache": self._cache,
            "ledger": self._ledgers,
        }

    def _modes(self) -> None:
        from pricectl.engine.modes import healed, wrong_modes

        group = bool(self._engine.settings["home.group"])
        for path, _, healable in wrong_modes(self._home, group)[1]:
            if healable:
                mode = healed(os.lstat(path).st_mode, group)
                self._try(f"set the mode of {path} to {mode:04o}", partial(os.chmod, path, mode))

    def _logs(self, examined: Sequence["Examined"]) -> None:
        for table in examined:
            if table.bad_newest:
                self._engine.store.repair().entries(table.table)
                self.done.append(f"set the damaged newest entry of the log of {table.table.name} aside")
        if any(table.bad_newest and table.table is BARS for table in examined):
            self._uncover()

    def _uncover(self) -> None:
        """Which bars a damaged entry had listed cannot be known. So days before the first and after the last bar that
        is left count as not asked for; days in between show as holes in the next look. Where parts are damaged too, all
        days are asked for again."""
        store = self._engine.store
        try:
            held = {series: list(spans.values()) for series, spans in store.held().items()}
            covered = store.coverage_of(list(held))
        except Damaged:
            held, covered = {}, {}
        bounds = {series: (min(spans)[0], max(last for _, last in spans)) for series, spans in held.items()}
        store.repair().cover({series: _within(spans, *bounds[series]) for series, spans in covered.items()})
        self.done.append("days outside of the bars that are left are asked for again when they are wanted")

    def _bars(self, checkup: Checkup) -> None:
        """Days of which bars were lost count as not asked for, then the parts go: in this order a crash in between
        costs requests, never a bar that is thought to be there."""
        contents = checkup.contents
        if contents is None or any(one.log_error for one in checkup.examined):
            return
        bad = {table.table.name: list(table.bad) for table in checkup.examined}
        covered = without(contents.covered, [one.part for one in bad[BARS.name]])
        for hole in checkup.holes:
            covered[hole.series] = minus(covered.get(hole.series, []), (hole.first, hole.last))
        repair = self._engine.store.repair()
        repair.cover(covered)
        repair.lose(bad[BARS.name])
        for name in (BARS.name, COVERAGE.name):
            self.done += [f"set {one.part.path} of {name} aside; {_lost(one)}" for one in bad[name]]
        for hole in checkup.holes:
            self.done.append(f"{hole.series} from {hole.first} to {hole.last} is asked for again when it is wanted")

    def _actions(self, checkup: Checkup) -> None:
        """Splits and dividends are told again by the providers, all of them or none: bars without their splits would
        be wrong prices."""
        if checkup.contents is None:
            return
        bad = [one for table in checkup.examined if table.table is ACTIONS for one in table.bad]
        fetched = dt.datetime.fromtimestamp(self._engine.clock.now_ms() / 1000, dt.UTC)
        rows: list[tuple[Any, ...]] = []
        try:
            for series, days in checkup.contents.series().items():
                if any(_may_hold(one, series) for one in bad):
                    rows += [(*series, *action, False, fetched) for action in self._told(series, days[0])]
        except ProviderError as error:
            self.left.append(f"the splits and dividends of {len(bad)} damaged parts are not had again: {error}")
            return
        self._engine.store.repair().retell(bad, rows)
        self.done.append(f"set {len(bad)} damaged parts of actions aside; {len(rows)} actions were told again")

    def _told(self, series: Series, since: dt.date) -> Sequence[Any]:
        from pricectl.engine.live import ask_history

        now = dt.datetime.fromtimestamp(self._engine.clock.now_ms() / 1000, dt.UTC).date()
        history = ask_history(self._engine, self._asset(series), since, now, self._engine.settings.timeout_s)
        if not history.reaches_now:
            raise Transient(f"what {series.provider} says of {series} does not reach today", "", series.provider)
        return history.actions

    def _asset(self, series: Series) -> Asset:
        known = {asset.series: asset for asset in self._engine.catalogue.all(active=None)}
        return known.get(series) or outside(*series)

    def _latest(self) -> None:
        paths = self._engine.store.damaged_latest()
        self._engine.store.repair().latest(paths)
        self.done += [f"set {path} aside" for path in paths]

    def _cache(self) -> None:
        from pricectl.cache.verify import set_aside

        now_ms = self._engine.clock.now_ms()
        self._try("set the hot cache aside; a new one begins", lambda: set_aside(self._home, now_ms))

    def _ledgers(self) -> None:
        from pricectl.providers import NAMES

        for name in NAMES:
            if self._engine.ledger.damaged(name):
                self._try(f"emptied the ledger of {name}", partial(self._engine.ledger.forget, name))

    def _try(self, what: str, step: Callable[[], object]) -> None:
        try:
            step()
        except OSError as error:
            self.left.append(f"cannot: {what}: {error.strerror}")
        else:
            self.done.append(what)

    def _enter(self, started_ms: int, findings: Sequence[Finding]) -> None:
        """The run in the run log; one that cannot be written is warned of."""
        code = 5 if any(finding.level == PROBLEM for finding in findings) else 0
        message = f"{len(self.done)} repairs" + (f", {len(self.left)} not possible" if self.left else "")
        ended_ms = self._engine.clock.now_ms()
        at = dt.datetime.fromtimestamp(started_ms / 1000, dt.UTC)
        run_id = f"{at:%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}"
        run = Run(run_id, "doctor", started_ms, ended_ms, code, message=message)
        try:
            Runs(self._home).append(run)
        except PricectlError as error:
            self._engine.warn(f"{error}; the repair is not in the run log")


def _may_hold(bad: "Bad", series: Series) -> bool:
    part = bad.part
    inside = part.provider_low <= series.provider <= part.provider_high
    return inside and part.id_low <= series.provider_id <= part.id_high


def _within(spans: Sequence[Days], first: dt.date, last: dt.date) -> list[Days]:
    return [(max(start, first), min(end, last)) for start, end in spans if start <= last and end >= first]


def _lost(bad: "Bad") -> str:
    part = bad.part
    return f"{part.first} to {part.last} of {part.id_low} to {part.id_high} is asked for again when it is wanted"
