"""The state of things as figures for monitors, and as rows for ``sql``."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pricectl.engine import report
from pricectl.engine.report import Limit, Status
from pricectl.state import metrics
from pricectl.state.metrics import Figure
from pricectl.state.runs import Run, Runs

if TYPE_CHECKING:
    from pricectl.engine import Engine

RUNS_SHOWN = 10_000  # to ``sql``: a week of them, a minute apart


class View(NamedTuple):
    """Rows for ``sql``: ``columns`` are (name, type), the types as in ``store.tables``."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: list[tuple[Any, ...]]


RUNS = (
    ("run_id", "string"), ("command", "string"), ("started_at", "timestamp"), ("finished_at", "timestamp"),
    ("exit_code", "long"), ("assets", "long"), ("quotes_ok", "long"), ("quotes_failed", "long"),
    ("quotes_skipped", "long"), ("bars_added", "long"), ("bars_revised", "long"), ("requests", "long"),
    ("oldest_at", "timestamp"), ("message", "string"),
)  # fmt: skip
METRICS = (("name", "string"), ("label", "string"), ("value", "double"))
PROVIDER_LIMITS = (
    ("provider", "string"), ("rate_per_s", "double"), ("burst", "long"), ("at_once", "long"),
    ("weight_per_minute", "long"), ("used_weight", "long"), ("available", "double"), ("requests_per_minute", "long"),
    ("breaker", "string"), ("breaker_s", "double"), ("pause_s", "double"), ("reason", "string"), ("banned", "boolean"),
)  # fmt: skip


def textfile(engine: "Engine", path: str, run: Run) -> None:
    """Write what monitors want to know at the end of ``run`` to ``path``, in Prometheus's format; whatever cannot be
    read is left out. Raises UsageError where the path cannot be written, Unwritable where the disk fails."""
    found = report.status(engine, 0, deep=False)
    succeeded = run if run.exit_code == 0 else found.succeeded
    metrics.textfile(path, figures(found._replace(refreshed=run, succeeded=succeeded)))


def figures(found: Status) -> list[Figure]:
    """The numbers of ``found``, in base units; instants are seconds since the epoch."""
    return [
        *_of_runs(found),
        Figure("failing_assets", len(found.failing), "Assets known to fail."),
        *_of_assets(found),
        Figure("cache_hits_total", found.ever.hits, "Look-ups that the cache answered."),
        Figure("cache_misses_total", found.ever.misses, "Look-ups that the cache did not answer."),
        *(figure for limit in found.limits for figure in _of_limit(limit)),
        *_of_store(found),
    ]


def _of_runs(found: Status) -> Iterator[Figure]:
    if found.succeeded:
        ended_s = found.succeeded.finished_ms / 1000
        yield Figure("last_success_timestamp_seconds", ended_s, "When a refresh last ended with exit code 0.")
    run = found.refreshed
    if run is None:
        return
    yield Figure("last_run_timestamp_seconds", run.finished_ms / 1000, "When the last refresh ended.")
    yield Figure("last_run_duration_seconds", (run.finished_ms - run.started_ms) / 1000, "How long it took.")
    yield Figure("last_run_exit_code", run.exit_code, "How it ended.")
    yield Figure("last_run_assets", run.assets, "The assets that it looked at.")
    for how, count in (("ok", run.quotes_ok), ("failed", run.quotes_failed), ("skipped", run.quotes_skipped)):
        yield Figure("last_run_quotes", count, "Their quotes, by outcome.", (("outcome", how),))
    for how, count in (("added", run.bars_added), ("revised", run.bars_revised)):
        yield Figure("last_run_bars", count, "The bars that it stored.", (("outcome", how),))
    for name, count in run.requests.items():
        yield Figure("last_run_requests", count, "The requests that it sent.", (("provider", name),))
    if run.oldest_ms:
        what = "When the oldest price of an open market was fetched, as the last refresh left it."
        yield Figure("oldest_price_timestamp_seconds", run.oldest_ms / 1000, what)


def _of_assets(found: Status) -> Iterator[Figure]:
    if found.assets is not None:
        counts = {"fresh": found.assets.fresh, "stale": found.assets.stale, "missing": found.assets.missing}
        for how, count in counts.items():
            yield Figure("followed_assets", count, "The followed assets, by their price.", (("price", how),))
    if found.coverage is not None:
        for how, count in found.coverage._asdict().items():
            yield Figure("bars_assets", count, "The followed assets, by their bars.", (("bars", how),))


def _of_limit(limit: Limit) -> Iterator[Figure]:
    now, label = limit.standing, (("provider", limit.host.name),)
    may = now.breaker != "open" and not now.pause_s
    yield Figure("provider_up", may, "Whether it may be asked: no pause, no open breaker.", label)
    yield Figure("provider_pause_seconds", now.pause_s, "How long it must be left alone.", label)
    yield Figure("provider_breaker_seconds", now.breaker_s, "How long its breaker stays open.", label)
    yield Figure("provider_requests_per_minute", now.requests, "Requests of the last minute, all processes.", label)
    yield Figure("provider_budget_weight", now.available, "The request weight that may be sent at once.", label)


def _of_store(found: Status) -> Iterator[Figure]:
    for held in found.holdings or ():
        yield Figure("store_bytes", held.bytes, "Bytes of the listed parts.", (("tier", held.name),))
        yield Figure("store_rows", held.rows, "Their rows.", (("tier", held.name),))
        yield Figure("store_parts", held.parts, "Their number.", (("tier", held.name),))
    yield Figure("store_disk_bytes", found.disk_bytes, "Bytes of all files of the store, old versions too.")


def runs(engine: "Engine") -> View:
    """The run log, newest first."""
    rows = [
        (
            run.run_id, run.command, _instant(run.started_ms), _instant(run.finished_ms), run.exit_code, run.assets,
            run.quotes_ok, run.quotes_failed, run.quotes_skipped, run.bars_added, run.bars_revised,
            sum(run.requests.values()), _instant(run.oldest_ms) if run.oldest_ms else None, run.message,
        )
        for run in Runs(engine.settings.home).last(RUNS_SHOWN)
    ]  # fmt: skip
    return View("runs", RUNS, rows)


def view(engine: "Engine") -> View:
    """The figures of now."""
    return View("metrics", METRICS, labelled(figures(report.status(engine, 0))))


def labelled(found: Sequence[Figure]) -> list[tuple[str, str, float]]:
    """Figures as (name, label, value); labels as ``tier=daily``."""
    return [(one.name, " ".join(f"{name}={value}" for name, value in one.labels), float(one.value)) for one in found]


def provider_limits(engine: "Engine") -> View:
    """What each provider may be asked, and its standing now."""
    rows = []
    for host, now in report.limits(engine)[0]:
        rows.append((
            host.name, host.rate_per_s, host.burst, host.at_once, host.weight_per_minute, now.used, now.available,
            now.requests, now.breaker, now.breaker_s, now.pause_s, now.reason, now.banned,
        ))  # fmt: skip
    return View("provider_limits", PROVIDER_LIMITS, rows)


def _instant(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
