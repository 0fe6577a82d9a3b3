"""The fallbacks' wire formats: bodies with the keys, types and order of the recorded ones."""

import json

import pytest

from loopback import Standing, ask
from pricectl.model.asset import Asset
from pricectl.simulator import Market, Simulator
from shared_data import wire

TUESDAY = "2026-11-24T18:00:00"


def listed(provider: str, one: str, kind: str, currency: str, exchange: str) -> Asset:
    return Asset(one, one, kind, "", one, provider, one, currency, exchange)


ASSETS = [
    listed("kraken", "XBTUSD", "crypto", "USD", "KRAKEN"),
    listed("kraken", "XBTUSDT", "crypto", "USDT", "KRAKEN"),
    listed("coinbase", "BTC-USD", "crypto", "USD", "COINBASE"),
    listed("frankfurter", "EURUSD", "fx", "USD", "CCY"),
    listed("frankfurter", "EURJPY", "fx", "JPY", "CCY"),
    listed("ecb", "EURUSD", "fx", "USD", "CCY"),
    listed("ecb", "EURJPY", "fx", "JPY", "CCY"),
    listed("tiingo", "AAPL", "stock", "USD", "NMS"),
]


@pytest.fixture
def clock():
    return Standing(TUESDAY)


@pytest.fixture
def simulator(clock):
    with Simulator(Market(ASSETS, clock=clock)) as running:
        yield running


def shape(value):
    """Keys in order and types all the way down; of a list its first item."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return type(value).__name__


def said(simulator, target):
    reply = ask(simulator, target)
    assert reply.status == 200
    return reply.json()


def test_a_kraken_ticker(simulator):
    body = said(simulator, "/0/public/Ticker?pair=XBTUSDT")
    assert list(body) == ["error", "result"]
    assert shape(body) == shape(json.loads(wire("kraken/ticker_XBTUSDT_2025.json")))


def test_an_old_pair_answers_under_its_long_key(simulator):
    assert list(said(simulator, "/0/public/Ticker?pair=XBTUSD,XBTUSDT")["result"]) == ["XXBTZUSD", "XBTUSDT"]
    pairs = said(simulator, "/0/public/AssetPairs")["result"]
    assert pairs["XXBTZUSD"] | {"wsname": "XBT/USD", "altname": "XBTUSD", "quote": "ZUSD"} == pairs["XXBTZUSD"]


def test_kraken_says_its_errors_with_200(simulator):
    assert said(simulator, "/0/public/Ticker?pair=XBTUSD,NOPE") == {"error": ["EQuery:Unknown asset pair"]}
    assert said(simulator, "/0/public/OHLC?pair=XBTUSD&interval=7") == {"error": ["EGeneral:Invalid arguments"]}


def test_kraken_gives_720_closed_candles_and_the_open_one(simulator):
    result = said(simulator, "/0/public/OHLC?pair=XBTUSDT&interval=1440&since=0")["result"]
    assert list(result) == ["XBTUSDT", "last"]
    rows = result["XBTUSDT"]
    assert len(rows) == 721
    assert [row[0] > result["last"] for row in rows] == [False] * 720 + [True]
    assert [type(one) for one in rows[0]] == [int, str, str, str, str, str, str, int]


def test_a_coinbase_ticker(simulator):
    body = said(simulator, "/products/BTC-USD/ticker")
    assert shape(body) == shape(json.loads(wire("coinbase/ticker_BTC-USDT_2024.json")))


def test_coinbase_candles_come_newest_first(simulator):
    target = "/products/BTC-USD/candles?granularity=86400&start={}T00:00:00Z&end={}T00:00:00Z"
    rows = said(simulator, target.format("2026-11-20", "2026-11-24"))
    assert [row[0] for row in rows] == [1795478400, 1795392000, 1795305600, 1795219200, 1795132800]
    assert all(low <= min(opened, close) <= max(opened, close) <= high for _, low, high, opened, close, _ in rows)
    late = ask(simulator, target.format("2020-01-01", "2026-11-24"))
    assert late.status == 400
    assert late.json()["message"].endswith("Count of aggregations requested exceeds 300")
    assert ask(simulator, "/products/NOPE-USD/ticker").json() == {"message": "NotFound"}


def test_frankfurters_rates(simulator):
    assert said(simulator, "/v1/2026-11-20..2026-11-23?base=EUR&symbols=USD")["rates"].keys() == {
        "2026-11-20", "2026-11-23",
    }  # fmt: skip
    latest = said(simulator, "/v1/latest?base=EUR")
    assert (latest["base"], latest["date"], list(latest["rates"])) == ("EUR", "2026-11-24", ["USD", "JPY"])
    gone = ask(simulator, "/v1/latest?base=EUR&symbols=XXX")
    assert (gone.status, gone.json()) == (404, {"message": "not found"})


def test_the_fix_of_a_day_is_not_known_before_16_in_frankfurt(simulator, clock):
    clock.set("2026-11-24T14:59:59")
    assert said(simulator, "/v1/latest?base=EUR&symbols=USD")["date"] == "2026-11-23"
    clock.set("2026-11-24T15:00:00")
    assert said(simulator, "/v1/latest?base=EUR&symbols=USD")["date"] == "2026-11-24"


def test_the_ecbs_table(simulator):
    reply = ask(simulator, "/service/data/EXR/D.JPY+USD.EUR.SP00.A?format=csvdata&lastNObservations=1")
    head, *lines = reply.body.decode().splitlines()
    assert reply.headers["content-type"] == "text/csv"
    assert {"FREQ", "CURRENCY", "TIME_PERIOD", "OBS_VALUE"} <= set(head.split(","))
    assert [line.split(",")[2] for line in lines] == ["JPY", "USD"]
    assert ask(simulator, "/service/data/EXR/D.XXX.EUR.SP00.A?format=csvdata").status == 404


def test_tiingo_lets_nobody_in_without_a_token(simulator):
    assert ask(simulator, "/iex/?tickers=AAPL").status == 401
    assert ask(simulator, "/iex/?tickers=AAPL", Authorization="Token revoked").status == 401
    (row,) = ask(simulator, "/iex/?tickers=AAPL,NOPE", Authorization="Token abc").json()
    assert (row["ticker"], row["last"]) == ("AAPL", None)
    assert row["tngoLast"] > 0


def test_the_shipped_market_lists_the_catalogues_fallbacks_near_the_assets_own_price(clock):
    with Simulator(clock=clock) as whole:
        kraken = said(whole, "/0/public/Ticker?pair=XBTUSD")["result"]["XXBTZUSD"]["c"][0]
        binance = said(whole, "/api/v3/ticker/price?symbol=BTCUSDT")["price"]
        assert abs(float(kraken) / float(binance) - 1) < 1e-3
        assert said(whole, "/v1/latest?base=USD&symbols=JPY")["rates"]["JPY"] > 100
        assert ask(whole, "/service/data/EXR/D.JPY.EUR.SP00.A?format=csvdata&lastNObservations=1").status == 200
        days = ask(whole, "/tiingo/daily/AAPL/prices?startDate=2020-08-28", Authorization="Token abc").json()
        assert [(day["date"][:10], day["splitFactor"]) for day in days[:2]] == [
            ("2020-08-28", 1.0), ("2020-08-31", 4.0),
        ]  # fmt: skip
        assert days[0]["close"] / days[0]["adjClose"] == 4.0
