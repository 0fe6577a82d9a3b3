"""What ``doctor`` finds: all that a home consists of, held to what it should be. Asks nobody, changes nothing."""

import datetime as dt
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from pricectl import __version__
from pricectl.errors import ConfigError
from pricectl.model.asset import Asset, Series
from pricectl.model.instant import iso
from pricectl.store.tables import ACTIONS, BARS, COVERAGE, Part

if TYPE_CHECKING:
    from pricectl.engine import Engine
    from pricectl.sessions import Calendar
    from pricectl.store.contents import Contents, Hole
    from pricectl.store.verify import Examined

OK, NOTE, PROBLEM = "ok", "note", "problem"
# As many sessions in a row without a bar are no holiday that the table lacks, nor a day's halt.
LONG_HOLE = 5
_NAMED = 20  # of many alike so many are told one by one
_LITTLE_MB = 200
_ENVIRONMENT = (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip


class Finding(NamedTuple):
    """What one look gave: ``check`` (what was looked at), ``level`` (ok, note or problem), ``subject`` (which file,
    series or setting), ``message``, and ``remedy``: what helps, empty where nothing need be done. ``fix`` names the
    repair that ``doctor --fix`` has for it, empty where it has none."""

    check: str
    level: str
    subject: str
    message: str
    remedy: str = ""
    fix: str = ""


class Checkup:
    """One look at everything. ``examined`` and ``holes`` are kept for the repair."""

    def __init__(self, engine: "Engine", env: Mapping[str, str], config_error: ConfigError | None = None) -> None:
        self._engine = engine
        self._env = env
        self._config_error = config_error
        self._home = engine.settings.home
        self.examined: list[Examined] = []
        self.holes: list[Hole] = []
        self.contents: Contents | None = None

    def findings(self) -> list[Finding]:
        """All of them, in the order of the checks. Raises StoreError where the store cannot be read at all."""
        found: list[Finding] = []
        looks: list[Callable[[], Iterator[Finding]]] = [
            self._software, self._environment, self._files, self._config, self._catalogue, self._cache, self._state,
            self._logs, self._parts, self._latest, self._rows, self._coverage, self._quarantine,
        ]  # fmt: skip
        for look in looks:
            found += look()
        return found

    def _software(self) -> Iterator[Finding]:
        from importlib.metadata import PackageNotFoundError, version

        names = ("duckdb", "pyarrow", "deltalake", "diskcache", "httpx", "typer")
        found = [f"pricectl {__version__}"]
        for name in names:
            try:
                found.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                found.append(f"{name} without a version")
        yield Finding("software", OK, f"python {platform.python_version()}", ", ".join(found))

    def _environment(self) -> Iterator[Finding]:
        said = [name for name in _ENVIRONMENT if self._env.get(name)]
        for name in said:
            value = _without_secret(self._env[name])
            yield Finding("environment", NOTE, name, f"{value}: requests to providers go by it")
            if name.startswith("SSL_") and not os.path.exists(self._env[name]):
                yield Finding("environment", PROBLEM, name, "there is no such file or folder", "correct or unset it")
        if not said:
            yield Finding("environment", OK, "", "no proxy, the usual certificate authorities")

    def _files(self) -> Iterator[Finding]:
        from pricectl.engine.modes import wrong_modes

        root = self._home.root
        if not os.path.isdir(root):
            yield Finding("home", NOTE, root, "it does not exist yet; the first command that keeps something makes it")
            return
        seen, wrong = wrong_modes(self._home, bool(self._engine.settings["home.group"]))
        for path, message, healable in wrong[:_NAMED]:
            remedy = "doctor --fix sets the mode" if healable else "give it to the owner of the home (chown)"
            yield Finding("home", PROBLEM, path, message, remedy, "modes" if healable else "")
        if len(wrong) > _NAMED:
            fix = "modes" if any(healable for *_, healable in wrong) else ""
            yield Finding("home", PROBLEM, root, f"{len(wrong) - _NAMED} more like these", "as above", fix)
        free_mb = shutil.disk_usage(root).free // 1_000_000
        if free_mb < _LITTLE_MB:
            yield Finding("home", NOTE, root, f"only {free_mb} MB free", "make room")
        if not wrong:
            yield Finding("home", OK, root, f"{seen} files and folders, {free_mb} MB free")

    def _config(self) -> Iterator[Finding]:
        if self._config_error is not None:
            yield Finding("config", PROBLEM, self._home.config, str(self._config_error), self._config_error.hint)
            return
        origins = self._engine.settings.origins.values()
        own = sum(origin != "default" for origin in origins)
        yield Finding("config", OK, self._home.config, f"{own} of {len(origins)} settings are not the default")

    def _catalogue(self) -> Iterator[Finding]:
        try:
            catalogue = self._engine.catalogue
            assets = catalogue.all(active=None)
            orphans, followed = catalogue.orphans, len(catalogue.followed())
        except ConfigError as error:
            yield Finding("catalogue", PROBLEM, self._home.assets, str(error), error.hint)
            return
        for symbol in orphans:
            what = "your list changes or follows it, but no list describes it"
            yield Finding("catalogue", PROBLEM, symbol, what, f"`pricectl assets remove {symbol}`, or add it again")
        yield Finding("catalogue", OK, "", f"{len(assets)} assets, {followed} followed")

    def _cache(self) -> Iterator[Finding]:
        from pricectl.cache.verify import examined

        rows, wrong = examined(self._home)
        if wrong:
            remedy = "doctor --fix sets it aside and begins a new one; it holds nothing that is not had again"
            yield Finding("cache", PROBLEM, self._home.cache, wrong, remedy, "cache")
        else:
            yield Finding("cache", OK, self._home.cache, f"{rows} rows")

    def _state(self) -> Iterator[Finding]:
        from pricectl.providers import NAMES
        from pricectl.state.runs import Runs

        for name in NAMES:
            if self._engine.ledger.damaged(name):
                remedy = "doctor --fix empties it; the next request would write it anew too"
                message = "the ledger of requests is not what was written; it counts as unused"
                yield Finding("state", PROBLEM, f"{name}.ledger", message, remedy, "ledger")
        log = Runs(self._home)
        runs = log.last(100_000)
        if log.damaged:
            yield Finding("state", NOTE, "runs.jsonl", f"{log.damaged} lines of the run log cannot be read")
        last = f", the last on {iso(runs[0].finished_ms)}" if runs else ""
        yield Finding("state", OK, self._home.state, f"{len(NAMES)} ledgers; {len(runs)} runs{last}")

    # The store

    def _logs(self) -> Iterator[Finding]:
        self.examined = self._engine.store.examined()
        for table in self.examined:
            name = f"{table.table.name} log"
            if table.bad_newest:
                remedy = "doctor --fix sets the entry aside; what it committed was never acknowledged, or is lost"
                yield Finding("log", PROBLEM, name, table.log_error, remedy, "log")
            elif table.log_error:
                yield Finding("log", PROBLEM, name, table.log_error, "restore the store from a copy, or move it away")
            elif table.version is not None:
                yield Finding("log", OK, name, f"version {table.version}, {len(table.parts)} parts")
            if not table.log_error:
                for path in table.old_entries:
                    what = "an old entry is not what was written; the list of parts is whole without it"
                    yield Finding("log", NOTE, path, what)
            if table.unlisted:
                size = f"{table.unlisted_bytes / 1e6:.1f} MB"
                message = f"{table.unlisted} files that the newest version does not list, {size}"
                yield Finding("log", NOTE, name, message, "aggregate takes them away a day later")

    def _parts(self) -> Iterator[Finding]:
        for table in self.examined:
            for bad in table.bad:
                path = os.path.join(self._home.store, table.table.name, bad.part.path)
                message = f"{bad.why} ({_held(bad.part)})"
                yield Finding("parts", PROBLEM, path, message, _REMEDIES[table.table.name], _FIXES[table.table.name])
        whole = [part for table in self.examined for part in table.sound]
        size = sum(part.size for part in whole)
        yield Finding("parts", OK, self._home.store, f"{len(whole)} parts are what was written, {size / 1e6:.1f} MB")

    def _latest(self) -> Iterator[Finding]:
        damaged = self._engine.store.damaged_latest()
        for path in damaged:
            remedy = "doctor --fix sets it aside; prices are had again"
            yield Finding("latest", PROBLEM, path, "its bytes are not those that were written", remedy, "latest")
        if not damaged:
            yield Finding("latest", OK, "", f"{len(self._engine.store.all_latest())} latest prices")

    def _rows(self) -> Iterator[Finding]:
        from pricectl.store.contents import Contents

        held = {
            table.table.name: [os.path.join(self._home.store, table.table.name, part.path) for part in table.sound]
            for table in self.examined
        }
        today = dt.datetime.fromtimestamp(self._engine.clock.now_ms() / 1000, dt.UTC).date()
        self.contents = contents = Contents(held, today)
        faults = contents.faults()
        for fault in faults:
            message = f"{fault.rows} {fault.rule}, of {fault.series} series"
            yield Finding("rows", PROBLEM, fault.example, message, "report it: pricectl never stores such rows")
        waiting = contents.waiting()
        if waiting:
            message = f"{waiting} days lie within stored weeks or months"
            yield Finding("rows", NOTE, "", message, "aggregate takes them up once they are all of their period")
        if not any(table.bad or table.log_error for table in self.examined):
            for one, spans in sorted(self._engine.store.torn().items()):
                message = f"{len(spans)} stored weeks or months have a split or a dividend inside learnt later"
                yield Finding("rows", NOTE, str(one), message, "aggregate asks for their days again and rebuilds them")
        if not faults:
            yield Finding("rows", OK, "", f"the bars of {len(contents.series())} series keep the rules")

    def _coverage(self) -> Iterator[Finding]:
        assert self.contents is not None
        series = self.contents.series()
        calendars, sessions = self._calendars(series)
        holes = self.contents.holes(sessions, calendars)
        self.holes = [hole for hole in holes if hole.sessions >= LONG_HOLE]
        for hole in self.holes[:_NAMED]:
            message = f"{hole.sessions} sessions without a bar: {hole.first} to {hole.last} were asked for"
            yield Finding("coverage", PROBLEM, str(hole.series), message, _REMEDIES[COVERAGE.name], "bars")
        if len(self.holes) > _NAMED:
            message = f"{len(self.holes) - _NAMED} more such holes"
            yield Finding("coverage", PROBLEM, "", message, _REMEDIES[COVERAGE.name], "bars")
        short = [hole for hole in holes if hole.sessions < LONG_HOLE]
        if short:
            days, some = sum(hole.sessions for hole in short), short[0]
            message = f"{days} single sessions without a bar, of {len({hole.series for hole in short})} series"
            yield Finding("coverage", NOTE, f"{some.series} {some.first}", message, "the provider has none of them")
        if not self.holes:
            spans = sum(map(len, self.contents.covered.values()))
            message = f"{spans} spans of {len(self.contents.covered)} series were asked for; no session is missing"
            yield Finding("coverage", OK, "", message if not short else message.partition(";")[0])

    def _calendars(
        self, held: Mapping[Series, tuple[dt.date, dt.date]]
    ) -> tuple[dict[Series, str], dict[str, list[dt.date]]]:
        """The calendar of each series that has a known one, and the sessions of each calendar."""
        assets = {asset.series: asset for asset in self._known_assets()}
        calendars: dict[Series, str] = {}
        known: dict[str, Calendar] = {}
        for series in held:
            calendar = self._engine.calendar(assets.get(series) or _stranger(series))
            if calendar.name != "WEEKDAYS":
                calendars[series], known[calendar.name] = calendar.name, calendar
        first = min((days[0] for days in held.values()), default=dt.date.max)
        last = max((days[1] for days in held.values()), default=dt.date.min)
        return calendars, {name: _sessions(one, first, last) for name, one in known.items()}

    def _known_assets(self) -> Sequence[Asset]:
        try:
            return self._engine.catalogue.all(active=None)
        except ConfigError:
            return ()  # told by the check of the catalogue

    def _quarantine(self) -> Iterator[Finding]:
        from pricectl.engine.aside import waiting

        found = waiting(self._engine)
        for one in found[:_NAMED]:
            prices = "/".join(f"{price:g}" for price in one.bar[1:5])
            against = "" if one.stored is None else f", stored is {'/'.join(f'{price:g}' for price in one.stored[1:5])}"
            message = f"{one.series} {one.bar.date} ({one.why}): {prices}{against}"
            remedy = f"`pricectl doctor --release {one.id}` stores it, --reject forgets it"
            yield Finding("quarantine", NOTE, f"{one.id}:{one.bar.date}", message, remedy)
        if len(found) > _NAMED:
            yield Finding(
                "quarantine", NOTE, "", f"{len(found) - _NAMED} more bars are kept aside", "decide about these"
            )
        if not found:
            yield Finding("quarantine", OK, "", "nothing waits for a decision")


_REMEDIES = {
    BARS.name: "doctor --fix sets it aside and has its days asked for again; import own prices that it held once more",
    ACTIONS.name: "doctor --fix asks the providers for these splits and dividends again; it needs the network",
    COVERAGE.name: "doctor --fix forgets that these days were asked for; they are asked for once more",
}
_FIXES = {BARS.name: "bars", ACTIONS.name: "actions", COVERAGE.name: "bars"}


def _held(part: Part) -> str:
    ids = part.id_low if part.id_low == part.id_high else f"{part.id_low} to {part.id_high}"
    return f"{part.rows} rows of {ids}, {part.first} to {part.last}"


def _sessions(calendar: "Calendar", first: dt.date, last: dt.date) -> list[dt.date]:
    start, end = max(first, calendar.known_from or first), min(last, calendar.known_until or last)
    return calendar.sessions(start, end) if start <= end else []


def _stranger(series: Series) -> Asset:
    return Asset(str(series), "", "stock", "", "", *series, "", "")


def _without_secret(value: str) -> str:
    """An address without the name and the password that may stand in it."""
    try:
        parts = urlsplit(value)
        return value.replace(f"{parts.netloc.rpartition('@')[0]}@", "***@") if "@" in parts.netloc else value
    except ValueError:
        return "***"
