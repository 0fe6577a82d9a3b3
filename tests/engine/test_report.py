"""What ``status`` sees, over a real cache, store and ledger; and the figures and rows made of it."""

import datetime as dt
import os
import shutil
from pathlib import Path

import pytest

from engines import SetClock, engine
from pricectl.engine import Engine, figures, prices, report
from pricectl.engine.monitors import Monitors
from pricectl.errors import RateLimited, UsageError
from pricectl.home import Home
from pricectl.model.asset import Series
from pricectl.simulator import Simulator
from pricectl.state import Outcome, lookups
from pricectl.state.runs import Failing, Failure, Run, Runs
from raw_server import RawServer, answer
from stores import D, flat

OPEN = int(dt.datetime(2026, 11, 24, 15, tzinfo=dt.UTC).timestamp() * 1000)  # New York and London are open
RUN = Run("a", "refresh", OPEN - 9_000, OPEN - 5_000, 0, 3, 2, 0, 1, 4, 1, {"yahoo": 2}, [], OPEN - 7_000, 40, 10)
WISH = prices.Wish(10.0)


@pytest.fixture
def clock():
    return SetClock(OPEN)


@pytest.fixture
def market(clock):
    with Simulator(seed=7, clock=clock) as simulator:
        yield simulator


def test_an_empty_home_has_nothing_and_no_trouble(tmp_path: Path, market, clock):
    found = report.status(engine(tmp_path, market, clock))
    assert (found.now_ms, found.runs, found.refreshed, found.succeeded) == (OPEN, [], None, None)
    assert found.assets == (0, 0, 0, 0, 0, None, None)
    assert found.coverage == (0, 0, 0)
    assert (found.ever.rate, found.last_hour.rate) == (None, None)
    assert [(held.name, held.rows) for held in found.holdings or ()] == [
        ("daily", 0), ("weekly", 0), ("monthly", 0), ("actions", 0), ("coverage", 0),
    ]  # fmt: skip
    assert (found.limits, found.troubles, found.disk_bytes) == ([], [], 0)
    assert market.journal == []
    assert os.listdir(tmp_path) == []


def filled(home: Path, market: Simulator, clock: SetClock) -> Engine:
    """Four followed: two with a new price, one with a price ten minutes old, one without."""
    one = engine(home, market, clock)
    one.catalogue.follow(["AAPL", "MSFT", "BTC", "EURUSD"])
    prices.get(one, ["BTC"], WISH)
    clock.ms += 600_000
    prices.get(one, ["AAPL", "MSFT"], WISH)
    return engine(home, market, clock)


def test_the_followed_assets_by_their_price(tmp_path: Path, market, clock):
    one = filled(tmp_path, market, clock)
    Runs(Home(str(tmp_path))).set_failing({"EURUSD": Failing("x", "y", 5), "ZZZ": Failing("x", "not followed", 5)})
    found = report.status(one)
    assert found.assets == (4, 2, 1, 1, 1, ("BTC", OPEN), ("BTC", OPEN))
    clock.ms += 3_600_000
    assert report.status(one).assets == (4, 0, 3, 1, 1, ("BTC", OPEN), ("BTC", OPEN))
    requests = len(market.journal)
    report.status(one)
    assert len(market.journal) == requests


def test_what_only_the_store_knows_counts_as_well(tmp_path: Path, market, clock):
    filled(tmp_path, market, clock)
    shutil.rmtree(tmp_path / "cache")
    found = report.status(engine(tmp_path, market, clock))
    assert found.assets is not None
    assert found.assets[:4] == (4, 2, 1, 1)


def test_coverage_is_up_to_the_last_completed_session(tmp_path: Path, market, clock):
    one = engine(tmp_path, market, clock)
    one.catalogue.follow(["AAPL", "MSFT", "BTC", "EURUSD"])

    def store(name: str, *days: dt.date) -> None:
        series = Series("yahoo", name)
        one.store.add(series, "USD", [flat(day, 10.0) for day in days], [], [(days[0], days[-1])], OPEN)

    store("AAPL", D(2026, 11, 20), D(2026, 11, 23))  # Monday; Tuesday is still open
    store("MSFT", D(2026, 11, 20))
    found = report.status(engine(tmp_path, market, clock))
    assert found.coverage == (1, 1, 2)
    assert found.holdings is not None
    daily, *_, coverage = found.holdings
    assert (daily.name, daily.parts, daily.rows, daily.first, daily.last) == (
        "daily", 2, 3, "2026-11-20", "2026-11-23",
    )  # fmt: skip
    assert (coverage.parts, coverage.rows, coverage.last) == (2, 2, "2026-11-23")
    listed = sum(path.stat().st_size for path in (tmp_path / "store" / "bars").rglob("*.parquet"))
    assert daily.bytes == listed
    assert found.disk_bytes == sum(path.stat().st_size for path in (tmp_path / "store").rglob("*") if path.is_file())


def test_the_hit_rate_ever_and_of_the_last_hour(tmp_path: Path, market, clock):
    home = Home(str(tmp_path))
    log = Runs(home)
    log.append(RUN._replace(started_ms=OPEN - 7_200_000, finished_ms=OPEN - 7_190_000, hits=10, misses=10))
    log.append(RUN._replace(started_ms=OPEN - 3_000_000, finished_ms=OPEN - 2_990_000, hits=30, misses=12))
    log.append(RUN._replace(hits=50, misses=12))
    lookups.count(home, 127, 15)
    found = report.status(engine(tmp_path, market, clock))
    assert (found.ever, found.last_hour) == ((127, 15), (97, 3))
    assert found.last_hour.rate == 0.97


def test_the_last_runs_and_the_last_success(tmp_path: Path, market, clock):
    log = Runs(Home(str(tmp_path)))
    for number in range(7):
        log.append(RUN._replace(run_id=str(number), exit_code=0 if number < 5 else 8))
    log.append(RUN._replace(run_id="7", command="aggregate"))
    found = report.status(engine(tmp_path, market, clock), 3)
    assert [run.run_id for run in found.runs] == ["7", "6", "5"]
    assert found.refreshed is not None
    assert found.succeeded is not None
    assert (found.refreshed.run_id, found.succeeded.run_id) == ("6", "4")


def test_providers_are_shown_once_they_are_needed_or_were_asked(tmp_path: Path, market, clock):
    one = engine(tmp_path, market, clock)
    one.catalogue.follow(["AAPL"])
    assert [limit.host.name for limit in report.status(one).limits] == ["yahoo"]
    prices.get(one, ["BTC"], WISH)
    one.catalogue.unfollow(["AAPL"])
    (binance,) = report.status(engine(tmp_path, market, clock)).limits
    assert (binance.host.name, binance.standing.requests, binance.standing.breaker) == ("binance", 1, "closed")


def test_a_pause_and_an_open_breaker_are_shown(tmp_path: Path, market, clock):
    one = engine(tmp_path, market, clock)
    by_name = {limit.host.name: limit.host for limit in report.limits(one)[0]}
    assert {"binance", "yahoo"} <= set(by_name)
    one.ledger.cool_down(by_name["binance"], 90.0, "HTTP 418", banned=True)
    for _ in range(5):
        one.ledger.report(by_name["yahoo"], Outcome.FAILED)
    with pytest.raises(RateLimited):
        one.ledger.take(by_name["binance"], 1, True)
    limits, troubles = report.limits(engine(tmp_path, market, clock))
    found = {limit.host.name: limit.standing for limit in limits}
    assert found["binance"].banned
    assert 89 < found["binance"].pause_s <= 90
    assert found["yahoo"].breaker == "open"
    assert troubles == []


def test_each_part_that_is_damaged_is_a_line_and_the_rest_is_told(tmp_path: Path, market, clock):
    one = filled(tmp_path, market, clock)
    one.store.add(Series("yahoo", "AAPL"), "USD", [flat(D(2026, 11, 23), 1.0)], [], [(D(2026, 11, 23),) * 2], OPEN)
    Runs(Home(str(tmp_path))).append(RUN)
    with (tmp_path / "state" / "runs.jsonl").open("ab") as file:
        file.write(b"garbage\n\xff\n")
    (tmp_path / "state" / "yahoo.ledger").write_bytes(b"garbage")
    (log,) = (tmp_path / "store" / "bars" / "_delta_log").glob("*0.json")
    log.write_bytes(b"garbage")
    said: list[str] = []
    found = report.status(engine(tmp_path, market, clock, said))
    assert [run.run_id for run in found.runs] == ["a"]
    assert found.assets is not None
    assert found.assets[:4] == (4, 2, 1, 1)
    assert found.holdings is None
    assert found.coverage is not None  # it is a table of its own
    assert {limit.host.name for limit in found.limits} == {"binance", "yahoo"}
    runs, ledger, store = sorted(found.troubles, key=lambda text: ("_delta_log" in text, "ledger" in text))
    assert runs == f"the run log {tmp_path}/state/runs.jsonl holds damaged lines (2), which are passed over"
    assert ledger == f"the ledger of yahoo in {tmp_path}/state cannot be read: it counts as never written"
    assert "_delta_log" in store
    assert all("\n" not in text for text in found.troubles)


def test_a_damaged_list_of_assets_costs_only_what_is_said_of_assets(tmp_path: Path, market, clock):
    filled(tmp_path, market, clock)
    (tmp_path / "assets.csv").write_text("no such column\n1\n")
    found = report.status(engine(tmp_path, market, clock))
    assert (found.assets, found.coverage) == (None, None)
    assert len(found.troubles) == 1
    assert "assets.csv" in found.troubles[0]
    assert {limit.host.name for limit in found.limits} == {"binance", "yahoo"}


def values(found: report.Status) -> dict[tuple[str, str], float]:
    return {(name, label): value for name, label, value in figures.labelled(figures.figures(found))}


def test_the_figures(tmp_path: Path, market, clock):
    one = filled(tmp_path, market, clock)
    Runs(Home(str(tmp_path))).append(RUN)
    lookups.count(Home(str(tmp_path)), 3, 1)
    found = values(report.status(one))
    assert found["last_run_timestamp_seconds", ""] == (OPEN - 5_000) / 1000
    assert found["last_success_timestamp_seconds", ""] == (OPEN - 5_000) / 1000
    assert found["last_run_duration_seconds", ""] == 4.0
    assert found["last_run_exit_code", ""] == 0
    assert found["last_run_quotes", "outcome=skipped"] == 1
    assert found["last_run_bars", "outcome=added"] == 4
    assert found["last_run_requests", "provider=yahoo"] == 2
    assert found["oldest_price_timestamp_seconds", ""] == (OPEN - 7_000) / 1000
    assert found["followed_assets", "price=fresh"] == 2
    assert found["bars_assets", "bars=none"] == 4
    assert found["cache_hits_total", ""] == 3
    assert found["provider_up", "provider=binance"] == 1
    assert found["provider_requests_per_minute", "provider=yahoo"] == 1
    assert found["store_rows", "tier=daily"] == 0
    assert found["failing_assets", ""] == 0


def test_a_failed_run_moves_its_own_time_and_not_that_of_the_last_success(tmp_path: Path, market, clock):
    Runs(Home(str(tmp_path))).append(RUN)
    path = tmp_path / "pricectl.prom"
    one = engine(tmp_path, market, clock)
    failed = RUN._replace(run_id="b", exit_code=8, finished_ms=OPEN)
    figures.textfile(one, str(path), failed)
    said = path.read_text().splitlines()
    assert f"pricectl_last_run_timestamp_seconds {OPEN // 1000}" in said
    assert f"pricectl_last_success_timestamp_seconds {OPEN // 1000 - 5}" in said
    assert "pricectl_last_run_exit_code 8" in said
    figures.textfile(one, str(path), RUN._replace(finished_ms=OPEN))
    assert f"pricectl_last_success_timestamp_seconds {OPEN // 1000}" in path.read_text().splitlines()


def test_metrics_have_no_label_for_each_asset(tmp_path: Path, market, clock):
    one = filled(tmp_path, market, clock)
    failed = RUN._replace(errors=[Failure("AAPL", "not_found", "AAPL is unknown")])
    figures.textfile(one, str(tmp_path / "x.prom"), failed)
    assert "AAPL" not in (tmp_path / "x.prom").read_text()


def test_rows_for_sql(tmp_path: Path, market, clock):
    one = filled(tmp_path, market, clock)
    Runs(Home(str(tmp_path))).append(RUN._replace(oldest_ms=0, message="so so"))
    runs = figures.runs(one)
    assert runs.rows == [(
        "a", "refresh", dt.datetime(2026, 11, 24, 14, 59, 51, tzinfo=dt.UTC),
        dt.datetime(2026, 11, 24, 14, 59, 55, tzinfo=dt.UTC), 0, 3, 2, 0, 1, 4, 1, 2, None, "so so",
    )]  # fmt: skip
    metrics = figures.view(one)
    assert ("followed_assets", "price=fresh", 2.0) in metrics.rows
    limits = figures.provider_limits(one)
    yahoo = dict(zip([name for name, _ in limits.columns], limits.rows[1], strict=True))
    assert (yahoo["provider"], yahoo["requests_per_minute"], yahoo["breaker"]) == ("yahoo", 1, "closed")
    for view in (runs, metrics, limits):
        assert {len(row) for row in view.rows} == {len(view.columns)}
        assert {kind for _, kind in view.columns} <= {"string", "long", "double", "boolean", "timestamp"}


def test_monitors_are_told_of_a_run(tmp_path: Path, market, clock):
    one = engine(tmp_path, market, clock)
    with RawServer(lambda connection, _: connection.sendall(answer(b"OK"))) as server:
        monitors = Monitors(str(tmp_path / "x.prom"), f"{server.url}/secret")
        monitors.begin()
        assert monitors.end(lambda: one, RUN._replace(exit_code=3)) == 3
    assert monitors.troubles == []
    assert [head.split("?")[0] for head in server.heads] == ["GET /secret/start", "POST /secret/3"]
    assert "pricectl_last_run_exit_code 3\n" in (tmp_path / "x.prom").read_text()


def test_monitors_that_fail_are_named_and_only_metrics_change_the_exit_code(tmp_path: Path, market, clock):
    one = engine(tmp_path, market, clock)
    with RawServer(lambda connection, _: connection.sendall(answer(b"", "404 Not Found"))) as server:
        monitors = Monitors(f"{tmp_path}/gone/x.prom", f"{server.url}/secret")
        monitors.begin()
        assert monitors.end(lambda: one, RUN) == 2
        assert [str(trouble) for trouble in monitors.troubles] == [
            f"cannot write the metrics to {tmp_path}/gone/x.prom: No such file or directory",
            "the ping was not taken: HTTP 404",
        ]
        assert monitors.end(lambda: one, RUN._replace(exit_code=3)) == 3
        assert server.heads[1].startswith("POST /secret/0?")
        pinging = Monitors("", f"{server.url}/secret")
        pinging.begin()
        assert pinging.end(lambda: one, RUN) == 0


def test_a_ping_url_is_refused_at_once_and_a_file_without_one_keeps_no_run_from_happening(tmp_path, market, clock):
    with pytest.raises(UsageError, match="not an http"):
        Monitors("", "hc-ping.com/secret")
    monitors = Monitors("", f"@{tmp_path}/gone")
    monitors.begin()
    assert monitors.end(lambda: engine(tmp_path, market, clock), RUN) == 0
    assert [str(trouble)[:24] for trouble in monitors.troubles] == ["cannot read the ping URL"]
