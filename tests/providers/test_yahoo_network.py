"""Yahoo over real HTTP on loopback: what goes out, fall-backs, outages, refusals."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pricectl.errors import (
    BadPayload,
    PricectlError,
    RateLimited,
    Refused,
    Transient,
    UnknownSymbol,
    UsageError,
)
from pricectl.model.bar import History
from pricectl.model.quote import Miss, Quote
from pricectl.providers.yahoo import Yahoo
from provider_bodies import chart, spark, spark_item, utc, yahoo_error
from provider_server import Asked, Provider, Said, http
from shared_data import wire

DAY = dt.date(2026, 11, 23)


def said(body: object, status: int = 200) -> Said:
    return Said(json.dumps(body).encode(), status)


def knows(*symbols: str) -> Callable[[Asked], Said]:
    """Spark for the given symbols, leaving out the others; no chart."""

    def answer(asked: Asked) -> Said:
        if not asked.path.endswith("/spark"):
            return said(yahoo_error("chart", "Not Found", "No data found, symbol may be delisted"), 404)
        listed = asked.params["symbols"].split(",")
        return said(spark(*(spark_item(symbol) for symbol in listed if symbol in symbols)))

    return answer


def quotes(provider: Provider, root: Path, *ids: str) -> list[Quote | Miss]:
    async def ask() -> list[Quote | Miss]:
        async with http(root, provider.url) as client:
            return await Yahoo().quotes(client, ids)

    with provider.running():
        return asyncio.run(ask())


def history(provider: Provider, root: Path, symbol: str = "AAPL") -> History:
    async def ask() -> History:
        async with http(root, provider.url) as client:
            return await Yahoo().history(client, symbol, DAY, DAY)

    with provider.running():
        return asyncio.run(ask())


def kinds(outcomes: list[Quote | Miss]) -> list[type]:
    return [type(one.error) if isinstance(one, Miss) else Quote for one in outcomes]


def test_what_goes_out(tmp_path: Path) -> None:
    provider = Provider(knows("AAPL", "^GSPC", "EURUSD=X"))
    outcomes = quotes(provider, tmp_path, "^GSPC", "EURUSD=X", "AAPL")
    assert [one.provider_id for one in outcomes if isinstance(one, Quote)] == ["^GSPC", "EURUSD=X", "AAPL"]
    (asked,) = provider.asked
    assert asked.target == "/v7/finance/spark?symbols=%5EGSPC,EURUSD%3DX,AAPL&range=1d&interval=1d"
    assert asked.headers["user-agent"] == "Mozilla/5.0"


def test_Y_18_every_symbol_that_is_missing_is_named(tmp_path: Path) -> None:
    provider = Provider(knows("NVDA", "MSFT"))
    outcomes = quotes(provider, tmp_path, "NVDA", "XXXX", "MSFT", "YYYY")
    assert kinds(outcomes) == [Quote, UnknownSymbol, Quote, UnknownSymbol]
    assert [one.symbol for one in outcomes if isinstance(one, Miss)] == ["XXXX", "YYYY"]
    assert "XXXX" in str(next(one.error for one in outcomes if isinstance(one, Miss)))
    assert len(provider.asked) == 1


def test_Y_22_one_unknown_symbol_is_unknown_once_the_control_symbol_is_there(tmp_path: Path) -> None:
    provider = Provider(knows("AAPL"))
    assert kinds(quotes(provider, tmp_path, "XXXX")) == [UnknownSymbol]
    assert [asked.params["symbols"] for asked in provider.asked] == ["XXXX", "AAPL"]


def test_Y_22_in_an_outage_nothing_is_called_unknown(tmp_path: Path) -> None:
    provider = Provider(knows())
    outcomes = quotes(provider, tmp_path, "MSFT", "NVDA")
    assert kinds(outcomes) == [Transient, Transient]
    assert [asked.params["symbols"] for asked in provider.asked] == ["MSFT,NVDA", "AAPL"]


def test_Y_22_more_than_half_of_a_batch_missing_is_looked_into(tmp_path: Path) -> None:
    provider = Provider(knows("MSFT"))
    outcomes = quotes(provider, tmp_path, "MSFT", "A1", "A2")
    assert kinds(outcomes) == [Quote, Transient, Transient]
    assert len(provider.asked) == 2


def test_Y_22_the_control_symbol_itself_needs_no_second_request(tmp_path: Path) -> None:
    provider = Provider(knows("AAPL"))
    assert kinds(quotes(provider, tmp_path, "AAPL", "A1", "A2")) == [Quote, UnknownSymbol, UnknownSymbol]
    assert len(provider.asked) == 1


def test_Y_22_an_outage_of_the_chart_makes_no_symbol_unknown(tmp_path: Path) -> None:
    with pytest.raises(Transient, match="outage"):
        history(Provider(knows()), tmp_path, "MSFT")


def test_Y_22_an_unknown_symbol_has_no_history(tmp_path: Path) -> None:
    provider = Provider(knows("AAPL"))
    with pytest.raises(UnknownSymbol, match="XXXX"):
        history(provider, tmp_path, "XXXX")
    assert [asked.path for asked in provider.asked] == ["/v8/finance/chart/XXXX", "/v7/finance/spark"]


def test_Y_22_a_control_that_fails_gives_its_own_reason(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Said:
        if asked.params["symbols"] == "AAPL":
            return Said(b"Too Many Requests\r\n", 429, content_type="text/plain")
        return said(spark())

    assert kinds(quotes(Provider(answer), tmp_path, "MSFT")) == [RateLimited]


def test_Y_19_the_server_never_sees_more_than_20(tmp_path: Path) -> None:
    ids = [f"S{n}" for n in range(41)]
    provider = Provider(knows(*ids))

    async def ask() -> list[Quote | Miss]:
        outcomes: list[Quote | Miss] = []
        async with http(tmp_path, provider.url) as client:
            for part in Yahoo().plan(ids):
                outcomes += await Yahoo().quotes(client, part)
        return outcomes

    with provider.running():
        outcomes = asyncio.run(ask())
    assert kinds(outcomes) == [Quote] * 41
    assert [len(asked.params["symbols"].split(",")) for asked in provider.asked] == [20, 20, 1]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("429_too_many_requests.txt", "text/plain"), ("429_edge_too_many_requests.html", "text/html")],
)
def test_Y_20_recorded_a_429_is_rate_limiting_whatever_its_body(tmp_path: Path, name: str, content_type: str) -> None:
    body = wire(f"yahoo/errors/{name}")
    with pytest.raises(RateLimited):
        quotes(Provider(lambda _: Said(body, 429, content_type=content_type)), tmp_path, "AAPL")


@pytest.mark.parametrize("content_type", ["text/plain", "text/html", "application/json"])
def test_Y_20_a_429_is_rate_limiting_and_not_tried_again(tmp_path: Path, content_type: str) -> None:
    provider = Provider(lambda _: Said(b"Edge: Too Many Requests", 429, content_type=content_type))
    with pytest.raises(RateLimited) as caught:
        quotes(provider, tmp_path, "AAPL")
    assert len(provider.asked) == 1
    assert caught.value.retry_after_s == pytest.approx(300)  # Yahoo says nothing: our own pause


def test_Y_24_after_a_429_nothing_more_is_sent(tmp_path: Path) -> None:
    provider = Provider(lambda _: Said(b"Too Many Requests\r\n", 429, content_type="text/plain"))

    async def ask() -> list[type]:
        async with http(tmp_path, provider.url) as client:
            parts = Yahoo().plan([f"S{n}" for n in range(100)])
            tasks = [Yahoo().quotes(client, part) for part in parts]
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        async with http(tmp_path, provider.url) as another:  # the pause is shared with the next process
            outcomes += await asyncio.gather(Yahoo().quotes(another, ("S1",)), return_exceptions=True)
        return [type(one) for one in outcomes]

    with provider.running():
        assert asyncio.run(ask()) == [RateLimited] * 6
    assert len(provider.asked) <= 4  # those that were under way already


def test_Y_21_recorded_a_web_page_is_an_outage(tmp_path: Path) -> None:
    page = wire("yahoo/from-docs/200_html_will_be_right_back.html")
    with pytest.raises(Transient):
        quotes(Provider(lambda _: Said(page, content_type="text/html")), tmp_path, "AAPL")


@pytest.mark.parametrize("content_type", ["text/html", "application/json"])
def test_Y_21_a_web_page_is_an_outage_whatever_it_calls_itself(tmp_path: Path, content_type: str) -> None:
    page = b"<html><body><h1>Will be right back</h1></body></html>"
    provider = Provider(lambda _: Said(page, content_type=content_type))
    with pytest.raises(Transient):
        history(provider, tmp_path)
    assert 1 < len(provider.asked) <= 3


def test_Y_23_what_is_refused_is_not_tried_again(tmp_path: Path) -> None:
    body = yahoo_error("chart", "Unprocessable Entity", "The requested range must be within the last 30 days.")
    provider = Provider(lambda _: said(body, 422))
    with pytest.raises(Refused, match="last 30 days"):
        history(provider, tmp_path)
    assert len(provider.asked) == 1


def test_Y_10_history_asks_to_the_end_of_time_and_keeps_the_days_asked_for(tmp_path: Path) -> None:
    rows = [(utc(f"2026-11-{n}T14:30"), 10.0, 11.0, 9.0, 10.5, 5) for n in (20, 23, 24)]
    provider = Provider(lambda _: said(chart(rows)))
    found = history(provider, tmp_path, "aapl")
    assert [bar.date for bar in found.bars] == [DAY]
    assert found.server_ms == 1_795_521_600_000
    (asked,) = provider.asked
    assert asked.path == "/v8/finance/chart/AAPL"
    assert asked.params["period1"] == str(utc("2026-11-22T00:00"))
    assert asked.params["period2"] == "9999999999"


def test_a_lower_case_or_impossible_id_is_answered_under_its_own_name(tmp_path: Path) -> None:
    outcomes = quotes(Provider(knows("AAPL")), tmp_path, "aapl", "A,B", "AAPL")
    assert kinds(outcomes) == [Quote, UsageError, Quote]
    assert [one.provider_id for one in outcomes if isinstance(one, Quote)] == ["aapl", "AAPL"]


def test_ids_that_are_all_impossible_send_nothing(tmp_path: Path) -> None:
    provider = Provider(knows())
    assert kinds(quotes(provider, tmp_path, "A,B", "")) == [UsageError, UsageError]
    assert provider.asked == []
    with pytest.raises(UsageError):
        history(provider_without_requests(), tmp_path, "../x")


def provider_without_requests() -> Provider:
    def answer(asked: Asked) -> Said:
        raise AssertionError(asked.target)

    return Provider(answer)


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"{}", b"[1]", b'{"spark":', b"null", b'{"a":1,"a":2}'])
def test_garbage_is_a_bad_payload(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(BadPayload):
        quotes(Provider(lambda _: Said(body)), tmp_path, "AAPL")


@pytest.mark.parametrize(("status", "kind"), [(401, Refused), (403, Refused), (500, Transient), (999, Refused)])
def test_other_statuses(tmp_path: Path, status: int, kind: type[PricectlError]) -> None:
    with pytest.raises(kind):
        quotes(Provider(lambda _: said({}, status)), tmp_path, "AAPL")
