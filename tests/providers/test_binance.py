"""Binance, statement by statement: recorded answers where there are any, and small bodies."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricectl.errors import BadPayload, PricectlError, Refused, Transient, UnknownSymbol, UsageError
from pricectl.model.bar import LIVE, SUSPECT, Bar
from pricectl.model.quote import Quote
from pricectl.providers.binance import (
    HOST,
    Binance,
    ask_candles,
    ask_quote_assets,
    ask_tickers,
    quote_asset,
    read_candles,
    read_quote_assets,
    read_tickers,
)
from provider_bodies import NOW_MS, candle, reply, ticker, utc
from shared_data import wire

BTC = frozenset({"BTCUSDT"})


def one(item: object, symbol: str = "BTCUSDT") -> Quote | PricectlError:
    return read_tickers(reply([item]), frozenset({symbol}))[symbol]


def quoted(item: object, symbol: str = "BTCUSDT") -> Quote:
    quote = one(item, symbol)
    assert isinstance(quote, Quote)
    return quote


def days(rows: object, since: str = "1970-01-01", server_ms: int = NOW_MS) -> list[Bar]:
    return read_candles(reply(rows, server_ms=server_ms), utc(since) * 1000).bars


def test_recorded_quote() -> None:
    found = read_tickers(reply(wire("binance/ticker_24hr_BTCUSDT_FULL_2024.json")), BTC)
    assert found == {"BTCUSDT": Quote("binance", "BTCUSDT", "73369.84", "", "1.647", 1710328245391, NOW_MS + 250)}


def test_recorded_quote_with_fewer_fields() -> None:
    found = read_tickers(reply(wire("binance/ticker_24hr_BTCUSDT_2026_trimmed.json")), BTC)
    assert isinstance(found["BTCUSDT"], Quote)


def test_a_quote_has_what_the_ticker_says() -> None:
    assert one(ticker("BTCUSDT")) == Quote("binance", "BTCUSDT", "65000.1", "", "1.647", NOW_MS - 500, NOW_MS + 250)
    assert read_tickers(reply(ticker("BTCUSDT")), BTC)["BTCUSDT"] == one(ticker("BTCUSDT"))


def test_B_01_recorded_an_unknown_symbol_fails_the_whole_call() -> None:
    with pytest.raises(UnknownSymbol):
        read_tickers(reply(wire("binance/errors/400_-1121_invalid_symbol.json"), 400), BTC)


@pytest.mark.parametrize(
    "body",
    [
        {"code": -1121, "msg": "Invalid symbol."},
        {"code": -1121, "msg": "words vary"},
        {
            "code": -1100,
            "msg": "Illegal characters found in parameter 'symbols'; legal range is '^[A-Z0-9-_.]{1,20}$'.",
        },
    ],
)
def test_B_01_the_code_says_unknown_symbol(body: object) -> None:
    with pytest.raises(UnknownSymbol):
        read_tickers(reply(body, 400), BTC)


def test_B_02_duplicates_are_removed_before_sending() -> None:
    assert Binance().plan(["BTCUSDT", "ETHUSDT", "BTCUSDT"]) == [("BTCUSDT", "ETHUSDT")]


def test_B_03_symbols_are_compact_json() -> None:
    assert dict(ask_tickers(["BTCUSDT", "BNBUSDT"]).params) == {"symbols": '["BTCUSDT","BNBUSDT"]'}
    assert dict(ask_tickers(["币安人生USDT"]).params) == {"symbols": '["币安人生USDT"]'}
    assert dict(ask_quote_assets(["A", "B"]).params)["symbols"] == '["A","B"]'


def test_B_03_lower_case_is_upper_cased_and_other_letters_pass() -> None:
    assert Binance().check_id("btcusdt") == "BTCUSDT"
    assert Binance().check_id("币安人生usdt") == "币安人生USDT"
    assert Binance().check_id("1000SATS-x_y.z") == "1000SATS-X_Y.Z"
    assert Binance().check_id("ßusdt") == "ßUSDT"


@pytest.mark.parametrize(
    "bad", ["", " ", "BTC USDT", 'B"', "B'", "BTC,ETH", "../x", "B\0", "😀", "X" * 21, "BTC/USDT", "币" * 21, "A\n"]
)
def test_B_03_what_no_symbol_can_be_is_refused(bad: str) -> None:
    with pytest.raises(UsageError):
        Binance().check_id(bad)


def test_B_04_all_ids_are_one_request() -> None:
    assert Binance().plan([f"C{n}USDT" for n in range(1000)]) == [tuple(f"C{n}USDT" for n in range(1000))]
    assert Binance().plan(["BTCUSDT"]) == [("BTCUSDT",)]
    assert Binance().plan([]) == []


def test_B_04_the_weight_of_a_request() -> None:
    assert ask_tickers([f"C{n}" for n in range(20)]).weight == 2
    whole = ask_tickers(())
    assert (whole.weight, whole.params, whole.path) == (80, (), "/api/v3/ticker/24hr")
    assert ask_candles("BTCUSDT", 0, 1).weight == 2
    assert ask_quote_assets(["A"]).weight == 20


def test_B_04_the_budget_allows_the_largest_request_and_stays_under_1000_a_minute() -> None:
    # At half the rate (a home that cannot be written) and with cron's share, the whole list must still go through.
    assert HOST.burst / 2 * 0.8 >= ask_tickers(()).weight
    assert (HOST.rate_per_s * 60 + HOST.burst) / ask_candles("A", 0, 1).weight < 1000 - (2 * 60 + 30)
    assert HOST.rate_per_s * 60 < 0.8 * HOST.weight_per_minute


def test_B_05_recorded_dead_pairs_have_no_price() -> None:
    body = wire("binance/ticker_24hr_all_trimmed_2019.json")
    items = {item["symbol"]: item for item in json.loads(body)}
    found = read_tickers(reply(body), frozenset(items))
    dead = {symbol for symbol, item in items.items() if float(item["lastPrice"]) == 0}
    assert dead
    assert {symbol for symbol, outcome in found.items() if not isinstance(outcome, Quote)} == dead
    btc = found["BTCUSDT"]
    assert isinstance(btc, Quote)
    assert (btc.price, btc.change24h, btc.updated_ms) == ("9912.33", "-4.322", 1566445106532)


@pytest.mark.parametrize("field", [{"lastPrice": "0.00000000"}, {"count": 0}, {"firstId": -1}])
def test_B_05_a_dead_pair_has_no_price_and_never_zero(field: dict[str, object]) -> None:
    outcome = one(ticker("BTCUSDT", **field))
    assert isinstance(outcome, UnknownSymbol)
    assert "BTCUSDT" in str(outcome)


@pytest.mark.parametrize(
    ("sent", "price"),
    [
        ("0.00000123", "0.00000123"),
        ("65000.10000000", "65000.1"),
        ("1.00000000", "1"),
        ("123456789.12345678", "123456789.12345678"),
    ],
)
def test_B_06_prices_keep_their_digits(sent: str, price: str) -> None:
    assert quoted(ticker("BTCUSDT", sent)).price == price


def test_B_07_recorded_candles_are_closed_after_their_day() -> None:
    body = wire("binance/klines_BTCUSDT_1d_one_row_2026.json")
    (bar,) = read_candles(reply(body, server_ms=1785715200000), 0).bars
    assert bar == Bar(dt.date(2026, 8, 2), 62823.65, 63796.33, 62806.58, 63570.0, 8387.01154, 0)
    (bar,) = read_candles(reply(body, server_ms=1785715199999), 0).bars
    assert bar.flags == LIVE


def test_B_07_the_open_candle_is_marked_by_the_servers_time() -> None:
    # What design decides: it comes with the flag LIVE, and the engine keeps it out of what is final.
    rows = [candle("2026-11-22"), candle("2026-11-23"), candle("2026-11-24")]
    assert [bar.flags for bar in days(rows)] == [0, 0, LIVE]
    midnight_ms = utc("2026-11-24T00:00") * 1000
    assert [bar.flags for bar in days(rows, server_ms=midnight_ms)] == [0, 0, LIVE]
    assert [bar.flags for bar in days(rows, server_ms=midnight_ms - 1)] == [0, LIVE, LIVE]


def test_B_08_a_full_page_goes_on_and_any_other_is_the_end() -> None:
    start = utc("2020-01-01")
    full = [candle(dt.datetime.fromtimestamp(start + n * 86400, dt.UTC).date().isoformat()) for n in range(1000)]
    page = read_candles(reply(full), 0)
    assert page.last_open_ms == (start + 999 * 86400) * 1000
    assert len(page.bars) == 1000
    assert read_candles(reply(full[:999]), 0).last_open_ms is None
    assert read_candles(reply([]), 0).last_open_ms is None
    assert read_candles(reply(wire("binance/from-docs/klines_empty.json")), 0).bars == []


def test_B_08_a_gap_stays_a_gap() -> None:
    bars = days([candle("2026-11-01"), candle("2026-11-05"), candle("2026-11-06")])
    assert [bar.date.day for bar in bars] == [1, 5, 6]


@pytest.mark.parametrize("rows", [["2026-11-02", "2026-11-01"], ["2026-11-01", "2026-11-01"]])
def test_B_08_rows_that_go_back_cannot_loop_the_pager(rows: list[str]) -> None:
    with pytest.raises(BadPayload):
        days([candle(day) for day in rows])
    with pytest.raises(BadPayload):
        days([candle("2026-11-01")], since="2026-11-02")


def test_B_09_recorded_a_start_within_a_period_loses_that_period() -> None:
    rows = json.loads(wire("binance/klines_BTCUSDT_1h_3rows_2024.json"))
    assert rows[0][0] > 1706628191000  # the start that was asked for: 15:23, the answer begins at 16:00


@given(st.dates(dt.date(2010, 1, 1), dt.date(2030, 1, 1)))
def test_B_09_every_request_starts_on_a_midnight(day: dt.date) -> None:
    start_ms = utc(day.isoformat()) * 1000
    params = dict(ask_candles("BTCUSDT", start_ms, start_ms).params)
    assert int(params["startTime"]) % 86_400_000 == 0


def test_B_10_days_are_asked_for_in_binances_own_spelling() -> None:
    # What design decides: weeks and months are made of days, so the only interval that ever goes out is the day.
    params = dict(ask_candles("BTCUSDT", 0, 1).params)
    assert params["interval"] == "1d"
    assert params["limit"] == "1000"
    assert "timeZone" not in params


@pytest.mark.parametrize("name", ["klines_BTCUSDT_1h_3rows_2024", "klines_BTCUSDT_1m_2021"])
def test_B_10_recorded_candles_of_hours_or_minutes_are_refused(name: str) -> None:
    with pytest.raises(BadPayload, match="a later day was due"):
        days(json.loads(wire(f"binance/{name}.json")))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"code": -1001, "msg": "Internal error"}),
        (400, {"code": -1007, "msg": "Timeout waiting for response from backend server."}),
        (400, {"code": -1008, "msg": "Server is currently overloaded with other requests."}),
    ],
)
def test_B_15_their_own_trouble_is_worth_another_try(status: int, body: object) -> None:
    with pytest.raises(Transient):
        read_tickers(reply(body, status), BTC)


@pytest.mark.parametrize(
    "name", ["400_-1102_mandatory_param", "400_-1120_invalid_interval", "400_-1151_duplicate_symbols"]
)
def test_B_15_recorded_refusals_are_not_for_a_second_try(name: str) -> None:
    with pytest.raises(Refused):
        read_tickers(reply(wire(f"binance/from-docs/{name}.json"), 400), BTC)


@pytest.mark.parametrize(
    "code", [-1000, -1101, -1105, -1120, -1122, -1127, -1128, -1130, -1135, -1139, -1151, -1220, -1100]
)
def test_B_15_a_wrong_request_is_refused(code: int) -> None:
    with pytest.raises(Refused, match=str(code)):
        read_tickers(reply({"code": code, "msg": "Parameter."}, 400), BTC)


@pytest.mark.parametrize(
    ("symbol", "asset"),
    [
        ("BTCUSDT", "USDT"),
        ("ETHBTC", "BTC"),
        ("BTCFDUSD", "FDUSD"),
        ("USDCUSDT", "USDT"),
        ("BTCTUSD", "TUSD"),
        ("BTCEUR", "EUR"),
        ("BTCAEUR", None),  # EUR or AEUR: Binance is asked
        ("BTCU", None),
        ("USDT", None),
        ("BTCUSD", None),
    ],
)
def test_B_17_the_quote_asset_is_never_guessed(symbol: str, asset: str | None) -> None:
    assert quote_asset(symbol) == asset


def test_B_17_the_pairs_are_named_while_the_address_bears_it() -> None:
    assert dict(ask_quote_assets(["BTCU"] * 100).params)["symbols"].count("BTCU") == 100
    assert dict(ask_quote_assets(["BTCU"] * 101).params) == {"showPermissionSets": "false"}


def test_B_17_a_quote_asset_that_is_no_name_is_a_bad_payload() -> None:
    for asset in (7, "US D", "\x1b[0m", ["USD"]):
        with pytest.raises(BadPayload):
            read_quote_assets(reply({"symbols": [{"symbol": "BTCU", "quoteAsset": asset}]}))


def test_B_17_no_pair_of_binance_is_priced_in_dollars() -> None:
    from pricectl.providers.binance import QUOTE_ASSETS

    assert "USD" not in QUOTE_ASSETS


def test_B_17_recorded_quote_assets() -> None:
    assert read_quote_assets(reply(wire("binance/exchangeInfo_two_symbols_2021.json"))) == {
        "BTCUSDT": "USDT",
        "ETHUSDT": "USDT",
    }
    found = read_quote_assets(reply(wire("binance/exchangeInfo_trimmed_2019.json")))
    assert {symbol: quote_asset(symbol) or found[symbol] for symbol in found} == found


def test_B_18_without_a_time_of_its_own_the_answers_date_is_the_time() -> None:
    item = ticker("BTCUSDT")
    del item["closeTime"]
    assert quoted(item).updated_ms == NOW_MS


def test_B_18_prices_without_a_time_are_never_asked_for() -> None:
    assert {ask_tickers(ids).path for ids in ([], ["A"], [f"C{n}" for n in range(30)])} == {"/api/v3/ticker/24hr"}


def test_B_19_the_twelfth_element_may_be_text_or_number_or_followed_by_more() -> None:
    rows = [candle("2026-11-01"), candle("2026-11-02", last=0), [*candle("2026-11-03"), 1, "x"]]
    assert [bar.date.day for bar in days(rows)] == [1, 2, 3]


def test_a_candle_is_read_column_by_column() -> None:
    assert days([candle("2026-11-01")]) == [Bar(dt.date(2026, 11, 1), 1.0, 3.0, 0.5, 2.0, 10.0, 0)]


def test_an_impossible_candle_is_kept_and_marked() -> None:
    assert [bar.flags for bar in days([candle("2026-11-01", "4.00000000")])] == [SUSPECT]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        "x",
        [{}],
        [[1]],
        b"",
        b'[{"symbol":"BTCUSDT","symbol":"ETHUSDT"}]',
        [{"symbol": ["BTCUSDT"]}],
    ],
)
def test_a_body_of_another_shape_is_a_bad_payload(body: object) -> None:
    with pytest.raises(BadPayload):
        read_tickers(reply(body), BTC)


@pytest.mark.parametrize(
    "fields",
    [
        {"lastPrice": "x"},
        {"lastPrice": None},
        {"lastPrice": "NaN"},
        {"lastPrice": "-1.0"},
        {"priceChangePercent": "many"},
        {"closeTime": "soon"},
        {"closeTime": 10**17},
        {"closeTime": -1},
    ],
)
def test_one_odd_pair_does_not_sink_the_others(fields: dict[str, object]) -> None:
    body = [ticker("AUSDT"), ticker("ODDUSDT", **fields), ticker("BUSDT")]
    found = read_tickers(reply(body), frozenset({"AUSDT", "ODDUSDT", "BUSDT"}))
    assert isinstance(found["ODDUSDT"], BadPayload)
    assert isinstance(found["AUSDT"], Quote)
    assert isinstance(found["BUSDT"], Quote)


def test_of_all_pairs_only_those_asked_for_are_read() -> None:
    body = [ticker("AUSDT"), ticker("BTCUSDT"), ticker("BUSDT")]
    assert list(read_tickers(reply(body), BTC)) == ["BTCUSDT"]


def test_without_a_change_there_is_none() -> None:
    item = ticker("BTCUSDT")
    del item["priceChangePercent"]
    assert quoted(item).change24h is None


@pytest.mark.parametrize(
    "rows",
    [
        [["x"] * 12],
        [candle("2026-11-01")[:5]],
        [[*candle("2026-11-01")[:4], None, *candle("2026-11-01")[5:]]],
        [[*candle("2026-11-01")[:4], "NaN", *candle("2026-11-01")[5:]]],
        [[*candle("2026-11-01")[:4], 2.0, *candle("2026-11-01")[5:]]],
        {"a": 1},
        [7],
        7,
    ],
)
def test_candles_of_another_shape_are_a_bad_payload(rows: object) -> None:
    with pytest.raises(BadPayload):
        days(rows)
