"""Yahoo's bodies: the keys, the types, the stamps and the oddities of the recorded ones."""

import datetime as dt
import json
import struct

import pytest

from loopback import Standing, ask, at
from pricectl.model.bar import Action, Bar
from pricectl.simulator import Market, Simulator
from shared_data import wire

DAY = dt.date
CHART = "/v8/finance/chart/"
VALID = "1m, 2m, 5m, 15m, 30m, 60m, 90m, 1h, 4h, 1d, 5d, 1wk, 1mo, 3mo"


def seconds(text):
    return at(text) // 1000


def chart(simulator, symbol, start, end, **params):
    query = "".join(f"&{name}={value}" for name, value in params.items())
    reply = ask(simulator, f"{CHART}{symbol}?period1={seconds(start)}&period2={seconds(end)}&interval=1d{query}")
    assert reply.status == 200
    (result,) = reply.json()["chart"]["result"]
    return result


def rows(result):
    quote = result["indicators"]["quote"][0]
    return list(zip(result["timestamp"], *(quote[k] for k in ("open", "high", "low", "close")), strict=True))


@pytest.fixture
def aapl_2020(market):
    """AAPL as traded on 2 January 2020 and on the two sessions around its split, and a dividend in between."""
    market.replay(
        "yahoo",
        "AAPL",
        [
            Bar(DAY(2020, 1, 2), 296.24, 300.6, 295.19, 300.35, 33870100.0),
            Bar(DAY(2020, 8, 28), 504.05, 505.77, 498.31, 499.23, 46907500.0),
            Bar(DAY(2020, 8, 31), 127.58, 131.0, 126.0, 129.04, 225702700.0),
        ],
        [Action(DAY(2020, 8, 7), "dividend", 0.82), Action(DAY(2020, 8, 31), "split", 4.0)],
    )


def test_prices_are_adjusted_for_a_later_split_that_the_window_does_not_list(simulator, aapl_2020):
    result = chart(simulator, "AAPL", "2020-01-01", "2020-01-03", events="div,splits,capitalGains")
    assert result["timestamp"] == [1577975400]
    assert result["indicators"]["quote"] == [
        {
            "open": [74.05999755859375],
            "high": [75.1500015258789],
            "low": [73.79750061035156],
            "close": [75.0875015258789],
            "volume": [135480400],
        }
    ]
    assert "events" not in result


def test_before_the_split_its_prices_are_as_traded(simulator, clock, aapl_2020):
    clock.set("2020-08-28T21:00:00")
    result = chart(simulator, "AAPL", "2020-01-01", "2099-01-01", events="div,splits")
    assert rows(result)[0][1:] == (296.239990234375, 300.6000061035156, 295.19000244140625, 300.3500061035156)
    assert "splits" not in result["events"]
    assert list(result["events"]["dividends"].values()) == [{"amount": 0.82, "date": seconds("2020-08-07T13:30:00")}]


def test_events_are_those_of_the_window_on_todays_scale(simulator, aapl_2020):
    result = chart(simulator, "AAPL", "2020-08-01", "2020-09-01", events="div|splits")
    assert result["events"] == {
        "dividends": {"1596807000": {"amount": 0.205, "date": 1596807000}},
        "splits": {"1598880600": {"date": 1598880600, "numerator": 4, "denominator": 1, "splitRatio": "4:1"}},
    }
    assert "events" not in chart(simulator, "AAPL", "2020-08-01", "2020-09-01")
    assert list(chart(simulator, "AAPL", "2020-08-01", "2020-09-01", events="split")["events"]) == ["splits"]


def test_on_the_day_of_the_split_only_the_days_before_are_divided(simulator, clock, aapl_2020):
    clock.set("2020-08-31T21:00:00")
    result = chart(simulator, "AAPL", "2020-08-20", "2020-09-01")
    assert [row[4] for row in rows(result)] == [124.80750274658203, 129.0399932861328]
    assert result["indicators"]["quote"][0]["volume"] == [187630000, 225702700]
    meta = ask(simulator, f"{CHART}AAPL?range=1d").json()["chart"]["result"][0]["meta"]
    assert (meta["regularMarketPrice"], meta["chartPreviousClose"]) == (129.04, pytest.approx(124.8075, abs=0.001))


def test_a_dividend_lowers_the_closes_before_its_day_and_not_that_of_its_day(simulator, market):
    bars = [Bar(DAY(2025, 3, day), 50.0, 51.0, 49.0, close, 100.0) for day, close in ((3, 40.0), (4, 50.0), (5, 48.0))]
    market.replay("yahoo", "MSFT", bars, [Action(DAY(2025, 3, 5), "dividend", 1.0)])
    result = chart(simulator, "MSFT", "2025-03-01", "2025-03-06")
    assert result["indicators"]["adjclose"] == [{"adjclose": [39.20000076293945, 49, 48]}]  # 1 - 1/50


def test_adjclose_goes_down_by_each_later_dividend(simulator, aapl_2020):
    result = chart(simulator, "AAPL", "2020-01-01", "2020-09-01")
    closes = result["indicators"]["quote"][0]["close"]
    adjusted = result["indicators"]["adjclose"][0]["adjclose"]
    # the close before the dividend's ex-date is that of 2 January here: 0.82 of 300.35
    assert adjusted[0] == pytest.approx(closes[0] * (1 - 0.82 / 300.35), rel=1e-6)
    assert adjusted[1:] == closes[1:]


def test_chart_previous_close_is_that_before_the_window(simulator, aapl_2020):
    result = chart(simulator, "AAPL", "2020-08-29", "2020-09-01")
    assert result["meta"]["chartPreviousClose"] == pytest.approx(499.23 / 4, abs=0.001)


@pytest.mark.parametrize("ratio", [(1.5, 3, 2), (0.1, 1, 10), (1.046, 1046, 1000), (20.0, 20, 1)])
def test_split_ratios_are_written_as_yahoo_writes_them(simulator, market, ratio):
    value, above, below = ratio
    market.act("yahoo", "MSFT", [Action(DAY(2025, 3, 3), "split", value)])
    (split,) = chart(simulator, "MSFT", "2025-03-01", "2025-03-05", events="split")["events"]["splits"].values()
    assert (split["numerator"], split["denominator"]) == (above, below)
    assert split["splitRatio"] == f"{above}:{below}"


@pytest.mark.parametrize(
    ("symbol", "day", "stamp"),
    [
        ("AAPL", "2026-07-06", "2026-07-06T13:30:00"),  # New York, summer
        ("AAPL", "2026-01-06", "2026-01-06T14:30:00"),
        ("BHP.AX", "2026-01-12", "2026-01-11T23:00:00"),  # Sydney: the UTC day before, in its summer
        ("BHP.AX", "2026-07-13", "2026-07-13T00:00:00"),
        ("OCDO.L", "2026-07-13", "2026-07-13T07:00:00"),
        ("SAP.DE", "2026-01-13", "2026-01-13T08:00:00"),
        ("EURUSD=X", "2026-07-13", "2026-07-12T23:00:00"),  # London's midnight
        ("EURUSD=X", "2026-01-13", "2026-01-13T00:00:00"),
        ("GC=F", "2026-01-13", "2026-01-13T05:00:00"),  # New York's midnight
        ("GC=F", "2026-07-14", "2026-07-14T04:00:00"),
        ("7203.T", "2026-01-13", "2026-01-13T00:00:00"),
    ],
)
def test_a_row_is_stamped_with_its_sessions_open(simulator, symbol, day, stamp):
    before = dt.date.fromisoformat(day) - dt.timedelta(days=1)
    result = chart(simulator, symbol, f"{before}T18:00:00", f"{day}T15:00:00")
    assert result["timestamp"] == [seconds(stamp)]


def test_a_row_that_starts_exactly_at_period2_is_returned(simulator):
    result = chart(simulator, "BTC-USD", "2020-01-01", "2020-01-03")
    assert result["timestamp"] == [1577836800, 1577923200, 1578009600]


def test_numbers_are_float32_widened_and_whole_ones_are_integers(simulator, market):
    market.replay("yahoo", "OCDO.L", [Bar(DAY(2020, 1, 2), 1279.5, 1286.57, 1258.0, 1259.5, 728520.0)])
    result = chart(simulator, "OCDO.L", "2020-01-01", "2020-01-03")
    assert rows(result) == [(1577952000, 1279.5, 1286.5699462890625, 1258, 1259.5)]
    assert type(result["indicators"]["quote"][0]["low"][0]) is int
    assert result["indicators"]["quote"][0]["volume"] == [728520]
    assert result["meta"]["currency"] == "GBp"


def test_every_seeded_price_is_a_float32(simulator):
    values = [value for row in rows(chart(simulator, "NVDA", "2015-01-01", "2026-11-24")) for value in row[1:]]
    assert len(values) > 10_000
    assert [v for v in values if struct.unpack("f", struct.pack("f", v))[0] != v] == []


def test_a_lost_row_is_null_in_every_array(simulator, market):
    market.act("yahoo", "MSFT", blanks=[DAY(2026, 3, 3)])
    result = chart(simulator, "MSFT", "2026-03-02", "2026-03-05")
    assert len(result["timestamp"]) == 3
    arrays = [*result["indicators"]["quote"][0].values(), result["indicators"]["adjclose"][0]["adjclose"]]
    assert [[value is None for value in array] for array in arrays] == [[False, True, False]] * 6


def test_the_last_row_bears_the_time_of_the_last_trade_on_its_own_day_only(simulator, clock):
    result = chart(simulator, "AAPL", "2026-11-20", "2026-11-25")
    assert result["timestamp"][-1] == seconds("2026-11-24T16:00:00") == result["meta"]["regularMarketTime"]
    clock.set("2026-11-24T23:30:00")
    evening = chart(simulator, "AAPL", "2026-11-20", "2026-11-25")
    assert evening["timestamp"][-1] == seconds("2026-11-24T21:00:01") == evening["meta"]["regularMarketTime"]
    clock.set("2026-11-25T12:00:00")
    after = chart(simulator, "AAPL", "2026-11-20", "2026-11-25")
    assert after["timestamp"][-1] == seconds("2026-11-24T14:30:00")
    assert rows(after)[-1][1] != rows(evening)[-1][1]
    assert rows(after)[-1][2:] == rows(evening)[-1][2:]


def test_an_old_window_says_the_price_of_now(simulator):
    meta = chart(simulator, "AAPL", "2022-02-22", "2022-02-23")["meta"]
    assert meta["regularMarketTime"] == seconds("2026-11-24T16:00:00")


def test_no_session_in_the_window_is_200_without_stamps(simulator):
    result = chart(simulator, "AAPL", "2025-02-01", "2025-02-02")  # a weekend
    assert "timestamp" not in result
    assert result["indicators"] == {"quote": [{}], "adjclose": [{}]}


@pytest.mark.parametrize(
    ("target", "status", "code", "description"),
    [
        ("NOPE?range=1d", 404, "Not Found", "No data found, symbol may be delisted"),
        ("AAPL?period1=0&period2=9000&interval=1d", 400, "Bad Request",
         "Data doesn't exist for startDate = 0, endDate = 9000"),
        ("AAPL?period1=1893456000&period2=1893542400", 400, "Bad Request",
         "Data doesn't exist for startDate = 1893456000, endDate = 1893542400"),
        ("AAPL?interval=1s", 400, "Bad Request",
         f"Invalid input - interval=1s is not supported. Valid intervals: [{VALID}]"),
        ("AAPL?period1=20&period2=10", 400, "Bad Request",
         "Invalid input - start date cannot be after end date. startDate = 20, endDate = 10"),
    ],
)  # fmt: skip
def test_errors_come_in_the_chart_envelope(simulator, target, status, code, description):
    reply = ask(simulator, CHART + target)
    assert reply.status == status
    assert reply.json() == {"chart": {"result": None, "error": {"code": code, "description": description}}}


def test_minutes_are_not_to_be_had(simulator):
    reply = ask(simulator, CHART + "AAPL?interval=1m")
    assert (reply.status, reply.json()["chart"]["error"]["code"]) == (422, "Unprocessable Entity")


def test_a_dead_symbol_has_no_price_no_currency_and_another_exchange(simulator, market):
    market.halt("yahoo", "SAP.DE")
    result = chart(simulator, "SAP.DE", "2026-11-01", "2026-11-24")
    meta = result["meta"]
    assert (meta["currency"], meta["firstTradeDate"]) == (None, None)
    assert (meta["exchangeName"], meta["exchangeTimezoneName"]) == ("YHD", "America/New_York")
    assert "regularMarketPrice" not in meta
    assert "timestamp" not in result


def test_months_repeat_the_live_day_at_the_end(simulator):
    query = f"period1={seconds('2026-09-01T04:00:00')}&period2={seconds('2026-11-25')}&interval=1mo"
    result = ask(simulator, f"{CHART}AAPL?{query}").json()["chart"]["result"][0]
    assert result["timestamp"] == [
        seconds("2026-09-01T04:00:00"), seconds("2026-10-01T04:00:00"), seconds("2026-11-01T04:00:00"),
        seconds("2026-11-24T16:00:00"),
    ]  # fmt: skip
    days = chart(simulator, "AAPL", "2026-11-01", "2026-11-25")["indicators"]["quote"][0]
    months = result["indicators"]["quote"][0]
    assert months["volume"][2] == sum(days["volume"])
    assert months["volume"][3] == days["volume"][-1]


def test_all_of_a_long_history_at_once_comes_in_quarters(simulator):
    result = ask(simulator, CHART + "AAPL?range=max&interval=1d").json()["chart"]["result"][0]
    assert result["meta"]["dataGranularity"] == "3mo"
    assert result["meta"]["range"] == "max"
    assert 150 < len(result["timestamp"]) < 200


def test_spark_leaves_out_what_it_does_not_know(simulator):
    reply = ask(simulator, "/v7/finance/spark?symbols=AAPL,NOPE,EURUSD%3DX,%5EGSPC&range=1d&interval=1d").json()
    assert reply["spark"]["error"] is None
    assert [result["symbol"] for result in reply["spark"]["result"]] == ["AAPL", "EURUSD=X", "^GSPC"]
    body = reply["spark"]["result"][0]["response"][0]
    assert list(body) == ["meta", "timestamp", "indicators"]
    assert body["timestamp"] == [body["meta"]["regularMarketTime"]]
    assert body["indicators"] == {"quote": [{"close": [body["meta"]["regularMarketPrice"]]}]}
    assert body["meta"]["range"] == "1d"


def test_spark_that_knows_none_is_404_and_that_has_too_many_400(simulator):
    none = ask(simulator, "/v7/finance/spark?symbols=NOPE&range=1d&interval=1d")
    assert none.status == 404
    assert none.json()["spark"]["error"] == {"code": "Not Found", "description": "No data found for spark symbols"}
    many = ask(simulator, "/v7/finance/spark?range=1d&interval=1d&symbols=" + ",".join(["AAPL"] * 21))
    assert many.status == 400
    assert many.json()["spark"]["result"] is None
    assert many.json()["spark"]["error"]["code"] == "Bad Request"


def test_spark_and_chart_agree_on_the_day(simulator):
    spark = ask(simulator, "/v7/finance/spark?symbols=MSFT&range=1d&interval=1d").json()
    meta = spark["spark"]["result"][0]["response"][0]["meta"]
    days = chart(simulator, "MSFT", "2026-11-20", "2026-11-25")
    closes = days["indicators"]["quote"][0]["close"]
    assert meta["regularMarketPrice"] == pytest.approx(closes[-1], rel=1e-6)
    assert meta["chartPreviousClose"] == pytest.approx(closes[-2], rel=1e-6)


def kinds(value):
    """The shape of a JSON value: keys and kinds, numbers all of one kind because whole ones lose their point."""
    if isinstance(value, dict):
        return {key: kinds(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [kinds(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("yahoo/chart_EURUSD=X_1d_2026_meta_fields.json",
         "EURUSD=X?period1=1577836800&period2=1578009600&interval=1d"),
        ("yahoo/chart_BTC-USD_1d_2020-01-01.json", "BTC-USD?period1=1577836800&period2=1578009600&interval=1d"),
        ("yahoo/chart_AAPL_1d_2020-08-31_to_2020-11-07_with_events.json",
         "AAPL?period1=1598832000&period2=1604707200&interval=1d&events=div%7Csplit%7Cearn"),
        ("yahoo/chart_GC=F_1d_2020-01-02.json", "GC=F?period1=1577836800&period2=1578009600&interval=1d"),
    ],
)  # fmt: skip
def test_shapes_are_those_of_the_recorded_bodies(simulator, name, target):
    recorded = wire(name)
    said = ask(simulator, CHART + target).json()["chart"]["result"][0]
    real = json.loads(recorded)["chart"]["result"][0]
    since_2026 = {"regularMarketChangePercent", "fulldayPrice", "fulldayChange", "fulldayChangePercent"}
    assert list(said) == list(real)
    assert said["timestamp"] == real["timestamp"]
    assert kinds(said["indicators"]) == kinds(real["indicators"])
    for body in (said, real):
        for key in since_2026:
            body["meta"].pop(key, None)
    assert kinds(said["meta"]) == kinds(real["meta"])
    assert list(said["meta"]) == list(real["meta"])
    assert kinds(said.get("events", {}).get("splits")) == kinds(real.get("events", {}).get("splits"))


def test_the_spark_shape_is_that_of_the_recorded_body():
    recorded = wire("yahoo/spark_v7_two_of_three_symbols.json")
    with Simulator(Market(clock=Standing("2026-10-01T05:00:00"))) as simulator:
        said = ask(simulator, "/v7/finance/spark?symbols=AAPL,MSFT&range=1d&interval=1d").json()
    assert kinds(said) == kinds(json.loads(recorded))
    for one, other in zip(said["spark"]["result"], json.loads(recorded)["spark"]["result"], strict=True):
        assert list(one["response"][0]["meta"]) == list(other["response"][0]["meta"])
