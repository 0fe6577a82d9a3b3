"""The rules for all providers, G-01 to G-09: the providers' part of each."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pricectl import providers
from pricectl.errors import BadPayload, ProviderError, RateLimited, Refused, Transient, UnknownSymbol
from pricectl.model.asset import Series
from pricectl.model.bar import LIVE, Bar, History
from pricectl.model.instant import Clock
from pricectl.model.quote import Miss, Quote
from pricectl.net import Http
from pricectl.providers.binance import Binance
from pricectl.providers.yahoo import Yahoo
from provider_bodies import NOW_MS, candle, chart, spark, spark_item, ticker, utc
from provider_server import Asked, Frozen, Provider, Said, http

T = TypeVar("T")
KNOWN = {"binance": "BTCUSDT", "yahoo": "AAPL"}
BOTH = pytest.mark.parametrize("name", ["binance", "yahoo"])


def said(body: object, status: int = 200, *headers: tuple[str, str]) -> Said:
    return Said(json.dumps(body).encode(), status, headers)


def both(asked: Asked) -> Said:
    """A market of one share and one pair, each with a quote and three days of history."""
    days = ("2026-11-20", "2026-11-23", "2026-11-24")
    if asked.path.endswith("/klines"):
        return said([candle(day) for day in days])
    if asked.path.endswith("/24hr"):
        return said([ticker("BTCUSDT")])
    if asked.path.endswith("/spark"):
        return said(spark(*(spark_item(one) for one in asked.params["symbols"].split(",") if one == "AAPL")))
    return said(chart([(utc(f"{day}T14:30"), 1.0, 3.0, 0.5, 2.0, 10) for day in days]))


def run(provider: Provider, root: Path, do: Callable[[Http], Coroutine[Any, Any, T]], clock: Clock | None = None) -> T:
    async def within() -> T:
        async with http(root, provider.url, clock) as client:
            return await do(client)

    with provider.running():
        return asyncio.run(within())


def quotes(provider: Provider, root: Path, name: str, *ids: str, clock: Clock | None = None) -> list[Quote | Miss]:
    return run(provider, root, lambda client: providers.get(name).quotes(client, ids or (KNOWN[name],)), clock)


def history(provider: Provider, root: Path, name: str, clock: Clock | None = None) -> History:
    start, end = dt.date(2026, 11, 20), dt.date(2026, 11, 24)
    return run(provider, root, lambda client: providers.get(name).history(client, KNOWN[name], start, end), clock)


@BOTH
def test_G_01_a_price_has_its_currency_its_time_and_ours(tmp_path: Path, name: str) -> None:
    # What design decides: the tier and the endpoint are the answer's, ``final`` is a bar's.
    provider = Provider(both)
    (quote,) = quotes(provider, tmp_path, name, clock=Frozen())
    assert isinstance(quote, Quote)
    assert quote.provider == name
    assert quote.price
    assert quote.currency
    assert quote.currency == {"binance": "USDT", "yahoo": "USD"}[name]
    assert NOW_MS - 100_000 < quote.updated_ms < NOW_MS  # theirs
    assert quote.fetched_ms == Frozen().now_ms()  # ours, three years slow here


@BOTH
def test_G_01_a_history_has_a_currency(tmp_path: Path, name: str) -> None:
    assert history(Provider(both), tmp_path, name).currency == {"binance": "USDT", "yahoo": "USD"}[name]


@BOTH
def test_G_02_a_200_that_is_not_json_is_a_typed_error_with_its_first_words(tmp_path: Path, name: str) -> None:
    body = b"Service temporarily away " + b"x" * 1000
    with pytest.raises(BadPayload, match="Service temporarily away") as caught:
        quotes(Provider(lambda _: Said(body, content_type="text/plain")), tmp_path, name)
    assert len(str(caught.value)) < 400


@BOTH
@pytest.mark.parametrize(
    ("status", "attempts", "kind"),
    [
        (400, 1, ProviderError),
        (401, 1, Refused),
        (404, 1, ProviderError),
        (422, 1, ProviderError),
        (451, 1, Refused),
        (429, 1, RateLimited),
        (500, 3, Transient),
        (502, 3, Transient),
        (504, 3, Transient),
    ],
)
def test_G_03_only_what_may_pass_is_tried_again(
    tmp_path: Path, name: str, status: int, attempts: int, kind: type[ProviderError]
) -> None:
    provider = Provider(lambda _: said({"error": "x"}, status))
    with pytest.raises(kind):
        history(provider, tmp_path, name)
    assert len(provider.asked) == attempts


@BOTH
@pytest.mark.parametrize("header", ["30", formatdate(NOW_MS / 1000 + 30, usegmt=True)])
def test_G_04_retry_after_is_obeyed_as_seconds_and_as_a_date(tmp_path: Path, name: str, header: str) -> None:
    provider = Provider(lambda _: said({}, 429, ("Retry-After", header)))
    with pytest.raises(RateLimited) as caught:
        quotes(provider, tmp_path, name, clock=Frozen())  # the date counts from the server's clock, not from ours
    assert caught.value.retry_after_s == pytest.approx(30)


@BOTH
def test_G_05_a_batch_with_a_bad_symbol_names_it_and_answers_the_rest(tmp_path: Path, name: str) -> None:
    def answer(asked: Asked) -> Said:
        if "XXX" in asked.params.get("symbols", "") and name == "binance":
            return said({"code": -1121, "msg": "Invalid symbol."}, 400)
        return both(asked)

    outcomes = quotes(Provider(answer), tmp_path, name, "XXX", KNOWN[name])
    assert isinstance(outcomes[0], Miss)
    assert outcomes[0].symbol == "XXX"
    assert isinstance(outcomes[0].error, UnknownSymbol)
    assert isinstance(outcomes[1], Quote)


def test_G_06_in_an_outage_no_symbol_is_called_unknown(tmp_path: Path) -> None:
    # Binance says -1121 by name; Yahoo leaves out, and is asked for what certainly exists.
    (miss,) = quotes(Provider(lambda _: said(spark())), tmp_path, "yahoo", "XXXX")
    assert isinstance(miss, Miss)
    assert not isinstance(miss.error, UnknownSymbol)


def test_G_07_ids_that_differ_in_case_or_provider_stay_apart() -> None:
    yahoo, binance = Yahoo(), Binance()
    assert Series("yahoo", "BTC-USD") != Series("binance", "BTCUSDT")
    names = [str(Series("yahoo", yahoo.check_id(one))) for one in ("^GSPC", "GSPC", "EURUSD=X", "BRK-B", "BRK.B")]
    names += [str(Series("binance", binance.check_id(one))) for one in ("BTCUSDT", "BTC-USD")]
    assert len({name.lower() for name in names}) == len(names)  # also on a file system that folds case


@BOTH
def test_G_08_asked_again_the_bars_are_the_same(tmp_path: Path, name: str) -> None:
    first = history(Provider(both), tmp_path, name)
    second = history(Provider(both), tmp_path, name)
    assert first == second
    assert [bar.date.day for bar in first.bars] == [20, 23, 24]


@BOTH
def test_G_09_what_is_final_is_decided_by_the_providers_clock(tmp_path: Path, name: str) -> None:
    found = history(Provider(both), tmp_path, name, clock=Frozen())  # ours is three years slow
    assert found.server_ms == NOW_MS
    last = Bar(dt.date(2026, 11, 24), 1.0, 3.0, 0.5, 2.0, 10.0, LIVE)
    assert found.bars[-1] == last
    assert [bar.flags for bar in found.bars[:-1]] == [0, 0]
