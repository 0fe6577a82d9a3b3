"""Binance's bodies: keys in order, string decimals, codes, weights and the semantics of its pages."""

import datetime as dt
import json
import re
from urllib.parse import quote

import pytest

from loopback import ask, at
from pricectl.model.bar import Bar
from pricectl.simulator import Simulator
from shared_data import wire

DAY_MS = 86_400_000
LEGAL_LIST = """'^\\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\\]$'"""
FULL = [
    "symbol", "priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice", "lastPrice", "lastQty",
    "bidPrice", "bidQty", "askPrice", "askQty", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume",
    "openTime", "closeTime", "firstId", "lastId", "count",
]  # fmt: skip
MINI = [
    "symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume", "openTime", "closeTime",
    "firstId", "lastId", "count",
]  # fmt: skip


def symbols(*names):
    return quote(json.dumps(names, separators=(",", ":")))


def klines(simulator, **params):
    query = "&".join(f"{name}={value}" for name, value in params.items())
    reply = ask(simulator, f"/api/v3/klines?symbol=BTCUSDT&interval=1d&{query}")
    assert reply.status == 200
    return reply.json()


def test_ping_and_time(simulator, clock):
    assert ask(simulator, "/api/v3/ping").body == b"{}"
    assert ask(simulator, "/api/v3/time").json() == {"serverTime": clock.ms}


def test_a_ticker_has_the_keys_of_the_full_body_in_order(simulator, clock):
    ticker = ask(simulator, "/api/v3/ticker/24hr?symbol=BTCUSDT").json()
    assert list(ticker) == FULL
    assert (ticker["closeTime"], ticker["openTime"]) == (clock.ms, clock.ms - DAY_MS)
    texts = {name: value for name, value in ticker.items() if isinstance(value, str)}
    assert set(FULL) - set(texts) == {"openTime", "closeTime", "firstId", "lastId", "count"}
    exact = [value for name, value in texts.items() if name not in ("symbol", "priceChangePercent")]
    assert [value for value in exact if not re.fullmatch(r"-?\d+\.\d{8}", value)] == []
    low, high = float(ticker["lowPrice"]), float(ticker["highPrice"])
    assert low <= float(ticker["openPrice"]) <= high
    assert low <= float(ticker["lastPrice"]) <= high


def test_the_short_ticker_has_the_twelve_documented_keys(simulator):
    assert list(ask(simulator, "/api/v3/ticker/24hr?symbol=BTCUSDT&type=MINI").json()) == MINI


def test_one_symbol_is_an_object_several_and_all_are_lists(simulator):
    several = ask(simulator, f"/api/v3/ticker/price?symbols={symbols('ETHUSDT', 'BTCUSDT')}").json()
    assert [list(item) for item in several] == [["symbol", "price"]] * 2
    assert [item["symbol"] for item in several] == ["ETHUSDT", "BTCUSDT"]
    every = ask(simulator, "/api/v3/ticker/price").json()
    assert len(every) > 200
    assert {"symbol": "BTCUSDT", "price": several[1]["price"]} in every


def test_the_change_is_against_the_price_of_a_day_before(simulator, clock):
    before = ask(simulator, "/api/v3/ticker/24hr?symbol=ETHUSDT").json()
    clock.ms += DAY_MS
    after = ask(simulator, "/api/v3/ticker/24hr?symbol=ETHUSDT").json()
    assert after["openPrice"] == before["lastPrice"]
    first, last = float(after["openPrice"]), float(after["lastPrice"])
    assert float(after["priceChangePercent"]) == pytest.approx(100 * (last / first - 1), abs=0.0006)


def test_dead_pairs_are_among_all_symbols_with_zeros_and_old_times(simulator, clock):
    every = {item["symbol"]: item for item in ask(simulator, "/api/v3/ticker/24hr").json()}
    dead = every["BCCBTC"]
    assert list(dead) == FULL
    assert (dead["lastPrice"], dead["count"], dead["firstId"]) == ("0.00000000", 0, -1)
    assert dead["prevClosePrice"] != "0.00000000"
    assert dead["closeTime"] < clock.ms - 5 * DAY_MS
    trading = {item["symbol"] for item in ask(simulator, "/api/v3/ticker/24hr?symbolStatus=TRADING").json()}
    assert set(every) - trading == {"BCCBTC", "HSRBTC", "VENUSDT"}


def test_exchange_info_names_base_quote_and_status(simulator):
    info = ask(simulator, f"/api/v3/exchangeInfo?symbols={symbols('BTCUSDT', 'BCCBTC')}").json()
    assert list(info) == ["timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"]
    assert [(s["baseAsset"], s["quoteAsset"], s["status"]) for s in info["symbols"]] == [
        ("BTC", "USDT", "TRADING"), ("BCC", "BTC", "BREAK"),
    ]  # fmt: skip
    assert info["rateLimits"][0] == {
        "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        ("ticker/24hr?symbol=NOPEUSDT", -1121, "Invalid symbol."),
        (f"ticker/24hr?symbols={symbols('BTCUSDT', 'NOPEUSDT')}", -1121, "Invalid symbol."),
        (f"ticker/price?symbols={symbols('BTCUSDT', 'BTCUSDT')}", -1151,
         "Symbol is present multiple times in the list."),
        (f"ticker/price?symbol=BTCUSDT&symbols={symbols('BTCUSDT')}", -1128,
         "Combination of optional parameters invalid. Recommendation: 'symbol' and 'symbols' cannot both be sent."),
        ("klines?symbol=btcusdt&interval=1d", -1100,
         "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."),
        ("ticker/price?symbols=%5B%22BTCUSDT%22,%20%22ETHUSDT%22%5D", -1100,
         f"Illegal characters found in parameter 'symbols'; legal range is {LEGAL_LIST}."),
        ("klines?symbol=BTCUSDT&interval=1x", -1120, "Invalid interval."),
        ("klines?symbol=BTCUSDT&interval=1D", -1120, "Invalid interval."),
        ("klines?interval=1d", -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ("ticker/24hr?symbol=BTCUSDT&type=HUGE", -1139, "Invalid ticker type."),
        ("ticker/24hr?symbolStatus=DEAD", -1122, "Invalid symbolStatus."),
        ("ticker/price?symbol=BCCBTC&symbolStatus=TRADING", -1220,
         "The symbol's status does not match the requested symbolStatus."),
        ("time?verbose=1", -1104,
         "Not all sent parameters were read; read '0' parameter(s) but was sent '1'."),
    ],
)  # fmt: skip
def test_errors_have_binances_codes(simulator, target, code, message):
    reply = ask(simulator, f"/api/v3/{target}")
    assert (reply.status, reply.json()) == (400, {"code": code, "msg": message})


def test_a_candle_is_twelve_values_on_a_utc_day(simulator):
    (row,) = klines(simulator, startTime=at("2024-02-29"), limit=1)
    assert (row[0], row[6]) == (1709164800000, 1709251199999)
    assert [type(value) for value in row] == [int, str, str, str, str, str, int, str, int, str, str, str]
    assert row[11] == "0"
    assert all(re.fullmatch(r"\d+\.\d{8}", row[at]) for at in (1, 2, 3, 4, 5, 7, 9, 10))


def test_pages_go_forward_from_the_start_and_end_with_the_open_candle(simulator, clock):
    start, seen, pages = 0, [], 0
    while page := klines(simulator, startTime=start, limit=1000):
        pages += 1
        seen += [row[0] for row in page]
        if len(page) < 1000:
            break
        start = page[-1][0] + 1
    assert seen[0] == at("2017-08-17")
    assert seen == list(range(seen[0], at("2026-11-25"), DAY_MS))
    assert pages == 4
    assert page[-1][6] > clock.ms  # the open candle
    assert page[-1][4] == ask(simulator, "/api/v3/ticker/price?symbol=BTCUSDT").json()["price"]


def test_the_window_decides_by_the_open_time(simulator):
    def days(**params):
        return [row[0] for row in klines(simulator, **params)]

    jan = [at(f"2024-01-0{day}") for day in range(1, 6)]
    assert days(startTime=jan[0], endTime=jan[4]) == jan
    assert days(startTime=jan[0] + 1, endTime=jan[4] - 1) == jan[1:4]
    assert days(endTime=jan[4], limit=2) == jan[3:]
    assert days(startTime=jan[0], limit=2) == jan[:2]
    assert days(limit=3) == [at("2026-11-22"), at("2026-11-23"), at("2026-11-24")]
    assert len(days()) == 500
    assert len(days(limit=1500)) == 1000
    assert days(startTime=at("2030-01-01")) == []
    assert days(endTime=at("2010-01-01")) == []


def test_weeks_start_on_monday_and_months_on_the_first(simulator):
    weeks = ask(simulator, "/api/v3/klines?symbol=BTCUSDT&interval=1w&limit=2").json()
    assert [row[0] for row in weeks] == [at("2026-11-16"), at("2026-11-23")]
    assert weeks[0][6] == at("2026-11-23") - 1
    months = ask(simulator, f"/api/v3/klines?symbol=BTCUSDT&interval=1M&startTime={at('2024-02-01')}&limit=1").json()
    assert (months[0][0], months[0][6]) == (at("2024-02-01"), at("2024-03-01") - 1)
    days = klines(simulator, startTime=at("2024-02-01"), endTime=at("2024-02-29"))
    assert len(days) == 29
    assert (months[0][1], months[0][4]) == (days[0][1], days[-1][4])
    assert float(months[0][2]) == max(float(row[2]) for row in days)


def test_a_replay_is_given_back_to_the_digit_with_its_holes(simulator, market):
    bars = [
        Bar(dt.date(2018, 2, 7), 7700.0, 8558.77, 7200.0, 7581.73, 33697.45),
        Bar(dt.date(2018, 2, 9), 7789.9, 8751.43, 7655.0, 8683.92, 6120.861937),
    ]
    market.replay("binance", "BTCUSDT", bars)
    rows = klines(simulator, startTime=0)
    assert [row[:6] for row in rows] == [
        [at("2018-02-07"), "7700.00000000", "8558.77000000", "7200.00000000", "7581.73000000", "33697.45000000"],
        [at("2018-02-09"), "7789.90000000", "8751.43000000", "7655.00000000", "8683.92000000", "6120.86193700"],
    ]


@pytest.mark.parametrize(
    ("target", "weight"),
    [
        ("ping", 1), ("klines?symbol=BTCUSDT&interval=1d", 2), ("ticker/24hr", 80), ("ticker/price", 4),
        ("ticker/24hr?symbol=BTCUSDT", 2), (f"ticker/24hr?symbols={symbols('BTCUSDT', 'ETHUSDT')}", 2),
        ("exchangeInfo", 20), ("ticker/24hr?symbols=" + symbols(*(f"S{n}" for n in range(21))), 40),
        ("ticker/24hr?symbols=" + symbols(*(f"S{n}" for n in range(101))), 80),
    ],
)  # fmt: skip
def test_weights_are_counted_and_said(simulator, target, weight):
    ask(simulator, "/api/v3/ping")
    reply = ask(simulator, f"/api/v3/{target}")
    assert reply.headers["x-mbx-used-weight-1m"] == str(1 + weight)
    assert simulator.journal[-1].weight == weight


def test_over_the_limit_is_429_going_on_is_418_and_both_end(market, clock):
    clock.set("2026-11-24T16:00:20")
    with Simulator(market, weight_limit=80) as simulator:
        assert ask(simulator, "/api/v3/ticker/24hr").status == 200
        refused = ask(simulator, "/api/v3/ticker/24hr")
        assert (refused.status, refused.headers["retry-after"]) == (429, "40")
        assert refused.json()["code"] == -1003
        for _ in range(10):
            reply = ask(simulator, "/api/v3/ping")
        assert (reply.status, reply.headers["retry-after"]) == (418, "120")
        assert f"IP banned until {clock.ms + 120_000}." in reply.json()["msg"]
        clock.set("2026-11-24T16:01:30")
        assert ask(simulator, "/api/v3/ping").headers["retry-after"] == "50"
        clock.set("2026-11-24T16:02:21")
        assert ask(simulator, "/api/v3/ping").status == 200


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("binance/ticker_24hr_BTCUSDT_FULL_2024.json", "ticker/24hr?symbol=BTCUSDT"),
        ("binance/from-docs/ticker_24hr_symbol_MINI.json", "ticker/24hr?symbol=BNBBTC&type=MINI"),
        ("binance/klines_BTCUSDT_1d_one_row_2026.json", "klines?symbol=BTCUSDT&interval=1d&limit=1"),
        ("binance/ticker_price_BTCUSDT_2021.json", "ticker/price?symbol=BTCUSDT"),
        ("binance/time_2021.json", "time"),
    ],
)
def test_shapes_are_those_of_the_recorded_bodies(simulator, name, target):
    real = json.loads(wire(name))
    said = ask(simulator, f"/api/v3/{target}").json()

    def kinds(value):
        if isinstance(value, dict):
            return [(key, kinds(inner)) for key, inner in value.items()]
        return [kinds(inner) for inner in value] if isinstance(value, list) else type(value).__name__

    assert kinds(said) == kinds(real)


def test_dead_pairs_have_the_kinds_of_the_recorded_ones(simulator):
    real = next(item for item in json.loads(wire("binance/ticker_24hr_all_trimmed_2019.json")) if item["count"] == 0)
    said = next(item for item in ask(simulator, "/api/v3/ticker/24hr").json() if item["count"] == 0)
    assert {k: type(v) for k, v in said.items()} == {k: type(v) for k, v in real.items()}
    same = [k for k in real if k not in ("symbol", "prevClosePrice", "openTime", "closeTime")]
    assert {k: said[k] for k in same} == {k: real[k] for k in same}
