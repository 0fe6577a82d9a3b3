"""Coinbase Exchange: crypto pairs, many of them in true US dollars. One call a ticker.

A candle is ``[time, low, high, open, close, volume]``, newest first; a day without a trade has none. A call may span at
most 300 candles, so windows of 290 days are asked for.
"""

import datetime as dt
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from pricectl.errors import PricectlError, ProviderError, Refused, Transient, UnknownSymbol, UsageError
from pricectl.model.bar import LIVE, SUSPECT, Bar, History
from pricectl.model.number import plain
from pricectl.model.quote import Miss, Quote
from pricectl.net import Http
from pricectl.net.host import Host, Request
from pricectl.net.reply import Reply
from pricectl.providers.reading import checked, currency, flags, instant, number, promised, said

NAME = "coinbase"
CONTROL = "BTC-USD"
WINDOW_DAYS = 290  # 301 rows came for 300 intervals, and one more would have been refused
# 10 a second and 15 at once are allowed to an address.
HOST = Host(name=NAME, rate_per_s=8.0, burst=12, at_once=4, headers=(("accept", "application/json"),))
_DAY_S = 86_400
_EPOCH = dt.date(1970, 1, 1)
_OPENED = dt.date(2015, 1, 1)  # the exchange opened later that month
_SYMBOL = re.compile(r"[A-Z0-9]{1,12}-[A-Z0-9]{2,10}")


def ask_ticker(product: str) -> Request:
    """The request for the last trade of one product."""
    return Request(f"/products/{product}/ticker")


def ask_candles(product: str, start: dt.date, end: dt.date) -> Request:
    """The request for the daily candles from ``start`` to ``end``, both inclusive, at most 290 days."""
    span = (("start", f"{start}T00:00:00Z"), ("end", f"{end}T00:00:00Z"))
    return Request(f"/products/{product}/candles", (("granularity", "86400"), *span))


def _body(reply: Reply) -> Any:
    """The JSON of an answer. Raises UnknownSymbol, Refused."""
    body = reply.json()
    if reply.status == 200:
        return body
    with promised(NAME, "error"):
        text = said(body["message"])
    if reply.status == 404:
        raise UnknownSymbol("coinbase does not know the product", "check the spelling", NAME)
    if text == "End is too old":
        return []
    raise Refused(f"coinbase refuses the request: {text}", "", NAME)


def read_ticker(reply: Reply, product: str) -> Quote | PricectlError:
    """The last trade of ``product``. Raises UnknownSymbol, Refused, BadPayload."""
    body = _body(reply)
    with promised(NAME, f"ticker of {product}"):
        price = plain(body["price"])
        if price == "0":
            return UnknownSymbol(f"coinbase has no price of {product}: it is not traded", "check the symbol", NAME)
        if price.startswith("-"):
            raise ValueError(f"the price is {price}")
        at = dt.datetime.fromisoformat(body["time"])
        if at.tzinfo is None:
            raise ValueError(f"{said(body['time'])} is in no time zone")
        updated_ms = instant(int(at.timestamp() * 1000), reply, NAME)
        return Quote(NAME, product, price, money_of(product), None, updated_ms, reply.received_ms)


def read_candles(reply: Reply, start: dt.date, end: dt.date) -> tuple[list[Bar], int]:
    """The daily candles from ``start`` to ``end``, oldest first, that of the day under way LIVE; and Coinbase's time.

    Raises as ``read_ticker``.
    """
    rows = _body(reply)
    with promised(NAME, "candles"):
        if not isinstance(rows, list):
            raise ValueError(f"{said(rows)} is no list of candles")
        bars: dict[dt.date, Bar] = {}
        for opened_s, *numbers in (row[:6] for row in rows):
            low, high, opened, close, volume = (number(one) for one in numbers)
            if opened_s % _DAY_S or opened is None or high is None or low is None or close is None:
                raise ValueError(f"the candle of {opened_s} is not a whole day's")
            day = _EPOCH + dt.timedelta(days=opened_s // _DAY_S)
            marks = flags(opened, high, low, close) | (SUSPECT if volume is not None and volume < 0 else 0)
            marks |= LIVE if (opened_s + _DAY_S) * 1000 > reply.server_ms else 0
            bars[day] = Bar(day, opened, high, low, close, volume, marks)
        return [bars[day] for day in sorted(bars) if start <= day <= end], reply.server_ms


def money_of(product: str) -> str:
    """What a product is priced in: the right half of its name."""
    return currency(product.partition("-")[2])


class Coinbase:
    """Coinbase Exchange. Prices in the right half of the product's name, volumes in the left, days in UTC."""

    host = HOST

    def check_id(self, provider_id: str) -> str:
        product = provider_id.upper() if provider_id.isascii() else provider_id
        if not _SYMBOL.fullmatch(product):
            raise UsageError(f"{said(provider_id)[:40]!r} is no product of Coinbase", "write it as BTC-USD")
        return product

    def plan(self, ids: Sequence[str]) -> list[tuple[str, ...]]:
        return [(one,) for one in dict.fromkeys(ids)]

    async def quotes(self, http: Http, ids: tuple[str, ...]) -> list[Quote | Miss]:
        products, refused = checked(self.check_id, ids)
        outcomes: list[Quote | Miss] = []
        for one in ids:
            if one in refused:
                outcomes.append(refused[one])
                continue
            product = products[one]
            try:
                found = await http.ask(HOST, ask_ticker(product), partial(read_ticker, product=product))
            except UnknownSymbol:
                found = await self._outage(http) or _unknown(product)
            outcomes.append(found._replace(provider_id=one) if isinstance(found, Quote) else Miss(one, found))
        return outcomes

    async def history(self, http: Http, provider_id: str, start: dt.date, end: dt.date) -> History:
        product = self.check_id(provider_id)
        bars: list[Bar] = []
        at, server_ms = max(start, _OPENED), 0
        try:
            while at <= end or not server_ms:  # asked at least once: whether it exists, and what time it is
                last = min(at + dt.timedelta(days=WINDOW_DAYS - 1), max(end, at))
                read = partial(read_candles, start=at, end=last)
                page, server_ms = await http.ask(HOST, ask_candles(product, at, last), read)
                bars += page
                at = last + dt.timedelta(days=1)
        except UnknownSymbol:
            raise await self._outage(http) or _unknown(product) from None
        inside = [bar for bar in bars if start <= bar.date <= end]
        return History(money_of(product), inside, [], True, server_ms)

    async def _outage(self, http: Http) -> ProviderError | None:
        """The error to give instead of "unknown" if Coinbase does not even know what certainly exists."""
        try:
            await http.ask(HOST, ask_ticker(CONTROL), partial(read_ticker, product=CONTROL))
        except UnknownSymbol:
            return Transient("coinbase answers, but knows no product at all: an outage", "try again later", NAME)
        except ProviderError as error:
            return error
        return None


def _unknown(product: str) -> UnknownSymbol:
    return UnknownSymbol(f"coinbase does not know {product}", "check the spelling", NAME)
