"""The v8 chart, statement by statement: first with the recorded answer where there is one, then with a small body."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricectl.errors import BadPayload, Refused, UnknownSymbol
from pricectl.model.bar import LIVE, SUSPECT, Action, Bar, History
from pricectl.net.dates import http_date
from pricectl.net.reply import Reply
from pricectl.providers.yahoo_chart import ask_chart, read_chart
from provider_bodies import NOW_MS, chart, reply, utc, yahoo_error
from shared_data import manifest, wire

FIRST, LAST = dt.date(1900, 1, 1), dt.date(2100, 1, 1)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def recorded(name: str, start: dt.date = FIRST, end: dt.date = LAST) -> History:
    """What is read from a recorded body, at the time when it was recorded."""
    name = f"yahoo/{name}.json"
    body = wire(name)
    at = http_date(str(manifest(name)["recorded"])) or NOW_MS
    return read_chart(Reply(200, {}, body, at, at), "X", start, end)


def read(body: object, start: dt.date = FIRST, end: dt.date = LAST, status: int = 200) -> History:
    return read_chart(reply(body, status), "AAPL", start, end)


def row(at: int, close: float | None = 10.5, **cells: float | None) -> tuple[object, ...]:
    return (
        at,
        cells.get("open", 10.0),
        cells.get("high", 11.0),
        cells.get("low", 9.5),
        close,
        cells.get("volume", 1000),
    )


def test_the_request_begins_a_day_early_and_has_no_end() -> None:
    request = ask_chart("^GSPC", day("2020-01-02"))
    assert request.path == "/v8/finance/chart/%5EGSPC"
    assert dict(request.params) == {
        "period1": "1577836800",  # 2020-01-01T00:00Z
        "period2": "9999999999",
        "interval": "1d",
        "events": "div,splits,capitalGains",
    }
    assert dict(ask_chart("IBM", day("1962-01-02")).params)["period1"] == "-252460800"
    assert dict(ask_chart("IBM", dt.date.min).params)["period1"] == str(utc("1899-12-31T00:00"))


def test_symbols_are_one_segment_of_the_path() -> None:
    assert ask_chart("EURUSD=X", LAST).path == "/v8/finance/chart/EURUSD%3DX"
    assert ask_chart("M&M.NS", LAST).path == "/v8/finance/chart/M%26M.NS"
    assert ask_chart("../../x", LAST).path == "/v8/finance/chart/..%2F..%2Fx"


@pytest.mark.parametrize("name", ["chart_AAPL_1m_weekend_no_timestamp", "chart_CAPIO.ST_delisted_no_price"])
def test_Y_01_recorded_answers_without_timestamps_are_empty(name: str) -> None:
    body = json.loads(wire(f"yahoo/{name}.json"))
    body["chart"]["result"][0]["meta"]["dataGranularity"] = "1d"
    assert read(body).bars == []


def test_Y_01_no_timestamps_are_no_bars_and_no_error() -> None:
    history = read(chart([]))
    assert history.bars == []
    assert history.actions == []
    assert history.reaches_now
    assert history.currency == "USD"


def test_Y_02_no_currency_is_neither_dollars_nor_None() -> None:
    assert recorded("chart_CAPIO.ST_delisted_no_price").currency == ""


def test_Y_02_prices_without_a_currency_are_refused() -> None:
    assert read(chart([], currency=None)).currency == ""
    for nonsense in (["USD"], 7, "US\x1b[0mD"):
        with pytest.raises(BadPayload, match="not a currency"):
            read(chart([row(utc("2026-11-23T14:30"))], currency=nonsense))
    with pytest.raises(BadPayload, match="no currency"):
        read(chart([row(utc("2026-11-23T14:30"))], currency=None))


def test_Y_04_a_row_with_a_null_price_is_skipped_and_the_rest_stays_aligned() -> None:
    stamps = [utc(f"2017-07-{n:02}T23:00") for n in (9, 10, 11, 12)]
    body = chart(
        [row(stamps[0], 1.0), row(stamps[1], None), row(stamps[2], 3.0, volume=None), row(stamps[3], 4.0)],
        exchangeTimezoneName="Europe/London",
        instrumentType="EQUITY",
    )
    bars = read(body).bars
    assert [(bar.date.isoformat(), bar.close, bar.volume) for bar in bars] == [
        ("2017-07-10", 1.0, 1000.0),
        ("2017-07-12", 3.0, None),
        ("2017-07-13", 4.0, 1000.0),
    ]
    for cell in ("open", "high", "low"):
        rows = [row(stamps[0]), row(stamps[1], **{cell: None}), row(stamps[2])]
        assert [bar.date.day for bar in read(chart(rows, exchangeTimezoneName="Europe/London")).bars] == [10, 12]


@pytest.mark.parametrize(
    ("zone", "stamp", "date"),
    [
        ("Australia/Sydney", "2022-01-11T23:00", "2022-01-12"),
        ("Europe/London", "2017-07-09T23:00", "2017-07-10"),  # currencies in summer
        ("Europe/London", "2017-01-09T00:00", "2017-01-09"),
        ("America/New_York", "2026-07-02T04:00", "2026-07-02"),  # a future: New York midnight
        ("Asia/Tokyo", "2026-07-02T00:00", "2026-07-02"),
        ("America/Sao_Paulo", "2022-01-12T02:00", "2022-01-12"),  # 23:00 of the day before, meant as midnight
    ],
)
def test_Y_05_a_bar_belongs_to_its_exchanges_own_day(zone: str, stamp: str, date: str) -> None:
    rows = [row(utc(stamp)), row(utc(stamp) + 86400)]
    bars = read(chart(rows, exchangeTimezoneName=zone)).bars
    assert bars[0].date == day(date)


def test_Y_05_the_last_trade_late_in_the_evening_belongs_to_its_own_day() -> None:
    bars = read(chart([row(utc("2026-11-24T03:00"))])).bars  # 22:00:00 in New York, regularMarketTime
    assert [bar.date for bar in bars] == [day("2026-11-23")]


def test_Y_06_days_follow_each_other_across_the_end_of_summer_time() -> None:
    history = recorded("chart_AAPL_1d_2020-08-31_to_2020-11-07_with_events")
    dates = [bar.date for bar in history.bars]
    assert len(dates) == 49
    assert dates == sorted(set(dates))
    assert [date.isoformat() for date in dates[-7:]] == [
        "2020-10-29", "2020-10-30", "2020-11-02", "2020-11-03", "2020-11-04", "2020-11-05", "2020-11-06",
    ]  # fmt: skip


def test_Y_06_one_gmtoffset_does_not_serve_for_all_bars() -> None:
    stamps = ["2020-10-30T13:30", "2020-11-02T14:30"]  # 09:30 in New York, before and after
    bars = read(chart([row(utc(stamp)) for stamp in stamps], gmtoffset=-18000)).bars
    assert [bar.date.isoformat() for bar in bars] == ["2020-10-30", "2020-11-02"]
    berlin = ["2025-10-24T07:00", "2025-10-27T08:00"]
    bars = read(chart([row(utc(s)) for s in berlin], gmtoffset=3600, exchangeTimezoneName="Europe/Berlin")).bars
    assert [bar.date.isoformat() for bar in bars] == ["2025-10-24", "2025-10-27"]


@pytest.mark.parametrize(
    ("name", "last", "count"),
    [
        ("chart_AAPL_1d_6mo_live_last_bar", "2025-10-29", 127),
        ("chart_MSFT_1d_6mo_live_last_bar", "2025-10-29", 127),
    ],
)
def test_Y_07_recorded_the_last_row_is_the_days_own_and_moving(name: str, last: str, count: int) -> None:
    history = recorded(name)
    assert [bar.date for bar in history.bars if bar.flags & LIVE] == [day(last)]
    assert history.bars[-1].date == day(last)
    assert len(history.bars) == len({bar.date for bar in history.bars}) == count


def test_Y_07_the_row_of_the_last_trade_is_live_and_takes_its_days_place() -> None:
    opened, traded = utc("2026-11-23T14:30"), utc("2026-11-23T21:00:01")
    rows = [row(utc("2026-11-20T14:30"), 1.0), row(opened, 2.0), row(traded, 3.0)]
    bars = read(chart(rows, regularMarketTime=traded)).bars
    assert [(bar.date.day, bar.close, bar.flags & LIVE) for bar in bars] == [(20, 1.0, 0), (23, 3.0, LIVE)]


def test_Y_07_a_row_with_a_later_one_after_it_is_not_live() -> None:
    first, second = utc("2026-11-20T14:30"), utc("2026-11-23T14:30")
    bars = read(chart([row(first), row(second)], regularMarketTime=first)).bars
    assert [bar.flags & LIVE for bar in bars] == [0, 0]


def test_Y_08_recorded_months_with_an_extra_row_are_refused() -> None:
    # What design decides: only days are asked for, and weeks and months are made of them.
    with pytest.raises(BadPayload, match="1mo"):
        recorded("chart_AAPL_1mo_dividend_events_dup_current_month")


def test_Y_08_two_rows_of_one_day_give_the_later_one() -> None:
    early, late = utc("2026-11-23T14:30"), utc("2026-11-23T18:00")
    for rows in ([row(early, 1.0), row(late, 2.0)], [row(late, 2.0), row(early, 1.0)]):
        bars = read(chart(rows)).bars
        assert [(bar.date.day, bar.close, bar.volume) for bar in bars] == [(23, 2.0, 1000.0)]


@pytest.mark.parametrize("granularity", ["3mo", "1mo", "1wk", "1h", "1D", None])
def test_Y_09_another_interval_than_asked_for_is_refused(granularity: str | None) -> None:
    with pytest.raises(BadPayload, match="days were asked for"):
        read(chart([row(utc("2026-11-23T14:30"))], dataGranularity=granularity))


def test_Y_10_recorded_the_bar_that_starts_at_the_end_is_dropped() -> None:
    for name in ("chart_BTC-USD_1d_2020-01-01", "chart_EURUSD=X_1d_2020-01-01"):
        history = recorded(name, day("2020-01-01"), day("2020-01-02"))
        assert [bar.date.isoformat() for bar in history.bars] == ["2020-01-01", "2020-01-02"]


def test_Y_10_only_the_days_asked_for_are_returned() -> None:
    rows = [row(utc(f"2026-11-{n}T14:30")) for n in (17, 18, 19, 20)]
    history = read(chart(rows), day("2026-11-18"), day("2026-11-19"))
    assert [bar.date.day for bar in history.bars] == [18, 19]


def test_Y_10_only_events_since_the_start_are_returned() -> None:
    at = utc("2026-11-18T14:30")
    body = chart([row(at), row(utc("2026-11-19T14:30"))], dividends=[(at, 0.5), (utc("2026-11-20T14:30"), 0.25)])
    assert read(body, day("2026-11-18"), day("2026-11-18")).actions == [
        Action(day("2026-11-18"), "dividend", 0.5),
        Action(day("2026-11-20"), "dividend", 0.25),
    ]
    assert len(read(body, day("2026-11-19"), day("2026-11-19")).actions) == 1


def test_Y_11_events_are_dated_by_themselves_not_by_their_keys() -> None:
    body = chart([row(utc("2026-11-23T14:30"))])
    # Recorded for months: the key is 2019-11-01, the date 2019-11-07.
    dividend = {"amount": 0.1925, "date": 1573137000}
    body["chart"]["result"][0]["events"] = {"dividends": {"1572580800": dividend}}
    assert read(body).actions == [Action(day("2019-11-07"), "dividend", 0.1925)]


def test_Y_11_recorded_events() -> None:
    history = recorded("chart_AAPL_1d_2020-08-31_to_2020-11-07_with_events")
    assert history.actions == [
        Action(day("2020-08-31"), "split", 4.0),
        Action(day("2020-11-06"), "dividend", 0.205),
    ]


@pytest.mark.parametrize(
    ("new", "old", "ratio"), [(4.0, 1.0, 4.0), (5, 4, 1.25), (1, 10, 0.1), (1046.0, 1000.0, 1.046)]
)
def test_Y_12_a_split_is_new_shares_for_an_old_one(new: float, old: float, ratio: float) -> None:
    body = chart([row(utc("2026-11-23T14:30"))], splits=[(utc("2026-11-23T14:30"), new, old)])
    for split in body["chart"]["result"][0]["events"]["splits"].values():
        split["splitRatio"] = "9:9"
    assert read(body).actions == [Action(day("2026-11-23"), "split", ratio)]


def test_Y_12_recorded_splits_of_ibm() -> None:
    splits = [action for action in recorded("chart_IBM_1962_long_trimmed").actions if action.kind == "split"]
    assert splits[0] == Action(day("1964-05-18"), "split", 1.25)
    assert [split.value for split in splits] == [1.25, 1.5, 2.0, 1.25, 4.0, 2.0, 2.0]


@pytest.mark.parametrize(("new", "old"), [(0, 1), (4, 0), (-4, 1), (4, -1), (None, 1)])
def test_Y_12_a_split_without_a_ratio_leaves_no_scale_to_trust(new: float, old: float) -> None:
    with pytest.raises(BadPayload, match="ratio"):
        read(chart([row(utc("2026-11-23T14:30"))], splits=[(utc("2026-11-23T14:30"), new, old)]))


def test_Y_13_recorded_days_before_1970() -> None:
    history = recorded("chart_IBM_1962_long_trimmed")
    assert history.bars[0].date == day("1962-01-02")
    assert history.first_trade == day("1962-01-02")


def test_Y_13_negative_stamps_are_dates_before_1970() -> None:
    history = read(chart([row(-252322200), row(utc("2026-11-23T14:30"))], firstTradeDate=-1325583000))
    assert history.bars[0].date == day("1962-01-02")
    assert history.first_trade == day("1927-12-30")


def test_Y_14_bars_are_free_of_float32_noise() -> None:
    # What design decides: prices are kept as the shortest decimal that is Yahoo's float32 again.
    cells = {"open": 166.69000244140625, "high": 170.0, "low": 73.79750061035156}
    bar = read(chart([row(utc("2026-11-23T14:30"), 75.0875015258789, **cells)])).bars[0]
    assert (bar.open, bar.high, bar.low, bar.close) == (166.69, 170.0, 73.7975, 75.0875)


def test_Y_15_a_later_split_gives_the_same_traded_bars() -> None:
    # What design decides: a split learned later is one more row, the traded bars do not change. NVDA, 10:1.
    at, ex = utc("2021-02-01T14:30"), utc("2024-06-10T13:30")
    before = read(chart([row(at, 132.3699951171875, open=130.0, high=133.0, low=129.75, volume=1000)]))
    cells = {"open": 13.0, "high": 13.300000190734863, "low": 12.975000381469727, "volume": 10000}
    after = read(chart([row(at, 13.237000465393066, **cells), row(ex)], splits=[(ex, 10.0, 1.0)]))
    assert before.bars[0][:6] == after.bars[0][:6] == (day("2021-02-01"), 130.0, 133.0, 129.75, 132.37, 1000.0)


def test_Y_15_recorded_aapl_before_its_split() -> None:
    """Yahoo says 75.0875 for 2020-01-02 and lists no event in that window; it traded at 300.35."""
    alone = recorded("chart_AAPL_1d_2020-01-02_one_bar")
    assert not alone.reaches_now
    assert alone.bars[0].close == 75.0875015258789  # as received: never turned back
    body = json.loads(wire("yahoo/chart_AAPL_1d_2020-01-02_one_bar.json"))
    result = body["chart"]["result"][0]
    result["timestamp"].append(result["meta"]["regularMarketTime"])
    for column in result["indicators"]["quote"][0].values():
        column.append(244.8699951171875)
    split = {"date": utc("2020-08-31T13:30"), "numerator": 4.0, "denominator": 1.0, "splitRatio": "4:1"}
    result["events"] = {"splits": {"1598880600": split}}
    whole = read(body, day("2020-01-02"), day("2020-01-02"))
    assert whole.reaches_now
    assert whole.bars == [Bar(day("2020-01-02"), 296.24, 300.6, 295.19, 300.35, 33870100.0)]
    assert whole.actions == [Action(day("2020-08-31"), "split", 4.0)]


def test_Y_15_an_answer_that_stops_short_of_now_is_not_turned_back() -> None:
    at, ex = utc("2020-01-02T14:30"), utc("2020-08-31T13:30")
    body = chart([row(at, 75.0875015258789), row(ex)], splits=[(ex, 4.0, 1.0)])
    assert read(body).bars[0].close == 300.35
    body["chart"]["result"][0]["meta"]["regularMarketTime"] = NOW_MS // 1000
    short = read(body)
    assert not short.reaches_now
    assert short.bars[0].close == 75.0875015258789


def test_Y_15_recorded_nvda_is_shown_on_a_scale_that_its_window_hides() -> None:
    body = json.loads(wire("yahoo/chart_NVDA_1d_2021-02-01_to_2022-01-31_split.json"))
    result = body["chart"]["result"][0]
    result["timestamp"].append(result["meta"]["regularMarketTime"])
    for column in result["indicators"]["quote"][0].values():
        column.append(134.42999267578125)
    result["events"]["splits"]["1718026200"] = {"date": 1718026200, "numerator": 10.0, "denominator": 1.0}
    first = read(body).bars[0]
    assert (first.date, first.close, first.volume) == (day("2021-02-01"), 529.48, 5430100.0)


def test_Y_16_recorded_pence_are_not_pounds() -> None:
    history = recorded("chart_OCDO.L_1d_GBp")
    assert history.currency == "GBp"


@pytest.mark.parametrize("currency", ["GBp", "ZAc", "ILA", "KWF", "GBP"])
def test_Y_16_the_currency_is_verbatim(currency: str) -> None:
    assert read(chart([row(utc("2026-11-23T14:30"))], currency=currency)).currency == currency


def test_Y_23_no_data_for_the_range_is_an_empty_window() -> None:
    body = yahoo_error("chart", "Bad Request", "Data doesn't exist for startDate = 1420088400, endDate = 1451538000")
    history = read(body, status=400)
    assert history.bars == []
    assert history.reaches_now
    assert read(wire("yahoo/errors/400_no_data_for_range.json"), status=400).bars == []


@pytest.mark.parametrize(
    ("status", "name"),
    [(422, "errors/422_1m_too_old"), (400, "errors/400_invalid_interval"), (422, "from-docs/422_1h_too_old")],
)
def test_Y_23_recorded_refusals_are_not_for_a_second_try(status: int, name: str) -> None:
    with pytest.raises(Refused):
        read(wire(f"yahoo/{name}.json"), status=status)


def test_Y_23_an_impossible_request_is_refused() -> None:
    body = yahoo_error("chart", "Unprocessable Entity", "1m data not available for startTime=1 and endTime=2.")
    with pytest.raises(Refused, match="1m data not available"):
        read(body, status=422)


def test_Y_22_an_unknown_symbol_is_named() -> None:
    body = yahoo_error("chart", "Not Found", "No data found, symbol may be delisted")
    with pytest.raises(UnknownSymbol, match="AAPL"):
        read(body, status=404)
    with pytest.raises(UnknownSymbol, match="AAPL"):
        read(wire("yahoo/errors/404_no_data_delisted.json"), status=404)


def test_Y_27_recorded_bars_are_sound() -> None:
    history = recorded("chart_MSFT_1d_2021-02-01_to_2022-01-31_dividends")
    assert len(history.bars) == 252
    assert [bar for bar in history.bars if bar.flags & SUSPECT] == []


@pytest.mark.parametrize(
    "cells",
    [
        {"low": 0.0},  # recorded for VFINX, 2025-04-01
        {"low": 10.2, "open": 10.0},  # VFINX, 2025-07-01: low 574.70 over open 572.06
        {"high": 10.4, "close": 10.5},
        {"low": -1.0},
    ],
)
def test_Y_27_impossible_bars_are_kept_and_marked(cells: dict[str, float]) -> None:
    # What design decides: kept as the provider said it, with the flag SUSPECT.
    close = cells.pop("close", 10.5)
    rows = [row(utc("2026-11-20T14:30"), close, **cells), row(utc("2026-11-23T14:30"))]
    bars = read(chart(rows)).bars
    assert [bar.flags & SUSPECT for bar in bars] == [SUSPECT, 0]
    assert bars[0].close == close


def test_Y_27_a_rounding_of_float32_is_not_a_defect() -> None:
    rows = [
        row(utc("2026-11-19T14:30"), 11.000001, high=11.0),
        row(utc("2026-11-20T14:30"), open=9.499999, low=9.5),
        row(utc("2026-11-23T14:30")),
    ]
    assert [bar.flags for bar in read(chart(rows)).bars[:2]] == [0, 0]


def test_Y_27_a_negative_volume_is_none_and_marked() -> None:
    rows = [row(utc("2026-11-20T14:30"), volume=-1), row(utc("2026-11-23T14:30"))]
    bar = read(chart(rows)).bars[0]
    assert (bar.volume, bar.flags) == (None, SUSPECT)


@pytest.mark.parametrize("kind", ["CURRENCY", "MUTUALFUND", "INDEX"])
def test_Y_28_no_volume_is_not_a_volume_of_nothing(kind: str) -> None:
    rows = [row(utc("2026-11-20T14:30"), volume=0), row(utc("2026-11-23T14:30"), volume=7)]
    assert [bar.volume for bar in read(chart(rows, instrumentType=kind)).bars] == [None, 7.0]
    assert [bar.volume for bar in read(chart(rows)).bars] == [0.0, 7.0]  # a share nobody traded is a fact


def test_Y_28_recorded_currencies_have_no_volume() -> None:
    assert {bar.volume for bar in recorded("chart_EURUSD=X_1d_2020-01-01").bars} == {None}


def test_Y_29_infinity_in_adjclose_reaches_no_bar() -> None:
    body = chart([row(utc("2026-11-20T14:30")), row(utc("2026-11-23T14:30"))])
    body["chart"]["result"][0]["indicators"]["adjclose"][0]["adjclose"] = [float("inf"), float("nan")]
    assert [bar.close for bar in read(body).bars] == [10.5, 10.5]


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), float("-inf")])
def test_Y_29_a_price_that_is_no_number_is_no_bar(nonsense: float) -> None:
    rows = [row(utc("2026-11-20T14:30"), nonsense), row(utc("2026-11-23T14:30"))]
    assert [bar.date.day for bar in read(chart(rows)).bars] == [23]


def test_Y_30_recorded_a_delisted_symbol_brings_nothing_that_could_replace_what_is_known() -> None:
    history = recorded("chart_CAPIO.ST_delisted_no_price")
    assert history == History("", [], [], True, history.server_ms, None)


def test_Y_30_a_delisted_meta_brings_no_currency_and_no_first_trade() -> None:
    meta = {"exchangeName": "YHD", "currency": None, "firstTradeDate": None, "instrumentType": "MUTUALFUND"}
    assert read(chart([], **meta)) == History("", [], [], True, NOW_MS, None)


def test_dividends_and_gains_are_turned_back_to_what_was_paid() -> None:
    ex = utc("2020-08-31T13:30")
    body = chart(
        [row(utc("2020-02-06T14:30")), row(ex)], splits=[(ex, 4, 1)], dividends=[(utc("2020-02-07T14:30"), 0.1925)]
    )
    gain = {"amount": 0.17, "date": utc("2020-12-30T14:30"), "currency": "GBp"}
    body["chart"]["result"][0]["events"]["capitalGains"] = {"1": gain}
    assert read(body).actions == [
        Action(day("2020-02-07"), "dividend", 0.77),
        Action(day("2020-08-31"), "split", 4.0),
        Action(day("2020-12-30"), "gain", 0.17, "GBp"),
    ]


def test_a_split_announced_for_tomorrow_changes_nothing_today() -> None:
    body = chart([row(utc("2026-11-23T14:30"))], splits=[(utc("2026-11-25T14:30"), 2, 1)])
    history = read(body)
    assert history.actions == []
    assert history.bars[0].close == 10.5


def test_a_split_said_twice_counts_once() -> None:
    ex = utc("2026-11-23T14:30")
    body = chart([row(utc("2026-11-20T14:30"), 5.0, open=5.0, high=5.0, low=5.0), row(ex)], splits=[(ex, 2, 1)])
    splits = body["chart"]["result"][0]["events"]["splits"]
    splits["other"] = dict(next(iter(splits.values())))
    assert read(body).bars[0].close == 10.0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda result: result.pop("meta"),
        lambda result: result["timestamp"].pop(),
        lambda result: result["indicators"]["quote"][0].pop("high"),
        lambda result: result["meta"].pop("exchangeTimezoneName"),
        lambda result: result["meta"].update(exchangeTimezoneName="Mars/Olympus"),
        lambda result: result["meta"].update(exchangeTimezoneName="../../etc/passwd"),
        lambda result: result["timestamp"].__setitem__(0, "x"),
        lambda result: result["timestamp"].__setitem__(0, 10**20),
        lambda result: result["indicators"]["quote"][0]["close"].__setitem__(0, "10.5"),
        lambda result: result["indicators"]["quote"][0]["close"].__setitem__(0, True),
        lambda result: result.update(events=[]),
        lambda result: result.update(events={"dividends": {"1": {"date": 1}}}),
    ],
)
def test_a_body_of_another_shape_is_a_bad_payload(spoil: object) -> None:
    body = chart([row(utc("2026-11-20T14:30")), row(utc("2026-11-23T14:30"))])
    assert callable(spoil)
    spoil(body["chart"]["result"][0])
    if body["chart"]["result"][0].get("events") == []:
        body["chart"]["result"][0]["events"] = [1]
    with pytest.raises(BadPayload):
        read(body)


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
KEYS = st.sampled_from(["chart", "result", "error", "meta", "code"])
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@given(ANY_JSON)
def test_any_json_is_a_history_or_a_typed_error(body: object) -> None:
    with pytest.raises((BadPayload, UnknownSymbol, Refused)):
        read(body)
