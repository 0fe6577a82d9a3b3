"""Binance over real HTTP on loopback: what goes out, the fall-back after an unknown symbol, paging, limits."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pricectl.errors import BadPayload, ProviderError, RateLimited, Refused, Transient, UnknownSymbol, UsageError
from pricectl.model.bar import LIVE, History
from pricectl.model.quote import Miss, Quote
from pricectl.providers.binance import Binance
from provider_bodies import NOW_MS, candle, ticker, utc
from provider_server import Asked, Provider, Said, http
from shared_data import wire

UNKNOWN = {"code": -1121, "msg": "Invalid symbol."}


def said(body: object, status: int = 200, *headers: tuple[str, str]) -> Said:
    return Said(json.dumps(body).encode(), status, headers)


def market(*symbols: str, assets: dict[str, str] | None = None) -> Callable[[Asked], Said]:
    """A Binance that trades ``symbols``; ``assets`` are what exchangeInfo says that they are priced in."""

    def answer(asked: Asked) -> Said:
        listed = json.loads(asked.params["symbols"]) if "symbols" in asked.params else None
        if listed is not None and not set(listed) <= set(symbols):
            return said(UNKNOWN, 400)
        if asked.path.endswith("/exchangeInfo"):
            return said({"symbols": [{"symbol": one, "quoteAsset": (assets or {})[one]} for one in listed or symbols]})
        return said([ticker(symbol) for symbol in listed or symbols])

    return answer


def quotes(provider: Provider, root: Path, *ids: str) -> list[Quote | Miss]:
    async def ask() -> list[Quote | Miss]:
        async with http(root, provider.url) as client:
            return await Binance().quotes(client, ids)

    with provider.running():
        return asyncio.run(ask())


def history(provider: Provider, root: Path, start: str, end: str, symbol: str = "BTCUSDT") -> History:
    async def ask() -> History:
        async with http(root, provider.url) as client:
            return await Binance().history(client, symbol, dt.date.fromisoformat(start), dt.date.fromisoformat(end))

    with provider.running():
        return asyncio.run(ask())


def kinds(outcomes: list[Quote | Miss]) -> list[type]:
    return [type(one.error) if isinstance(one, Miss) else Quote for one in outcomes]


def test_B_01_the_bad_ones_are_named_and_the_others_answered(tmp_path: Path) -> None:
    provider = Provider(market("BTCUSDT", "ETHUSDT", "SOLUSDT"))
    outcomes = quotes(provider, tmp_path, "BTCUSDT", "XXXUSDT", "ETHUSDT", "YYYUSDT")
    assert kinds(outcomes) == [Quote, UnknownSymbol, Quote, UnknownSymbol]
    assert [one.symbol for one in outcomes if isinstance(one, Miss)] == ["XXXUSDT", "YYYUSDT"]
    assert ["symbols" in asked.params for asked in provider.asked] == [True, False]


def test_B_01_a_single_unknown_symbol_needs_no_second_request(tmp_path: Path) -> None:
    provider = Provider(market("BTCUSDT"))
    assert kinds(quotes(provider, tmp_path, "XXXUSDT")) == [UnknownSymbol]
    assert len(provider.asked) == 1


def test_B_02_the_server_never_sees_a_duplicate(tmp_path: Path) -> None:
    provider = Provider(market("BTCUSDT"))
    assert kinds(quotes(provider, tmp_path, "BTCUSDT", "btcusdt", "BTCUSDT")) == [Quote] * 3
    assert [json.loads(asked.params["symbols"]) for asked in provider.asked] == [["BTCUSDT"]]


def test_B_03_what_goes_out(tmp_path: Path) -> None:
    provider = Provider(market("BTCUSDT", "BNBUSDT", "币安人生USDT"))
    assert kinds(quotes(provider, tmp_path, "BTCUSDT", "BNBUSDT")) == [Quote, Quote]
    assert provider.asked[0].target == "/api/v3/ticker/24hr?symbols=%5B%22BNBUSDT%22,%22BTCUSDT%22%5D"


def test_B_03_letters_beyond_ascii_go_out_in_utf_8(tmp_path: Path) -> None:
    provider = Provider(market("币USDT"))
    assert kinds(quotes(provider, tmp_path, "币usdt")) == [Quote]
    assert provider.asked[0].target == "/api/v3/ticker/24hr?symbols=%5B%22%E5%B8%81USDT%22%5D"


@pytest.mark.parametrize(("count", "named"), [(1, True), (20, True), (21, False), (1000, False)])
def test_B_04_up_to_20_by_name_and_more_as_one_list(tmp_path: Path, count: int, named: bool) -> None:
    ids = [f"C{n}USDT" for n in range(count)]
    provider = Provider(market(*ids, "OTHERUSDT"))
    outcomes = quotes(provider, tmp_path, *ids)
    assert [one.provider_id for one in outcomes if isinstance(one, Quote)] == ids
    assert ["symbols" in asked.params for asked in provider.asked] == [named]


def test_B_04_who_is_not_in_the_list_is_unknown(tmp_path: Path) -> None:
    ids = [f"C{n}USDT" for n in range(25)]
    outcomes = quotes(Provider(market(*ids[:24])), tmp_path, *ids)
    assert kinds(outcomes) == [Quote] * 24 + [UnknownSymbol]


def test_B_17_what_a_pair_is_priced_in_is_asked_where_its_name_leaves_a_doubt(tmp_path: Path) -> None:
    provider = Provider(market("BTCUSDT", "BTCU", "BTCAEUR", assets={"BTCU": "U", "BTCAEUR": "AEUR"}))
    outcomes = quotes(provider, tmp_path, "BTCUSDT", "BTCU", "BTCAEUR")
    assert [one.currency for one in outcomes if isinstance(one, Quote)] == ["USDT", "U", "AEUR"]
    assert [asked.path for asked in provider.asked] == ["/api/v3/ticker/24hr", "/api/v3/exchangeInfo"]


def test_B_17_a_price_without_a_known_quote_asset_is_not_given(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Said:
        return said({"symbols": []}) if asked.path.endswith("Info") else market("BTCU", "BTCUSDT")(asked)

    assert kinds(quotes(Provider(answer), tmp_path, "BTCU", "BTCUSDT")) == [BadPayload, Quote]


def test_B_08_pages_follow_each_other_to_the_end(tmp_path: Path) -> None:
    first = utc("2020-01-01")

    def answer(asked: Asked) -> Said:
        start, end = int(asked.params["startTime"]), int(asked.params["endTime"])
        rows = [(first + n * 86400) for n in range(2100) if n != 1500]  # with a day of outage
        found = [at for at in rows if start <= at * 1000 <= end][:1000]
        return said([candle(dt.datetime.fromtimestamp(at, dt.UTC).date().isoformat()) for at in found])

    provider = Provider(answer)
    found = history(provider, tmp_path, "2019-06-01", "2025-12-31")
    dates = [bar.date for bar in found.bars]
    assert len(dates) == len(set(dates)) == 2099
    assert dates == sorted(dates)
    assert [int(asked.params["startTime"]) for asked in provider.asked] == [
        utc("2019-06-01") * 1000,
        (first + 999 * 86400) * 1000 + 1,
        (first + 2000 * 86400) * 1000 + 1,
    ]


def test_B_08_a_full_page_that_reaches_the_end_is_the_last(tmp_path: Path) -> None:
    rows = [candle((dt.date(2020, 1, 1) + dt.timedelta(n)).isoformat()) for n in range(1000)]
    provider = Provider(lambda _: said(rows))
    assert len(history(provider, tmp_path, "2020-01-01", "2022-09-26").bars) == 1000
    assert len(provider.asked) == 1


def test_B_08_a_server_that_ignores_the_start_is_not_asked_forever(tmp_path: Path) -> None:
    rows = [candle((dt.date(2020, 1, 1) + dt.timedelta(n)).isoformat()) for n in range(1000)]
    provider = Provider(lambda _: said(rows))
    with pytest.raises(BadPayload):
        history(provider, tmp_path, "2020-01-01", "2026-01-01")
    assert len(provider.asked) == 2


def test_history_is_of_the_days_asked_for_and_never_split(tmp_path: Path) -> None:
    rows = [candle(f"2026-11-{n}") for n in (21, 22, 23, 24)]
    assert len(history(Provider(lambda _: said(rows)), tmp_path, "2026-11-20", "2026-11-22").bars) == 2
    found = history(Provider(lambda _: said(rows)), tmp_path, "2026-11-20", "2026-11-24")
    assert (found.currency, found.actions, found.reaches_now, found.server_ms) == ("USDT", [], True, NOW_MS)
    assert [(bar.date.day, bar.flags) for bar in found.bars] == [(21, 0), (22, 0), (23, 0), (24, LIVE)]


def test_history_before_the_epoch_starts_at_the_epoch(tmp_path: Path) -> None:
    provider = Provider(lambda _: said([]))
    found = history(provider, tmp_path, "1900-01-01", "2026-11-24")
    assert provider.asked[0].params["startTime"] == "0"
    assert found.bars == []


def test_history_that_ended_before_the_epoch_is_empty_and_still_has_a_time(tmp_path: Path) -> None:
    provider = Provider(lambda _: said([]))
    found = history(provider, tmp_path, "1900-01-01", "1969-12-31")
    assert (found.bars, found.server_ms) == ([], NOW_MS)
    assert provider.asked[0].params["endTime"] == "86399999"


def test_B_17_history_of_a_pair_with_a_doubtful_name_asks_what_it_is_priced_in(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Said:
        if asked.path.endswith("/klines"):
            return said([candle("2026-11-20")])
        return market("BTCAEUR", assets={"BTCAEUR": "AEUR"})(asked)

    assert history(Provider(answer), tmp_path, "2026-11-20", "2026-11-24", "BTCAEUR").currency == "AEUR"


def test_history_of_an_unknown_symbol_names_it(tmp_path: Path) -> None:
    with pytest.raises(UnknownSymbol, match="XXXUSDT"):
        history(Provider(lambda _: said(UNKNOWN, 400)), tmp_path, "2026-11-20", "2026-11-24", "XXXUSDT")


def test_B_11_a_429_is_obeyed_for_as_long_as_it_says(tmp_path: Path) -> None:
    body = {"code": -1003, "msg": "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."}
    provider = Provider(lambda _: said(body, 429, ("Retry-After", "17")))
    with pytest.raises(RateLimited) as caught:
        quotes(provider, tmp_path, "BTCUSDT")
    assert caught.value.retry_after_s == pytest.approx(17)
    second = Provider(market("BTCUSDT"))
    with pytest.raises(RateLimited) as caught:
        quotes(second, tmp_path, "BTCUSDT")
    assert second.asked == []
    assert 0 < (caught.value.retry_after_s or 0) <= 17.001


def test_B_11_without_retry_after_the_next_minute_is_waited_for(tmp_path: Path) -> None:
    with pytest.raises(RateLimited) as caught:
        quotes(Provider(lambda _: said({"code": -1003, "msg": "Too many."}, 429)), tmp_path, "BTCUSDT")
    assert 0 < (caught.value.retry_after_s or 0) <= 60.001


@pytest.mark.parametrize(("header", "seconds"), [("120", 3600.0), ("7200", 7200.0)])
def test_B_12_a_ban_lasts_as_long_as_the_later_of_its_two_ends(tmp_path: Path, header: str, seconds: float) -> None:
    text = f"Way too much request weight used; IP banned until {NOW_MS + 3_600_000}. Please use WebSocket Streams."
    provider = Provider(lambda _: said({"code": -1003, "msg": text}, 418, ("Retry-After", header)))
    with pytest.raises(RateLimited) as caught:
        quotes(provider, tmp_path, "BTCUSDT")
    assert caught.value.banned
    assert caught.value.retry_after_s == pytest.approx(seconds, abs=1)
    assert len(provider.asked) == 1
    second = Provider(market("BTCUSDT"))
    with pytest.raises(RateLimited):  # another run, the same machine
        quotes(second, tmp_path, "BTCUSDT")
    assert second.asked == []


def test_B_13_the_weight_that_binance_counts_slows_the_next_request(tmp_path: Path) -> None:
    used = ("X-MBX-USED-WEIGHT-1M", "4801")  # of 6000: over 80 %
    provider = Provider(lambda asked: market("BTCUSDT")(asked)._replace(headers=(used,)))
    assert kinds(quotes(provider, tmp_path, "BTCUSDT")) == [Quote]

    async def again() -> None:
        async with http(tmp_path, "http://127.0.0.1:9") as client:
            client.deadline = client._clock.monotonic() + 0.5
            await Binance().quotes(client, ("BTCUSDT",))

    with pytest.raises(RateLimited, match="budget"):
        asyncio.run(again())


def test_B_14_recorded_a_firewalls_page_is_a_refusal(tmp_path: Path) -> None:
    page = wire("binance/errors/403_cloudfront_request_blocked.html")
    with pytest.raises(Refused, match="403"):
        quotes(Provider(lambda _: Said(page, 403, content_type="text/html")), tmp_path, "BTCUSDT")


def test_B_14_recorded_a_closed_region_names_a_way_round(tmp_path: Path) -> None:
    body = wire("binance/errors/451_restricted_location.json")
    with pytest.raises(Refused, match="region") as caught:
        quotes(Provider(lambda _: Said(body, 451)), tmp_path, "BTCUSDT")
    assert "PRICECTL_BINANCE_URL" in caught.value.hint


@pytest.mark.parametrize("status", [403, 451])
def test_B_14_a_closed_door_is_a_refusal_with_a_hint(tmp_path: Path, status: int) -> None:
    provider = Provider(lambda _: Said(b"<html>Request blocked.</html>", status, content_type="text/html"))
    with pytest.raises(Refused) as caught:
        quotes(provider, tmp_path, "BTCUSDT")
    assert caught.value.hint
    assert len(provider.asked) == 1


@pytest.mark.parametrize("status", [400, 500, 503, 504])
@pytest.mark.parametrize("code", [-1001, -1007, -1008])
def test_B_15_their_own_trouble_is_tried_three_times(tmp_path: Path, status: int, code: int) -> None:
    provider = Provider(lambda _: said({"code": code, "msg": "Please try again."}, status))
    with pytest.raises(Transient):
        quotes(provider, tmp_path, "BTCUSDT")
    assert len(provider.asked) == 3


def test_B_15_a_wrong_request_is_sent_once(tmp_path: Path) -> None:
    provider = Provider(lambda _: said({"code": -1120, "msg": "Invalid interval."}, 400))
    with pytest.raises(Refused):
        quotes(provider, tmp_path, "BTCUSDT")
    assert len(provider.asked) == 1


def test_an_impossible_id_does_not_sink_the_others(tmp_path: Path) -> None:
    provider = Provider(market("BTCUSDT"))
    assert kinds(quotes(provider, tmp_path, "BTC USDT", "BTCUSDT", "../x")) == [UsageError, Quote, UsageError]
    assert len(provider.asked) == 1


def test_an_exchange_that_lists_nothing_makes_no_pair_unknown(tmp_path: Path) -> None:
    with pytest.raises(ProviderError) as caught:
        quotes(Provider(lambda _: said([])), tmp_path, *(f"C{n}USDT" for n in range(21)))
    assert not isinstance(caught.value, UnknownSymbol)
