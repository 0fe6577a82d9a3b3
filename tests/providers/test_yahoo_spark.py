"""Quotes from v7 spark, statement by statement: recorded answers where there are any, and small bodies."""

import json

import pytest

from pricectl.errors import BadPayload, PricectlError, Refused, UnknownSymbol, UsageError
from pricectl.model.quote import Quote
from pricectl.providers.yahoo import Yahoo, ask_spark, read_spark
from provider_bodies import NOW_MS, reply, spark, spark_item, utc, yahoo_error
from shared_data import wire


def one(**meta: object) -> Quote | PricectlError:
    return read_spark(reply(spark(spark_item("AAPL", **meta))))["AAPL"]


def quoted(**meta: object) -> Quote:
    quote = one(**meta)
    assert isinstance(quote, Quote)
    return quote


def test_the_request_names_all_symbols_and_todays_range() -> None:
    request = ask_spark(["AAPL", "^GSPC", "EURUSD=X"])
    assert request.path == "/v7/finance/spark"
    assert dict(request.params) == {"symbols": "AAPL,^GSPC,EURUSD=X", "range": "1d", "interval": "1d"}
    assert request.weight == 1


def test_a_quote_has_everything_the_answer_says() -> None:
    assert one() == Quote("yahoo", "AAPL", "100.5", "USD", "0.5", updated_ms=NOW_MS - 60_000, fetched_ms=NOW_MS + 250)


def test_recorded_quotes() -> None:
    found = read_spark(reply(wire("yahoo/spark_v7_two_of_three_symbols.json")))
    # The change is Yahoo's own regularMarketChangePercent, though it is not read: -0.193 and 0.
    assert found["TDEX.BK"] == Quote("yahoo", "TDEX.BK", "10.33", "THB", "-0.193", 1790826723000, NOW_MS + 250)
    assert found["PTT.BK"] == Quote("yahoo", "PTT.BK", "40.75", "THB", "0", 1790826793000, NOW_MS + 250)


def test_Y_02_a_price_without_a_currency_is_refused() -> None:
    for currency in (None, "", "None?", 7, "US\x1b[0m", ["USD"]):
        outcome = one(currency=currency)
        assert isinstance(outcome, BadPayload)
        assert "currency" in str(outcome)


def test_Y_03_recorded_no_price_is_not_zero() -> None:
    meta = json.loads(wire("yahoo/chart_CAPIO.ST_delisted_no_price.json"))["chart"]["result"][0]["meta"]
    body = spark({"symbol": "CAPIO.ST", "response": [{"meta": meta}]})
    outcome = read_spark(reply(body))["CAPIO.ST"]
    assert isinstance(outcome, UnknownSymbol)
    assert "delisted" in str(outcome)


@pytest.mark.parametrize("price", [None, 0, 0.0])
def test_Y_03_no_price_is_said_and_never_zero(price: float | None) -> None:
    outcome = one(regularMarketPrice=price)
    assert isinstance(outcome, BadPayload)
    assert "no price of AAPL" in str(outcome)
    item = spark_item("AAPL")
    del item["response"][0]["meta"]["regularMarketPrice"]
    assert isinstance(read_spark(reply(spark(item)))["AAPL"], BadPayload)


def test_Y_14_the_price_has_no_float32_noise() -> None:
    quote = quoted(regularMarketPrice=166.69000244140625, chartPreviousClose=166.69000244140625)
    assert quote.price == "166.69"
    assert quote.change24h == "0"
    assert quoted(regularMarketPrice=34).price == "34"
    assert quoted(regularMarketPrice=1.12345).price == "1.12345"
    assert quoted(regularMarketPrice=1.23e-06).price == "0.00000123"


def test_Y_16_recorded_pence_stay_pence() -> None:
    meta = json.loads(wire("yahoo/chart_OCDO.L_1d_GBp.json"))["chart"]["result"][0]["meta"]
    quote = read_spark(reply(spark({"symbol": "OCDO.L", "response": [{"meta": meta}]})))["OCDO.L"]
    assert isinstance(quote, Quote)
    assert (quote.price, quote.currency) == ("305.3", "GBp")


def test_Y_16_the_currency_is_verbatim() -> None:
    assert quoted(currency="GBp", regularMarketPrice=308.8).currency == "GBp"
    assert quoted(currency="GBp", regularMarketPrice=308.8).price == "308.8"


def test_Y_17_recorded_the_close_before_an_old_window_is_not_yesterdays() -> None:
    meta = json.loads(wire("yahoo/chart_AAPL_1d_2022-02-22.json"))["chart"]["result"][0]["meta"]
    assert meta["chartPreviousClose"] == 167.3
    quote = read_spark(reply(spark({"symbol": "AAPL", "response": [{"meta": meta}]})))["AAPL"]
    assert isinstance(quote, Quote)
    assert quote.change24h is None


@pytest.mark.parametrize("asked", ["", "5d", "1mo", None])
def test_Y_17_the_change_needs_an_answer_of_today(asked: str | None) -> None:
    assert quoted(range=asked).change24h is None
    assert quoted(range="1d").change24h == "0.5"


@pytest.mark.parametrize("close", [None, 0])
def test_Y_17_without_a_close_there_is_no_change(close: float | None) -> None:
    assert quoted(chartPreviousClose=close).change24h is None


def test_Y_18_recorded_the_symbol_left_out_is_not_in_the_answer() -> None:
    found = read_spark(reply(wire("yahoo/spark_v7_two_of_three_symbols.json")))
    assert sorted(found) == ["PTT.BK", "TDEX.BK"]


def test_Y_19_more_than_20_symbols_are_split_before_sending() -> None:
    ids = [f"S{n}" for n in range(45)]
    parts = Yahoo().plan(ids)
    assert [len(part) for part in parts] == [20, 20, 5]
    assert [one for part in parts for one in part] == ids


def test_1000_symbols_are_50_requests_and_duplicates_none() -> None:
    assert len(Yahoo().plan([f"S{n}" for n in range(1000)])) == 50
    assert Yahoo().plan(["A", "B", "A"]) == [("A", "B")]
    assert Yahoo().plan([]) == []


def test_a_symbol_is_found_however_the_answer_spells_it() -> None:
    assert list(read_spark(reply(spark(spark_item("brk-b"))))) == ["BRK-B"]


def test_an_answer_without_symbols_is_empty() -> None:
    assert read_spark(reply(yahoo_error("spark", "Not Found", "No data found for spark symbols"), 404)) == {}
    assert read_spark(reply(spark())) == {}
    assert read_spark(reply({"spark": {"result": None, "error": None}})) == {}


def test_a_refused_request_is_not_an_unknown_symbol() -> None:
    with pytest.raises(Refused, match="too many"):
        read_spark(reply(yahoo_error("spark", "Bad Request", "too many symbols"), 400))
    with pytest.raises(Refused):
        read_spark(reply(wire("yahoo/from-docs/spark_error_envelope.json"), 400))


@pytest.mark.parametrize(
    "meta",
    [
        {"regularMarketPrice": "100"},
        {"regularMarketPrice": True},
        {"regularMarketPrice": -5.0},
        {"regularMarketPrice": [1]},
        {"regularMarketTime": None},
        {"regularMarketTime": "soon"},
        {"regularMarketTime": 10**17},
        {"regularMarketTime": -1},
        {"chartPreviousClose": "1"},
    ],
)
def test_one_odd_symbol_does_not_sink_the_others(meta: dict[str, object]) -> None:
    found = read_spark(reply(spark(spark_item("AAPL"), spark_item("ODD", **meta), spark_item("MSFT"))))
    assert isinstance(found["AAPL"], Quote)
    assert isinstance(found["MSFT"], Quote)
    assert isinstance(found["ODD"], BadPayload)


def test_a_future_may_be_below_zero() -> None:
    quote = quoted(regularMarketPrice=-37.63, chartPreviousClose=18.27, instrumentType="FUTURE")
    assert (quote.price, quote.change24h) == ("-37.63", "-305.966")
    assert quoted(regularMarketPrice=10.0, chartPreviousClose=-20.0).change24h == "150"


@pytest.mark.parametrize("body", [{}, [], {"spark": {}}, {"spark": {"result": [{}], "error": None}}, "5", b"", b"{"])
def test_a_body_of_another_shape_is_a_bad_payload(body: object) -> None:
    with pytest.raises(BadPayload):
        read_spark(reply(body))


@pytest.mark.parametrize("proper", ["AAPL", "BRK-B", "^GSPC", "EURUSD=X", "M&M.NS", "0P0000XTS7.F", "000001.SS"])
def test_symbols_are_spelled_as_yahoo_does(proper: str) -> None:
    assert Yahoo().check_id(proper.lower()) == Yahoo().check_id(proper) == proper


@pytest.mark.parametrize(
    "bad", ["", " ", "A,B", "A B", "../x", "A/B", "A\0", "A'", 'A"', "😀", "a\n", "x" * 33, "A?b=c", "A%2F", "-A", "ſ"]
)
def test_what_no_symbol_can_be_is_refused(bad: str) -> None:
    with pytest.raises(UsageError):
        Yahoo().check_id(bad)


def test_times_are_utc() -> None:
    assert quoted(regularMarketTime=utc("2026-11-23T21:00:01")).updated_ms == 1795467601000
