"""What every provider must do, asked of each through the real Http against the simulated market.

A new provider joins by a subclass that names its ids; a provider that fails here cannot be used by the engine.
"""

import asyncio
import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from pricectl import providers
from pricectl.config import SETTINGS
from pricectl.errors import BadPayload, ProviderError, RateLimited, Refused, Transient, UnknownSymbol, UsageError
from pricectl.model.asset import Asset, Series
from pricectl.model.bar import LIVE, Action, Bar, History
from pricectl.model.instant import Clock
from pricectl.model.quote import Miss, Quote
from pricectl.simulator import Market, Simulator, faults
from provider_server import http

# A Tuesday at 18:00Z: Binance trades, New York is open, London has just closed.
NOW = dt.datetime(2026, 11, 24, 18, 0, tzinfo=dt.UTC)
NOW_MS = int(NOW.timestamp() * 1000)
TODAY = NOW.date()
CURRENCIES = [f"{first}{second}X" for first in "ABCDEFG" for second in "ABCDEFGHIJ"]
PRICE = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")


class Fixed(Clock):
    def now_ms(self) -> int:
        return NOW_MS


class ProviderContract:
    """``known`` trade, ``dead`` has no price, ``unknown`` is not known; all spelled as the provider does."""

    name: ClassVar[str]
    known: ClassVar[dict[str, str]]  # id -> currency
    kind: ClassVar[str]
    exchange: ClassVar[str]
    dead: ClassVar[str]
    unknown: ClassVar[str]
    lower: ClassVar[str]
    nonsense: ClassVar[Sequence[str]] = ("", " ", "A B", 'A"', "A'", "../x", "A/B", "A,B", "A\0", "A\n", "😀", "X" * 65)
    many: ClassVar[Sequence[str]] = [f"S{n}" for n in range(1000)]
    requests_for_1000: ClassVar[int]
    requests_for_known: ClassVar[int] = 1
    only_fixes: ClassVar[bool] = False  # one price a day: a bar is its close four times, without a volume
    shows_today: ClassVar[bool] = True  # the bar of a session under way

    @pytest.fixture
    def simulator(self) -> Iterator[Simulator]:
        ids = [*self.known, self.dead]
        assets = [
            Asset(one, one, self.kind, "", one, self.name, one, self.known.get(one, "USD"), self.exchange)
            for one in ids
        ]
        market = Market(assets, clock=Fixed())
        market.halt(self.name, self.dead)
        with Simulator(market) as simulator:
            yield simulator

    @property
    def provider(self) -> providers.Provider:
        return providers.get(self.name)

    def quotes(self, simulator: Simulator, root: Path, *ids: str) -> list[Quote | Miss]:
        async def ask() -> list[Quote | Miss]:
            outcomes: dict[str, Quote | Miss] = {}
            async with http(root, simulator.url) as client:
                for part in self.provider.plan(ids):
                    found = await self.provider.quotes(client, part)
                    outcomes |= zip(part, found, strict=True)
            return [outcomes[one] for one in ids]

        return asyncio.run(ask())

    def history(self, simulator: Simulator, root: Path, one: str, start: dt.date, end: dt.date) -> History:
        async def ask() -> History:
            async with http(root, simulator.url) as client:
                return await self.provider.history(client, one, start, end)

        return asyncio.run(ask())

    def first(self) -> str:
        return next(iter(self.known))

    def test_its_host_has_a_setting_for_its_address(self) -> None:
        assert self.provider.host.name == self.name
        assert self.name in providers.NAMES
        assert f"{self.name}.url" in {setting.name for setting in SETTINGS}

    def test_its_budget_stays_under_1000_requests_a_minute(self) -> None:
        host = self.provider.host
        lightest = 2 if host.weight_per_minute else 1
        assert (host.rate_per_s * 60 + host.burst) / lightest < 1000
        assert host.at_once >= 1

    def test_an_id_is_brought_to_the_providers_spelling(self) -> None:
        for one in self.known:
            assert self.provider.check_id(one) == one
        assert self.provider.check_id(self.lower) == self.first()

    def test_what_no_id_can_be_is_refused_before_it_is_sent(self, simulator: Simulator, tmp_path: Path) -> None:
        for nonsense in self.nonsense:
            with pytest.raises(UsageError):
                self.provider.check_id(nonsense)
        outcomes = self.quotes(simulator, tmp_path, *self.nonsense)
        assert [type(one.error) for one in outcomes if isinstance(one, Miss)] == [UsageError] * len(self.nonsense)
        assert simulator.journal == []

    def test_the_plan_has_every_id_once_and_no_request_too_many(self) -> None:
        ids = list(self.many)
        assert len(ids) == 1000
        parts = self.provider.plan([*ids, *ids[::-1]])
        assert [one for part in parts for one in part] == ids
        assert len(parts) == self.requests_for_1000
        assert self.provider.plan([]) == []

    def test_quotes_come_one_for_each_id_in_their_order(self, simulator: Simulator, tmp_path: Path) -> None:
        ids = list(self.known)[::-1]
        outcomes = self.quotes(simulator, tmp_path, *ids)
        assert [one.provider_id if isinstance(one, Quote) else one.symbol for one in outcomes] == ids
        for quote in outcomes:
            assert isinstance(quote, Quote)
            assert quote.series == Series(self.name, quote.provider_id)
            assert PRICE.fullmatch(quote.price)
            assert float(quote.price) > 0
            assert quote.currency == self.known[quote.provider_id]
            assert quote.change24h is None or PRICE.fullmatch(quote.change24h)
            assert NOW_MS - 7 * 86_400_000 < quote.updated_ms <= NOW_MS + 1000
            assert quote.fetched_ms > NOW_MS - 10 * 365 * 86_400_000
            assert quote.fresh_until_ms == 0
        assert len(simulator.journal) == self.requests_for_known

    def test_the_price_is_the_markets(self, simulator: Simulator, tmp_path: Path) -> None:
        simulator.market.pin(self.name, self.first(), 123.25)
        (quote,) = self.quotes(simulator, tmp_path, self.first())
        assert isinstance(quote, Quote)
        assert quote.price == "123.25"

    def test_a_bad_id_never_sinks_the_rest(self, simulator: Simulator, tmp_path: Path) -> None:
        ids = [*self.known, self.unknown, "A B", self.dead]
        outcomes = dict(zip(ids, self.quotes(simulator, tmp_path, *ids), strict=True))
        assert all(isinstance(outcomes[one], Quote) for one in self.known)
        for one, kind in [(self.unknown, UnknownSymbol), ("A B", UsageError), (self.dead, ProviderError)]:
            miss = outcomes[one]
            assert isinstance(miss, Miss)
            assert miss.symbol == one
            assert isinstance(miss.error, kind)
            assert one in str(miss.error)

    def test_history_is_whole_sorted_and_within_the_dates(self, simulator: Simulator, tmp_path: Path) -> None:
        start, end = dt.date(2026, 1, 5), dt.date(2026, 3, 31)
        found = self.history(simulator, tmp_path, self.first(), start, end)
        dates = [bar.date for bar in found.bars]
        assert len(dates) > 50
        assert dates == sorted(set(dates))
        assert start <= dates[0] <= dates[-1] <= end
        assert found.currency == self.known[self.first()]
        assert found.reaches_now
        assert found.server_ms == NOW_MS
        for bar in found.bars:
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
            assert bar.low > 0
            assert bar.flags == 0

    def test_history_is_what_was_traded(self, simulator: Simulator, tmp_path: Path) -> None:
        days = [dt.date(2026, 11, 18), dt.date(2026, 11, 19), dt.date(2026, 11, 20)]
        bars = [Bar(day, 100.25, 101.5, 99.75, 100.5 + n, 1200.0) for n, day in enumerate(days)]
        simulator.market.replay(self.name, self.first(), bars)
        if self.only_fixes:
            bars = [Bar(bar.date, bar.close, bar.close, bar.close, bar.close, None) for bar in bars]
        found = self.history(simulator, tmp_path, self.first(), days[0], days[-1])
        assert [bar._replace(flags=0) for bar in found.bars] == bars
        assert self.history(simulator, tmp_path, self.first(), days[1], days[1]).bars == bars[1:2]

    def test_the_session_under_way_is_marked(self, simulator: Simulator, tmp_path: Path) -> None:
        found = self.history(simulator, tmp_path, self.first(), TODAY - dt.timedelta(days=14), TODAY)
        today = [TODAY] if self.shows_today else []
        assert [bar.date for bar in found.bars if bar.flags & LIVE] == ([] if self.only_fixes else today)
        assert [bar.date for bar in found.bars if bar.date == TODAY] == today

    def test_days_without_sessions_are_no_error(self, simulator: Simulator, tmp_path: Path) -> None:
        found = self.history(simulator, tmp_path, self.first(), dt.date(1971, 1, 1), dt.date(1971, 2, 1))
        assert found.bars == []

    def test_history_of_an_unknown_symbol_is_an_error(self, simulator: Simulator, tmp_path: Path) -> None:
        with pytest.raises(UnknownSymbol, match=re.escape(self.unknown)):
            self.history(simulator, tmp_path, self.unknown, dt.date(2026, 1, 5), dt.date(2026, 1, 9))

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            (faults.status(429, 5), RateLimited),
            (faults.status(418, 5), RateLimited),
            (faults.status(403), Refused),
            (faults.status(451), Refused),
            (faults.status(500), Transient),
            (faults.html(), Transient),
            (faults.garbage(), BadPayload),
            (faults.cut(20), Transient),
            (faults.drop(), Transient),
            (faults.redirect("http://127.0.0.1:9/"), Refused),
            (faults.status(200, body="[]"), BadPayload),
            (faults.status(200, body="null"), BadPayload),
            (faults.status(400, body="{}"), BadPayload),
        ],
    )
    def test_every_fault_is_a_typed_error(
        self, simulator: Simulator, tmp_path: Path, fault: faults.Fault, kind: type[ProviderError]
    ) -> None:
        simulator.script(fault)
        with pytest.raises(ProviderError) as caught:
            self.quotes(simulator, tmp_path / "quotes", self.first())
        assert type(caught.value) is kind
        assert self.name in str(caught.value).lower()

    def test_a_fault_that_passes_is_not_noticed(self, simulator: Simulator, tmp_path: Path) -> None:
        simulator.script(faults.status(502), times=2)
        assert isinstance(self.quotes(simulator, tmp_path, self.first())[0], Quote)
        assert [entry.status for entry in simulator.journal] == [502, 502, 200]


class TestBinance(ProviderContract):
    name = "binance"
    known: ClassVar[dict[str, str]] = {"BTCUSDT": "USDT", "ETHBTC": "BTC", "SOLUSDC": "USDC"}
    kind = "crypto"
    exchange = "BINANCE"
    dead = "BCCBTC"
    unknown = "XXXUSDT"
    lower = "btcusdt"
    requests_for_1000 = 1


class TestKraken(ProviderContract):
    name = "kraken"
    known: ClassVar[dict[str, str]] = {"XBTUSD": "USD", "ETHXBT": "XBT", "SOLUSDT": "USDT", "ADAUSD": "USD"}
    kind = "crypto"
    exchange = "KRAKEN"
    dead = "REPUSD"
    unknown = "XXXXUSD"
    lower = "xbtusd"
    requests_for_1000 = 25


class TestCoinbase(ProviderContract):
    name = "coinbase"
    known: ClassVar[dict[str, str]] = {"BTC-USD": "USD", "ETH-BTC": "BTC", "SOL-USDT": "USDT"}
    kind = "crypto"
    exchange = "COINBASE"
    dead = "REP-USD"
    unknown = "XXX-USD"
    lower = "btc-usd"
    requests_for_1000 = 1000
    requests_for_known = 3


class TestFrankfurter(ProviderContract):
    name = "frankfurter"
    known: ClassVar[dict[str, str]] = {"EURUSD": "USD", "EURJPY": "JPY", "EURGBP": "GBP"}
    kind = "fx"
    exchange = "CCY"
    dead = "EURRUB"
    unknown = "EURXXX"
    lower = "eurusd"
    many: ClassVar[Sequence[str]] = [f"{base}{money}" for base in CURRENCIES[:20] for money in CURRENCIES[20:]]
    requests_for_1000 = 20
    only_fixes = True


class TestEcb(ProviderContract):
    name = "ecb"
    known: ClassVar[dict[str, str]] = {"EURUSD": "USD", "EURJPY": "JPY", "EURGBP": "GBP"}
    kind = "fx"
    exchange = "CCY"
    dead = "EURRUB"
    unknown = "EURXXX"
    lower = "eurusd"
    requests_for_1000 = 1
    only_fixes = True

    def test_a_cross_is_computed_from_two_rates(self, simulator: Simulator, tmp_path: Path) -> None:
        simulator.market.pin("ecb", "EURUSD", 1.25)
        simulator.market.pin("ecb", "EURJPY", 160.5)
        (quote,) = self.quotes(simulator, tmp_path, "USDJPY")
        assert isinstance(quote, Quote)
        assert (quote.price, quote.currency) == ("128.4", "JPY")


class TestTiingo(ProviderContract):
    name = "tiingo"
    known: ClassVar[dict[str, str]] = {"AAPL": "USD", "MSFT": "USD", "BRK-B": "USD"}
    kind = "stock"
    exchange = "NMS"
    dead = "GONE"
    unknown = "XXXX"
    lower = "aapl"
    requests_for_1000 = 10
    shows_today = False  # its days come after the close

    def test_splits_and_dividends_are_as_they_were(self, simulator: Simulator, tmp_path: Path) -> None:
        days = [dt.date(2026, 11, 12), dt.date(2026, 11, 13), dt.date(2026, 11, 16), dt.date(2026, 11, 17)]
        bars = [Bar(day, 300.25, 301.5, 299.75, 300.35, 33870100.0) for day in days[:2]]
        bars += [Bar(day, 75.25, 75.5, 74.75, 75.35, 4000.0) for day in days[2:]]
        actions = [Action(days[1], "dividend", 0.77, "USD"), Action(days[2], "split", 4.0)]
        simulator.market.replay("tiingo", "MSFT", bars, actions)
        found = self.history(simulator, tmp_path, "MSFT", days[0], days[1])
        assert found.bars == bars[:2]
        assert found.actions == actions


class TestYahoo(ProviderContract):
    name = "yahoo"
    known: ClassVar[dict[str, str]] = {"MSFT": "USD", "AAPL": "USD", "BRK-B": "USD"}
    kind = "stock"
    exchange = "NMS"
    dead = "CAPIO.ST"
    unknown = "XXXX"
    lower = "msft"
    requests_for_1000 = 50

    def test_splits_and_dividends_are_as_they_were(self, simulator: Simulator, tmp_path: Path) -> None:
        days = [dt.date(2026, 11, 12), dt.date(2026, 11, 13), dt.date(2026, 11, 16), dt.date(2026, 11, 17)]
        bars = [Bar(day, 300.25, 301.5, 299.75, 300.35, 33870100.0) for day in days[:2]]
        bars += [Bar(day, 75.25, 75.5, 74.75, 75.35, 4000.0) for day in days[2:]]
        actions = [Action(days[1], "dividend", 0.77), Action(days[2], "split", 4.0)]
        simulator.market.replay("yahoo", "MSFT", bars, actions)
        found = self.history(simulator, tmp_path, "MSFT", days[0], days[1])
        assert found.bars == bars[:2]
        assert found.actions == actions

    @pytest.mark.parametrize(
        ("exchange", "currency", "kind"),
        [("ASX", "AUD", "stock"), ("LSE", "GBp", "stock"), ("CCY", "USD", "fx"), ("JPX", "JPY", "stock")],
    )
    def test_sessions_keep_their_local_dates_round_the_world(
        self, simulator: Simulator, tmp_path: Path, exchange: str, currency: str, kind: str
    ) -> None:
        asset = Asset("X1", "X1", kind, "", "X1", "yahoo", "X1", currency, exchange)
        days = [dt.date(2026, 3, 26) + dt.timedelta(n) for n in (0, 1, 4, 5)]  # London turns its clocks on the 29th
        days += [dt.date(2026, 7, 9), dt.date(2026, 10, 30), dt.date(2026, 11, 2), dt.date(2026, 11, 3)]
        volume = None if kind == "fx" else 10.0
        bars = [Bar(day, 1.5, 2.0, 1.25, 1.75, volume) for day in days]
        simulator.market.replay("yahoo", "X1", bars, asset=asset)
        found = self.history(simulator, tmp_path, "X1", days[0], days[-1])
        assert [bar._replace(flags=0) for bar in found.bars] == bars
        assert found.currency == currency


def test_every_provider_passes_the_contract() -> None:
    tested = {kind.name for kind in ProviderContract.__subclasses__()}
    assert tested == set(providers.NAMES)


def test_there_is_no_other_provider() -> None:
    with pytest.raises(UsageError, match="there is no provider") as caught:
        providers.get("stooq")
    assert "binance, yahoo, kraken" in caught.value.hint


def test_providers_do_not_know_each_other() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    named = next(one for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "independence")
    assert {module.rpartition(".")[2] for module in named["modules"]} == set(providers.NAMES)
