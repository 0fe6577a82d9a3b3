"""The fallbacks' bodies, F-01 to F-10: against recorded ones where there are any, and small ones written by hand."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pricectl import providers
from pricectl.errors import BadPayload, ProviderError, RateLimited, Refused, Transient, UnknownSymbol
from pricectl.model.bar import LIVE, Action, Bar
from pricectl.model.quote import Miss, Quote
from pricectl.net import Http
from pricectl.providers import coinbase, ecb, fixing, frankfurter, kraken, tiingo
from provider_bodies import NOW_MS, reply, utc
from provider_server import Asked, Provider, Said, http
from shared_data import wire

T = TypeVar("T")
ANY = (dt.date(1999, 1, 1), dt.date(2030, 1, 1))
DAY_S = 86_400


def run(provider: Provider, root: Path, do: Callable[[Http], Coroutine[Any, Any, T]]) -> T:
    async def within() -> T:
        async with http(root, provider.url) as client:
            return await do(client)

    with provider.running():
        return asyncio.run(within())


def said(body: object, status: int = 200) -> Said:
    return Said(json.dumps(body).encode(), status)


# Kraken


def item(price: str) -> dict[str, Any]:
    """A ticker; only ``c`` is read."""
    return {"a": ["9", "1", "1.0"], "c": [price, "0.1"], "p": ["8", "8"], "o": "7.0"}


def kraken_error(*errors: str) -> dict[str, Any]:
    return {"error": list(errors)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("EQuery:Unknown asset pair", UnknownSymbol),
        ("EAPI:Rate limit exceeded", RateLimited),
        ("EGeneral:Too many requests", RateLimited),
        ("EService:Unavailable", Transient),
        ("EService:Busy", Transient),
        ("EGeneral:Internal error", Transient),
        ("EGeneral:Invalid arguments", Refused),
    ],
)
def test_F_01_an_error_in_a_good_answer_is_an_error(text: str, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        kraken.read_tickers(reply(kraken_error(text)), ["XBTUSD"])
    assert type(caught.value) is kind


@pytest.mark.parametrize(("name", "kind"), [("200_rate_limit", RateLimited), ("200_service_unavailable", Transient)])
def test_F_01_recorded_errors(name: str, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        kraken.read_tickers(reply(wire(f"kraken/errors/{name}.json")), ["XBTUSD"])
    assert type(caught.value) is kind


def test_F_01_a_warning_beside_a_result_is_no_error() -> None:
    body = {"error": ["WGeneral:Deprecated"], "result": {"XBTUSDT": item("5.0")}}
    assert list(kraken.read_tickers(reply(body), ["XBTUSDT"])) == ["XBTUSDT"]


PAIRS = {
    "error": [],
    "result": {
        "XXBTZUSD": {"altname": "XBTUSD", "wsname": "XBT/USD", "quote": "ZUSD"},
        "SOLUSD": {"altname": "SOLUSD", "wsname": "SOL/USD", "quote": "ZUSD"},
        "XBTNEWC": {"altname": "XBTNEWC", "wsname": "XBT/NEWC", "quote": "NEWC"},
    },
}


def test_F_01_an_unknown_pair_in_a_batch_costs_only_itself(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Said:
        if asked.path.endswith("AssetPairs"):
            return said(PAIRS)
        pairs = asked.params["pair"].split(",")
        if "NOPEUSD" in pairs:
            return said(kraken_error("EQuery:Unknown asset pair"))
        keys = {"XBTUSD": "XXBTZUSD"}
        return said({"error": [], "result": {keys.get(pair, pair): item("5.5") for pair in pairs}})

    provider = Provider(answer)
    ids = ("XBTUSD", "NOPEUSD", "SOLUSD")
    first, unknown, last = run(provider, tmp_path, lambda client: kraken.Kraken().quotes(client, ids))
    assert isinstance(first, Quote)
    assert isinstance(last, Quote)
    assert (first.provider_id, last.provider_id) == ("XBTUSD", "SOLUSD")
    assert isinstance(unknown, Miss)
    assert isinstance(unknown.error, UnknownSymbol)
    assert [asked.params.get("pair") for asked in provider.asked] == ["XBTUSD,NOPEUSD,SOLUSD", None, "XBTUSD,SOLUSD"]


def test_a_mass_unknown_at_kraken_is_an_outage(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Said:
        if asked.path.endswith("AssetPairs"):
            return said({"error": [], "result": {}})
        return said(kraken_error("EQuery:Unknown asset pair"))

    with pytest.raises(Transient, match="outage"):
        run(Provider(answer), tmp_path, lambda client: kraken.Kraken().quotes(client, ("XBTUSD",)))


def test_a_quote_asset_that_the_name_does_not_tell_is_asked_for(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Said:
        if asked.path.endswith("AssetPairs"):
            return said(PAIRS)
        return said({"error": [], "result": {"XBTNEWC": item("5.5")}})

    (quote,) = run(Provider(answer), tmp_path, lambda client: kraken.Kraken().quotes(client, ("XBTNEWC",)))
    assert isinstance(quote, Quote)
    assert quote.currency == "NEWC"


@pytest.mark.parametrize(
    ("pair", "money"),
    [("XBTUSD", "USD"), ("XBTUSDT", "USDT"), ("ADAUSD", "USD"), ("ETHXBT", "XBT"), ("XBTPYUSD", None), ("USD", None)],
)
def test_dollars_are_told_from_tethers(pair: str, money: str | None) -> None:
    assert kraken.quote_asset(pair) == money


def test_F_02_the_key_of_the_answer_may_differ_from_the_pair_asked_for() -> None:
    result = {"XXBTZUSD": item("64000.10000"), "SOLUSD": item("140.50"), "USDTZUSD": item("0.9998")}
    found = kraken.read_tickers(reply({"error": [], "result": result}), ["SOLUSD", "XBTUSD", "USDTUSD"])
    prices = {symbol: quote.price for symbol, quote in found.items() if isinstance(quote, Quote)}
    assert prices == {"XBTUSD": "64000.1", "SOLUSD": "140.5", "USDTUSD": "0.9998"}


def test_F_02_recorded_tickers() -> None:
    (quote,) = kraken.read_tickers(reply(wire("kraken/ticker_XBTUSDT_2025.json")), ["XBTUSDT"]).values()
    assert quote == Quote("kraken", "XBTUSDT", "105899.4", "USDT", None, NOW_MS, NOW_MS + 250)
    (old,) = kraken.read_tickers(reply(wire("kraken/ticker_BCHEUR_2017.json")), ["BCHEUR"]).values()
    assert isinstance(old, Quote)
    assert (old.price, old.currency) == ("355.4", "EUR")


def rows(count: int, until: str = "2026-11-24") -> list[list[Any]]:
    """``count`` daily candles, the last of them opened on ``until``."""
    last = utc(until)
    return [[last - n * DAY_S, "10.5", "12.5", "9.5", "11.5", "10.0", "3.25", 7] for n in range(count)][::-1]


def candles(days: list[list[Any]], key: str = "XXBTZUSD") -> dict[str, Any]:
    return {"error": [], "result": {key: days, "last": days[-2][0]}}


def test_F_02_the_candles_are_found_and_last_is_no_series() -> None:
    body = candles(rows(3))
    body["result"] = {"last": body["result"]["last"], "XXBTZUSD": body["result"]["XXBTZUSD"]}
    assert len(kraken.read_candles(reply(body), *ANY).bars) == 3


def test_F_02_recorded_candles() -> None:
    found = kraken.read_candles(reply(wire("kraken/ohlc_XXBTZUSD_1d_two_rows.json")), *ANY)
    assert found.bars == [
        Bar(dt.date(2024, 8, 13), 59359.5, 61555.0, 58441.2, 60600.0, 2442.99193825),
        Bar(dt.date(2024, 8, 14), 60600.1, 61773.4, 58500.0, 58693.6, 2297.26406239),
    ]


def test_F_03_the_volume_is_the_seventh_figure() -> None:
    assert [bar.volume for bar in kraken.read_candles(reply(candles(rows(2))), *ANY).bars] == [3.25, 3.25]


def test_F_04_what_opened_after_last_is_open() -> None:
    found = kraken.read_candles(reply(candles(rows(5))), *ANY)
    assert [bar.date.day for bar in found.bars if bar.flags & LIVE] == [24]


def test_F_04_one_of_the_721_recorded_minutes_is_open() -> None:
    result = json.loads(wire("kraken/ohlc_XBTUSDT_1m_2025.json"))["result"]
    assert len(result["XBTUSDT"]) == 721
    # As days: each minute becomes the day of its number, so that the reader of days can read it.
    for number, row in enumerate(result["XBTUSDT"]):
        row[0] = number * DAY_S if row[0] <= result["last"] else -1
    result["last"] = 719 * DAY_S
    result["XBTUSDT"][-1][0] = 720 * DAY_S
    found = kraken.read_candles(reply({"error": [], "result": result}), dt.date(1970, 1, 1), dt.date(1973, 1, 1))
    assert sum(bool(bar.flags & LIVE) for bar in found.bars) == 1
    assert len(found.bars) == 721


def test_F_05_what_lies_before_the_720_days_is_said_to_be_out_of_reach() -> None:
    days = rows(721)
    first = dt.date(2024, 12, 4)  # 720 days before 2026-11-24
    asked = kraken.read_candles(reply(candles(days)), first - dt.timedelta(days=1), dt.date(2026, 11, 24))
    assert (asked.earliest, asked.bars[0].date) == (first, first)
    assert kraken.read_candles(reply(candles(days)), first, dt.date(2026, 11, 24)).earliest is None
    assert kraken.read_candles(reply(candles(rows(300))), *ANY).earliest is None  # a young pair: that is all


def test_candles_of_another_length_are_no_days() -> None:
    days = rows(3)
    days[1][0] += 3600
    with pytest.raises(BadPayload):
        kraken.read_candles(reply(candles(days)), *ANY)


# Coinbase


def test_F_06_low_stands_before_high_before_open_and_the_newest_first() -> None:
    body = [[utc("2021-01-07"), 29516.98, 32900, 29818.73, 32120.19, 5957.46980324],
            [utc("2021-01-06"), 27000, 30000, 28000, 29818.73, 1.5]]  # fmt: skip
    bars, server_ms = coinbase.read_candles(reply(body), *ANY)
    assert bars == [
        Bar(dt.date(2021, 1, 6), 28000.0, 30000.0, 27000.0, 29818.73, 1.5),
        Bar(dt.date(2021, 1, 7), 29818.73, 32900.0, 29516.98, 32120.19, 5957.46980324),
    ]
    assert server_ms == NOW_MS


def test_F_06_recorded_candles() -> None:
    bars, _ = coinbase.read_candles(
        reply(wire("coinbase/candles_BTC-EUR_1d_2020-10-17--2021-01-07_trimmed.json")), *ANY
    )
    assert bars == [
        Bar(dt.date(2020, 10, 17), 9675.29, 9742.61, 9630.1, 9706.33, 385.03505036),
        Bar(dt.date(2021, 1, 7), 29818.73, 32900.0, 29516.98, 32120.19, 5957.46980324),
    ]
    assert coinbase.read_candles(reply(wire("coinbase/candles_empty.json")), *ANY)[0] == []


def test_F_06_the_candle_of_the_day_under_way_is_open() -> None:
    body = [[utc("2026-11-24"), 1, 3, 2, 2.5, 1.5], [utc("2026-11-23"), 1, 3, 2, 2.5, 1.5]]
    assert [bar.flags for bar in coinbase.read_candles(reply(body), *ANY)[0]] == [0, LIVE]


def test_F_06_a_window_that_no_trading_fell_into_is_empty() -> None:
    assert coinbase.read_candles(reply({"message": "End is too old"}, 400), *ANY)[0] == []
    assert coinbase.read_candles(reply(wire("coinbase/errors/400_end_too_old.json"), 400), *ANY)[0] == []


def test_F_07_no_window_is_longer_than_290_days_and_none_is_left_out(tmp_path: Path) -> None:
    provider = Provider(lambda _: said([]))
    start, end = dt.date(2020, 1, 1), dt.date(2026, 11, 24)
    run(provider, tmp_path, lambda client: coinbase.Coinbase().history(client, "BTC-USD", start, end))
    spans = [
        tuple(dt.date.fromisoformat(asked.params[name][:10]) for name in ("start", "end")) for asked in provider.asked
    ]
    assert (spans[0][0], spans[-1][1]) == (start, end)
    assert all((last - first).days < 290 for first, last in spans)
    assert all(after[0] - before[1] == dt.timedelta(days=1) for before, after in pairwise(spans))
    assert len(spans) == 9  # 2520 days
    assert {asked.params["granularity"] for asked in provider.asked} == {"86400"}


def test_F_07_too_many_candles_is_not_tried_again(tmp_path: Path) -> None:
    text = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
    provider = Provider(lambda _: said({"message": text}, 400))
    with pytest.raises(Refused, match="granularity too small"):
        run(provider, tmp_path, lambda client: coinbase.Coinbase().history(client, "BTC-USD", ANY[0], ANY[0]))
    assert len(provider.asked) == 1
    with pytest.raises(Refused, match="granularity too small"):
        coinbase.read_candles(reply(wire("coinbase/errors/400_more_than_300_candles.json"), 400), *ANY)


def test_a_ticker_is_the_last_trade_at_its_own_time() -> None:
    body = {"price": "73367.80", "time": "2024-03-13T11:10:41.270099Z", "volume": "1207.5", "trade_id": 1}
    quote = coinbase.read_ticker(reply(body), "BTC-USDT")
    at_ms = 1_710_328_241_270
    assert quote == Quote("coinbase", "BTC-USDT", "73367.8", "USDT", None, at_ms, NOW_MS + 250)
    assert coinbase.read_ticker(reply(wire("coinbase/ticker_BTC-USDT_2024.json")), "BTC-USDT") == quote


def test_a_404_is_unknown_only_while_bitcoin_is_known(tmp_path: Path) -> None:
    ticker = {"price": "5.0", "time": "2026-11-24T11:59:59Z"}

    def answer(asked: Asked, known: bool) -> Said:
        return said(ticker) if known and "/BTC-USD/" in asked.path else said({"message": "NotFound"}, 404)

    def ask(known: bool) -> ProviderError:
        provider = Provider(lambda asked: answer(asked, known))
        root = tmp_path / str(known)
        (miss,) = run(provider, root, lambda client: coinbase.Coinbase().quotes(client, ("OLD-USD",)))
        assert isinstance(miss, Miss)
        assert isinstance(miss.error, ProviderError)
        return miss.error

    assert type(ask(True)) is UnknownSymbol
    assert type(ask(False)) is Transient


# The European Central Bank's fixes

SATURDAY = dt.date(2026, 8, 1)


def test_F_08_on_a_saturday_the_quote_is_fridays_and_says_so() -> None:
    body = {"amount": 1.0, "base": "USD", "date": "2026-07-31", "rates": {"EUR": 0.8707, "JPY": 155}}
    found = frankfurter.read_latest(reply(body, server_ms=utc("2026-08-01T12:00") * 1000), "USD")
    assert set(found) == {"USDEUR", "USDJPY"}
    quote = found["USDEUR"]
    assert (quote.price, quote.currency, quote.change24h) == ("0.8707", "EUR", None)
    assert quote.updated_ms == utc("2026-07-31T14:00") * 1000  # 16:00 in Frankfurt, in summer


def test_F_08_the_fix_is_at_16_in_frankfurt_in_winter_too() -> None:
    assert fixing.fixed_ms(dt.date(2026, 1, 15)) == utc("2026-01-15T15:00") * 1000


def test_F_08_the_fixes_are_sorted_and_within_the_days_asked_for() -> None:
    rates = {"2026-07-31": {"EUR": 0.8707}, "2026-07-29": {"EUR": 0.87873}, "2026-07-30": {"EUR": 0.87138}}
    body = {"amount": 1.0, "base": "USD", "start_date": "2026-07-29", "end_date": "2026-07-31", "rates": rates}
    bars, _ = frankfurter.read_fixes(reply(body), "USDEUR", dt.date(2026, 7, 30), SATURDAY)
    assert bars == [
        Bar(dt.date(2026, 7, 30), 0.87138, 0.87138, 0.87138, 0.87138, None),
        Bar(dt.date(2026, 7, 31), 0.8707, 0.8707, 0.8707, 0.8707, None),
    ]


def test_F_08_recorded_fixes() -> None:
    bars, _ = frankfurter.read_fixes(reply(wire("frankfurter/timeseries_USD_EUR_2026.json")), "USDEUR", *ANY)
    assert [(str(bar.date), bar.close) for bar in bars] == [
        ("2026-07-29", 0.87873), ("2026-07-30", 0.87138), ("2026-07-31", 0.8707),
    ]  # fmt: skip


def test_a_rate_of_another_base_or_amount_is_not_taken() -> None:
    body = {"amount": 100.0, "base": "USD", "date": "2026-07-31", "rates": {"EUR": 87.07}}
    with pytest.raises(BadPayload):
        frankfurter.read_latest(reply(body), "USD")
    with pytest.raises(BadPayload):
        frankfurter.read_latest(reply({**body, "amount": 1.0}), "CHF")


def test_an_unknown_currency_costs_only_itself(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Said:
        if "XXX" in asked.params.get("symbols", ""):
            return said({"message": "not found"}, 404)
        return said({"amount": 1.0, "base": "EUR", "date": "2026-11-23", "rates": {"USD": 1.25, "JPY": 160}})

    ids = ("EURUSD", "EURXXX")
    known, unknown = run(Provider(answer), tmp_path, lambda client: frankfurter.Frankfurter().quotes(client, ids))
    assert isinstance(known, Quote)
    assert known.price == "1.25"
    assert isinstance(unknown, Miss)
    assert isinstance(unknown.error, UnknownSymbol)


def test_a_mass_404_of_frankfurter_is_an_outage(tmp_path: Path) -> None:
    gone = said({"message": "not found"}, 404)
    (miss,) = run(
        Provider(lambda _: gone), tmp_path, lambda client: frankfurter.Frankfurter().quotes(client, ("EURUSD",))
    )
    assert isinstance(miss, Miss)
    assert type(miss.error) is Transient


CSV = """\
KEY,FREQ,CURRENCY,CURRENCY_DENOM,TIME_PERIOD,OBS_VALUE,OBS_STATUS
EXR.D.JPY.EUR.SP00.A,D,JPY,EUR,2021-01-08,127.26,A
EXR.D.USD.EUR.SP00.A,D,USD,EUR,2021-01-08,1.225,A
EXR.D.USD.EUR.SP00.A,D,USD,EUR,2021-01-07,,H
EXR.D.JPY.EUR.SP00.A,D,JPY,EUR,2021-01-07,NaN,H
"""


def test_F_09_the_columns_are_found_by_name_and_days_without_a_rate_skipped() -> None:
    fixes = ecb.read_rates(reply(CSV))
    assert {day: {money: str(rate) for money, rate in rates.items()} for day, rates in fixes.items()} == {
        dt.date(2021, 1, 8): {"JPY": "127.26", "USD": "1.225"}
    }
    with pytest.raises(BadPayload, match="OBS_VALUE"):
        ecb.read_rates(reply("CURRENCY,TIME_PERIOD\nUSD,2021-01-08\n"))


def test_F_09_recorded_fixes() -> None:
    fixes = ecb.read_rates(reply(wire("ecb/data-api_EXR_csvdata_2026-02.csv")))
    assert str(fixes[dt.date(2026, 2, 17)]["AUD"]) == "1.6776"
    assert min(fixes) == dt.date(2026, 2, 17)
    assert max(fixes) == dt.date(2026, 3, 18)


def test_a_cross_is_the_quotient_to_six_digits() -> None:
    rates = ecb.read_rates(reply(CSV))[dt.date(2021, 1, 8)]
    assert str(ecb.cross(rates, "USDJPY")) == "103.886"  # 127.26 / 1.225 = 103.88571...
    assert str(ecb.cross(rates, "EURUSD")) == "1.225"
    assert str(ecb.cross(rates, "USDEUR")) == "0.816327"
    assert ecb.cross(rates, "USDXXX") is None


def test_a_currency_that_is_no_longer_fixed_has_no_price(tmp_path: Path) -> None:
    body = "CURRENCY,TIME_PERIOD,OBS_VALUE\nHRK,2022-12-30,7.5365\nUSD,2026-11-23,1.15\n"
    provider = Provider(lambda _: Said(body.encode(), content_type="text/csv"))
    known, gone = run(provider, tmp_path, lambda client: ecb.Ecb().quotes(client, ("EURUSD", "EURHRK")))
    assert isinstance(known, Quote)
    assert known.updated_ms == utc("2026-11-23T15:00") * 1000
    assert isinstance(gone, Miss)
    assert type(gone.error) is UnknownSymbol


def test_the_ecb_without_the_dollar_is_an_outage(tmp_path: Path) -> None:
    for number, answer in enumerate((Said(b"No results found.", 404), Said(CSV.replace("USD", "CHF").encode()))):
        with pytest.raises(Transient, match="outage"):
            run(
                Provider(lambda _, answer=answer: answer),  # type: ignore[misc]
                tmp_path / str(number),
                lambda client: ecb.Ecb().quotes(client, ("EURCHF",)),
            )


# Tiingo


def day(date: str, **fields: Any) -> dict[str, Any]:
    row = {"date": date, "close": 300.35, "high": 301.5, "low": 299.75, "open": 300.25, "volume": 33870100}
    adjusted = {"adjClose": 75.0875, "adjHigh": 75.4, "adjLow": 74.9, "adjOpen": 75.1, "adjVolume": 135480400}
    return row | adjusted | {"divCash": 0.0, "splitFactor": 1.0} | fields


def test_F_10_both_forms_of_a_date_are_the_same_date() -> None:
    assert tiingo.session_date("2018-04-12T00:00:00+00:00") == dt.date(2018, 4, 12)
    assert tiingo.session_date("2018-04-12T00:00:00.000Z") == dt.date(2018, 4, 12)
    with pytest.raises(ValueError, match="time zone"):
        tiingo.session_date("2018-04-12T00:00:00")


def test_days_are_as_traded_with_their_splits_and_dividends() -> None:
    body = [
        day("2020-08-06T00:00:00.000Z"),
        day("2020-08-07T00:00:00+00:00", divCash=0.82),
        day("2020-08-31T00:00:00.000Z", splitFactor=4.0),
    ]
    found = tiingo.read_days(reply(body), dt.date(2020, 8, 6), dt.date(2020, 8, 7))
    traded = Bar(dt.date(2020, 8, 6), 300.25, 301.5, 299.75, 300.35, 33870100.0)
    assert found.bars == [traded, traded._replace(date=dt.date(2020, 8, 7))]
    assert found.actions == [
        Action(dt.date(2020, 8, 7), "dividend", 0.82, "USD"), Action(dt.date(2020, 8, 31), "split", 4.0),
    ]  # fmt: skip
    assert (found.currency, found.reaches_now) == ("USD", True)


@pytest.mark.parametrize(("now", "marks"), [("2026-11-25T00:30", LIVE), ("2026-11-25T01:30", 0)])
def test_a_day_may_be_corrected_until_8_in_the_evening(now: str, marks: int) -> None:
    found = tiingo.read_days(reply([day("2026-11-24T00:00:00.000Z")], server_ms=utc(now) * 1000), *ANY)
    assert [bar.flags for bar in found.bars] == [marks]


def test_a_price_is_tiingos_own_with_the_change_against_the_close_before() -> None:
    row = {"ticker": "AAPL", "timestamp": "2019-01-30T10:33:38.186520297-05:00", "tngoLast": 162.33, "last": None,
           "prevClose": 154.68}  # fmt: skip
    (quote,) = tiingo.read_quotes(reply([row])).values()
    at_ms = utc("2019-01-30T15:33:38") * 1000 + 186
    assert quote == Quote("tiingo", "AAPL", "162.33", "USD", "4.946", at_ms, NOW_MS + 250)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"detail": "Error: You have run over your hourly request allocation."}, 200, RateLimited),
        ({"detail": "Not found."}, 404, UnknownSymbol),
        ({"detail": "something else"}, 400, Refused),
        ([], 200, BadPayload),
    ],
)
def test_words_in_place_of_prices_are_errors(body: Any, status: int, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        tiingo.read_quotes(reply(body, status))
    assert type(caught.value) is kind


# All of them


@pytest.mark.parametrize("name", ["kraken", "coinbase", "frankfurter", "ecb", "tiingo"])
@pytest.mark.parametrize("body", [b"{}", b"null", b"[1]", b'{"error":[],"result":{}}', b"[[1,2]]", b'"text"', b""])
def test_what_is_not_as_promised_is_a_bad_payload(tmp_path: Path, name: str, body: bytes) -> None:
    one = {"kraken": "XBTUSD", "coinbase": "BTC-USD", "tiingo": "AAPL"}.get(name, "EURUSD")
    start = dt.date(2026, 11, 20)
    with pytest.raises(BadPayload, match=name):
        run(
            Provider(lambda _: Said(body)),
            tmp_path,
            lambda client: providers.get(name).history(client, one, start, start),
        )
