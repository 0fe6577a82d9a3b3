"""A refresh against a simulated market: what is fetched, what is kept, what is left alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engines import RunningClock, engine
from loopback import at
from pricectl.engine import Engine, prices
from pricectl.engine.refresh import Order, Refresh, Report, select, verdict
from pricectl.engine.unattended import refresh, worth_saying
from pricectl.engine.upkeep import Kept
from pricectl.errors import Damaged, UsageError
from pricectl.home import Home
from pricectl.model.asset import Asset, Series
from pricectl.model.quote import Answer
from pricectl.simulator import Simulator
from pricectl.simulator.faults import Match, status
from pricectl.state.runs import Failing, Failure, Runs

TUESDAY = "2026-11-24T15:00:30"  # New York and London are open, Tokyo is closed
SATURDAY = "2026-11-28T15:00:30"
FEW = ("BTC", "ETH", "AAPL", "MSFT", "OCDO.L", "7203.T", "EURUSD")


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock(at(TUESDAY))


@pytest.fixture
def market(clock: RunningClock) -> Iterator[Simulator]:
    with Simulator(seed=3, clock=clock) as running:
        yield running


def order(made: Engine, symbols: Sequence[str] = FEW, **more: float | bool | None) -> Order:
    assets, wrong = select(made, symbols, "", False)
    assert not wrong
    return Order(assets, 50.0, 50.0, **more)  # type: ignore[arg-type]


def run(home: Path, market: Simulator, clock: RunningClock, symbols: Sequence[str] = FEW) -> Report:
    """One run as a process of its own would make it, in the run log."""
    made = engine(home, market, clock)
    return refresh(made, order(made, symbols), [], lambda: False).report


def test_one_run_brings_every_quote_and_every_missing_bar(
    tmp_path: Path, market: Simulator, clock: RunningClock
) -> None:
    report = run(tmp_path, market, clock)
    assert (report.assets, report.ok, report.failed, report.skipped, report.left) == (7, 7, 0, 0, 0)
    # One request for the quotes of each provider, one for each asset's month of bars.
    assert report.requests == {"binance": 1 + 2, "yahoo": 1 + 5}
    assert (report.kept.revised, report.kept.left, report.errors) == (0, 0, [])
    assert report.kept.added > 7 * 20
    made = engine(tmp_path, market, clock)
    answers = prices.get(made, FEW, prices.Wish(5.0, offline=True))
    assert [answer.source for answer in answers if isinstance(answer, Answer)] == ["cache"] * 7
    assert len(made.store.latest([asset.series for asset in order(made).assets])) == 7
    assert not made.requests


def test_open_markets_are_fetched_each_minute_closed_ones_are_not(
    tmp_path: Path, market: Simulator, clock: RunningClock
) -> None:
    run(tmp_path, market, clock)
    clock.ms += 60_000
    report = run(tmp_path, market, clock)
    assert (report.ok, report.skipped) == (6, 1)  # Tokyo sleeps
    assert report.requests == {"binance": 1, "yahoo": 1}
    assert report.kept == Kept()
    clock.ms += 10_000
    report = run(tmp_path, market, clock)
    assert (report.ok, report.requests) == (0, {})  # fetched just now


def test_when_every_market_is_closed_nobody_is_asked(tmp_path: Path, market: Simulator, clock: RunningClock) -> None:
    shares = ("AAPL", "OCDO.L", "7203.T", "EURUSD", "GC=F", "^GSPC")
    clock.ms = at(SATURDAY)
    run(tmp_path, market, clock, shares)
    market.forget()
    for _ in range(3):
        clock.ms += 60_000
        report = run(tmp_path, market, clock, shares)
        assert (report.ok, report.failed, report.skipped, report.requests) == (0, 0, 6, {})
    assert market.journal == []


def test_a_cache_that_was_lost_costs_no_request(tmp_path: Path, market: Simulator, clock: RunningClock) -> None:
    clock.ms = at(SATURDAY)
    run(tmp_path, market, clock, ["AAPL", "MSFT"])
    for file in (tmp_path / "cache").iterdir():
        file.unlink()
    report = run(tmp_path, market, clock, ["AAPL", "MSFT"])
    assert (report.skipped, report.requests) == (2, {})
    made = engine(tmp_path, market, clock)
    assert len(made.cache.quotes([Series("yahoo", "AAPL"), Series("yahoo", "MSFT")])) == 2


def test_what_was_refreshed_stays_fresh_until_the_next_run_has_written(
    tmp_path: Path, market: Simulator, clock: RunningClock
) -> None:
    run(tmp_path, market, clock, ["BTC"])
    clock.ms += 74_000
    (answer,) = prices.get(engine(tmp_path, market, clock), ["BTC"], prices.Wish(5.0))
    assert isinstance(answer, Answer)
    assert (answer.source, answer.stale) == ("cache", False)
    clock.ms += 2_000
    (answer,) = prices.get(engine(tmp_path, market, clock), ["BTC"], prices.Wish(5.0))
    assert isinstance(answer, Answer)
    assert answer.source == "provider"


def test_force_and_an_age_fetch_what_is_not_due(tmp_path: Path, market: Simulator, clock: RunningClock) -> None:
    run(tmp_path, market, clock)
    made = engine(tmp_path, market, clock)
    assert Refresh(made, order(made, force=True), {}).run().ok == 7
    clock.ms += 5_000
    assert Refresh(made, order(made, max_age_s=6.0), {}).run().ok == 0
    assert Refresh(made, order(made, max_age_s=4.0), {}).run().ok == 7


def test_the_plan_names_the_requests_and_makes_none(tmp_path: Path, market: Simulator, clock: RunningClock) -> None:
    made = engine(tmp_path, market, clock)
    plan = Refresh(made, order(made), {}).plan()
    assert plan == (7, 7, 7, {"binance": 3, "yahoo": 6})
    assert market.journal == []
    report = run(tmp_path, market, clock)
    assert report.requests == plan.requests
    assert Refresh(made, order(made), {}).plan().requests == {}


def test_a_handful_of_commits_however_many_assets(tmp_path: Path, market: Simulator, clock: RunningClock) -> None:
    symbols = [asset.symbol for asset in engine(tmp_path, market, clock).catalogue.all("crypto")[:60]]
    report = run(tmp_path, market, clock, symbols)
    assert report.ok == 60
    assert report.kept.left == 0
    commits = sorted(path.name for path in (tmp_path / "store").glob("*/_delta_log/*.json"))
    assert len(commits) <= 4  # bars and coverage: what makes each table, and one commit


def test_one_unknown_symbol_is_named_once_and_not_asked_for_again_within_the_hour(
    tmp_path: Path, market: Simulator, clock: RunningClock
) -> None:
    market.market.remove("yahoo", "MSFT")
    report = run(tmp_path, market, clock, ["AAPL", "MSFT"])
    assert [(one.symbol, one.code) for one in report.errors] == [("MSFT", "not_found")]
    assert verdict(report, {}) == 3
    log = Runs(Home(str(tmp_path)))
    assert log.failing().keys() == {"MSFT"}
    since = log.failing()["MSFT"].since_ms
    for _ in range(3):
        market.forget()
        clock.ms += 60_000
        report = run(tmp_path, market, clock, ["AAPL", "MSFT"])
        assert [one.symbol for one in report.errors] == ["MSFT"]
        assert log.last()[0].exit_code == 0  # known by now
        assert all("MSFT" not in entry.symbols for entry in market.journal)
    assert log.failing()["MSFT"].since_ms == since
    market.market.add(engine(tmp_path, market, clock).catalogue.find("MSFT"))
    clock.ms += 3_600_000
    assert run(tmp_path, market, clock, ["AAPL", "MSFT"]).errors == []
    assert log.failing() == {}


def test_a_failing_asset_that_is_not_looked_at_stays_known(
    tmp_path: Path, market: Simulator, clock: RunningClock
) -> None:
    market.market.remove("yahoo", "MSFT")
    run(tmp_path, market, clock, ["AAPL", "MSFT"])
    run(tmp_path, market, clock, ["BTC"])
    assert Runs(Home(str(tmp_path))).failing().keys() == {"MSFT"}


def test_nothing_is_begun_after_a_signal_and_what_is_whole_is_kept(
    tmp_path: Path, market: Simulator, clock: RunningClock
) -> None:
    made = engine(tmp_path, market, clock)
    report = Refresh(made, order(made), {}, stop=lambda: True).run()
    assert (report.ok, report.left, report.kept.added) == (0, 7, 0)
    assert market.journal == []
    told = iter([False] * 8)
    report = Refresh(made, order(made), {}, stop=lambda: next(told, True)).run()
    assert report.ok + report.left == 7
    assert len(made.store.latest([asset.series for asset in order(made).assets])) == report.ok


def test_a_fallback_answers_for_an_asset_whose_provider_is_gone(
    tmp_path: Path, market: Simulator, clock: RunningClock
) -> None:
    made = engine(tmp_path, market, clock)
    if not made.catalogue.find("BTC").chain:
        pytest.skip("the shipped list names no fallback of BTC")
    market.script(status(451), Match(provider="binance"))
    report = run(tmp_path, market, clock, ["BTC"])
    assert report.ok == 1
    (answer,) = prices.get(made, ["BTC"], prices.Wish(5.0, offline=True))
    assert isinstance(answer, Answer)
    assert answer.quote.provider != "binance"
    assert answer.quote.currency == "USD"


def test_the_followed_the_named_a_type_all_of_them(tmp_path: Path, market: Simulator, clock: RunningClock) -> None:
    made = engine(tmp_path, market, clock)
    assert select(made, [], "", False) == ([], [])
    made.catalogue.follow(["AAPL", "BTC", "ETH"])
    made.catalogue.set_active(["ETH"], False)
    assert [asset.symbol for asset in select(made, [], "", False)[0]] == ["AAPL", "BTC"]
    assert [asset.symbol for asset in select(made, [], "crypto", False)[0]] == ["BTC"]
    everything = select(made, [], "", True)[0]
    assert len(everything) > 1500
    assert "ETH" not in {asset.symbol for asset in everything}
    found, wrong = select(made, ["binance:BTCUSDT", "btc", "NO.SUCH", "ETH", "yahoo:NVDA"], "", False)
    assert [asset.symbol for asset in found] == ["BTC", "NVDA"]
    assert [(one.symbol, one.code) for one in wrong] == [("NO.SUCH", "not_found"), ("ETH", "usage")]
    with pytest.raises(UsageError, match="no type of asset"):
        select(made, [], "shares", False)


def _report(failing: Sequence[str], assets: int = 100, left: int = 0, trouble: Damaged | None = None) -> Report:
    errors = [Failure(symbol, "unavailable", "no") for symbol in failing]
    return Report(assets, 0, 0, 0, (), {}, errors, {}, left, 0, trouble)  # type: ignore[arg-type]


KNOWN = {f"K{n}": Failing("unavailable", "no", 0) for n in range(100)}


@pytest.mark.parametrize(
    ("failing", "assets", "left", "expected"),
    [
        ([], 100, 0, 0),
        (["K1"], 100, 0, 0),
        (["K1"], 1, 0, 0),  # all there is: known all the same
        (["NEW"], 100, 0, 3),
        (["K1", "NEW"], 100, 0, 3),
        (["K1", "K2", "K3", "K4", "K5"], 100, 0, 0),
        (["K1", "K2", "K3", "K4", "K5", "K6"], 100, 0, 3),  # more than 5 %
        (["K1", "K2"], 10, 0, 3),
        ([], 100, 1, 12),
        (["K1"], 100, 1, 12),
        (["NEW"], 100, 1, 3),
    ],
)
def test_new_failures_or_too_many_end_with_3(failing: list[str], assets: int, left: int, expected: int) -> None:
    assert verdict(_report(failing, assets, left), KNOWN) == expected


def test_a_store_that_fails_ends_with_9_and_a_symbol_that_is_none_with_3() -> None:
    assert verdict(_report([], trouble=Damaged("a part is gone")), {}) == 9
    assert verdict(_report([]), {}, wrong=1) == 3


def test_the_same_complaint_is_made_once_an_hour(tmp_path: Path) -> None:
    home = Home(str(tmp_path))
    (tmp_path / "state").mkdir()
    assert worth_saying(home, "3: unavailable", 0)
    assert not worth_saying(home, "3: unavailable", 3_599_999)
    assert worth_saying(home, "3: rate_limited", 60_000)
    assert worth_saying(home, "3: unavailable", 3_600_000)
    assert not worth_saying(home, "3: unavailable", 3_600_001)
    (tmp_path / "state" / "said.json").write_text("{broken")
    assert worth_saying(home, "3: unavailable", 3_600_001)


def test_a_damaged_store_does_not_keep_quotes_from_the_cache(
    tmp_path: Path, market: Simulator, clock: RunningClock
) -> None:
    run(tmp_path, market, clock, ["AAPL"])
    for table in ("bars", "coverage", "actions"):
        for entry in (tmp_path / "store" / table / "_delta_log").glob("*.json"):
            entry.write_text("{}")
    for remembered in (tmp_path / "state").glob("parts-*"):
        remembered.unlink()
    clock.ms += 60_000
    report = run(tmp_path, market, clock, ["AAPL"])
    assert report.ok == 1
    assert report.trouble is not None
    assert Runs(Home(str(tmp_path))).last()[0].exit_code == 9


def test_assets_of_the_same_series_are_one(tmp_path: Path, market: Simulator, clock: RunningClock) -> None:
    made = engine(tmp_path, market, clock)
    own = Asset("MINE", "Mine", "stock", "", "AAPL", "yahoo", "AAPL", "USD", "NMS")
    made.catalogue.add(own)
    found, _ = select(made, ["AAPL", "MINE"], "", False)
    assert len(found) == 1
